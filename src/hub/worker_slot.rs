//! `WorkerSlot`: the hub's side of one worker: whether it runs, its sockets, and its mail.

use crate::hub::backoff::Backoff;
use crate::hub::counters::ServiceCounters;
use crate::hub::ids::{RunId, ServiceId};
#[cfg(feature = "processes")]
use crate::hub::mailbox::Mailed;
use crate::hub::mailbox::{LOAD_UNIT_BYTES, Mailbox};
use crate::hub::roster::Roster;
use crate::limits::Limits;
use crate::service::{Admission, SocketId};
use crate::time::Time;

/// The hub's side of one worker. It has all that a message needs, so that one look-up finds it.
#[derive(Debug)]
pub(super) struct WorkerSlot {
    /// The service that it runs.
    pub(super) service: ServiceId,
    /// Its number among the workers of that, from 0.
    pub(super) number: usize,
    /// The bounds of that service, which are set for all of its workers at once.
    pub(super) limits: Limits,
    /// Whether that is a program.
    pub(super) is_program: bool,
    pub(super) state: RunState,
    /// The number of the run; what an earlier run sends is ignored.
    pub(super) run: u32,
    /// How often it was started, also under sockets that stayed open.
    #[cfg(feature = "admin")]
    pub(super) starts: u32,
    pub(super) started: Time,
    pub(super) backoff: Backoff,
    /// Until when it is not started, or gets no questions, because it keeps failing.
    pub(super) retry: Time,
    /// How this run admits sockets.
    pub(super) admission: Admission,
    /// The sockets that wait to come in.
    pub(super) waiting: Roster,
    /// The sockets that are in.
    pub(super) members: Roster,
    /// The sockets that are not read because the mail is full, each once.
    pub(super) held: Vec<SocketId>,
    /// How many turns others of these had since the last of one in the middle of a large message.
    pub(super) small_turns: u8,
    pub(super) mail: Mailbox,
    /// The sockets that it answers later.
    #[cfg(feature = "database")]
    pub(super) later: std::collections::HashSet<SocketId>,
    pub(super) counters: ServiceCounters,
    /// The last gap in its mail, and whether another has to follow once it was taken.
    #[cfg(feature = "processes")]
    pub(super) gap: Option<Mailed>,
    #[cfg(feature = "processes")]
    pub(super) is_gap_due: bool,
}

/// Whether a worker runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RunState {
    /// It does not; the next socket starts it, or the hub if it is eager.
    #[default]
    Idle,
    /// It has been started and is not ready.
    Starting,
    /// It is ready.
    Running,
    /// It was asked to finish, because it is unused and its place is needed.
    Finishing,
}

impl WorkerSlot {
    /// A worker that has not run yet.
    pub(super) fn new(service: ServiceId, limits: &Limits) -> Self {
        Self {
            service,
            number: 0,
            limits: *limits,
            is_program: false,
            state: RunState::default(),
            run: 0,
            #[cfg(feature = "admin")]
            starts: 0,
            started: Time::ZERO,
            backoff: Backoff::default(),
            retry: Time::ZERO,
            admission: Admission::default(),
            waiting: Roster::default(),
            members: Roster::default(),
            held: Vec::new(),
            small_turns: 0,
            mail: Mailbox::default(),
            #[cfg(feature = "database")]
            later: std::collections::HashSet::new(),
            counters: ServiceCounters::default(),
            #[cfg(feature = "processes")]
            gap: None,
            #[cfg(feature = "processes")]
            is_gap_due: false,
        }
    }

    /// Whether this run of it is going on.
    pub(super) fn is_in(&self, run: RunId) -> bool {
        self.run == run.number && self.state != RunState::Idle
    }

    /// Begins a run; returns its number.
    pub(super) fn begin(&mut self, now: Time) -> u32 {
        self.state = RunState::Starting;
        self.run += 1;
        #[cfg(feature = "admin")]
        {
            self.starts = self.starts.saturating_add(1);
        }
        self.started = now;
        self.run
    }

    /// Begins again within a run, after a pause of this length.
    pub(super) fn reset(&mut self, pause_ms: u64, now: Time) {
        if self.state != RunState::Finishing {
            self.state = RunState::Starting;
        }
        self.retry = now.after(pause_ms);
        self.admission = Admission::default();
        #[cfg(feature = "admin")]
        {
            self.starts = self.starts.saturating_add(1);
        }
    }

    /// Ends a run. If the end was not asked for, no other run begins for a while. Returns the
    /// sockets that waited until the worker takes what they had sent.
    pub(super) fn end(&mut self, now: Time) -> Vec<SocketId> {
        if self.state != RunState::Finishing {
            self.retry = now.after(self.backoff.fail(now.since(self.started)));
        }
        self.state = RunState::Idle;
        self.admission = Admission::default();
        self.held = Vec::new();
        #[cfg(feature = "processes")]
        {
            (self.gap, self.is_gap_due) = (None, false);
        }
        let awaited = std::mem::take(&mut self.mail).into_awaited();
        #[cfg(feature = "database")]
        let awaited = awaited.into_iter().chain(std::mem::take(&mut self.later)).collect();
        awaited
    }

    /// The share of each of its sockets in the mail: fewer sockets have larger shares.
    pub(super) fn share(&self) -> u8 {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX).max(1);
        let messages = u32::try_from(self.limits.mail_messages_max).unwrap_or(u32::MAX);
        let share = (messages / members).clamp(SHARE_MIN, u32::from(u8::MAX));
        u8::try_from(share).unwrap_or(u8::MAX)
    }

    /// How much may be in the outbox of a socket, or on its way there, when the socket is read: the
    /// answer to another message still fits. A program may still have to answer what it has taken,
    /// so that more space is left for it.
    pub(super) fn outbox_room(&self) -> usize {
        if self.is_program { self.outbox_drained() } else { self.half_of_outbox() }
    }

    /// How much may be there when the socket is read again.
    pub(super) fn outbox_drained(&self) -> usize {
        self.limits.outbox_low_bytes.min(self.half_of_outbox())
    }

    const fn half_of_outbox(&self) -> usize {
        (self.limits.outbox_bytes_max / 2).saturating_sub(LOAD_UNIT_BYTES)
    }
}

/// The smallest share of a socket in the mail, in units of [`Socket::load`].
///
/// [`Socket::load`]: crate::hub::socket::Socket::load
const SHARE_MIN: u32 = 16;
