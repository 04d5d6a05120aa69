//! Compressed messages of peers, and the contexts that later ones may refer to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::session::codec::append;
use crate::ws::Opcode;
use crate::ws::extension::{Agreement, Side};

/// A whole message of a peer as it came: it has to pass `Session::inflate`.
#[derive(Debug)]
pub struct Compressed {
    /// Text or binary.
    pub(super) opcode: Opcode,
    pub(super) bytes: Vec<u8>,
}

impl Compressed {
    /// Its length in bytes, as it came.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is empty and inflates to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The state of a conversation with compression.
#[derive(Debug)]
pub(super) struct Contexts {
    pub(super) agreement: Agreement,
    pub(super) sent: Window,
    pub(super) received: Window,
}

impl Contexts {
    pub(super) fn new(agreement: Agreement) -> Box<Self> {
        let (sent, received) = (Window::default(), Window::default());
        Box::new(Self { agreement, sent, received })
    }

    /// The bytes of memory that the contexts occupy.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.sent.0.capacity() + self.received.0.capacity()
    }
}

/// The last bytes of the messages that went one way compressed.
#[derive(Debug, Default)]
pub(super) struct Window(pub(super) Vec<u8>);

impl Window {
    /// Appends a message, as far as the context is kept.
    pub(super) fn push(&mut self, plain: &[u8], side: Side) {
        let max = side.context_bytes();
        let plain = &plain[plain.len().saturating_sub(max)..];
        let surplus = (self.0.len() + plain.len()).saturating_sub(max);
        self.0.drain(..surplus);
        append(&mut self.0, plain, max);
    }
}
