//! Sockets that are answered later: the service has begun a job for such a socket, and keeps its
//! other mail until the job is done. So the service takes its mail in another order than that
//! in which it came, and the count of what it has taken does not tell that the socket was answered.

use std::collections::HashSet;

use crate::hub::{Hub, ServiceId};
use crate::service::SocketId;
use crate::time::Time;

impl Hub {
    /// A socket is answered later. Until then it is not read, and has no close frame of ours.
    pub(super) fn begin_later(&mut self, service: ServiceId, id: SocketId) {
        if self.sockets.get(id).is_some_and(|socket| socket.hears(service)) {
            self.services[service].worker.later.insert(id);
        }
    }

    /// The service has answered all that it had kept of a socket.
    pub(super) fn end_later(&mut self, service: ServiceId, id: SocketId, now: Time) {
        let worker = &mut self.services[service].worker;
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

    /// Whether a socket of this service is answered later.
    pub(super) fn is_later(&self, service: ServiceId, id: SocketId) -> bool {
        let later = &self.services[service].worker.later;
        !later.is_empty() && later.contains(&id)
    }
}

/// A table that has grown larger is dropped once it is empty.
const SPARE_LEN_MAX: usize = 64;
