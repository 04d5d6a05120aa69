//! What plugs into a host from above: events of other threads, and what ends with the host.

use std::any::Any;

use crate::host::poll::Host;
use crate::host::resolver::NoticeSender;

impl Host {
    /// Sends it events, from any thread.
    #[doc(hidden)]
    #[must_use]
    pub fn notice_sender(&self) -> NoticeSender {
        NoticeSender(self.io.event_sender.clone())
    }

    /// Drops a value with the host, behind all else: operators see a host until its end.
    #[doc(hidden)]
    pub fn attach(&mut self, value: Box<dyn Any + Send>) {
        self.attached = Some(value);
    }

    /// The value that ends with the host, if it is of this type.
    #[doc(hidden)]
    #[must_use]
    pub fn attached<T: Any>(&self) -> Option<&T> {
        self.attached.as_ref()?.downcast_ref()
    }
}
