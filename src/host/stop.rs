//! What is left to do when a host goes.

use std::time::{Duration, Instant};

use crate::engine::Services;
use crate::host::poll::Host;

impl Host {
    /// Waits for the threads of services, if all have ended.
    pub(super) fn join_services(&mut self) {
        if self.io.running_len() == 0 {
            for thread in self.io.leaving.drain(..) {
                thread.join();
            }
        }
    }
}

impl Drop for Host {
    /// When a host goes, sockets are dropped, services get their closes, and are asked to finish.
    /// Programs are killed: none of their processes outlives the host, except those that have left
    /// their groups, unless the host adopts them (`Host::adopt_orphans`).
    fn drop(&mut self) {
        let now = self.now();
        self.io.sender_table.close();
        self.engine.drop_all(&mut self.io, now);
        for worker in self.io.workers.iter_mut().flatten() {
            worker.finish();
        }
        let end = Instant::now() + Duration::from_millis(self.engine.services_ms());
        // As far as there is time: mail that is left then is dropped.
        let is_over = || Instant::now() >= end;
        self.engine.finish_loop_services(&mut self.io, now, is_over);
        if let Some(resolver) = &mut self.io.resolver {
            resolver.end();
        }
    }
}
