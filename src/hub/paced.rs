//! `Pace` and `Paced`: the state of senders that wait, and of the listeners that they wait for. The
//! rules are in `pace`.

use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;

/// The senders of a service that wait, and the listeners that they wait for.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The senders that wait; those with `Flag::Waits`.
    pub(super) held: Vec<SocketId>,
    /// How many listeners are full: those with `Flag::Slow`.
    pub(super) full_len: usize,
    /// For how long any sender has waited, in milliseconds, before the present wait.
    pub(super) waited_ms: u64,
    /// When the present wait began.
    pub(super) since: Time,
    /// The time used by full listeners that have left, in units of [`Paced::used`]; and when they
    /// left.
    pub(super) spent: u64,
    pub(super) spent_at: Time,
}

/// The state of a socket that sends much, or is a slow listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Paced {
    /// When the second began in which it has sent `sent_bytes`.
    pub(super) begun: Time,
    pub(super) sent_bytes: usize,
    /// What it has used of its second as a listener: milliseconds, times `outbox_bytes_max`.
    pub(super) used: u64,
    /// What [`Pace::clock`] was when this was found out.
    pub(super) clock: u64,
}

impl Paced {
    /// Counts what a full listener has used until the clock of senders that wait shows this.
    pub(super) fn charge(&mut self, clock: u64, limits: &Limits) {
        // The next run of a service begins with a clock of its own.
        let ms = clock.saturating_sub(std::mem::replace(&mut self.clock, clock));
        self.used = self.used.saturating_add(ms.saturating_mul(second(limits) / SECOND_MS));
    }
}

impl Pace {
    /// For how long any sender has waited until now, in milliseconds.
    pub(super) const fn clock(&self, now: Time) -> u64 {
        let present = if self.held.is_empty() { 0 } else { now.since(self.since) };
        self.waited_ms + present
    }

    /// What a listener that becomes full has used of its second already.
    pub(super) fn spent(&self, limits: &Limits, now: Time) -> u64 {
        let forgotten = now.since(self.spent_at).saturating_mul(second(limits) / SECOND_MS / 10);
        self.spent.saturating_sub(forgotten)
    }

    /// Whether no sender waits and no listener is full.
    #[cfg(test)]
    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty() && self.full_len == 0
    }
}

/// The second of a listener, in units of [`Paced::used`].
pub(super) const fn second(limits: &Limits) -> u64 {
    (limits.outbox_bytes_max as u64).saturating_mul(SECOND_MS)
}

pub(super) const SECOND_MS: u64 = 1_000;
