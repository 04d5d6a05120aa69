//! `Socket`: what the hub keeps for one connection beside its session.

use std::sync::Arc;

use crate::hub::addresses::PeerAddress;
use crate::hub::ids::WorkerId;
use crate::hub::mailbox::Mailed;
use crate::hub::meter::Meter;
#[cfg(feature = "admin")]
use crate::hub::notes::Notes;
use crate::hub::paced::Paced;
use crate::hub::pending::PendingRequest;
use crate::hub::proxied::Proxied;
use crate::hub::socket_flags::{SocketFlag, SocketFlags};
use crate::hub::unread::Unread;
use crate::hub::worker_table::WorkerTable;
use crate::limits::Limits;
use crate::service::{Request, SocketId, TlsInfo, Verdict};
use crate::session::{Session, SessionEvent};
use crate::time::{CompactTime, Time};
use crate::ws::{Head, Status, Transport};

/// One connection. There are many, most of them idle: rarely needed fields are boxed, and small
/// ones are kept in as few bytes as they need.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) session: Session,
    /// Fields that are rarely set.
    pub(super) cold: Option<Box<Cold>>,
    /// The worker of the service that its path names, for as long as the socket exists.
    pub(super) worker: Option<WorkerId>,
    /// The number of its last transaction in the mail of its worker.
    pub(super) mailed: Mailed,
    received: u32,
    sent: u32,
    place: [u8; 3],
    serial: Serial,
    accepted: CompactTime,
    pub(super) peer: PeerAddress,
    pub(super) membership: Membership,
    pub(super) flags: SocketFlags,
    /// Its load in the mail of its service: a unit for each message, and one more for each KiB of
    /// it; at most 255, which no share exceeds. `Hub::may_go_on`, which is called before each read,
    /// subtracts what has been taken; until then that counts as well.
    pub(super) load: u8,
}

// An idle socket costs little more than this: its stream, its deadline and its membership have
// 24 bytes together.
#[cfg(all(target_pointer_width = "64", not(feature = "deflate")))]
const _: () = assert!(size_of::<Option<Socket>>() <= 88, "an idle socket is small");

/// How a socket stands with the service that its path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It has not requested a service yet, or was refused.
    None,
    /// It waits until the service has started, or has capacity for more mail.
    Waiting,
    /// It waits for the service's verdict.
    Asked,
    /// Its service knows it: an open has been delivered, and a close will follow.
    Member,
    /// Its service has got its close.
    Left,
}

impl Membership {
    /// Whether the service of the socket gets its events.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Asked | Self::Member)
    }
}

/// State of a socket while it waits, and when it ends.
#[derive(Debug, Default)]
pub(super) struct Cold {
    /// Its request, until its service has got it.
    pub(super) request: Option<Arc<Request>>,
    /// The service's verdict, while the mail has no capacity for an open.
    pub(super) verdict: Option<Verdict>,
    /// Its request, while a program is looked for.
    pub(super) asked: Option<PendingRequest>,
    /// The head of its request, for the log, until it is answered.
    pub(super) head: Option<Head>,
    /// The method of its request, for the log.
    pub(super) method: String,
    /// How its request was answered, unless with the 101.
    pub(super) status: Option<Status>,
    /// The requested path; empty if it is that of the service.
    pub(super) path: String,
    /// The labels that its service gave it, for the log.
    pub(super) labels: Vec<(String, String)>,
    /// How it ended, for the log.
    pub(super) reason: String,
    /// How often the counts of bytes received and bytes sent have wrapped.
    rounds: [u32; 2],
    /// The rest of its last read, which has to wait.
    pub(super) unread: Unread,
    /// What it has used of the rate of its messages.
    pub(super) meter: Meter,
    /// What it has sent to listeners, and how it listens.
    pub(super) paced: Paced,
    /// What is known of its client, until it is open.
    pub(super) proxied: Proxied,
    /// The bytes of unfinished TLS records that are held for it.
    pub(super) sealed_len: u32,
    /// What else the log has of its request, until it is open.
    #[cfg(feature = "admin")]
    pub(super) notes: Option<Box<Notes>>,
}

