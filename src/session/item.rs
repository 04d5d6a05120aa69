//! The results of reading frames: messages and control frames.

use alloc::boxed::Box;

#[cfg(feature = "deflate")]
use crate::session::compressed::Compressed;
use crate::ws::{Close, Message, work};

/// A result of reading frames.
#[derive(Debug)]
pub(super) enum Item {
    /// A whole message.
    Message(Message),
    /// A whole message that is compressed.
    #[cfg(feature = "deflate")]
    Compressed(Compressed),
    /// A ping to be answered.
    Ping(Box<Control>),
    /// A pong: a sign of life and nothing more.
    Pong,
    /// The peer's close frame.
    Close(Close),
}

/// The payload of a control frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    bytes: [u8; CONTROL_BYTES_MAX],
    len: u8,
}

impl Control {
    /// The bytes.
    #[must_use]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(super) const EMPTY: Self = Self { bytes: [0; CONTROL_BYTES_MAX], len: 0 };

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        work::did(bytes.len());
        for &byte in bytes {
            self.bytes[usize::from(self.len)] = byte;
            self.len += 1;
        }
    }
}

/// RFC 6455, 5.5.
const CONTROL_BYTES_MAX: usize = 125;
