//! `Station`: the hub's side of one service: whether it runs, who its sockets are, and the
//! mail that waits for it.

use std::num::NonZeroU32;

use crate::hub::Holder;
use crate::hub::ordered::Ordered;
use crate::hub::origin::OriginRule;
use crate::hub::pace::Pace;
use crate::hub::pauses::Pauses;
use crate::hub::socket::LOAD_UNIT_BYTES;
use crate::hub::tables::Roster;
use crate::hub::topics::Topics;
use crate::limits::Limits;
use crate::pages::Page;
use crate::service::{Admission, Inbound, SocketId};
use crate::time::Time;
use crate::ws::Message;

/// The place of a service in the hub's table. Services are never removed from it, but a program
/// that was found and does not run gives its place to another one ([`Hub::mount_program`]).
///
/// [`Hub::mount_program`]: crate::hub::Hub::mount_program
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StationId(NonZeroU32);

impl StationId {
    /// The id of the service at `index`.
    ///
    /// # Panics
    /// There are more than four thousand million services.
    #[must_use]
    pub fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("services are fewer than 2^32"))
    }

    /// The place in the table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What a service is mounted with.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The bounds for its sockets and mail.
    pub limits: Limits,
    /// Which pages may open sockets to it.
    pub origin: OriginRule,
    /// What a plain GET shows.
    pub page: Option<Page>,
    /// Whether its messages may be compressed.
    pub compression: Compression,
}

/// Whether a service compresses what it sends to sockets that offer it (RFC 7692). It costs work
/// on the thread that polls all sockets, and the length of a message then tells something about
/// what is in it: a service that sends secrets together with what others choose stays off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// It does not, and no socket may.
    #[default]
    Off,
    /// It does; there with the feature `deflate` only.
    #[cfg(feature = "deflate")]
    On,
}

impl Compression {
    /// What is called `on` or `off`, in whatever case; a build that cannot compress has `off`
    /// alone.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        #[cfg(feature = "deflate")]
        if name.eq_ignore_ascii_case("on") {
            return Some(Self::On);
        }
        if name.eq_ignore_ascii_case("off") { Some(Self::Off) } else { None }
    }
}

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
    pub(super) mount: Mount,
    pub(super) state: State,
    /// The number of the run; what an earlier run sends is ignored.
    pub(super) run: u32,
    pub(super) started: Time,
    pub(super) pauses: Pauses,
    /// Until when it is not started, or is not to be asked, since it keeps failing.
    pub(super) retry: Time,
    pub(super) admission: Admission,
    /// The sockets that wait to come in.
    pub(super) waiting: Roster,
    /// The sockets that are in.
    pub(super) members: Roster,
    /// The sockets that are not read since the mail is full, each once.
    pub(super) paused: Vec<SocketId>,
    pub(super) topics: Topics,
    pub(super) mail: Mail,
    pub(super) pace: Pace,
}

/// The end of the number of a transaction in the mail of a service, which is enough: a socket
/// keeps the number of its last one, and what may be mistaken for a transaction that is on its
/// way is only one that was taken 2^24 transactions ago. Then the socket waits for that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mailed([u8; 3]);

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does not; the next socket starts it.
    Idle,
    /// It has been started and is not ready.
    Starting,
    /// It is ready.
    Running,
}

/// The transactions on their way to a service: those of this turn, and the count of all that
/// the service has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) batch: Vec<Inbound>,
    messages: usize,
    bytes: usize,
    full: bool,
    /// How many transactions were ever put in; the number of the last one.
    put: u64,
    /// Sockets that go on once the service has taken the last transaction of each, by its number:
    /// a close frame goes out then, or a socket that has used its share is read again.
    awaited: Ordered,
}

impl Mail {
    /// Adds a transaction; gives back whether it is the first of its batch.
    // It is the inside of a loop over many messages, and moves the transaction otherwise.
    #[inline(always)]
    pub(super) fn push(&mut self, transaction: Inbound, limits: &Limits) -> bool {
        self.put += 1;
        self.messages += 1;
        self.bytes += transaction.mail_bytes();
        self.measure(limits);
        self.batch.push(transaction);
        self.batch.len() == 1
    }

    /// Whether this message fills it.
    #[inline(always)]
    pub(super) const fn fills_with(&self, message: &Message, limits: &Limits) -> bool {
        let bytes = self.bytes + Limits::MAIL_ITEM_BYTES + message.capacity();
        self.messages + 1 >= limits.mail_messages_max || bytes >= limits.mail_bytes_max
    }

    /// Finds out whether it is full, by these limits.
    pub(super) const fn measure(&mut self, limits: &Limits) {
        self.full |=
            self.messages >= limits.mail_messages_max || self.bytes >= limits.mail_bytes_max;
    }

