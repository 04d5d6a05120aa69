//! Frames of a client as a fuzzer wishes them, right and wrong, encoded after RFC 6455, 5.2,
//! without the code under test.

use arbitrary::{Result, Unstructured};

/// One frame.
#[derive(Clone, Debug)]
pub struct Sent {
    /// FIN, the reserved bits, and the opcode.
    pub first: u8,
    /// The masking key; `None` is against the rules.
    pub key: Option<[u8; 4]>,
    pub form: Form,
    /// Not masked yet.
    pub payload: Vec<u8>,
}

/// How many bytes the length takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Shortest,
    /// In 16 bits, or in 64 if they are needed.
    Wide,
    /// In 64 bits.
    Widest,
    /// This length is declared, in 64 bits, and nothing follows.
    Claimed(u64),
}

impl Sent {
    /// One that is masked, with its length in the shortest form.
    pub const fn new(first: u8, key: [u8; 4], payload: Vec<u8>) -> Self {
        Self { first, key: Some(key), form: Form::Shortest, payload }
    }

    /// The next frame.
    pub fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let wish: u8 = u.arbitrary()?;
        // Most frames are right, or nothing would come behind the first.
        let first = match FIRST.get(usize::from(wish % 16)) {
            Some(&first) => first,
            None => u.arbitrary()?,
        };
        let key = if wish < 0xF8 { Some(u.arbitrary()?) } else { None };
        let form = match u.int_in_range(0..=31)? {
            0 => Form::Wide,
            1 => Form::Widest,
            2 => Form::Claimed(u.arbitrary()?),
            _ => Form::Shortest,
        };
        let payload = match form {
            Form::Claimed(_) => Vec::new(),
            Form::Shortest | Form::Wide | Form::Widest => payload(u)?,
        };
        Ok(Self { first, key, form, payload })
    }

    /// All the frames there are, up to a number.
    pub fn all(u: &mut Unstructured<'_>) -> Vec<Self> {
        let (mut frames, mut bytes_len) = (Vec::new(), 0);
        while !u.is_empty() && frames.len() < FRAMES_MAX && bytes_len < BYTES_MAX {
            let Ok(frame) = Self::arbitrary(u) else { break };
            bytes_len += frame.payload.len();
            let is_last = matches!(frame.form, Form::Claimed(_));
            frames.push(frame);
            if is_last {
                break;
            }
        }
        frames
    }

    /// The length that the frame declares.
    pub fn length(&self) -> u64 {
        match self.form {
            Form::Claimed(length) => length,
            Form::Shortest | Form::Wide | Form::Widest => self.payload.len() as u64,
        }
    }

    /// The bytes that the length takes, in this form and in the shortest.
    pub fn widths(&self) -> (usize, usize) {
        let shortest = match self.length() {
            0..=125 => 0,
            126..=65_535 => 2,
            65_536.. => 8,
        };
        let width = match self.form {
            Form::Shortest => shortest,
            Form::Wide => shortest.max(2),
            Form::Widest | Form::Claimed(_) => 8,
        };
        (width, shortest)
    }

    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let length = self.length().to_be_bytes();
        let (width, _) = self.widths();
        let second = match width {
            0 => length[7],
            2 => 126,
            _ => 127,
        };
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first, masked | second];
        bytes.extend(&length[8 - width..]);
        bytes.extend(self.key.iter().flatten());
        let key = self.key.unwrap_or_default();
        bytes.extend((0..).zip(&self.payload).map(|(i, byte)| byte ^ key[i % 4]));
        bytes
    }
}

fn payload(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    match u.int_in_range(0..=7)? {
        0 => Ok(Vec::new()),
        1 | 2 => {
            let len = u.int_in_range(0..=20)?;
            Ok(u.bytes(len)?.to_vec())
        }
        // Bits of text, which add up to characters or do not.
        3 | 4 => {
            let mut text = Vec::new();
            for _ in 0..u.int_in_range(0..=4)? {
                text.extend(*u.choose(TEXT)?);
            }
            Ok(text)
        }
        5 | 6 => {
            let code = match u.choose_index(CODES.len() + 1)? {
                at if at < CODES.len() => CODES[at],
                _ => u.arbitrary()?,
            };
            Ok([&u16::to_be_bytes(code), *u.choose(TEXT)?].concat())
        }
        _ => {
            let fill = u.arbitrary()?;
            let len = match u.arbitrary::<u8>()? {
                at @ ..=252 => LENGTHS[usize::from(at) % LENGTHS.len()],
                at => LONG_LENGTHS[usize::from(at) % LONG_LENGTHS.len()],
            };
            Ok(vec![fill; len])
        }
    }
}

/// Whole messages, fragments, and control frames.
const FIRST: [u8; 13] =
    [0x81, 0x82, 0x01, 0x02, 0x00, 0x00, 0x80, 0x80, 0x88, 0x89, 0x89, 0x8A, 0x81];
const TEXT: &[&[u8]] = &[
    b"",
    b"a",
    b"Hello",
    "\u{e9}".as_bytes(),
    "\u{20ac}".as_bytes(),
    "\u{10348}".as_bytes(),
    b"\xF0\x90",
    b"\x8D\x88",
    b"\xE2",
    b"\x82\xAC",
    b"\xC3",
    b"\xC0\x80",
    b"\xED\xA0\x80",
    b"\xF4\x90\x80\x80",
    b"\xFF",
];
/// At the borders between those that may be sent and those that may not.
const CODES: [u16; 16] =
    [999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 2999, 3000, 4000, 4999, 5000];
/// At the borders between the forms, and at those of the limits.
const LENGTHS: [usize; 9] = [74, 123, 124, 125, 126, 127, 150, 200, 201];
/// Rare, since they are slow.
const LONG_LENGTHS: [usize; 3] = [65_535, 65_536, 65_601];
const FRAMES_MAX: usize = 16;
const BYTES_MAX: usize = 66_000;
