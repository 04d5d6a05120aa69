//! The messages of the demo chat: what a client wants, and what it gets. `docs/chat.md` describes
//! them.

#![cfg(feature = "chatroom")]

use std::borrow::Cow;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use switchboard::Message;

/// What a client wants. Further fields are ignored, though not free: while a message is read,
/// they take memory, in the worst case some sixty times the length of the message.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Wish {
    /// To have this name.
    Name { name: Name },
    /// To make a room.
    Create { chatroom: Name },
    /// To enter a room.
    Join { chatroom: Name },
    /// To say something.
    Message { message: String },
    /// To know who is in its room.
    Who,
    /// To know what was said in its room before this message, or last.
    History { chatroom: Name, before: Option<u64>, limit: u8 },
}

impl Wish {
    /// `None` for whatever is not a proper message: binary ones, other types, a field that is
    /// missing, there twice, or no text, names that are too long, and nesting so deep that
    /// reading it would need too much stack.
    pub fn decode(message: &Message) -> Option<Self> {
        // The derived code would read an array as well, such as `["name","Ida"]`.
        message.as_text().filter(|text| text.trim_start().starts_with('{'))?;
        message.json().ok()
    }
}

/// The name of a person or a room, at most [`NAME_CHARS_MAX`] characters long. It may be empty,
/// and people may share one. Clones share its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub Rc<str>);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.chars().count() > NAME_CHARS_MAX {
            return Err("the name is too long");
        }
        Ok(Self(name.into()))
    }
}

/// A message to a client.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Reply<'a> {
    /// A question.
    Query { query: &'a str },
    /// It is in this room.
    Join { chatroom: &'a str },
    /// It cannot be done.
    Notice { notice: Cow<'a, str> },
    /// Who is in its room.
    Who { chatroom: &'a str, names: Vec<&'a str> },
    /// What was said in its room, the last message at the end, and whether more was said before.
    History { chatroom: &'a str, messages: Vec<SaidEntry<'a>>, more: bool },
    /// Something happens.
    Event { event: Event<'a> },
}

/// A message that was said: its id, who said it, its text, and the milliseconds since 1970.
pub(crate) type SaidEntry<'a> = (u64, &'a str, &'a str, u64);

/// An event, for a room or for all clients.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Event<'a> {
    /// All rooms.
    Listing { chatrooms: Vec<(&'a str, usize)> },
    /// A room was made.
    NewChatroom { name: &'a str },
    /// So many are in a room.
    Update { data: (&'a str, usize) },
    /// Somebody came in.
    NewUser { name: &'a str },
    /// Somebody left.
    Logoff { name: &'a str },
    /// Somebody said something.
    Message { name: &'a str, message: &'a str },
}

impl Reply<'_> {
    /// The question for the name.
    pub const NAME_QUERY: Self = Self::Query { query: "name" };
    /// The database has not stored a message of this client. The page knows these texts.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub const NOT_STORED: Self = Self::Notice {
        notice: Cow::Borrowed(
            "Your message was not stored, and nobody got it. Send it again later.",
        ),
    };
    /// The database has no answer to a question.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub const NOT_READ: Self =
        Self::Notice { notice: Cow::Borrowed("Earlier messages cannot be read now.") };
}

impl From<Reply<'_>> for Message {
    fn from(reply: Reply<'_>) -> Self {
        let message = Self::from_json(&reply);
        message.expect("texts, numbers and lists of them can always be written as JSON")
    }
}

impl<'a> From<Event<'a>> for Message {
    fn from(event: Event<'a>) -> Self {
        Reply::Event { event }.into()
    }
}

/// Characters in the sense of Unicode scalar values, however many bytes each has.
pub(crate) const NAME_CHARS_MAX: usize = 64;
