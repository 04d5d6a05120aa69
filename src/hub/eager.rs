//! Eager services: they start with the host, and again after each end, without a socket.

use crate::hub::worker_slot::RunState;
use crate::hub::{Hub, ServiceId};
use crate::time::Time;

/// The eager services that are to be started. There are none once a clean stop has begun.
#[derive(Debug, Default)]
pub(super) struct EagerServices {
    /// A socket may have started one of them meanwhile, and one may be here twice.
    list: Vec<ServiceId>,
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
    /// A service may be one that is to be started without a socket.
    pub(super) fn start_soon(&mut self, service: ServiceId) {
        let entry = &self.services[service];
        let is_due = entry.is_eager() && entry.worker.state == RunState::Idle;
        if is_due && self.drain.is_none() {
            let at = entry.worker.retry;
            self.eager.at = Some(self.eager.at.map_or(at, |first| first.min(at)));
            self.eager.list.push(service);
        }
    }

    /// Starts the eager services whose time has come.
    pub(super) fn start_eager(&mut self, now: Time) {
        if self.eager.at.is_none_or(|at| now < at) {
            return;
        }
        for service in std::mem::take(&mut self.eager).list {
            let entry = &mut self.services[service];
            let is_due = entry.is_eager() && entry.worker.state == RunState::Idle;
            if !is_due || now < entry.worker.retry {
                self.start_soon(service);
                continue;
            }
            // It runs for no address.
            entry.holder = None;
            self.begin(service, now);
        }
    }
}
