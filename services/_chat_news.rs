//! What the demo chat in one process tells the chat in others, if it shares: who comes and goes,
//! what is said, and which rooms there are. It is sent over a topic that no client hears, so that
//! each process sends its own clients what they get, in one order.

#![cfg(all(feature = "chatroom", feature = "processes"))]

use serde::{Deserialize, Serialize, Serializer};
use switchboard::{Audience, Context, Message};

use super::_chat_messages::Name;

/// News with the number of its process, and its number among the news of that.
pub(crate) type Letter = (u64, u64, News);

/// What a process tells the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// It may have missed something: the others are to send reports.
    Ask,
    /// It is there.
    Alive,
    /// It goes, with all people in it.
    Gone,
    /// Somebody has made a room.
    Room(Name),
    /// Somebody has come in.
    Enter { room: Name, name: Name },
    /// Somebody has left.
    Leave { room: Name, name: Name },
    /// Somebody has said something.
    Said(Said),
    /// A report begins, which replaces what was known of its people.
    Begin,
    /// Some of its rooms, with how many people are there, and the names of the first ones.
    People(Vec<(Name, u32, Vec<Name>)>),
    /// The report is complete.
    End,
}

/// Something that somebody has said in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub room: Name,
    pub name: Name,
    pub text: String,
    /// The same on each host.
    pub id: u64,
    /// In milliseconds since 1970.
    pub at: u64,
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Sends a letter to the other processes.
pub(crate) fn send(context: &mut Context, letter: &Letter) {
    let message = Message::from_json(letter);
    context.send(
        Audience::topic(TOPIC),
        message.expect("texts, numbers and lists of them can always be written as JSON"),
    );
}

/// The topic. No client is subscribed to it.
pub(crate) const TOPIC: &str = "chats";
