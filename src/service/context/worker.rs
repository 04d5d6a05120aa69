//! Which worker of its service a context belongs to.

use crate::service::context::Context;

impl Context<'_> {
    /// The number of this worker among those of its service, from 0; 0 if there is no other. It
    /// stays the same over all runs.
    ///
    /// ```
    /// use switchboard::{Context, Handler};
    ///
    /// struct Prices {
    ///     updates: bool,
    /// }
    ///
    /// impl Handler for Prices {
    ///     fn start(&mut self, context: &mut Context) {
    ///         // One of the workers does what is to be done once.
    ///         self.updates = context.worker() == 0;
    ///         println!("worker {} of {}", context.worker(), context.workers());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub const fn worker(&self) -> usize {
        #[cfg(feature = "workers")]
        return self.number[0];
        #[cfg(not(feature = "workers"))]
        0
    }

    /// How many workers the service has (`Workers`, with the feature `workers`): 1 or more.
    #[must_use]
    pub const fn workers(&self) -> usize {
        #[cfg(feature = "workers")]
        return self.number[1];
        #[cfg(not(feature = "workers"))]
        1
    }

    /// The same for a worker with this number, of so many.
    #[cfg_attr(not(feature = "workers"), expect(unused_mut, reason = "there is one worker"))]
    pub(crate) const fn with_number(mut self, number: [usize; 2]) -> Self {
        #[cfg(feature = "workers")]
        {
            self.number = number;
        }
        let _ = number;
        self
    }
}
