//! Counts the messages in what comes from the server, and finds what is wrong with them. The
//! usual case, a whole frame as it was expected, costs one comparison of its header.

use super::deflate::{Contexts, Inflater};
use super::messages::{Messages, RSV1};

/// What has come from the server on one socket.
#[derive(Default)]
pub struct Reader {
    /// Messages that are complete; the number of the one that is awaited.
    messages_len: usize,
    /// Bytes of all frames so far.
    bytes_len: usize,
    /// Whether a frame of that one has begun.
    is_within: bool,
    /// Bytes that are there of that one, if it is not compressed.
    offset: usize,
    /// The bytes themselves, if it is.
    compressed: Vec<u8>,
    inflater: Option<Box<Inflater>>,
    header: [u8; HEADER_BYTES_MAX],
    /// Bytes of the header of the frame that is being read; 0 between frames.
    header_len: usize,
    payload_left: usize,
    control: Vec<u8>,
    ping: Option<Vec<u8>>,
    is_closed: bool,
}

impl Reader {
    /// Takes what has arrived.
    ///
    /// # Errors
    /// What the server did that it must not.
    pub fn read(&mut self, mut bytes: &[u8], messages: &Messages) -> Result<(), String> {
        self.bytes_len += bytes.len();
        let header = messages.answer_header();
        let answer_len = header.len() + messages.payload_len();
        while !bytes.is_empty() {
            let is_between = self.header_len == 0 && !self.is_within;
            // The first byte of a compressed message is another one.
            if is_between && bytes.len() >= answer_len && bytes.starts_with(header) {
                let (answer, rest) = bytes.split_at(answer_len);
                self.payload(&answer[header.len()..], messages)?;
                self.finish_message(messages)?;
                bytes = rest;
                continue;
            }
            bytes = self.piece(bytes, messages)?;
        }
        Ok(())
    }

    /// What a ping asks to be sent back, once.
    pub fn take_ping(&mut self) -> Option<Vec<u8>> {
        self.ping.take()
    }

    /// How many messages are complete.
    pub fn messages_len(&self) -> usize {
        self.messages_len
    }

    /// The bytes of all frames so far.
    pub fn bytes_len(&self) -> usize {
        self.bytes_len
    }

    /// Whether the server's close frame has come.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes one byte of a header, or as much of a payload as there is, and returns the rest.
    fn piece<'a>(&mut self, bytes: &'a [u8], messages: &Messages) -> Result<&'a [u8], String> {
        if !self.header_is_complete() {
            self.header[self.header_len] = bytes[0];
            self.header_len += 1;
            if self.header_is_complete() {
                self.begin_frame(messages)?;
            }
            return Ok(&bytes[1..]);
        }
        let (payload, rest) = bytes.split_at(bytes.len().min(self.payload_left));
        self.payload_left -= payload.len();
        if self.opcode() >= 0x8 {
            self.control.extend(payload);
        } else if messages.contexts().is_some() {
            self.compressed.extend(payload);
        } else {
            self.payload(payload, messages)?;
        }
        if self.payload_left == 0 {
            self.finish_frame(messages)?;
        }
        Ok(rest)
    }

    fn begin_frame(&mut self, messages: &Messages) -> Result<(), String> {
        let [first, second, ..] = self.header;
        let len = match second & 0x7F {
            126 => u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
            127 => self.header[2..].iter().fold(0, |len, &byte| len << 8 | u64::from(byte)),
            len => u64::from(len),
        };
        // RFC 6455, 5.4: a message goes on with opcode 0.
        let expected = if self.is_within { 0x0 } else { messages.answer_header()[0] & 0xF };
        let is_control = [0x8, 0x9, 0xA].contains(&self.opcode());
        // RFC 7692, 6: the bit stands on the first frame of a message alone.
        let is_compressed = messages.contexts().is_some() && !self.is_within && !is_control;
        let reserved = if is_compressed { RSV1 } else { 0 };
        let is_known = self.opcode() == expected || is_control;
        if first & 0x70 != reserved || second & 0x80 != 0 || !is_known {
            return Err(format!("a frame began with {first:#04x} {second:#04x}"));
        }
        self.is_within |= !is_control;
        self.payload_left = usize::try_from(len).map_err(|_| format!("a frame of {len} bytes"))?;
        if self.payload_left == 0 {
            self.finish_frame(messages)?;
        }
        Ok(())
    }

    fn finish_frame(&mut self, messages: &Messages) -> Result<(), String> {
        self.header_len = 0;
        match self.opcode() {
            0x8 => self.is_closed = true,
            0x9 => self.ping = Some(std::mem::take(&mut self.control)),
            0xA => self.control.clear(),
            _ if self.header[0] & 0x80 != 0 => self.finish_message(messages)?,
            _ => {}
        }
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8], messages: &Messages) -> Result<(), String> {
        if !messages.matches(self.messages_len, self.offset, bytes) {
            return Err(format!("message {} differs from what was sent", self.messages_len));
        }
        self.offset += bytes.len();
        Ok(())
    }

    fn finish_message(&mut self, messages: &Messages) -> Result<(), String> {
        if let Some(contexts) = messages.contexts() {
            self.inflate(contexts, messages)?;
        } else if self.offset != messages.payload_len() {
            return Err(format!("message {} came with {} bytes", self.messages_len, self.offset));
        }
        self.offset = 0;
        self.is_within = false;
        self.messages_len += 1;
        Ok(())
    }

    /// Inflates a whole message and compares it. One that refers to none before it may be left
    /// out, which is done with all but the sample.
    fn inflate(&mut self, contexts: Contexts, messages: &Messages) -> Result<(), String> {
        let number = self.messages_len;
        if contexts == Contexts::Kept || messages.is_compared(number) {
            let inflater = self.inflater.get_or_insert_with(|| Box::new(Inflater::new(contexts)));
            let payload = inflater.inflate(&mut self.compressed, messages.payload_len())?;
            if payload != messages.payload(number) {
                return Err(format!("message {number} differs from what was sent"));
            }
        }
        self.compressed.clear();
        Ok(())
    }

    fn header_is_complete(&self) -> bool {
        let len = match self.header[1] & 0x7F {
            126 => 4,
            127 => HEADER_BYTES_MAX,
            _ => 2,
        };
        self.header_len >= 2 && self.header_len >= len
    }

    fn opcode(&self) -> u8 {
        self.header[0] & 0xF
    }
}

/// The longest header of a frame without a mask.
const HEADER_BYTES_MAX: usize = 10;
