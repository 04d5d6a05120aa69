//! `SocketId`: how services name a socket. An id is never used for two sockets.

use core::fmt;

/// A socket's id: its place in the host's table and, in the bits above, its number in the order of
/// all sockets of this host. A host never uses an id twice: the id of a socket that has gone names
/// no other one, and what is sent to it is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(u64);

impl SocketId {
    /// The highest place: 16,777,215.
    pub const INDEX_MAX: usize = (1 << INDEX_BITS) - 1;
    /// The highest number. A host that opens 100,000 sockets a second reaches it after 127 days.
    pub const SERIAL_MAX: u64 = (1 << (64 - INDEX_BITS)) - 1;

    /// The id of the socket at `index` with the number `serial`; `None` above
    /// [`SocketId::INDEX_MAX`] or [`SocketId::SERIAL_MAX`].
    #[must_use]
    pub const fn new(index: usize, serial: u64) -> Option<Self> {
        if index > Self::INDEX_MAX || serial > Self::SERIAL_MAX {
            return None;
        }
        Some(Self(serial << INDEX_BITS | index as u64))
    }

    /// The id that [`SocketId::as_u64`] returned. Any number will do: one that is the id of no
    /// socket is ignored like that of a socket that has gone.
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// The id as one number, as it is in the log.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The place in the host's table, from 0. Places are used again; ids are not.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & INDEX_MASK) as usize
    }

    /// The number in the order of all sockets of the host, from 1.
    #[must_use]
    pub const fn serial(self) -> u64 {
        self.0 >> INDEX_BITS
    }
}

impl fmt::Display for SocketId {
    /// Writes the number that is in the log and in the lines of programs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_u64().fmt(f)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({}@{})", self.serial(), self.index())
    }
}

const INDEX_BITS: u32 = 24;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
