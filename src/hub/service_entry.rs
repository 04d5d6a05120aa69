//! `ServiceEntry`: the hub's side of one service: its options, its sockets, and its worker.

use crate::hub::counters::ServiceCounters;
use crate::hub::mailbox::LOAD_UNIT_BYTES;
use crate::hub::roster::Roster;
use crate::hub::shares::Holder;
use crate::hub::topics::Topics;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::service::{Admission, ServiceOptions, SocketId, Start};
use crate::time::Time;

/// The hub's side of one service.
#[derive(Debug)]
pub(super) struct ServiceEntry {
    pub(super) path: String,
    /// Whether it was found at run time, and has to be found again before each run.
    pub(super) is_program: bool,
    /// The address that its last run counts for, if it is a program.
    pub(super) holder: Holder,
    /// How many sockets have requested it and still exist, including those that have left it.
    pub(super) sockets_len: u32,
    /// When the last of them went.
    pub(super) unused_since: Time,
    pub(super) options: ServiceOptions,
    pub(super) admission: Admission,
    /// The sockets that wait to come in.
    pub(super) waiting: Roster,
    /// The sockets that are in.
    pub(super) members: Roster,
    pub(super) topics: Topics,
    /// Its one worker.
    pub(super) worker: WorkerSlot,
    pub(super) counters: ServiceCounters,
}

impl ServiceEntry {
    pub(super) fn new(path: String, options: ServiceOptions) -> Self {
        Self {
            path,
            is_program: false,
            holder: None,
            sockets_len: 0,
            unused_since: Time::ZERO,
            options,
            admission: Admission::default(),
            waiting: Roster::default(),
            members: Roster::default(),
            topics: Topics::default(),
            worker: WorkerSlot::default(),
            counters: ServiceCounters::default(),
        }
    }

    /// Begins again within a run, after a pause of this length. All that the service has set for
    /// its sockets is removed.
    pub(super) fn reset(&mut self, pause_ms: u64, now: Time) {
        self.worker.reset(pause_ms, now);
        self.forget_said();
    }

    /// Ends a run. Returns the sockets that waited until the service takes their messages.
    pub(super) fn end_run(&mut self, now: Time) -> Vec<SocketId> {
        self.forget_said();
        self.worker.end(now)
    }

    fn forget_said(&mut self) {
        self.topics = Topics::default();
        self.admission = Admission::default();
    }

    /// The share of each of its sockets in the mail: fewer sockets have larger shares.
    pub(super) fn share(&self) -> u8 {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX).max(1);
        let messages = u32::try_from(self.options.limits.mail_messages_max).unwrap_or(u32::MAX);
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
        self.options.limits.outbox_low_bytes.min(self.half_of_outbox())
    }

    const fn half_of_outbox(&self) -> usize {
        (self.options.limits.outbox_bytes_max / 2).saturating_sub(LOAD_UNIT_BYTES)
    }

    /// Whether it is a program that another one may replace: it does not run, and none of its
    /// sockets is left, which would otherwise be taken for sockets of the other. An eager one is
    /// about to run again.
    pub(super) fn is_spare(&self) -> bool {
        let has_ended = self.worker.state == RunState::Idle && !self.is_eager();
        self.is_program && has_ended && self.sockets_len == 0
    }

    /// Whether it starts without a socket.
    pub(super) fn is_eager(&self) -> bool {
        self.options.start == Start::Eager
    }

    /// Whether it is a program that runs without a socket, and need not.
    pub(super) fn is_unused(&self) -> bool {
        self.is_program
            && self.sockets_len == 0
            && !self.is_eager()
            && matches!(self.worker.state, RunState::Starting | RunState::Running)
    }
}

/// The smallest share of a socket in the mail, in units of [`Socket::load`].
///
/// [`Socket::load`]: crate::hub::socket::Socket::load
const SHARE_MIN: u32 = 16;
