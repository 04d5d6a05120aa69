//! Bytes on the wire, written and read here without a line of the server's own code: the
//! frames of clients, and what a server says to them.

/// What a client's frame begins with.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8A;
/// Without FIN.
pub const TEXT_BEGINS: u8 = 0x01;
pub const GOES_ON: u8 = 0x00;
pub const ENDS: u8 = 0x80;
/// Bits that only extensions use: the first says that a message is compressed.
pub const RSV1: u8 = 0x40;
pub const RSV2: u8 = 0x20;

/// The payload of message `serial`: its number, if it fits, and letters that depend on it.
pub fn payload(serial: u32, len: usize) -> Vec<u8> {
    let mut payload = vec![fill(serial); len];
    if let Some(number) = payload.first_chunk_mut() {
        *number = digits(serial);
    }
    payload
}

/// Panics if this is not the payload of message `serial`.
pub fn check_payload(payload: &[u8], serial: u32, len: usize) {
    assert_eq!(payload.len(), len, "the length of message {serial:x}");
    assert!(payload == self::payload(serial, len), "message {serial:x} is torn or another one");
}

/// A number in hexadecimal.
fn digits(serial: u32) -> [u8; 8] {
    let digit = |place: u32| b"0123456789abcdef"[(serial >> (28 - 4 * place) & 0xF) as usize];
    [0, 1, 2, 3, 4, 5, 6, 7].map(digit)
}

fn fill(serial: u32) -> u8 {
    b'a' + u8::try_from(serial % 26).expect("it is below 26")
}

/// A frame of a client, masked with a key that follows from its length.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut out = vec![first];
    if length < 126 {
        out.push(0x80 | u8::try_from(length).expect("it is short"));
    } else if let Ok(length) = u16::try_from(length) {
        out.push(0x80 | 126);
        out.extend(length.to_be_bytes());
    } else {
        out.push(0x80 | 127);
        out.extend((length as u64).to_be_bytes());
    }
    let key = [0x37, 0xFA, 0x21, u8::try_from(length % 251).expect("it is below 251")];
    out.extend(key);
    let begin = out.len();
    out.extend_from_slice(payload);
    // Eight bytes at a time: it matters in a test without optimization.
    let mut chunks = out[begin..].chunks_exact_mut(8);
    let wide = u64::from_ne_bytes([key, key].concat().try_into().expect("they are eight"));
    for chunk in &mut chunks {
        let eight = u64::from_ne_bytes((&*chunk).try_into().expect("they are eight"));
        chunk.copy_from_slice(&(eight ^ wide).to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
    out
}

/// How long a server's frame with a payload of this length is.
pub const fn framed_len(payload_len: usize) -> usize {
    let header_len = match payload_len {
        0..126 => 2,
        126..65_536 => 4,
        65_536.. => 10,
    };
    header_len + payload_len
}

/// Something that a server says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The head of an answer: its status and its lines.
    Answer {
        status: u16,
        head: &'a str,
    },
    /// More of the body of an answer.
    Body(&'a [u8]),
    /// A message.
    Message {
        is_text: bool,
        payload: &'a [u8],
    },
    /// The same, as it came.
    Compressed {
        is_text: bool,
        payload: &'a [u8],
    },
    Ping,
    Pong(&'a [u8]),
    /// A close frame; code 1005 if it has none.
    Close(u16),
}

/// Reads what a server says to one client, and panics at what no server may say.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// What is not whole.
    held: Vec<u8>,
    /// How many bytes have been read before those that are held.
    at: u64,
    stage: Stage,
    /// The 101 agrees to compress.
    compresses: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Head,
    Body,
    Frames,
    Closed,
}

impl Reader {
    /// Reads more. `tell` gets each complete item, with its start and end.
    pub fn read(&mut self, bytes: &[u8], mut tell: impl FnMut(u64, u64, Said<'_>)) {
        if self.held.is_empty() {
            let used = self.read_some(bytes, &mut tell);
            self.held.extend_from_slice(&bytes[used..]);
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let used = self.read_some(&held, &mut tell);
        held.drain(..used);
        self.held = held;
    }

    /// Whether a close frame has come.
    pub fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Whether an answer other than the 101 has come.
    pub fn is_answered(&self) -> bool {
        self.stage == Stage::Body
    }

    /// Whether the 101 has come, and no close frame.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Frames
    }

    /// Whether the 101 has agreed to compress.
    pub const fn compresses(&self) -> bool {
        self.compresses
    }

    /// Whether nothing is half there.
    pub fn is_whole(&self) -> bool {
        self.held.is_empty()
    }

    /// Reads all complete items; returns how many bytes that is.
    fn read_some(&mut self, bytes: &[u8], tell: &mut impl FnMut(u64, u64, Said<'_>)) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let (len, said) = match self.stage {
                Stage::Head => match read_head(rest) {
                    Some(read) => read,
                    None => break,
                },
                Stage::Body => (rest.len(), Said::Body(rest)),
                Stage::Frames => match self.read_frame(rest) {
                    Some(read) => read,
                    None => break,
                },
                Stage::Closed => panic!("{} bytes behind a close frame: {rest:02x?}", rest.len()),
            };
            match said {
                Said::Answer { status: 101, head } => {
                    self.stage = Stage::Frames;
                    self.compresses = head.contains("permessage-deflate");
                }
                Said::Answer { .. } => self.stage = Stage::Body,
                Said::Close(_) => self.stage = Stage::Closed,
                Said::Body(_) | Said::Ping | Said::Pong(_) => {}
                Said::Message { .. } | Said::Compressed { .. } => {}
            }
            let begin = self.at;
            self.at += len as u64;
            used += len;
            tell(begin, self.at, said);
        }
        used
    }
}

impl Reader {
    fn read_frame<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        let &first = bytes.first()?;
        let is_message = matches!(first & 0x0F, 0x1 | 0x2);
        if first & RSV1 == 0 || !self.compresses || !is_message {
            return read_frame(bytes);
        }
        let (len, payload) = read_payload(bytes)?;
        Some((len, Said::Compressed { is_text: first & 0x0F == 0x1, payload }))
    }
}

