//! `Meter`: how much of a rate is used. And how many messages of a socket its service gets in a
//! time, where that is limited, and what happens to more. Control frames do not count: a service
//! gets none. `addresses` has a `Meter` for the connections of each address.

use log::Level;

use crate::hub::Hub;
use crate::hub::ordered::Ordered;
use crate::hub::report::log_socket;
use crate::hub::socket::{Flag, Socket};
use crate::limits::{Limits, Rate, RatePolicy};
use crate::service::SocketId;
use crate::session::Event;
use crate::time::Time;
use crate::ws::{Close, CloseCode};

/// What is used of a rate: a bucket of tokens, counted from its top in thousandths, of
/// which each millisecond brings as many as each second brings tokens. A new one is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// How much is missing in it at that time.
    missing: u64,
    /// When that was so. While the socket waits for a token, when it will be so.
    at: Time,
}

impl Meter {
    /// Takes a token. Returns whether there was one.
    pub(super) fn take(&mut self, rate: Rate, now: Time) -> bool {
        if self.await_token(rate, now).is_some() {
            return false;
        }
        self.missing += TOKEN;
        true
    }

    /// Whether the bucket is full, so that a new one does as well.
    pub(super) fn is_unused(mut self, rate: Rate, now: Time) -> bool {
        if !self.is_waiting(now) {
            self.fill(rate, now);
        }
        self.missing == 0 && !self.is_waiting(now)
    }

    /// Until when the socket waits, or has waited last.
    pub(super) const fn until(&self) -> Time {
        self.at
    }

    /// When there is a token, if there is none now.
    fn await_token(&mut self, rate: Rate, now: Time) -> Option<Time> {
        if !self.is_waiting(now) {
            self.fill(rate, now);
            let per_ms = u64::from(rate.per_s);
            let ms = self.missing.saturating_sub(most_missing(rate)).div_ceil(per_ms);
            self.missing = self.missing.saturating_sub(ms * per_ms);
            self.at = now.after(ms);
        }
        self.is_waiting(now).then_some(self.at)
    }

    /// Whether the socket waits for a token.
    fn is_waiting(&self, now: Time) -> bool {
        now < self.at
    }

    fn fill(&mut self, rate: Rate, now: Time) {
        // The burst may be smaller than it was.
        let missing = self.missing.min(most_missing(rate) + TOKEN);
        self.missing = missing.saturating_sub(now.since(self.at).saturating_mul(rate.per_s.into()));
        self.at = now;
    }
}

impl Socket {
    /// Whether it is not read since it waits for a token.
    pub(super) fn awaits_token(&self, now: Time) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.meter.is_waiting(now))
    }

    /// Whether it has sent as many messages as it may, and so has to wait. Then it is among
    /// `metered` until it may send again. One that is being closed is read as far as it goes: its
    /// close frame is behind what it has sent.
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
        let Some(rare) = self.rare.as_mut().filter(|_| self.session.is_open()) else {
            return false;
        };
        let Some(until) = rare.meter.await_token(rate, now) else { return false };
        metered.insert(until.as_ms(), id);
        if self.flags.set(Flag::Slowed) {
            let text = format_args!("it is not read for a while, by message-rate: {rate}");
            log_socket(Level::Debug, id, text);
        }
        true
    }
}

impl Hub {
    /// A whole message came. Returns the end of its socket instead if it is one too many, and
    /// those are closed.
    pub(super) fn meter(&mut self, id: SocketId, now: Time) -> Option<Event> {
        let socket = self.sockets.get_mut(id)?;
        let limits = self.stations.limits_of(socket.station);
        let rate = limits.message_rate.filter(|_| socket.session.is_open())?;
        let has_token = socket.rare.get_or_insert_default().meter.take(rate, now);
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
            // Its clock goes on, which nothing else may ever tell the wheel.
            self.touch(id);
        }
    }

    /// Another rate may hold: a socket that waits by the old one is asked anew.
    pub(super) fn meter_anew(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(rare) = socket.rare.as_mut().filter(|rare| rare.meter.is_waiting(now)) else {
            return;
        };
        // Less than a token has come since it began to wait.
        let until = std::mem::replace(&mut rare.meter.at, now);
        rare.meter.missing += TOKEN;
        self.forget_meter(id, until);
        self.read_again(id, now);
    }

    /// The socket does not wait for a token any more, if it did until then.
    pub(super) fn forget_meter(&mut self, id: SocketId, until: Time) {
        self.metered.remove(until.as_ms(), id);
    }
}

/// How much may be missing for there to be a token.
fn most_missing(rate: Rate) -> u64 {
    u64::from(rate.burst).saturating_sub(1) * TOKEN
}

const TOKEN: u64 = 1_000;
