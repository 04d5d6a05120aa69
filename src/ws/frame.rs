//! The frame header (RFC 6455, 5.2): decoding those of clients, encoding those of servers. It knows
//! single headers only; the session checks their order.

use crate::ws::{ProtocolError, work};

/// The opcode of a frame (RFC 6455, 5.2). Reserved opcodes are a [`ProtocolError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// 0x0: continues a fragmented message.
    Continuation,
    /// 0x1: begins a text message.
    Text,
    /// 0x2: begins a binary message.
    Binary,
    /// 0x8: closes the conversation.
    Close,
    /// 0x9: asks for a pong.
    Ping,
    /// 0xA: answers a ping.
    Pong,
}

impl Opcode {
    /// Whether this is a control frame (RFC 6455, 5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn decode(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    const fn encode(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// The header of one frame (RFC 6455, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The opcode.
    pub opcode: Opcode,
    /// The masking key; `None` in frames from a server.
    pub key: Option<[u8; 4]>,
    /// The payload's length in bytes, as the header declares it: up to 2^63 - 1.
    pub length: u64,
}

impl Header {
    /// The longest header: 2 bytes, 8 of length, 4 of masking key.
    pub const BYTES_MAX: usize = 14;

    /// The header of a whole message, or of a control frame, from a server: final, and without a
    /// key.
    #[must_use]
    pub const fn whole(opcode: Opcode, length: usize) -> Self {
        Self { fin: true, opcode, key: None, length: length as u64 }
    }

    /// Reads the header of a message in one frame of up to 125 bytes. Returns its opcode, its key,
    /// the payload's length and the header's length in bytes; `None` if `bytes` begin with anything
    /// else, right or wrong.
    #[cfg(feature = "host")]
    #[inline(always)]
    pub(crate) fn decode_short(bytes: &[u8]) -> Option<(Opcode, [u8; 4], usize, usize)> {
        let &[first, second, a, b, c, d] = bytes.first_chunk()?;
        let opcode = match first {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return None,
        };
        let length = second.checked_sub(MASKED).filter(|length| *length <= SHORT_MAX)?;
        Some((opcode, [a, b, c, d], usize::from(length), 6))
    }

    /// Decodes the header at the beginning of `bytes`, which came from a client. Returns the header
    /// and its own length in bytes; `None`: there are not enough bytes yet.
    ///
    /// # Errors
    /// The first broken rule, as soon as the byte that breaks it is there.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        // RFC 6455, 5.2: reserved bits are 0 unless an extension gave them a meaning.
        if bytes.first().is_some_and(|first| first & RESERVED != 0) {
            return Err(ProtocolError::ReservedBits);
        }
        Self::decode_rest(bytes)
    }

    /// The same where compression was agreed on. Also returns whether the header begins a message
    /// that is compressed (RFC 7692, 6).
    ///
    /// # Errors
    /// The first broken rule, as soon as the byte that breaks it is there.
    #[cfg(feature = "deflate")]
    pub fn decode_deflate(bytes: &[u8]) -> Result<Option<(Self, Payload, usize)>, ProtocolError> {
        let payload = match bytes.first().map_or(0, |first| first & RESERVED) {
            0 => Payload::Plain,
            // RFC 7692, 6.1: the bit stands in the first frame of a message, and nowhere else.
            RSV1 if bytes.first().is_some_and(|first| matches!(first & OPCODE, 0x1 | 0x2)) => {
                Payload::Compressed
            }
            _ => return Err(ProtocolError::ReservedBits),
        };
        Ok(Self::decode_rest(bytes)?.map(|(header, used)| (header, payload, used)))
    }

    /// Reads a header whose reserved bits are right.
    fn decode_rest(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        work::did(bytes.len().min(Self::BYTES_MAX));
        let Some(&first) = bytes.first() else { return Ok(None) };
        // RFC 6455, 5.2: an unknown opcode fails the connection.
        let opcode = Opcode::decode(first & OPCODE).ok_or(ProtocolError::ReservedOpcode)?;
        let fin = first & FIN != 0;
        // RFC 6455, 5.5: control frames are never fragmented.
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        // RFC 6455, 5.1: the server closes after a frame that is not masked.
        if second & MASKED == 0 {
            return Err(ProtocolError::Unmasked);
        }
        let short = second & LENGTH;
        // RFC 6455, 5.5: control frames have 125 bytes or less.
        if opcode.is_control() && short > SHORT_MAX {
            return Err(ProtocolError::LongControl);
        }
        let Some((length, rest)) = decode_length(short, &bytes[2..])? else { return Ok(None) };
        let Some(key) = rest.first_chunk::<4>() else { return Ok(None) };
        let used = bytes.len() - rest.len() + key.len();
        Ok(Some((Self { fin, opcode, key: Some(*key), length }, used)))
    }

    /// The first byte of the header of a whole message, as [`Header::whole`] has it.
    #[cfg(feature = "host")]
    #[inline]
    pub(crate) const fn first_byte(opcode: Opcode) -> u8 {
        FIN | opcode.encode()
    }

    /// Encodes the header, with the length in its shortest form (RFC 6455, 5.2).
    #[must_use]
    pub fn encode(&self) -> HeaderBytes {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[0] = if self.fin { FIN } else { 0 } | self.opcode.encode();
        let mut len = 2;
        if let Ok(short @ ..=SHORT_MAX) = u8::try_from(self.length) {
            bytes[1] = short;
        } else if let Ok(medium) = u16::try_from(self.length) {
            bytes[1] = LENGTH_16;
            bytes[2..4].copy_from_slice(&medium.to_be_bytes());
            len = 4;
        } else {
            bytes[1] = LENGTH_64;
            bytes[2..10].copy_from_slice(&self.length.to_be_bytes());
            len = 10;
        }
        if let Some(key) = self.key {
            bytes[1] |= MASKED;
            bytes[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        HeaderBytes { bytes, len }
    }
}

/// Whether the payload of a message is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The message itself.
    Plain,
    /// The message after permessage-deflate (RFC 7692).
    #[cfg(feature = "deflate")]
    Compressed,
}

/// An encoded header: at most [`Header::BYTES_MAX`] bytes, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    bytes: [u8; Header::BYTES_MAX],
    len: usize,
}

impl HeaderBytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The same header, of a message that is compressed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn compressed(mut self) -> Self {
        self.bytes[0] |= RSV1;
        self
    }
}

/// The length and what follows it; `None` when it is not all there yet.
fn decode_length(short: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    match short {
        LENGTH_16 => {
            let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
            let length = u16::from_be_bytes(*length);
            // RFC 6455, 5.2: the minimal number of bytes encodes the length.
            if length <= u16::from(SHORT_MAX) {
                return Err(ProtocolError::LengthForm);
            }
            Ok(Some((u64::from(length), rest)))
        }
        LENGTH_64 => {
            // RFC 6455, 5.2: the most significant bit is 0.
            if bytes.first().is_some_and(|first| first & 0x80 != 0) {
                return Err(ProtocolError::LengthSign);
            }
            let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
            let length = u64::from_be_bytes(*length);
            // RFC 6455, 5.2: the minimal number of bytes encodes the length.
            if length <= u64::from(u16::MAX) {
                return Err(ProtocolError::LengthForm);
            }
            Ok(Some((length, rest)))
        }
        _ => Ok(Some((u64::from(short), bytes))),
    }
}

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
#[cfg(feature = "deflate")]
const RSV1: u8 = 0x40;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const SHORT_MAX: u8 = 125;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
