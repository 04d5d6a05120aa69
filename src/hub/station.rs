//! `Station`: the hub's side of one service: whether it runs, who its sockets are, and what
//! it was mounted with.

use crate::hub::backoff::Backoff;
use crate::hub::mailbox::{LOAD_UNIT_BYTES, Mail};
use crate::hub::paced::Pace;
use crate::hub::roster::Roster;
use crate::hub::shares::Holder;
use crate::hub::topics::Topics;
use crate::service::{Admission, ServiceOptions, SocketId};
use crate::time::Time;

/// The hub's side of one service.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) path: String,
    /// Whether it was found at run time, and has to be found again before each run.
    pub(super) is_program: bool,
    /// What its last run counts for, if it is a program.
    pub(super) holder: Holder,
    /// How many sockets there are whose path has named it, also those that have left it.
    pub(super) sockets_len: u32,
    /// When the last of them went.
    pub(super) unused_since: Time,
    pub(super) options: ServiceOptions,
    pub(super) state: State,
    /// The number of the run; what an earlier run sends is ignored.
    pub(super) run: u32,
    pub(super) started: Time,
    pub(super) pauses: Backoff,
    /// Until when it is not started, or is not to be asked, since it keeps failing.
    pub(super) retry: Time,
    pub(super) admission: Admission,
    /// The sockets that wait to come in.
    pub(super) waiting: Roster,
    /// The sockets that are in.
    pub(super) members: Roster,
    /// The sockets that are not read since the mail is full, each once.
    pub(super) paused: Vec<SocketId>,
    /// How many turns others of these had since the last of one in the middle of a large message.
    pub(super) small_turns: u8,
    pub(super) topics: Topics,
    pub(super) mail: Mail,
    pub(super) pace: Pace,
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does not; the next socket starts it.
    Idle,
    /// It has been started and is not ready.
    Starting,
    /// It is ready.
    Running,
    /// It was asked to finish, since nobody uses it and its place is needed.
    Finishing,
}

impl Station {
    pub(super) fn new(path: String, options: ServiceOptions) -> Self {
        Self {
            path,
            is_program: false,
            holder: None,
            sockets_len: 0,
            unused_since: Time::ZERO,
            options,
            state: State::Idle,
            run: 0,
            started: Time::ZERO,
            pauses: Backoff::default(),
            retry: Time::ZERO,
            admission: Admission::default(),
            waiting: Roster::default(),
            members: Roster::default(),
            paused: Vec::new(),
            small_turns: 0,
            topics: Topics::default(),
            mail: Mail::default(),
            pace: Pace::default(),
        }
    }

    /// Begins anew in the middle of a run, after a pause of this length: nothing is left of what
    /// the service has said of its sockets.
    pub(super) fn lapse(&mut self, pause_ms: u64, now: Time) {
        if self.state != State::Finishing {
            self.state = State::Starting;
        }
        self.retry = now.after(pause_ms);
        self.topics = Topics::default();
        self.admission = Admission::default();
    }

    /// How much of each of its sockets may be in the mail: fewer sockets have larger shares.
    pub(super) fn share(&self) -> u8 {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX).max(1);
        let messages = u32::try_from(self.options.limits.mail_messages_max).unwrap_or(u32::MAX);
        let share = (messages / members).clamp(SHARE_MIN, u32::from(u8::MAX));
        u8::try_from(share).unwrap_or(u8::MAX)
    }

    /// How much may be in the outbox of a socket, or on its way there, when the socket is read:
    /// a message that comes and is answered fits beside it. What a program has taken it may still
    /// have to answer, so that more room is left.
    pub(super) fn outbox_room(&self) -> usize {
        if self.is_program { self.outbox_drained() } else { self.half_of_outbox() }
    }

    /// How much may be there when the socket is read again.
    pub(super) fn outbox_drained(&self) -> usize {
        self.options.limits.outbox_low_bytes.min(self.half_of_outbox())
    }

    const fn half_of_outbox(&self) -> usize {
        (self.options.limits.outbox_bytes_max / 2).saturating_sub(LOAD_UNIT_BYTES)
    }

    /// Whether it is a program whose place may be another one's: nothing runs, and no socket is
    /// left that would be taken for one of the other.
    pub(super) fn is_spare(&self) -> bool {
        self.is_program && self.state == State::Idle && self.sockets_len == 0
    }

    /// Whether it is a program that runs without a socket.
    pub(super) fn is_unused(&self) -> bool {
        self.is_program
            && self.sockets_len == 0
            && matches!(self.state, State::Starting | State::Running)
    }

    /// Whether this run of it is going on.
    pub(super) fn is_in(&self, run: u32) -> bool {
        self.run == run && self.state != State::Idle
    }

    /// Notes the beginning of a run; gives back its number.
    pub(super) fn begin(&mut self, now: Time) -> u32 {
        self.state = State::Starting;
        self.run += 1;
        self.started = now;
        self.run
    }

    /// Notes the end of a run, and until when no other is begun if nobody had wanted that end.
    /// Returns the sockets that waited until the service takes what they had sent.
    pub(super) fn fail(&mut self, now: Time) -> Vec<SocketId> {
        if self.state != State::Finishing {
            self.retry = now.after(self.pauses.fail(now.since(self.started)));
        }
        self.state = State::Idle;
        self.paused = Vec::new();
        let mail = std::mem::take(&mut self.mail);
        self.pace = Pace::default();
        self.topics = Topics::default();
        self.admission = Admission::default();
        mail.into_awaited()
    }
}

/// The smallest share of a socket in the mail, in units of [`Socket::load`].
///
/// [`Socket::load`]: crate::hub::socket::Socket::load
const SHARE_MIN: u32 = 16;
