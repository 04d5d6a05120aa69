//! Deadlines: what is done when they come, and when the next one does.

use crate::hub::drain::Drain;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::{Hub, Output};
use crate::service::SocketId;
use crate::session::{Session, SessionEvent};
use crate::time::Time;

impl Hub {
    /// Handles the deadlines that have come.
    pub fn expire(&mut self, now: Time) {
        self.expire_meters(now);
        while let Some(place) = self.wheel.expire(now) {
            let Some(id) = self.id_at(place) else { continue };
            let Some(socket) = self.sockets.get(id) else { continue };
            if socket.session.is_slow(self.workers.limits_of(socket.worker), now) {
                self.outputs.push_back(Output::Measure(id));
            } else {
                self.measured(id, 0, now);
            }
        }
        self.start_eager(now);
        self.check_memory(now);
        self.drain_some(now);
        self.log_left_out(now);
        #[cfg(feature = "deflate")]
        self.end_inflating();
    }

    /// Answers an [`Output::Measure`], and handles a deadline: of the bytes written to the socket,
    /// the system still holds so many that the peer has not taken. If the peer takes nothing, or an
    /// answer too slowly, the socket is dropped.
    pub fn measured(&mut self, id: SocketId, queued: usize, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let limits = self.workers.limits_of(socket.worker);
        let event = socket.expire(queued, limits, now);
        if let (Some(SessionEvent::Closed(close)), Some(worker)) = (&event, socket.worker)
            && close.reason.starts_with(Session::TOO_SLOW)
        {
            self.workers[worker].counters.slow_closes.add(1);
        }
        let closing = !socket.session.is_open();
        if let Some(event) = event {
            self.handle_event(id, event, now);
        }
        if closing {
            self.end_pause(id, now);
        }
        self.expire_pace(id, now);
        self.schedule_write(id);
    }

    /// Whether a socket is to be dropped because its peer was late. Bytes that the system still
    /// holds for the peer are dropped, too.
    #[must_use]
    pub fn is_late(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_some_and(|socket| socket.flags.has(SocketFlag::Late))
    }

    /// When [`Hub::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let drain = self.drain.as_ref().map(Drain::deadline);
        let token = self.metered.first().map(|(until, _)| Time::from_ms(until));
        let (refusals, warnings) = (self.refusals.deadline(), self.warnings.deadline());
        let (eager, memory) = (self.eager.deadline(), self.memory.deadline());
        let all = [self.wheel.next(), token, drain, refusals, warnings, eager, memory];
        all.into_iter().flatten().min()
    }

    /// Tells the wheel when the next deadline of a socket comes.
    pub(super) fn schedule(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let limits = self.workers.limits_of(socket.worker);
        let deadline =
            socket.session.deadline(limits).into_iter().chain(self.pace_deadline(socket));
        if let Some(deadline) = deadline.min() {
            self.wheel.set(id.index(), deadline);
        }
    }
}