impl Socket {
    pub(super) fn new(id: SocketId, peer: PeerAddress, now: Time) -> Self {
        Self {
            session: Session::new(now),
            cold: None,
            worker: None,
            place: [0; 3],
            mailed: Mailed::default(),
            received: 0,
            sent: 0,
            serial: Serial::of(id),
            accepted: CompactTime::new(now),
            peer,
            membership: Membership::None,
            flags: SocketFlags::default(),
            load: 0,
        }
    }

    /// Sets a label, or removes it. Returns whether there was space for it.
    pub(super) fn label(&mut self, key: &str, value: &str) -> bool {
        let labels = &mut self.cold.get_or_insert_default().labels;
        labels.retain(|(own, _)| own != key);
        let cost = |key: &str, value: &str| key.len() + value.len() + LABEL_BYTES;
        let held: usize = labels.iter().map(|(key, value)| cost(key, value)).sum();
        let fits = held + cost(key, value) <= Limits::LABELS_BYTES_MAX;
        if fits && !value.is_empty() {
            labels.push((key.to_owned(), value.to_owned()));
        }
        fits || value.is_empty()
    }

    /// The bytes of memory that wait for its peer, for its service, and in its unfinished message.
    pub(super) fn held_bytes(&self, head_bytes_max: usize) -> usize {
        let (outbox, input) = self.session.held_bytes();
        // Its request is held until it is answered.
        let received = if self.session.is_asking() { self.counts().0 } else { 0 };
        let head = usize::try_from(received).map_or(head_bytes_max, |n| n.min(head_bytes_max));
        outbox + input + head + self.cold.as_ref().map_or(0, |cold| cold.waiting_len())
    }

    /// Handles a deadline that has come, as [`Session::expire_queued`] does.
    pub(super) fn expire(
        &mut self,
        queued: usize,
        limits: &Limits,
        now: Time,
    ) -> Option<SessionEvent> {
        let event = self.session.expire_queued(queued, limits, now);
        if self.session.is_finished() {
            self.flags.set(SocketFlag::Late);
        }
        event
    }

    /// Bytes came.
    pub(super) fn count_received(&mut self, bytes_len: usize) {
        let rounds = count(&mut self.received, bytes_len);
        if rounds > 0 {
            self.cold.get_or_insert_default().rounds[0] += rounds;
        }
    }

    /// Bytes have left.
    pub(super) fn count_sent(&mut self, bytes_len: usize) {
        let rounds = count(&mut self.sent, bytes_len);
        if rounds > 0 {
            self.cold.get_or_insert_default().rounds[1] += rounds;
        }
    }

    /// How many bytes have come and have left.
    pub(super) fn counts(&self) -> (u64, u64) {
        let [received, sent] = self.cold.as_ref().map_or([0; 2], |cold| cold.rounds);
        let whole = |rounds: u32, rest: u32| u64::from(rounds) << 32 | u64::from(rest);
        (whole(received, self.received), whole(sent, self.sent))
    }

    /// Its index in the service's list of waiting sockets, or of members.
    pub(super) const fn place(&self) -> u32 {
        let [a, b, c] = self.place;
        u32::from_le_bytes([a, b, c, 0])
    }

    /// Sets that place.
    pub(super) const fn set_place(&mut self, place: u32) {
        let [a, b, c, _] = place.to_le_bytes();
        self.place = [a, b, c];
    }

    /// Its id, in this place of the table.
    pub(super) fn id(&self, place: usize) -> Option<SocketId> {
        SocketId::new(place, self.serial.number())
    }

    /// Whether this is its id, in the place where it is.
    pub(super) fn is(&self, id: SocketId) -> bool {
        self.serial.number() == id.serial()
    }

    /// Whether it is not read, however empty the mail is: the service has paused it, or it waits
    /// for listeners.
    pub(super) const fn rests(&self) -> bool {
        self.flags.has(SocketFlag::Paused) || self.flags.has(SocketFlag::Waits)
    }

    /// What proxies and its TLS connection have shown of its client, until it is open.
    pub(super) fn shown(&self) -> (Transport, Option<Arc<TlsInfo>>) {
        let has_proxied = cfg!(any(feature = "proxy", feature = "tls"));
        let proxied = self.cold.as_ref().filter(|_| has_proxied).map(|cold| &cold.proxied);
        let transport = match proxied.is_some_and(|proxied| proxied.is_secure) {
            true => Transport::Secure,
            false => Transport::Unknown,
        };
        (transport, proxied.and_then(|proxied| proxied.tls.clone()))
    }

