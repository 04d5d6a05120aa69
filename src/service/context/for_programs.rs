//! What services that are programs need of a context.

use crate::limits::Limits;
use crate::service::Outbound;
use crate::service::context::Context;
use crate::service::link::ServiceLink;

/// For programs, whose processes come and go and whose bounds change while the context stays.
impl Context<'_> {
    /// Whether the host stops, even if mail is left to be received. After `false`, and until the
    /// next call, the callback given to [`Context::wake_by`] is called when the host stops or more
    /// mail comes. It is for a service that takes no mail at the moment.
    pub(crate) fn is_over(&mut self) -> bool {
        let ServiceLink::Ends(ends) = &self.way else { return false };
        ends.mail_waker.begin_sleep();
        self.dozing = true;
        loop {
            match ends.mail.try_recv() {
                // It counts as mail until it is taken, so that the mail limits bound it.
                Ok(batch) => self.mail.extend(batch.inbound),
                Err(error) => return error.is_disconnected(),
            }
        }
    }

    /// Tells the host that the program behind the sockets has gone and is replaced, and how much
    /// mail it had taken: see [`Outbound::Reset`].
    pub(crate) fn reset(&mut self, pause_ms: u64) {
        self.taken.put_down();
        self.report();
        self.apply(Outbound::Reset { pause_ms });
        self.flush();
    }

    /// Replaces the bounds of the service.
    pub(crate) const fn keep_to(&mut self, limits: &Limits) {
        self.batch_bytes_max = limits.batch_bytes_max;
    }
}
