//! The client's end of the wire: frames that it sends, and what it reads of a server.

use crate::testing::answer::TestAnswer;
use crate::ws::frame::{Header, Opcode};
use crate::ws::{Close, Message};

/// What a client hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// The 101, with its subprotocol.
    Open(Option<String>),
    /// Another answer.
    Answer(TestAnswer),
    /// A message.
    Message(Message),
    /// A ping, which is to be answered.
    Ping(Vec<u8>),
    /// A close frame.
    Close(Close),
}

/// Reads what a server writes.
#[derive(Debug, Default)]
pub(super) struct WireReader {
    held: Vec<u8>,
    /// Whether the 101 was read.
    is_open: bool,
}

impl WireReader {
    /// Bytes have come.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next thing that is whole.
    pub(super) fn next(&mut self) -> Option<Heard> {
        if self.is_open { self.next_frame() } else { self.next_answer() }
    }

    fn next_answer(&mut self) -> Option<Heard> {
        let (answer, len) = TestAnswer::read(&self.held)?;
        self.held.drain(..len);
        if answer.status() != SWITCHING_PROTOCOLS {
            return Some(Heard::Answer(answer));
        }
        self.is_open = true;
        Some(Heard::Open(answer.header("Sec-WebSocket-Protocol").map(str::to_owned)))
    }

    fn next_frame(&mut self) -> Option<Heard> {
        loop {
            let (opcode, header_len, len) = server_header(&self.held)?;
            let payload = self.held.get(header_len..header_len + len)?.to_vec();
            self.held.drain(..header_len + len);
            return Some(match opcode {
                TEXT => Heard::Message(String::from_utf8(payload).expect("texts are UTF-8").into()),
                BINARY => Heard::Message(payload.into()),
                CLOSE => Heard::Close(Close::decode(&payload).expect("the host sends valid codes")),
                PING => Heard::Ping(payload),
                _ => continue,
            });
        }
    }
}

/// A frame of a client, which is masked (RFC 6455, 5.3). The key is there to confuse proxies, so it
/// need not be random here.
pub(super) fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let header = Header { key: Some(key), ..Header::whole(opcode, payload.len()) }.encode();
    let mut bytes = header.as_slice().to_vec();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The first byte of a server's frame, the length of its header, and that of its payload (RFC 6455,
/// 5.2). Without an extension, a server sends each message in one frame.
fn server_header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&[first, short], rest) = bytes.split_first_chunk()?;
    let long = |len: u64| usize::try_from(len).expect("an outbox is in memory");
    Some(match short {
        126 => (first, 4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (first, 10, long(u64::from_be_bytes(*rest.first_chunk()?))),
        short => (first, 2, usize::from(short)),
    })
}

const SWITCHING_PROTOCOLS: u16 = 101;
/// First bytes of whole messages and control frames.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
