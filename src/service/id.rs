//! `SocketId`: the name of a socket towards services. It never means two sockets.

use core::fmt;

/// A socket's id: its place in the host's table and, above it, its number in the order of
/// all sockets of this host. No two sockets of a host have the same, one after the other or
/// at a time; the id of a socket that has gone is the id of nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(u64);

impl SocketId {
    /// The most places that ids tell apart.
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

    /// The id that [`SocketId::as_u64`] gave.
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
