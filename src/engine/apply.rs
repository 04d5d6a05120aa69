//! Applying: what services and helper threads have sent.

use crate::engine::Engine;
use crate::engine::io::{FilePart, HostEvent, Io};
use crate::service::SocketId;
use crate::time::Time;

impl Engine {
    /// Applies what services have sent, of each service as much as one turn allows. Services for
    /// which the turn has no time come first in the next.
    pub(super) fn apply_batches(&mut self, io: &mut impl Io, now: Time) {
        for _ in 0..io.senders_len() {
            if self.budget.deliveries() == 0 {
                return;
            }
            let Some(worker) = io.next_sender() else { return };
            // It has had its share of this turn.
            if self.cut_short.contains(&worker) {
                continue;
            }
            let share = self.budget.deliveries();
            let mut left = share;
            for _ in 0..self.limits.turn_batches_max {
                if left == 0 || !io.begin_batch(worker) {
                    break;
                }
                left = io.apply_batch(worker, &mut self.hub, left, now);
            }
            self.budget.delivered(share - left);
            if io.has_more(worker) || io.has_sent(worker) {
                self.cut_short.push(worker);
            }
        }
    }

    /// Queues services for the next turn that have sent more than this turn takes.
    pub(super) fn apply_later(&mut self, io: &mut impl Io) {
        for worker in self.cut_short.drain(..) {
            io.add_sender(worker);
        }
    }

    /// Applies what helper threads have sent.
    pub(super) fn apply_events(&mut self, io: &mut impl Io, now: Time) {
        for _ in 0..io.events_len() {
            let Some(event) = io.next_event() else { return };
            match event {
                HostEvent::Ended(exit) => self.exits.push(exit),
                HostEvent::File(id, part) => self.apply_file(id, part, now),
                #[cfg(feature = "admin")]
                HostEvent::Task(task) => (task.0)(&mut self.hub, &|| io.facts(), now),
                #[cfg(feature = "processes")]
                HostEvent::Source(source) => self.source.hand(source),
                HostEvent::Tasks(worker) => self.call_soon(worker),
                HostEvent::Stop(kind) => self.ask_to_stop(kind, io, now),
                HostEvent::Notice(notice) => io.apply_notice(notice, &mut self.hub, now),
            }
        }
    }

    /// Applies the ends of services, each after all that the service has sent.
    pub(super) fn apply_exits(&mut self, io: &mut impl Io, now: Time) {
        for exit in std::mem::take(&mut self.exits) {
            if io.has_more(exit.run.worker) {
                self.exits.push(exit);
            } else if io.remove(exit.run.worker) {
                self.ended(&exit, io, now);
            }
        }
    }

    fn apply_file(&mut self, id: SocketId, part: FilePart, now: Time) {
        match part {
            FilePart::Response(response) => {
                self.hub.fetched();
                self.hub.respond(id, &response, now);
            }
            FilePart::Head(response) => {
                self.hub.fetched();
                self.hub.respond_head(id, &response, now);
            }
            FilePart::Body(body) => self.hub.respond_body(id, body, now),
        }
    }
}
