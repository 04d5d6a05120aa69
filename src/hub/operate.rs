//! What operators do with the sockets of a service, from outside of it.

use crate::hub::Hub;
use crate::service::Audience;
use crate::time::Time;
use crate::ws::{Close, Message};

impl Hub {
    /// The listener with this index accepts what comes next, for the log. `name` has the names of
    /// listeners by their indices.
    pub fn accept_from(&mut self, listener: usize, name: impl Fn(usize) -> String) {
        self.listeners.accept_from(listener, name);
    }

    /// The longest message of the service at this path, in bytes; `None` if it has no service.
    #[must_use]
    pub fn message_bytes_max(&self, path: &str) -> Option<usize> {
        Some(self.limits(self.tree.find(path)?).message_bytes_max)
    }

    /// Sends a message to sockets of the service at this path, as the service itself does. Returns
    /// how many sockets take it; `None` if the path has no service.
    pub fn publish(
        &mut self,
        path: &str,
        to: Audience,
        message: Message,
        now: Time,
    ) -> Option<u64> {
        let worker = self.services[self.tree.find(path)?].first();
        let sent = |hub: &Self| hub.workers[worker].counters.messages_sent.get();
        let before = sent(self);
        let len = message.len();
        let deliveries = self.send(worker, to, message, now);
        self.memory.grow(len.saturating_mul(deliveries));
        Some(sent(self) - before)
    }

    /// Closes open sockets of the service at this path, as the service itself does. Returns their
    /// number; `None` if the path has no service.
    pub fn close_sockets(
        &mut self,
        path: &str,
        to: Audience,
        close: &Close,
        now: Time,
    ) -> Option<u64> {
        let worker = self.services[self.tree.find(path)?].first();
        let mut closed = 0;
        self.for_each(worker, to, |hub, id| {
            closed += u64::from(hub.close_one(worker, id, close, now));
        });
        Some(closed)
    }
}
