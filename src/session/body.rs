//! `MessageBody`: the payload of a message that is being received. Its memory grows with the
//! received bytes, to at most twice their number, whatever length was declared. A kept buffer is
//! used for all of a message once a part of the message has come.

use alloc::string::String;
use alloc::vec::Vec;

use crate::session::buffer_pool::BufferPool;
#[cfg(feature = "deflate")]
use crate::session::compressed::Compressed;
use crate::session::item::Item;
use crate::ws::frame::Payload;
use crate::ws::utf8::{self, Utf8};
use crate::ws::{Message, Opcode, ProtocolError, mask, work};

/// The part of a message that has arrived.
#[derive(Debug)]
pub(super) enum MessageBody {
    /// Text, which is validated as it comes.
    Text(String, Utf8),
    /// Bytes without validation.
    Bytes(GrowingBuffer, BodyKind),
}

/// The kind of the whole bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum BodyKind {
    Binary,
    #[cfg(feature = "deflate")]
    Compressed(Opcode),
}

/// Where a fragment stands in its message (RFC 6455, 5.4).
#[derive(Clone, Copy, Debug)]
pub(super) enum FragmentKind {
    /// Others follow.
    Earlier,
    /// None does.
    Final,
}

impl MessageBody {
    pub(super) fn new(opcode: Opcode, payload: Payload) -> Self {
        match payload {
            Payload::Plain if matches!(opcode, Opcode::Text) => {
                Self::Text(String::new(), Utf8::default())
            }
            Payload::Plain => Self::Bytes(GrowingBuffer::default(), BodyKind::Binary),
            #[cfg(feature = "deflate")]
            Payload::Compressed => {
                Self::Bytes(GrowingBuffer::default(), BodyKind::Compressed(opcode))
            }
        }
    }

    pub(super) const fn payload(&self) -> Payload {
        match self {
            Self::Text(..) | Self::Bytes(_, BodyKind::Binary) => Payload::Plain,
            #[cfg(feature = "deflate")]
            Self::Bytes(_, BodyKind::Compressed(_)) => Payload::Compressed,
        }
    }

    /// Appends bytes. `more` is the number of bytes that are still to come, if it is known, as in
    /// the last fragment of a message.
    pub(super) fn receive(
        &mut self,
        payload: &[u8],
        more: Option<usize>,
        buffers: &mut BufferPool,
    ) -> Result<(), ProtocolError> {
        match self {
            Self::Text(text, utf8) => utf8.receive(payload, text)?,
            Self::Bytes(bytes, _) => bytes.receive(payload, more, buffers),
        }
        Ok(())
    }

    /// The buffer to read bytes into directly. `more` bytes are still to come in this fragment.
    pub(super) fn read_buffer(&mut self, more: usize, kind: FragmentKind) -> Option<&mut [u8]> {
        match self {
            Self::Bytes(bytes, BodyKind::Binary) => bytes.room(more, kind),
            // Text is validated while it is copied, and a compressed message may have to wait for
            // its turn.
            Self::Text(..) => None,
            #[cfg(feature = "deflate")]
            Self::Bytes(_, BodyKind::Compressed(_)) => None,
        }
    }

    /// So many bytes were read into [`MessageBody::read_buffer`]; returns them to be unmasked.
    pub(super) fn filled(&mut self, len: usize) -> &mut [u8] {
        match self {
            Self::Bytes(bytes, _) => bytes.filled(len),
            Self::Text(..) => &mut [],
        }
    }

    /// Ends the message.
    pub(super) fn finish(self) -> Result<Item, ProtocolError> {
        Ok(match self {
            Self::Text(text, utf8) => {
                utf8.finish()?;
                Item::Message(text.into())
            }
            Self::Bytes(bytes, BodyKind::Binary) => Item::Message(bytes.finish().into()),
            #[cfg(feature = "deflate")]
            Self::Bytes(bytes, BodyKind::Compressed(opcode)) => {
                Item::Compressed(Compressed { opcode, bytes: bytes.finish() })
            }
        })
    }

    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Text(text, utf8) => text.len() + utf8.held_len(),
            Self::Bytes(bytes, _) => bytes.len,
        }
    }

    pub(super) const fn capacity(&self) -> usize {
        match self {
            Self::Text(text, _) => text.capacity(),
            Self::Bytes(bytes, _) => bytes.bytes.capacity(),
        }
    }
}

