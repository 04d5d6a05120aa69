//! `Station`: the hub's side of one service: whether it runs, who its sockets are, and the
//! mail that waits for it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::hub::origin::OriginRule;
use crate::hub::pauses::Pauses;
use crate::hub::tables::Roster;
use crate::hub::topics::Topics;
use crate::limits::Limits;
use crate::pages::Page;
use crate::service::{Admission, Inbound, SocketId};
use crate::time::Time;

/// The place of a service in the hub's table. Services are never removed from it.
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
    /// The sockets that are not read since the mail is full.
    pub(super) paused: Vec<SocketId>,
    pub(super) topics: Topics,
    pub(super) mail: Mail,
}

/// The end of the number of a transaction in the mail of a service, which is enough: a socket
/// keeps the number of its last one, and what may be mistaken for a transaction that is on its
/// way is only one that was taken 2^32 transactions ago. Then a close frame waits for that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mailed(u32);

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
    /// Sockets whose peers are done, by the number of the last transaction of each, which the
    /// service has to take before the close frame goes out.
    settling: BTreeSet<(u64, SocketId)>,
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

    /// A socket's peer is done. Gives back whether the service has taken, and so answered, all
    /// that came from it up to transaction `last`; otherwise [`Mail::settled`] tells when.
    pub(super) fn settle(&mut self, id: SocketId, last: Mailed) -> bool {
        let last = self.number(last);
        if last <= self.taken() {
            return true;
        }
        self.settling.insert((last, id));
        false
    }

    /// The next socket all of whose transactions have been taken.
    pub(super) fn settled(&mut self) -> Option<SocketId> {
        let taken = self.taken();
        let first = *self.settling.first().filter(|(last, _)| *last <= taken)?;
        self.settling.remove(&first);
        Some(first.1)
    }

    /// Whether the service has taken this transaction.
    pub(super) fn has_taken(&self, mailed: Mailed) -> bool {
        self.number(mailed) <= self.taken()
    }

    /// The number of the transaction that was put in last.
    pub(super) const fn last(&self) -> Mailed {
        #[expect(clippy::cast_possible_truncation, reason = "the end is what is wanted")]
        let end = self.put as u32;
        Mailed(end)
    }

    const fn number(&self, mailed: Mailed) -> u64 {
        let since = self.last().0.wrapping_sub(mailed.0);
        self.put.saturating_sub(since as u64)
    }

    /// The number of the transaction that was taken last.
    const fn taken(&self) -> u64 {
        self.put.saturating_sub(self.messages as u64)
    }

    /// Whether nothing is on its way, and nobody waits for that.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && (self.messages, self.bytes) == (0, 0) && self.settling.is_empty()
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

    /// Notes the end of a run, and until when no other is begun. Gives back the sockets whose
    /// close frames waited for the service.
    pub(super) fn fail(&mut self, now: Time) -> Vec<SocketId> {
        self.retry = now.after(self.pauses.fail(now.since(self.started)));
        self.state = State::Idle;
        self.paused = Vec::new();
        let mail = std::mem::take(&mut self.mail);
        self.topics = Topics::default();
        self.admission = Admission::default();
        mail.settling.into_iter().map(|(_, id)| id).collect()
    }
}
