//! `SocketId`: how services name a socket. An id is never used for two sockets.

use core::fmt;

/// A socket's id: its index in the host's table in the low bits, and its serial number among all
/// sockets of this host in the high bits. An id is never used again: the id of a socket that has
/// gone names no socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(u64);

impl SocketId {
    /// The number of table indices that ids can hold.
    pub const INDEX_MAX: usize = (1 << INDEX_BITS) - 1;
    /// The highest number: at 100,000 new sockets a second, 127 days away.
    pub const SERIAL_MAX: u64 = (1 << (64 - INDEX_BITS)) - 1;

    /// The id of the socket at `index` with the number `serial`; `None` beyond the maxima.
    #[must_use]
    pub const fn new(index: usize, serial: u64) -> Option<Self> {
        if index > Self::INDEX_MAX || serial > Self::SERIAL_MAX {
            return None;
        }
        Some(Self(serial << INDEX_BITS | index as u64))
    }

    /// The id whose number is [`SocketId::as_u64`].
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// The id as one number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The place in the host's table.
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
