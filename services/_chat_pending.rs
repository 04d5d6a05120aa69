//! The messages of the demo chat that wait for its database.

#![cfg(all(feature = "chatroom", any(feature = "sqlite", feature = "postgres")))]

use std::rc::Rc;

use switchboard::SocketId;

/// A message that is neither shown nor refused yet.
pub(crate) struct Pending {
    pub room: Rc<str>,
    pub name: Rc<str>,
    /// Empty until it is stored.
    pub text: String,
    pub at: u64,
    pub sender: SocketId,
    pub fate: Fate,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    UnderWay,
    Stored,
    Refused,
}

/// What is to be sent next.
pub(crate) enum Due {
    /// A message with its id, to its room.
    Show(u64, Pending),
    /// The notice that the message of this client is not stored.
    Refuse(SocketId),
}
