//! The limit of messages that a service gets from a socket in a time, and what happens above it.
//! Control frames do not count: a service gets none.

use log::Level;

use crate::hub::Hub;
use crate::hub::ordered::Ordered;
use crate::hub::report::log_socket;
use crate::hub::socket::Socket;
use crate::hub::socket_flags::SocketFlag;
use crate::limits::{Limits, RatePolicy};
use crate::service::SocketId;
use crate::session::SessionEvent;
use crate::time::Time;
use crate::ws::{Close, CloseCode};

impl Socket {
    /// Whether it is not read because it waits for a token.
    pub(super) fn awaits_token(&self, now: Time) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.meter.is_waiting(now))
    }

    /// Whether it has used up its rate and has to wait. Then it is in `metered` until it may send
    /// again. A socket that is being closed is read without a wait: its close frame is behind its
    /// messages.
    pub(super) fn wait_for_token(
        &mut self,
        id: SocketId,
        limits: &Limits,
        metered: &mut Ordered,
        now: Time,
    ) -> bool {
        let (Some(rate), RatePolicy::Wait) = (limits.message_rate, limits.rate_policy) else {
            return false;
        };
        let Some(cold) = self.cold.as_mut().filter(|_| self.session.is_open()) else {
            return false;
        };
        let Some(until) = cold.meter.await_token(rate, now) else { return false };
        metered.insert(until.as_ms(), id);
        if self.flags.set(SocketFlag::Slowed) {
            let text = format_args!("it is not read for a while, by message-rate: {rate}");
            log_socket(Level::Debug, id, text);
        }
        true
    }
}

impl Hub {
    /// A whole message came. Returns the end of its socket instead if it is one too many and the
    /// policy is to close.
    pub(super) fn meter(&mut self, id: SocketId, now: Time) -> Option<SessionEvent> {
        let socket = self.sockets.get_mut(id)?;
        let limits = self.workers.limits_of(socket.worker);
        let rate = limits.message_rate.filter(|_| socket.session.is_open())?;
        let has_token = socket.cold.get_or_insert_default().meter.take(rate, now);
        if has_token || limits.rate_policy == RatePolicy::Wait {
            return None;
        }
        let reason = format!("more messages than message-rate allows, which is {rate}");
        Some(socket.session.break_off(Close::new(CloseCode::POLICY, reason), now))
    }

    /// Reads sockets again that have waited long enough for a token.
    pub(super) fn expire_meters(&mut self, now: Time) {
        while let Some((until, id)) = self.metered.first()
            && until <= now.as_ms()
        {
            self.forget_meter(id, Time::from_ms(until));
            self.read_again(id, now);
            // Its clock runs again, and the wheel may get no other notice of that.
            self.schedule_write(id);
        }
    }

    /// The rate may have changed: a socket that waits by the old one is checked again.
    pub(super) fn restart_meter(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(cold) = socket.cold.as_mut().filter(|cold| cold.meter.is_waiting(now)) else {
            return;
        };
        let until = cold.meter.give_up(now);
        self.forget_meter(id, until);
        self.read_again(id, now);
    }

    /// The socket does not wait for a token any more, if it did until then.
    pub(super) fn forget_meter(&mut self, id: SocketId, until: Time) {
        self.metered.remove(until.as_ms(), id);
    }
}
