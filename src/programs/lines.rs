//! Plain lines: the output of a program that serves one socket and uses no protocol, and its input.

use std::fmt;

use crate::ws::{Close, CloseCode, Message};

/// Makes text messages of lines, which come in any pieces. It holds the received part of one line.
///
/// ```
/// use switchboard::Message;
/// use switchboard::programs::Lines;
///
/// let mut lines = Lines::new(1 << 20);
/// assert_eq!(lines.receive(b"one\r\ntwo"), (5, Some(Ok(Message::from("one")))));
/// assert_eq!(lines.receive(b"two"), (3, None));
/// assert_eq!(lines.finish(), Some(Ok(Message::from("two"))));
/// ```
#[derive(Debug)]
pub struct Lines {
    held: Vec<u8>,
    line_bytes_max: usize,
    is_dead: bool,
}

/// Why a line is no message. Nothing more is read, and the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainLineError {
    /// It is longer than so many bytes.
    Long(usize),
    /// It is not UTF-8, from this byte on.
    Utf8(usize),
    /// The bytes of one read are not UTF-8, from this byte on, in the mode for text without lines.
    Text(usize),
}

impl PlainLineError {
    /// The close for the peer.
    #[must_use]
    pub fn close(self) -> Close {
        // RFC 6455, 7.4.1: an unexpected condition at the server, since the peer is not at fault.
        Close::new(CloseCode::INTERNAL, "the program wrote what is no message")
    }
}

impl fmt::Display for PlainLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long(max) => write!(f, "the program wrote a line above {max} bytes (outbox-max)"),
            Self::Utf8(at) => write!(
                f,
                "the program wrote a line that is not UTF-8 from byte {at} on; one that writes \
                 binary data needs the framing bytes"
            ),
            Self::Text(at) => write!(
                f,
                "the program wrote text that is not UTF-8 from byte {at} of a read on; one that \
                 writes binary data needs the framing bytes"
            ),
        }
    }
}

impl std::error::Error for PlainLineError {}

impl Lines {
    /// A reader of lines of at most so many bytes, without their line ends.
    #[must_use]
    pub const fn new(line_bytes_max: usize) -> Self {
        Self { held: Vec::new(), line_bytes_max, is_dead: false }
    }

    /// Takes bytes up to the end of a line: returns how many, and the message. Call it with the
    /// rest until there is none; then all bytes have been taken.
    pub fn receive(&mut self, bytes: &[u8]) -> (usize, Option<Result<Message, PlainLineError>>) {
        if self.is_dead {
            return (bytes.len(), None);
        }
        // One byte more than allowed may be the carriage return before a newline.
        let room = (self.line_bytes_max.saturating_add(1) - self.held.len()).min(bytes.len());
        let end = bytes[..room].iter().position(|&byte| byte == b'\n');
        if end.is_none() && room < bytes.len() && bytes[room] != b'\n' {
            return (bytes.len(), Some(Err(self.die(PlainLineError::Long(self.line_bytes_max)))));
        }
        let end = end.or_else(|| (room < bytes.len()).then_some(room));
        self.held.extend_from_slice(&bytes[..end.unwrap_or(room)]);
        match end {
            None => (bytes.len(), None),
            Some(end) => {
                let message = self.end();
                let used = if message.is_err() { bytes.len() } else { end + 1 };
                (used, Some(message))
            }
        }
    }

    /// The end of the output, and the message of a last line without a newline.
    #[must_use]
    pub fn finish(mut self) -> Option<Result<Message, PlainLineError>> {
        (!self.held.is_empty()).then(|| self.end())
    }

    /// The line is whole.
    fn end(&mut self) -> Result<Message, PlainLineError> {
        let mut line = std::mem::take(&mut self.held);
        // Programs written for other systems end their lines with it.
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > self.line_bytes_max {
            return Err(self.die(PlainLineError::Long(self.line_bytes_max)));
        }
        let text = String::from_utf8(line);
        let valid_up_to = |error: std::string::FromUtf8Error| error.utf8_error().valid_up_to();
        text.map(Message::from).map_err(|error| self.die(PlainLineError::Utf8(valid_up_to(error))))
    }

    fn die(&mut self, fault: PlainLineError) -> PlainLineError {
        (self.held, self.is_dead) = (Vec::new(), true);
        fault
    }
}

/// Appends a message as a program for one socket gets it: a text with a newline behind it, or plain
/// bytes. Newlines within a text are not escaped.
pub(crate) fn encode_line(message: &Message, out: &mut Vec<u8>) {
    out.extend_from_slice(message.as_bytes());
    if message.is_text() {
        out.push(b'\n');
    }
}
