//! Whether the host is ready for sockets. Each reason is read where its state is.

use crate::hub::worker_slot::RunState;
use crate::hub::{Descriptors, Hub, WorkerId};
use crate::pages::{HostReadiness, NotReady};

impl Hub {
    /// Whether the host is ready for sockets. It looks at each service.
    #[must_use]
    pub fn readiness(&self, descriptors: Descriptors) -> HostReadiness {
        let host = [
            self.drain.is_some().then_some(NotReady::Draining),
            (descriptors == Descriptors::Lacking).then_some(NotReady::NoDescriptors),
            self.memory.refuses.then_some(NotReady::Memory),
        ];
        let services = self.services.ids().map(|id| &self.services[id]);
        let runs = |worker: &WorkerId| self.workers[*worker].state == RunState::Running;
        let down = services
            .filter(|service| service.is_eager() && !service.workers.all().iter().all(runs));
        let down = down.map(|service| NotReady::ServiceDown(service.path.clone()));
        let reasons = host.into_iter().flatten().chain(down);
        #[cfg(feature = "database")]
        let reasons = reasons.chain(self.counters.databases().filter_map(|of| {
            (of.is_required && !of.is_up).then_some(NotReady::DatabaseDown(of.name))
        }));
        #[cfg(feature = "redis")]
        let reasons = reasons.chain(
            self.counters
                .backplane()
                .and_then(|of| (of.is_required && !of.is_up).then_some(NotReady::BackplaneDown)),
        );
        reasons.collect()
    }
}
