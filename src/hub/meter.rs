//! `Meter`: how much of a rate is used, by the messages of a socket or by the connections of an
//! address.

use crate::limits::Rate;
use crate::time::Time;

/// The used part of a rate: a token bucket. It counts missing thousandths of a token: each
/// millisecond adds as many thousandths as each second adds tokens. A new bucket is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// How much is missing in it at that time.
    missing: u64,
    /// The time of that count. While the socket waits for a token, the time at which it gets it.
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

    /// Whether the bucket is full, and so equal to a new one.
    pub(super) fn is_unused(mut self, rate: Rate, now: Time) -> bool {
        if !self.is_waiting(now) {
            self.fill(rate, now);
        }
        self.missing == 0 && !self.is_waiting(now)
    }

    /// The wait for a token ends early: less than a token has come since it began.
    /// Returns until when it would have waited.
    pub(super) const fn give_up(&mut self, now: Time) -> Time {
        self.missing += TOKEN;
        std::mem::replace(&mut self.at, now)
    }

    /// Until when the socket waits, or has waited last.
    pub(super) const fn until(&self) -> Time {
        self.at
    }

    /// When there is a token, if there is none now.
    pub(super) fn await_token(&mut self, rate: Rate, now: Time) -> Option<Time> {
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
    pub(super) fn is_waiting(&self, now: Time) -> bool {
        now < self.at
    }

    fn fill(&mut self, rate: Rate, now: Time) {
        // The burst may be smaller than it was.
        let missing = self.missing.min(most_missing(rate) + TOKEN);
        self.missing = missing.saturating_sub(now.since(self.at).saturating_mul(rate.per_s.into()));
        self.at = now;
    }
}

/// How much may be missing for there to be a token.
fn most_missing(rate: Rate) -> u64 {
    u64::from(rate.burst).saturating_sub(1) * TOKEN
}

const TOKEN: u64 = 1_000;
