//! `Service`: a loop over transactions.

use crate::service::{Admission, Callbacks, Context};

/// A service with a loop of its own. It runs on a thread of its own from the first socket
/// that asks for it until the host stops, and its state lasts as long.
///
/// ```
/// use switchboard::service::{Context, Inbound, Service};
///
/// struct Echo;
///
/// impl Service for Echo {
///     fn run(&mut self, context: &mut Context) {
///         while let Some(transaction) = context.receive() {
///             if let Inbound::Data { id, message } = transaction {
///                 context.send(id, message);
///             }
///         }
///     }
/// }
/// ```
pub trait Service: 'static {
    /// Runs until [`Context::receive`] returns `None`. If it returns earlier, or panics, the
    /// service ends: its sockets are closed with 1012, and the next socket starts it again.
    fn run(&mut self, context: &mut Context<'_>);

    /// How sockets are admitted; called once, before [`Service::run`].
    fn admission(&self) -> Admission {
        Admission::default()
    }

    /// Returns what makes the callbacks of the service, which the loop calls instead of
    /// [`Service::run`]. `None` (the default) for a service that needs a thread of its own.
    /// Services made by [`handler`](crate::service::handler) and [`gated`](crate::service::gated)
    /// have callbacks.
    fn callbacks() -> Option<fn(Self) -> Box<dyn Callbacks>>
    where
        Self: Sized,
    {
        None
    }
}