    /// The service has taken so much; gives back whether the mail has room again. Half of it
    /// has to be free, so that sockets are not stopped and started for every message.
    pub(super) fn take(&mut self, messages: usize, bytes: usize, limits: &Limits) -> bool {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        let roomy = self.messages <= limits.mail_messages_max / 2
            && self.bytes <= limits.mail_bytes_max / 2;
        let opened = self.full && roomy;
        self.full &= !opened;
        opened
    }

    /// Returns whether the service has taken, and so answered, all that came from a socket up to
    /// transaction `last`; otherwise [`Mail::next_taken`] returns the socket once it has.
    pub(super) fn await_taken(&mut self, id: SocketId, last: Mailed) -> bool {
        let last = self.number(last);
        if last <= self.taken() {
            return true;
        }
        self.awaited.insert(last, id);
        false
    }

    /// The next socket that is awaited, and all of whose transactions have been taken.
    pub(super) fn next_taken(&mut self) -> Option<SocketId> {
        let taken = self.taken();
        let (last, id) = self.awaited.first().filter(|(last, _)| *last <= taken)?;
        self.awaited.remove(last, id);
        Some(id)
    }

    /// Whether the service has taken this transaction.
    pub(super) fn has_taken(&self, mailed: Mailed) -> bool {
        self.number(mailed) <= self.taken()
    }

    /// The number of the transaction that was put in last.
    pub(super) const fn last(&self) -> Mailed {
        let [a, b, c, ..] = self.put.to_le_bytes();
        Mailed([a, b, c])
    }

    const fn number(&self, mailed: Mailed) -> u64 {
        let [a, b, c] = mailed.0;
        let since = self.put.wrapping_sub(u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0])) & 0xFF_FFFF;
        self.put.saturating_sub(since)
    }

    /// The number of the transaction that was taken last.
    const fn taken(&self) -> u64 {
        self.put.saturating_sub(self.messages as u64)
    }

    /// The name of each list, for how much there is room, and how much is in it.
    #[cfg(test)]
    pub(super) fn tables(&self) -> [(&'static str, usize, usize); 1] {
        let Self { batch, messages: _, bytes: _, full: _, put: _, awaited: _ } = self;
        [("mail", batch.capacity(), batch.len())]
    }

    /// Whether nothing is on its way, and nobody waits for that.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && (self.messages, self.bytes) == (0, 0) && self.awaited.is_empty()
    }

    /// What all that is on its way counts.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no more is to be read for this service.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }
}

impl Station {
    pub(super) fn new(path: String, mount: Mount) -> Self {
        Self {
            path,
            is_program: false,
            holder: None,
            sockets_len: 0,
            mount,
            state: State::Idle,
            run: 0,
            started: Time::ZERO,
            pauses: Pauses::default(),
            retry: Time::ZERO,
            admission: Admission::default(),
            waiting: Roster::default(),
            members: Roster::default(),
            paused: Vec::new(),
            topics: Topics::default(),
            mail: Mail::default(),
            pace: Pace::default(),
        }
    }

    /// Begins anew in the middle of a run, after a pause of this length: nothing is left of what
    /// the service has said of its sockets.
    pub(super) fn lapse(&mut self, pause_ms: u64, now: Time) {
        self.state = State::Starting;
        self.retry = now.after(pause_ms);
        self.topics = Topics::default();
        self.admission = Admission::default();
    }

    /// How much of each of its sockets may be in the mail: fewer sockets have larger shares.
    pub(super) fn share(&self) -> u8 {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX).max(1);
        let messages = u32::try_from(self.mount.limits.mail_messages_max).unwrap_or(u32::MAX);
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
        self.mount.limits.outbox_low_bytes.min(self.half_of_outbox())
    }

    const fn half_of_outbox(&self) -> usize {
        (self.mount.limits.outbox_bytes_max / 2).saturating_sub(LOAD_UNIT_BYTES)
    }

    /// Whether it is a program whose place may be another one's: nothing runs, and no socket is
    /// left that would be taken for one of the other.
    pub(super) fn is_spare(&self) -> bool {
        self.is_program && self.state == State::Idle && self.sockets_len == 0
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

    /// Notes the end of a run, and until when no other is begun. Returns the sockets that waited
    /// until the service takes what they had sent.
    pub(super) fn fail(&mut self, now: Time) -> Vec<SocketId> {
        self.retry = now.after(self.pauses.fail(now.since(self.started)));
        self.state = State::Idle;
        self.paused = Vec::new();
        let mail = std::mem::take(&mut self.mail);
        self.pace = Pace::default();
        self.topics = Topics::default();
        self.admission = Admission::default();
        mail.awaited.into_ids()
    }
}

/// The smallest share of a socket in the mail, in units of [`Socket::load`].
///
/// [`Socket::load`]: crate::hub::socket::Socket::load
const SHARE_MIN: u32 = 16;