/// Reads the head of an answer, if it is complete; returns its length, too.
pub fn read_head(bytes: &[u8]) -> Option<(usize, Said<'_>)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("the head of an answer is text");
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Some((end, Said::Answer { status: status.expect("an answer has a status"), head }))
}

/// Reads a frame, if it is complete; returns its length, too.
pub fn read_frame(bytes: &[u8]) -> Option<(usize, Said<'_>)> {
    let &first = bytes.first()?;
    assert_eq!(first & 0x70, 0, "a reserved bit is set: {first:02x}");
    let (len, payload) = read_payload(bytes)?;
    let said = match first & 0x0F {
        0x1 => Said::Message { is_text: true, payload },
        0x2 => Said::Message { is_text: false, payload },
        0x8 => Said::Close(close_code(payload)),
        0x9 => {
            assert_eq!(payload, b"ping", "some clients take an empty one for the end");
            Said::Ping
        }
        0xA => Said::Pong(payload),
        opcode => panic!("no opcode of a server: {opcode:x}"),
    };
    Some((len, said))
}

/// The payload of a frame that is whole, and the length of the frame.
fn read_payload(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0x80, 0x80, "servers of this kind send whole messages: {first:02x}");
    assert_eq!(second & 0x80, 0, "servers do not mask");
    let (begin, len) = match second {
        126 => {
            let len = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
            assert!(len > 125, "a length in its shortest form");
            (4, usize::from(len))
        }
        127 => {
            let len = u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
            assert!(len > 65_535, "a length in its shortest form");
            (10, usize::try_from(len).expect("a length that memory holds"))
        }
        short => (2, short.into()),
    };
    let payload = bytes.get(begin..begin + len)?;
    assert!(first & 0x08 == 0 || len < 126, "control frames are short");
    Some((begin + len, payload))
}

fn close_code(payload: &[u8]) -> u16 {
    if payload.is_empty() {
        return 1005;
    }
    let (code, reason) = payload.split_first_chunk().expect("a code has two bytes");
    let code = u16::from_be_bytes(*code);
    let is_right = (1_000..5_000).contains(&code) && ![1_004, 1_005, 1_006, 1_015].contains(&code);
    assert!(is_right, "the code {code} in a frame");
    assert!(std::str::from_utf8(reason).is_ok(), "a reason is UTF-8");
    code
}
