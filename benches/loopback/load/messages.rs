//! The messages of one run, prebuilt: the masked frames that go to the server, and what has to
//! come back.

use super::deflate::{Contexts, deflate};
use super::json::json;

/// What the payloads are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text message of ASCII.
    Ascii,
    /// A text message of characters of three bytes.
    Characters,
    /// A binary message.
    Binary,
    /// A text message of JSON.
    Json,
}

/// Whether payloads are compared with what was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// A sample of them is.
    Sample,
    /// Lengths and headers alone, since the floor invents its payloads.
    Headers,
}

/// A cycle of messages that differ, so that a loss or a swap shows.
pub struct Messages {
    /// The frames of a cycle, and again those that a burst may reach beyond it.
    frames: Vec<u8>,
    /// Where each of them begins, and the end of the last one.
    starts: Vec<usize>,
    payloads: Vec<Vec<u8>>,
    answer_header: Vec<u8>,
    burst_max: usize,
    verify: Verify,
    contexts: Option<Contexts>,
}

impl Messages {
    /// Messages of `payload_len` bytes, of which `burst_max` can be sent at once. They are
    /// compressed if it says what is agreed on for that.
    pub fn new(
        kind: Kind,
        payload_len: usize,
        burst_max: usize,
        verify: Verify,
        contexts: Option<Contexts>,
    ) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let first = if kind == Kind::Binary { 0x82 } else { 0x81 };
        let cycle_len = if kind == Kind::Json { JSON_CYCLE_LEN } else { CYCLE_LEN };
        let payloads: Vec<_> =
            (0..cycle_len).map(|_| payload(kind, payload_len, &mut random)).collect();
        let (mut frames, mut starts) = (Vec::new(), vec![0]);
        for number in 0..cycle_len + burst_max - 1 {
            let payload = &payloads[number % cycle_len];
            frames.extend(match contexts {
                None => masked_frame(first, payload, &mut random),
                Some(_) => masked_frame(first | RSV1, &deflate(payload), &mut random),
            });
            starts.push(frames.len());
        }
        let answer_header = header(first, 0, payload_len);
        Self { frames, starts, payloads, answer_header, burst_max, verify, contexts }
    }

    /// The frames of at most `count` messages from number `first` on.
    pub fn burst(&self, first: usize, count: usize) -> &[u8] {
        let first = first % self.payloads.len();
        &self.frames[self.starts[first]..self.starts[first + count.min(self.burst_max)]]
    }

    /// The bytes of one frame to the server.
    pub fn frame_len(&self, number: usize) -> usize {
        let number = number % self.payloads.len();
        self.starts[number + 1] - self.starts[number]
    }

    /// The bytes of one message.
    pub fn payload_len(&self) -> usize {
        self.payloads[0].len()
    }

    /// The payload of the message of this number.
    pub fn payload(&self, number: usize) -> &[u8] {
        &self.payloads[number % self.payloads.len()]
    }

    /// Whether messages are compressed, and how.
    pub fn contexts(&self) -> Option<Contexts> {
        self.contexts
    }

    /// The header that an answer has which is neither fragmented nor compressed.
    pub fn answer_header(&self) -> &[u8] {
        &self.answer_header
    }

    /// Whether `bytes` may stand at `offset` of the message of this number.
    pub fn matches(&self, number: usize, offset: usize, bytes: &[u8]) -> bool {
        let Some(end) = offset.checked_add(bytes.len()).filter(|&end| end <= self.payload_len())
        else {
            return false;
        };
        !self.is_compared(number) || bytes == &self.payload(number)[offset..end]
    }

    /// Whether the message of this number belongs to the sample.
    pub fn is_compared(&self, number: usize) -> bool {
        self.verify == Verify::Sample && number.is_multiple_of(SAMPLE_EVERY)
    }
}

/// A frame to the server, final, of at most 125 bytes.
pub fn control_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked_frame(0x80 | opcode, payload, &mut Random(0x2545_F491_4F6C_DD1D))
}

fn masked_frame(first: u8, payload: &[u8], random: &mut Random) -> Vec<u8> {
    let [a, b, c, d, ..] = random.next().to_be_bytes();
    let key = [a, b, c, d];
    let mut frame = header(first, 0x80, payload.len());
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn header(first: u8, mask: u8, payload_len: usize) -> Vec<u8> {
    let mut header = vec![first];
    if let Ok(len @ 0..=125) = u8::try_from(payload_len) {
        header.push(mask | len);
    } else if let Ok(len) = u16::try_from(payload_len) {
        header.push(mask | 126);
        header.extend(len.to_be_bytes());
    } else {
        header.push(mask | 127);
        header.extend((payload_len as u64).to_be_bytes());
    }
    header
}

fn payload(kind: Kind, len: usize, random: &mut Random) -> Vec<u8> {
    if kind == Kind::Json {
        return json(len, random);
    }
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let [low, high, ..] = random.next().to_le_bytes();
        match kind {
            Kind::Binary => bytes.push(low),
            Kind::Characters if bytes.len() + 3 <= len => {
                // Of the block of Chinese characters, whose code points begin at 0x4E00.
                let code = 0x4E00 + u32::from(u16::from_le_bytes([low, high])) % 0x5000;
                let character = char::from_u32(code).expect("no surrogate is in this block");
                bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            }
            Kind::Ascii | Kind::Characters | Kind::Json => bytes.push(b'a' + low % 26),
        }
    }
    bytes
}

/// Marsaglia's xorshift: the same bytes in each run.
pub struct Random(u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// So many messages differ from one another.
const CYCLE_LEN: usize = 4;

/// More of them than the window of a compressor has, which else would find each message again.
const JSON_CYCLE_LEN: usize = 64;

/// RFC 7692, 6: the message is compressed.
pub const RSV1: u8 = 0x40;

/// The payload of each such message of a socket is compared. No multiple of the cycle, so that
/// each message of it gets its turn.
const SAMPLE_EVERY: usize = 17;
