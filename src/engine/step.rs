//! `TurnStep`: what a turn does, for tests that look on.

use crate::hub::WorkerId;
use crate::service::SocketId;

/// A step of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnStep {
    /// A socket may not be read now.
    Held(SocketId),
    /// A socket is about to be read.
    Reads(SocketId),
    /// The hub has got so many bytes of a socket.
    Received(SocketId, usize),
    /// A socket is about to be written to.
    Writes(SocketId),
    /// A socket was written to, and the hub knows.
    Wrote(SocketId),
    /// A socket is about to be dropped.
    Drops(SocketId),
    /// A socket that was held back is to be read again.
    Resumes(SocketId),
    /// A run of a service has ended, and the hub knows.
    Ended(WorkerId),
}
