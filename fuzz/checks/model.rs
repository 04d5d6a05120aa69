//! `Model`: what RFC 6455 says of a list of frames, for a server that lets its peer finish. It
//! takes frames, not bytes, and knows nothing of the code under test. Where a frame breaks
//! several rules, the standard does not say which one counts; so a fault is a set of codes.

use switchboard::{CloseCode, Limits, Message};

use super::frames::{Form, Sent};
use super::talk::{CLOSE, PONG, close_payload, control};

/// A conversation, and the result that it must have.
pub struct Model {
    limits: Limits,
    unfinished: Option<Unfinished>,
    /// The messages that the peer has sent.
    pub messages: Vec<Message>,
    /// What the server has sent, but for the close frame that answers a fault.
    pub output: Vec<u8>,
    /// Whether the server has sent its close frame first.
    pub is_closing: bool,
    pub end: Option<End>,
}

/// How a conversation ends.
#[derive(Debug)]
pub enum End {
    /// A close frame came, with this code, if any, and this reason.
    Close(Option<u16>, String),
    /// A rule was broken: one of these codes says which.
    Fault(Vec<u16>),
}

/// A message whose last fragment has not come.
struct Unfinished {
    is_text: bool,
    payload: Vec<u8>,
    continuations: u32,
}

impl Model {
    pub fn new(limits: Limits) -> Self {
        let (messages, output) = (Vec::new(), Vec::new());
        Self { limits, unfinished: None, messages, output, is_closing: false, end: None }
    }

    /// The server closes.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        if self.end.is_none() && !self.is_closing {
            self.output.extend(control(CLOSE, &close_payload(code, reason)));
            self.is_closing = true;
        }
    }

    /// A frame comes.
    pub fn receive(&mut self, frame: &Sent) {
        // 1.4: after a close frame, and after a fault (7.1.7), nothing of the peer counts.
        if self.end.is_some() {
            return;
        }
        let mut codes = self.header_faults(frame);
        if codes.is_empty() && matches!(frame.form, Form::Claimed(1..)) {
            return;
        }
        if codes.is_empty() {
            codes = if frame.first & 0x08 != 0 { self.control(frame) } else { self.data(frame) };
        }
        if !codes.is_empty() {
            self.end = Some(End::Fault(codes));
        }
    }

    /// The rules that the header alone can break.
    fn header_faults(&self, frame: &Sent) -> Vec<u16> {
        let (fin, opcode) = (frame.first & 0x80 != 0, frame.first & 0x0F);
        let (width, shortest) = frame.widths();
        let is_control = opcode >= 0x8;
        let length = u128::from(frame.length());
        let so_far = self.unfinished.as_ref().map_or(0, |message| message.payload.len() as u128);
        let continuations = self.unfinished.as_ref().map_or(0, |message| message.continuations);
        let rules = [
            // 5.2: reserved bits, reserved opcodes, the shortest form, the sign of a length.
            (frame.first & 0x70 != 0, 1002),
            (matches!(opcode, 0x3..=0x7 | 0xB..=0xF), 1002),
            (width != shortest, 1002),
            (frame.length() >= 1 << 63, 1002),
            // 5.1: frames of clients are masked.
            (frame.key.is_none(), 1002),
            // 5.5: control frames are short and whole.
            (is_control && (!fin || length > 125), 1002),
            // 5.4: a message begins once, and goes on only if it has begun.
            (opcode == 0x0 && self.unfinished.is_none(), 1002),
            (matches!(opcode, 0x1 | 0x2) && self.unfinished.is_some(), 1002),
            // 10.4: limits of the implementation.
            (!is_control && so_far + length > self.limits.message_bytes_max as u128, 1009),
            (opcode == 0x0 && continuations >= self.limits.fragments_max, 1008),
        ];
        rules.iter().filter(|(is_broken, _)| *is_broken).map(|(_, code)| *code).collect()
    }

    fn control(&mut self, frame: &Sent) -> Vec<u16> {
        match frame.first & 0x0F {
            // 5.5.2: a ping is answered with the same payload, unless the conversation ends.
            0x9 if !self.is_closing => self.output.extend(control(PONG, &frame.payload)),
            0x8 => return self.peer_closes(&frame.payload),
            _ => {}
        }
        Vec::new()
    }

    /// 5.5.1 and 7.4: nothing, or a code that may be sent and a reason in UTF-8.
    fn peer_closes(&mut self, payload: &[u8]) -> Vec<u16> {
        let (code, reason) = match payload {
            [] => (None, String::new()),
            [_] => return vec![1002],
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                let registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012];
                let is_right = registered.contains(&code)
                    || code == 1013
                    || code == 1014
                    || (3000..5000).contains(&code);
                let reason = String::from_utf8(reason.to_vec());
                match (is_right, reason) {
                    (true, Ok(reason)) => (Some(code), reason),
                    (false, Ok(_)) => return vec![1002],
                    (true, Err(_)) => return vec![1007],
                    (false, Err(_)) => return vec![1002, 1007],
                }
            }
        };
        // 5.5.1: the answer typically echoes the code; ours echoes all of it.
        if !self.is_closing {
            self.output.extend(control(CLOSE, payload));
        }
        self.end = Some(End::Close(code, reason));
        Vec::new()
    }

    fn data(&mut self, frame: &Sent) -> Vec<u16> {
        let is_text = frame.first & 0x0F == 0x1;
        let begun = Unfinished { is_text, payload: Vec::new(), continuations: 0 };
        let mut message = match self.unfinished.take() {
            Some(before) => Unfinished { continuations: before.continuations + 1, ..before },
            None => begun,
        };
        message.payload.extend(&frame.payload);
        let text = std::str::from_utf8(&message.payload);
        let fin = frame.first & 0x80 != 0;
        // 8.1: text is UTF-8 as a whole; what can become it is no fault before the end.
        let is_broken = text.is_err_and(|error| fin || error.error_len().is_some());
        if message.is_text && is_broken {
            return vec![1007];
        }
        if !fin {
            self.unfinished = Some(message);
            return Vec::new();
        }
        self.messages.push(match String::from_utf8(message.payload) {
            Ok(text) if message.is_text => text.into(),
            Ok(text) => text.into_bytes().into(),
            Err(error) => error.into_bytes().into(),
        });
        Vec::new()
    }
}
