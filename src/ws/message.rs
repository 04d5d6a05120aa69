//! A whole message, text or binary (RFC 6455, 5.6).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::ws::Opcode;

/// A whole message from a peer or for a peer, with its fragments joined. Text is valid UTF-8. It
/// converts from `&str` and `String` (text), and from `&[u8]` and `Vec<u8>` (binary).
///
/// Its length is limited by [`Limits::message_bytes_max`](crate::Limits) when it comes, and by
/// `outbox_bytes_max` when it is sent. A short one, of up to [`Message::SHORT_BYTES_MAX`] bytes,
/// needs no memory on the heap.
///
/// ```
/// use switchboard::ws::Message;
/// assert_eq!(Message::from("hello").as_text(), Some("hello"));
/// assert_eq!(Message::from(vec![1, 2]).as_bytes(), [1, 2]);
/// ```
#[derive(Clone)]
pub struct Message(pub(super) MessageBytes);

#[derive(Clone)]
pub(super) enum MessageBytes {
    Text(String),
    Binary(Vec<u8>),
    /// It is UTF-8.
    ShortText(Short),
    ShortBinary(Short),
}

/// A few bytes in place. Many messages are this short, and the allocator costs more than the copy.
#[derive(Clone, Copy)]
pub(super) struct Short {
    pub(super) len: u8,
    pub(super) bytes: [u8; Message::SHORT_BYTES_MAX],
}

const _: () = assert!(size_of::<Message>() <= 32, "a message is moved from list to list");

impl Message {
    /// The longest payload in bytes that is held in place, when it came from a peer or was made
    /// from a slice.
    pub const SHORT_BYTES_MAX: usize = 30;

    /// Whether it is text.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self.0, MessageBytes::Text(_) | MessageBytes::ShortText(_))
    }

    /// The text; `None` for a binary message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            MessageBytes::Text(text) => Some(text),
            // Callers that need only the bytes do not validate them again.
            MessageBytes::ShortText(short) => core::str::from_utf8(short.as_slice()).ok(),
            MessageBytes::Binary(_) | MessageBytes::ShortBinary(_) => None,
        }
    }

    /// The payload of a text or binary message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            MessageBytes::Text(text) => text.as_bytes(),
            MessageBytes::Binary(bytes) => bytes,
            MessageBytes::ShortText(short) | MessageBytes::ShortBinary(short) => short.as_slice(),
        }
    }

    /// The payload's length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The payload as a buffer, which is copied only if the message is short.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            MessageBytes::Text(text) => text.into_bytes(),
            MessageBytes::Binary(bytes) => bytes,
            MessageBytes::ShortText(short) | MessageBytes::ShortBinary(short) => {
                short.as_slice().to_owned()
            }
        }
    }

    /// The opcode of its first frame: text or binary.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        if self.is_text() { Opcode::Text } else { Opcode::Binary }
    }

    /// The bytes of memory that the payload occupies on the heap; 0 if it is short.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        match &self.0 {
            MessageBytes::Text(text) => text.capacity(),
            MessageBytes::Binary(bytes) => bytes.capacity(),
            MessageBytes::ShortText(_) | MessageBytes::ShortBinary(_) => 0,
        }
    }
}

impl Short {
    pub(super) fn new(payload: &[u8]) -> Option<Self> {
        let mut bytes = [0; Message::SHORT_BYTES_MAX];
        bytes.get_mut(..payload.len())?.copy_from_slice(payload);
        Some(Self { len: u8::try_from(payload.len()).ok()?, bytes })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.is_text() == other.is_text() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_text() {
            Some(text) => f.debug_tuple("Text").field(&text).finish(),
            None => f.debug_tuple("Binary").field(&self.as_bytes()).finish(),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self(MessageBytes::Text(text))
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        let short = Short::new(text.as_bytes()).map(|short| Self(MessageBytes::ShortText(short)));
        short.unwrap_or_else(|| text.to_owned().into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self(MessageBytes::Binary(bytes))
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        let short = Short::new(bytes).map(|short| Self(MessageBytes::ShortBinary(short)));
        short.unwrap_or_else(|| bytes.to_owned().into())
    }
}
