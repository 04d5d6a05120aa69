//! Workers of eager services: they start with the host, and again after each end, without a socket.

use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, WorkerId};
use crate::time::Time;

/// The workers of eager services that are to be started. There are none once a clean stop has
/// begun.
#[derive(Debug, Default)]
pub(super) struct EagerServices {
    /// A socket may have started one of them meanwhile, and one may be here twice.
    list: Vec<WorkerId>,
    /// When the first of them is to be started.
    at: Option<Time>,
}

impl EagerServices {
    /// When [`Hub::start_eager`] has something to do.
    pub(super) const fn deadline(&self) -> Option<Time> {
        self.at
    }
}

impl Hub {
    /// A worker may be one that is to be started without a socket.
    pub(super) fn start_soon(&mut self, worker: WorkerId) {
        if self.is_due(worker) && self.drain.is_none() {
            let at = self.workers[worker].retry;
            self.eager.at = Some(self.eager.at.map_or(at, |first| first.min(at)));
            self.eager.list.push(worker);
        }
    }

    /// Starts the eager services whose time has come.
    pub(super) fn start_eager(&mut self, now: Time) {
        if self.eager.at.is_none_or(|at| now < at) {
            return;
        }
        for worker in std::mem::take(&mut self.eager).list {
            let slot = &self.workers[worker];
            if !self.is_due(worker) || now < slot.retry {
                self.start_soon(worker);
                continue;
            }
            // It runs for no address.
            self.services[slot.service].holder = None;
            self.begin(worker, now);
        }
    }

    /// Whether a worker does not run, and starts without a socket.
    fn is_due(&self, worker: WorkerId) -> bool {
        let WorkerSlot { service, state, .. } = &self.workers[worker];
        self.services[*service].is_eager() && *state == RunState::Idle
    }
}
