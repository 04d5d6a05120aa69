//! Sockets that are answered later: the service has begun a job for such a socket, and keeps its
//! other mail until the job is done. So the service takes its mail in another order than that
//! in which it came, and the count of what it has taken does not tell that the socket was answered.

use std::collections::HashSet;

use crate::hub::socket::Socket;
use crate::hub::{Hub, WorkerId};
use crate::service::SocketId;
use crate::time::Time;

impl Hub {
    /// A socket of this worker is answered later. Until then it is not read, and has no close frame
    /// of ours.
    pub(super) fn begin_later(&mut self, worker: WorkerId, id: SocketId) {
        let is_own =
            |socket: &Socket| socket.worker == Some(worker) && socket.hears(worker, &self.workers);
        if self.sockets.get(id).is_some_and(is_own) {
            self.workers[worker].later.insert(id);
        }
    }

    /// The service has answered all that it had kept of a socket.
    pub(super) fn end_later(&mut self, worker: WorkerId, id: SocketId, now: Time) {
        let worker = &mut self.workers[worker];
        if !worker.later.remove(&id) {
            return;
        }
        if worker.later.is_empty() && worker.later.capacity() > SPARE_LEN_MAX {
            worker.later = HashSet::new();
        }
        let Some(socket) = self.sockets.get(id) else { return };
        // What is not taken yet ends the wait when it is.
        if worker.mail.await_taken(id, socket.mailed) {
            self.read_again(id, now);
            self.settle(id, now);
        }
        self.schedule_write(id);
    }

    /// How many sockets of a worker are answered later, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn later_len(&self, worker: WorkerId) -> usize {
        self.workers[worker].later.len()
    }

    /// Whether a socket of this worker is answered later.
    pub(super) fn is_later(&self, worker: WorkerId, id: SocketId) -> bool {
        let later = &self.workers[worker].later;
        !later.is_empty() && later.contains(&id)
    }
}

/// A table that has grown larger is dropped once it is empty.
const SPARE_LEN_MAX: usize = 64;
