//! What is left to do when a host goes.

use std::time::{Duration, Instant};

use crate::engine::Services;
use crate::host::poll::Host;

impl Host {
    /// Waits for the threads of services, if all have ended.
    pub(super) fn join_services(&mut self) {
        if self.io.running_len() == 0 {
            for thread in self.io.leaving.drain(..) {
                // A panic was caught on the thread itself.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Host {
    /// What is left when a host goes: sockets are dropped, of which services hear, and services
    /// are asked to finish. Programs are killed: nothing of them outlives the host, but for what
    /// has left their groups in a process that does not adopt it (`Host::adopt_orphans`).
    fn drop(&mut self) {
        let now = self.now();
        self.engine.drop_all(&mut self.io, now);
        for worker in self.io.workers.iter_mut().flatten() {
            worker.finish();
        }
        let end = Instant::now() + Duration::from_millis(self.engine.services_ms());
        // As far as there is time: what they have not been called with by then goes with them.
        let is_over = || Instant::now() >= end;
        self.engine.finish_loop_services(&mut self.io, now, is_over);
        if let Some(resolver) = &mut self.io.resolver {
            resolver.end();
        }
    }
}
