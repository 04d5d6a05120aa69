//! The deadlines of one conversation: which one is next depends on the phase alone. It holds
//! moments and never reads the time.

use crate::limits::Limits;
use crate::session::phase::Phase;
use crate::time::{CompactTime, Time};

/// The moments from which a conversation's deadlines count.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// The time of the last sign of life from the peer. While the peer owes one: when it was asked
    /// for. While reading is paused: when the pause began.
    life: CompactTime,
    /// The time when the phase began. While open: when the last message went either way. While the
    /// body of an answer is awaited: when the peer had taken all earlier parts.
    since: CompactTime,
    /// Whether a ping was sent without an answer yet.
    asked: bool,
    /// While its service is behind, the peer is not read and owes no sign of life.
    paused: bool,
    /// Whether the peer has ended its half meanwhile; `life` is when that was seen.
    leaving: bool,
}

/// What a deadline demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The request head is not whole in time.
    Handshake,
    /// The service has not decided in time.
    Admission,
    /// The peer has been silent: ask for a sign of life.
    Ping,
    /// The peer gave no sign of life.
    Pong,
    /// No message went either way for long.
    Idle,
    /// The peer takes none of the bytes that wait for it, or too few of an answer.
    Write,
    /// The service's time to answer what came before the end is over.
    Settle,
    /// The peer has gone, and its service is still behind.
    Gone,
    /// The peer does not end a conversation that is over.
    Close,
}

impl Deadlines {
    /// A conversation begins.
    #[must_use]
    pub(super) const fn new(now: Time) -> Self {
        let now = CompactTime::new(now);
        Self { life: now, since: now, asked: false, paused: false, leaving: false }
    }

    /// Bytes came.
    pub(super) const fn saw_life(&mut self, now: Time) {
        self.life = CompactTime::new(now);
        self.asked = false;
    }

    /// A ping was queued.
    pub(super) const fn sent_ping(&mut self, now: Time) {
        self.life = CompactTime::new(now);
        self.asked = true;
    }

    /// A phase began, or a message came or was sent.
    pub(super) const fn restart(&mut self, now: Time) {
        self.since = CompactTime::new(now);
    }

    /// When the phase began, or as [`Deadlines`] says.
    #[must_use]
    pub(super) const fn since(&self) -> Time {
        self.since.time()
    }

    /// Reading is paused: the deadlines of the peer are suspended until reading resumes.
    pub(super) const fn pause(&mut self, now: Time) {
        if !self.paused {
            self.paused = true;
            self.life = CompactTime::new(now);
        }
    }

    /// Reading resumes. Silence counts from now, as if the peer had just sent something. The time
    /// to answer our close frame is extended by the pause only: otherwise a peer that fills the
    /// mail again and again could extend it without end.
    pub(super) fn resume(&mut self, phase: &Phase, now: Time) {
        let (life, since) = (self.life.time(), self.since.time());
        self.restart(match phase {
            Phase::Closing(_) if self.paused => since.after(now.since(life.max(since))),
            _ => now,
        });
        self.paused = false;
        self.leaving = false;
        self.saw_life(now);
    }

    /// The peer has ended its half while reading is paused. The pause then has a deadline.
    pub(super) const fn leave(&mut self, now: Time) {
        if self.paused && !self.leaving {
            self.leaving = true;
            self.life = CompactTime::new(now);
        }
    }

    /// Whether no sign of life has been asked for, and reading goes on.
    #[must_use]
    pub(super) const fn is_calm(&self) -> bool {
        !self.asked && !self.paused
    }

    /// Since when a sign of life is asked for, if it is.
    #[cfg(feature = "host")]
    pub(super) fn asked(&self) -> Option<Time> {
        (self.asked && !self.paused).then(|| self.life.time())
    }

    /// Whether reading is paused.
    #[must_use]
    pub(super) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// The next deadline and its kind. `stuck`: since when the peer has taken none of the bytes
    /// that wait for it, or too little of an answer; `None` if nothing waits.
    #[must_use]
    pub(super) fn next(
        &self,
        phase: &Phase,
        stuck: Option<Time>,
        limits: &Limits,
    ) -> Option<(Time, Due)> {
        let (life, since) = (self.life.time(), self.since.time());
        let write = stuck.map(|stuck| (stuck.after(limits.write_ms_max), Due::Write));
        let close = || Some((since.after(limits.close_ms_max), Due::Close));
        match phase {
            Phase::Connecting(_) => Some((since.after(limits.handshake_ms_max), Due::Handshake)),
            Phase::Waiting(_) => Some((since.after(limits.admission_ms_max), Due::Admission)),
            // The body comes from a file, in parts: a part that does not come is treated like an
            // answer that does not come.
            Phase::Responding => {
                write.or(Some((since.after(limits.admission_ms_max), Due::Admission)))
            }
            // The peer's bytes are not seen at the moment, but its end may be.
            Phase::Open(_) | Phase::Closing(_) if self.paused => {
                let gone = self.leaving.then(|| (life.after(limits.write_ms_max), Due::Gone));
                write.or(gone)
            }
            // Bytes that wait to be written are before a ping: the peer has to read them, and that
            // counts as its sign of life.
            Phase::Open(_) if stuck.is_some() => write,
            Phase::Open(_) => Some(self.silence(limits)),
            Phase::Settling(_) => {
                let settle = (since.after(limits.close_ms_max), Due::Settle);
                write.into_iter().chain([settle]).min_by_key(|due| due.0)
            }
            // The peer can only answer what has been written; until then it only has to read.
            Phase::Closing(_) | Phase::Flushing | Phase::Lingering => write.or_else(close),
            Phase::Finished => None,
        }
    }

    fn silence(&self, limits: &Limits) -> (Time, Due) {
        let life = if self.asked {
            (self.life.time().after(limits.pong_ms_max), Due::Pong)
        } else {
            (self.life.time().after(limits.ping_interval_ms), Due::Ping)
        };
        let idle = (self.since.time().after(limits.idle_ms_max), Due::Idle);
        if idle.0 < life.0 { idle } else { life }
    }
}