    /// Whether it is in the middle of a large message.
    pub(super) fn is_amid_large(&self) -> bool {
        self.session.held_bytes().1 >= LARGE_BYTES_MIN
    }

    /// For how long it has been there, in milliseconds.
    pub(super) const fn age_ms(&self, now: Time) -> u64 {
        now.since(self.accepted.time())
    }

    /// Whether it has this membership of the service that `worker` runs.
    pub(super) fn stands(
        &self,
        membership: Membership,
        worker: WorkerId,
        workers: &WorkerTable,
    ) -> bool {
        self.membership == membership && self.is_of(worker, workers)
    }

    /// Whether the service that `worker` runs may send to it. It also may while the close is on its
    /// way to the service, so that messages before the end are answered.
    pub(super) fn hears(&self, worker: WorkerId, workers: &WorkerTable) -> bool {
        matches!(self.membership, Membership::Member | Membership::Left)
            && self.is_of(worker, workers)
    }

    /// Whether its service is the one that `worker` runs. It may have another worker.
    #[inline]
    fn is_of(&self, worker: WorkerId, workers: &WorkerTable) -> bool {
        self.worker == Some(worker) || cfg!(feature = "workers") && self.is_beside(worker, workers)
    }

    /// The same for one with another worker. Most messages are for sockets of the worker itself.
    #[cold]
    fn is_beside(&self, worker: WorkerId, workers: &WorkerTable) -> bool {
        self.worker.is_some_and(|own| workers.are_of_one(own, worker))
    }
}

impl Cold {
    /// The bytes of memory that wait in it, and below it.
    fn waiting_len(&self) -> usize {
        self.unread.capacity() + self.sealed_len as usize
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        let words = self.head.is_none()
            && self.path.is_empty()
            && self.method.is_empty()
            && self.status.is_none()
            && self.labels.is_empty()
            && self.reason.is_empty()
            && self.meter == Meter::default()
            && self.unread.is_empty()
            && self.paced == Paced::default()
            && self.proxied == Proxied::default()
            && self.sealed_len == 0;
        #[cfg(feature = "admin")]
        let words = words && self.notes.is_none();
        self.asked.is_none()
            && self.request.is_none()
            && self.verdict.is_none()
            && words
            && self.rounds == [0; 2]
    }
}

/// The number of a socket in the order of all, in five bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Serial([u8; 5]);

impl Serial {
    const fn of(id: SocketId) -> Self {
        let [a, b, c, d, e, ..] = id.serial().to_le_bytes();
        Self([a, b, c, d, e])
    }

    const fn number(self) -> u64 {
        let [a, b, c, d, e] = self.0;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }
}

/// What a label counts beside its words.
const LABEL_BYTES: usize = 64;
/// A message counts as large once as many bytes have come as the smallest share of the mail has.
const LARGE_BYTES_MIN: usize = 16 << 10;

const _: () = assert!(SocketId::SERIAL_MAX < 1 << 40, "a serial has five bytes");

const _: () = assert!(SocketId::INDEX_MAX < 1 << 24, "a place has three bytes");

/// Adds to a count, and returns how often it has wrapped.
fn count(count: &mut u32, more: usize) -> u32 {
    let sum = u64::from(*count) + more as u64;
    #[expect(clippy::cast_possible_truncation, reason = "the rest is returned")]
    let rest = sum as u32;
    *count = rest;
    u32::try_from(sum >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::addresses::Addresses;

    #[test]
    fn bytes_are_counted_beyond_four_gibibytes() {
        let id = SocketId::new(7, SocketId::SERIAL_MAX).expect("it is one");
        let mut addresses = Addresses::default();
        let peer = addresses.join(Some(([127, 0, 0, 1], 80).into()));
        let mut socket = Socket::new(id, peer, Time::ZERO);
        let mut plain = (0_u64, 0_u64);
        for number in 1..=9_usize {
            let (received, sent) = (number << 29, 3 << 30);
            socket.count_received(received);
            socket.count_sent(sent);
            plain = (plain.0 + received as u64, plain.1 + sent as u64);
            assert_eq!(socket.counts(), plain);
        }
        assert!(socket.is(id) && socket.id(7) == Some(id));
    }
}