/// A whole message, from the payload of a frame that came as one piece.
///
/// # Errors
/// Text that is not UTF-8.
pub(super) fn whole(
    opcode: Opcode,
    payload: &mut [u8],
    key: [u8; 4],
    buffers: &mut BufferPool,
) -> Result<Message, ProtocolError> {
    if payload.len() <= Message::SHORT_BYTES_MAX {
        mask::apply(payload, key);
        work::did(payload.len());
        return Ok(match opcode {
            Opcode::Binary => Message::from(&*payload),
            _ => utf8::validate(payload)?.into(),
        });
    }
    let len = payload.len();
    let mut own = buffers.take(len..=2 * len).unwrap_or_else(|| Vec::with_capacity(len));
    if opcode == Opcode::Binary && payload.len() >= COPIED_BYTES_MIN {
        own.resize(payload.len(), 0);
        mask::copy(payload, key, &mut own);
        return Ok(own.into());
    }
    mask::apply(payload, key);
    // It is copied, and text is validated besides.
    work::did(2 * payload.len());
    own.clear();
    if opcode == Opcode::Binary {
        own.extend_from_slice(payload);
        return Ok(own.into());
    }
    let text = utf8::validate(payload)?;
    // An empty buffer is text, and stays the same buffer.
    let mut own = String::from_utf8(own).unwrap_or_default();
    own.push_str(text);
    Ok(own.into())
}

/// Growing bytes, and initialized capacity behind them.
#[derive(Debug, Default)]
pub(super) struct GrowingBuffer {
    bytes: Vec<u8>,
    /// How many of them have come.
    len: usize,
}

impl GrowingBuffer {
    fn receive(&mut self, payload: &[u8], more: Option<usize>, buffers: &mut BufferPool) {
        work::did(payload.len());
        let needed = self.len + payload.len();
        let total = more.map_or(usize::MAX, |more| needed.saturating_add(more));
        // A kept buffer costs no new memory. It is used once the peer has sent enough of the
        // message.
        if self.bytes.capacity() == 0
            && payload.len() >= total / EARNEST
            && let Some(buffer) = buffers.take(total..=total.saturating_mul(2))
        {
            self.bytes = buffer;
        }
        if self.bytes.capacity() < needed {
            work::did(self.len);
            let grown = needed.max(total.min(2 * self.len));
            self.bytes.reserve_exact(grown - self.bytes.len());
        }
        let room = payload.len().min(self.bytes.len() - self.len);
        let (first, second) = payload.split_at(room);
        self.bytes[self.len..self.len + room].copy_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.len += payload.len();
    }

    fn room(&mut self, more: usize, kind: FragmentKind) -> Option<&mut [u8]> {
        // Another frame follows this one, so that a separate read of few bytes gains nothing. And a
        // message that has only just begun may not be continued.
        if more < STRAIGHT_BYTES_MIN || self.len < STRAIGHT_BYTES_MIN {
            return None;
        }
        if self.bytes.len() - self.len < STRAIGHT_BYTES_MIN {
            let grown = self.len + self.len.min(more);
            if self.bytes.capacity() < grown {
                let capacity = match kind {
                    // It doubles, so that many fragments are not copied again for each.
                    FragmentKind::Earlier => 2 * self.len,
                    // The message ends with it.
                    FragmentKind::Final => grown,
                };
                work::did(self.len);
                self.bytes.reserve_exact(capacity - self.bytes.len());
            }
            work::did(grown - self.bytes.len());
            self.bytes.resize(grown, 0);
        }
        let end = self.bytes.len().min(self.len + more.min(STRAIGHT_BYTES_MAX));
        Some(&mut self.bytes[self.len..end])
    }

    fn filled(&mut self, len: usize) -> &mut [u8] {
        let start = self.len;
        self.len += len;
        &mut self.bytes[start..self.len]
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }
}

/// One pass that unmasks and copies is cheaper than two, for messages of this length and longer.
const COPIED_BYTES_MIN: usize = 4_096;
/// A peer that has sent this fraction of a frame gets a buffer for all of it, if there is one.
const EARNEST: usize = 32;
/// From this size on, reading into place saves more than the additional read costs.
const STRAIGHT_BYTES_MIN: usize = 16 * 1_024;
/// The maximum of one read, so that other sockets do not wait for long.
const STRAIGHT_BYTES_MAX: usize = 256 * 1_024;
