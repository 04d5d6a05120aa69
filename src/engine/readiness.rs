//! `Readiness`: what the poll has reported about each connection, and which lists of the engine its
//! socket is in.

use crate::hub::cut;
use crate::service::SocketId;

/// The state of all connections, each at the index of its socket.
#[derive(Debug, Default)]
pub(super) struct ReadinessTable(Vec<Readiness>);

/// The state of one connection, in four bytes, since there are many: a set of [`ReadinessFlag`] in
/// the low byte, and above it the low bits of its socket's number. They are enough to tell apart
/// the sockets that one index has within two turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness(u32);

/// A flag of a connection.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum ReadinessFlag {
    /// A write may move bytes; if not, an event follows when it may again.
    Writable = 1 << 0,
    /// The peer has ended its half.
    HalfClosed = 1 << 1,
    /// The connection is lost.
    Lost = 1 << 2,
    /// The end was read: nothing comes any more.
    Ended = 1 << 3,
    /// Our half has been ended.
    Shut = 1 << 4,
    /// Its socket is in the list of those to be read.
    Reading = 1 << 5,
    /// Its socket is in the list of those to be written to.
    Writing = 1 << 6,
    /// There is a connection in this place.
    Present = 1 << 7,
}

/// An event of the poll about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// A read may move bytes.
    pub readable: bool,
    /// A write may move bytes.
    pub writable: bool,
    /// Whether the peer has ended.
    pub end: PeerEnd,
}

/// What the poll has reported about a peer's end, whether or not all bytes were read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerEnd {
    /// Nothing.
    None,
    /// The peer has ended its half.
    HalfClosed,
    /// The connection is lost.
    Lost,
}

impl ReadinessTable {
    pub(super) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Adds a connection that was just accepted.
    pub(super) fn insert(&mut self, id: SocketId) {
        let place = id.index();
        if place >= self.0.len() {
            self.0.resize(place + 1, Readiness(0));
        }
        let flags = ReadinessFlag::Present as u8 | ReadinessFlag::Writable as u8;
        self.0[place] = Readiness(Readiness::serial_of(id) | u32::from(flags));
    }

    /// The state of the connection of this socket, and never of another one at its index.
    pub(super) fn get_mut(&mut self, id: SocketId) -> Option<&mut Readiness> {
        let readiness = self.0.get_mut(id.index())?;
        let is_it = readiness.0 & !FLAGS == Readiness::serial_of(id);
        Some(readiness).filter(|of| is_it && of.has(ReadinessFlag::Present))
    }

    /// Removes the connection of this socket.
    pub(super) fn remove(&mut self, id: SocketId) {
        if let Some(readiness) = self.get_mut(id) {
            readiness.0 &= !FLAGS;
        }
    }

    /// Frees the entries from `places_len` on, which have no sockets.
    pub(super) fn trim(&mut self, places_len: usize) {
        cut(&mut self.0, places_len);
    }

    /// How many places there are.
    #[cfg(test)]
    pub(super) const fn places_len(&self) -> usize {
        self.0.len()
    }
}

impl Readiness {
    /// A write may move bytes. Returns true if that is new.
    pub(super) const fn set_writable(&mut self) -> bool {
        self.set(ReadinessFlag::Writable)
    }

    /// A write would block.
    pub(super) const fn clear_writable(&mut self) {
        self.clear(ReadinessFlag::Writable);
    }

    /// Whether a write may move bytes.
    pub(super) const fn is_writable(self) -> bool {
        self.has(ReadinessFlag::Writable)
    }

    /// Its socket is put in the list of those to be read. Returns true if it was not in it: a
    /// socket that is in it twice would get twice its share.
    pub(super) const fn set_reading(&mut self) -> bool {
        self.set(ReadinessFlag::Reading)
    }

    /// Its socket was taken from that list.
    pub(super) const fn clear_reading(&mut self) {
        self.clear(ReadinessFlag::Reading);
    }

    /// Its socket is put in the list of those to be written to. Returns true if it was not there.
    pub(super) const fn set_writing(&mut self) -> bool {
        self.set(ReadinessFlag::Writing)
    }

    /// Its socket was taken from that list.
    pub(super) const fn clear_writing(&mut self) {
        self.clear(ReadinessFlag::Writing);
    }

    /// Whether its socket is in that list.
    pub(super) const fn is_writing(self) -> bool {
        self.has(ReadinessFlag::Writing)
    }

    /// The end was read.
    pub(super) const fn set_ended(&mut self) {
        _ = self.set(ReadinessFlag::Ended);
    }

    /// Whether the end was read.
    pub(super) const fn is_ended(self) -> bool {
        self.has(ReadinessFlag::Ended)
    }

    /// Our half is ended. Returns true if it was not.
    pub(super) const fn set_shut(&mut self) -> bool {
        self.set(ReadinessFlag::Shut)
    }

    /// The poll has reported the peer's end.
    pub(super) const fn set_peer_end(&mut self, end: PeerEnd) {
        match end {
            PeerEnd::None => {}
            PeerEnd::HalfClosed => _ = self.set(ReadinessFlag::HalfClosed),
            PeerEnd::Lost => _ = self.set(ReadinessFlag::Lost),
        }
    }

    /// What the poll has reported about the peer's end.
    pub(super) const fn peer_end(self) -> PeerEnd {
        if self.has(ReadinessFlag::Lost) {
            return PeerEnd::Lost;
        }
        if self.has(ReadinessFlag::HalfClosed) { PeerEnd::HalfClosed } else { PeerEnd::None }
    }

    /// Sets the flag. Returns true if it was clear.
    const fn set(&mut self, flag: ReadinessFlag) -> bool {
        let was_clear = !self.has(flag);
        self.0 |= flag as u32;
        was_clear
    }

    const fn clear(&mut self, flag: ReadinessFlag) {
        self.0 &= !(flag as u32);
    }

    const fn has(self, flag: ReadinessFlag) -> bool {
        self.0 & flag as u32 != 0
    }

    /// The low bits of a socket's number, in their place.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
    const fn serial_of(id: SocketId) -> u32 {
        (id.serial() as u32) << 8
    }
}

/// The bits of all flags.
const FLAGS: u32 = 0xff;
