//! How senders wake the loop of a host, and which service they are for.

use crate::host::poll::Host;
use crate::host::wake::LoopWaker;
use crate::hub::WorkerId;
use crate::service::SenderSource;
use crate::service::wake_senders::WakeForSenders;

impl WakeForSenders for LoopWaker {
    fn wake_for_senders(&self, worker: usize) {
        self.wake_for(WorkerId::new(worker));
    }
}

impl Host {
    /// The way to the queue of a service; `None` if none is mounted at this path.
    #[doc(hidden)]
    #[must_use]
    pub fn sender_source(&self, path: &str) -> Option<SenderSource> {
        let hub = self.hub();
        let service = hub.find(path)?;
        Some(self.io.sender_table.source(hub.first_of(service).index(), hub.limits(service)))
    }
}
