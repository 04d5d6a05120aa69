//! The sender of the service of a context.

use crate::service::ServiceSender;
use crate::service::context::Context;
use crate::service::link::ServiceLink;

/// With the feature `senders`.
impl Context<'_> {
    /// A sender of this service, for other threads: it sends to the sockets of the service, also of
    /// its later runs. All senders of a service share one queue. A service calls this when it
    /// starts, or when it starts a thread.
    #[must_use]
    pub fn sender(&self) -> ServiceSender {
        ServiceSender::of(match &self.way {
            ServiceLink::Ends(ends) => &ends.senders,
            ServiceLink::Loop(_, senders) => senders.source(),
        })
    }
}
