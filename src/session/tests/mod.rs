//! Tests of one conversation. Its rules are tables: rows of frames ([`frames`], [`faults`]),
//! which are held against every cutting of the input, and scripts ([`script`]), which say
//! step by step what is done and what follows, in a time of their own.

mod answers;
mod buffers;
mod closing;
#[cfg(feature = "deflate")]
pub(crate) mod codec;
mod deadlines;
#[cfg(feature = "deflate")]
mod deflate;
mod endings;
mod faults;
mod frames;
mod interop;
mod outbox;
mod reader;
mod rows;
mod script;
mod slow;
mod talk;
mod walk;
mod work;

/// What a peer sends.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// A frame with this first byte and this payload, masked, its length in the right form.
    Frame(u8, &'static [u8]),
    /// Bytes as they are.
    Bytes(&'static [u8]),
}

impl Peer {
    fn encode(self) -> Vec<u8> {
        match self {
            Self::Frame(first, payload) => frame(first, payload),
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

/// A client's frame, encoded after RFC 6455, 5.2, without the code under test.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x12, 0xF4, 0x56, 0xB8];
    let mut bytes = vec![first];
    match payload.len() {
        len @ ..=125 => bytes.push(0x80 | u8::try_from(len).expect("it is short")),
        len @ ..=65_535 => {
            bytes.push(0xFE);
            bytes.extend(u16::try_from(len).expect("it is medium").to_be_bytes());
        }
        len => {
            bytes.push(0xFF);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ KEY[at % 4]));
    bytes
}

// The first bytes of frames: FIN and opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
/// Begins a text message that goes on.
const TEXT_BEGINS: u8 = 0x01;
/// Begins a binary message that goes on.
const BINARY_BEGINS: u8 = 0x02;
/// A fragment in the middle.
const GOES_ON: u8 = 0x00;
/// The last fragment.
const ENDS: u8 = 0x80;

/// A request for an upgrade, and one for a page.
const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const PAGE: &[u8] = b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n";
