//! Reads a request head (RFC 9112, 2 and 3) in any pieces, at a cost in proportion to its length.
//! It accepts less than the standard lets recipients tolerate: input that two readers could read
//! differently is refused. It interprets only what framing needs.

use crate::limits::Limits;
use crate::ws::head::{ContentRule, FieldSpan, Head, HeadParts, Span, name_bit};
use crate::ws::head_error::HeadError;
use crate::ws::syntax::{is_token_byte, is_value_byte};
use crate::ws::work;

/// Reads a request head in pieces of any size. It holds up to `head_bytes_max` bytes.
#[derive(Debug, Default)]
pub struct HeadReader {
    head: HeadParts,
    state: HeadState,
    content: ContentRule,
    /// Where the word in progress begins.
    mark: usize,
}

impl HeadReader {
    /// Also reads heads of requests with content. By default, they are refused.
    #[cfg(feature = "admin")]
    #[must_use]
    pub fn with_content() -> Self {
        Self { content: ContentRule::Sized, ..Self::default() }
    }

    /// Reads the next bytes. Returns how many of them belong to the head, and the head if it ends
    /// there. The reader is then empty again, and the other bytes belong to what follows.
    ///
    /// # Errors
    /// The first fault, which does not depend on how the bytes are cut. Do not call it again then.
    pub fn receive(&mut self, bytes: &[u8], limits: &Limits) -> Result<HeadProgress, HeadError> {
        let begun = self.head.text.len();
        let taken = bytes.len().min(limits.head_bytes_max.saturating_sub(begun));
        // Most heads come in one piece and stay for a while, so they get exactly the memory that
        // they need.
        self.head.text.extend_from_slice(&bytes[..taken]);
        let text = core::mem::take(&mut self.head.text);
        let read = self.read_on(&text, begun, limits);
        self.head.text = text;
        match read? {
            Some(end) => {
                self.head.text.truncate(end);
                self.head.text.shrink_to_fit();
                let head = Head::new(core::mem::take(&mut self.head));
                if let Err(error) = head.check(self.content) {
                    self.head = head.into_parts();
                    return Err(error);
                }
                self.state = HeadState::Start;
                Ok((end - begun, Some(head)))
            }
            None if taken < bytes.len() => Err(self.too_long(limits)),
            None => Ok((taken, None)),
        }
    }

    /// Whether no byte of a head has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.text.is_empty()
    }

    /// The method and the target, each empty until it has come whole.
    #[must_use]
    pub fn words(&self) -> (&str, &str) {
        let word = |span: Span| core::str::from_utf8(self.head.text.get(span.range())?).ok();
        (word(self.head.method).unwrap_or_default(), word(self.head.target).unwrap_or_default())
    }

    /// Reads the text from `at` on. Returns where the head ends, if it does.
    fn read_on(
        &mut self,
        text: &[u8],
        mut at: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, HeadError> {
        while let Some(&byte) = text.get(at) {
            self.step(text, byte, at, limits)?;
            at += 1;
            if self.state == HeadState::Done {
                return Ok(Some(at));
            }
            at = self.run_on(text, at, limits)?;
        }
        Ok(None)
    }

    /// Reads the bytes that continue the word in progress, and lines of fields that are whole. Most
    /// bytes of a head are such. Returns where it stopped.
    fn run_on(&mut self, text: &[u8], at: usize, limits: &Limits) -> Result<usize, HeadError> {
        let bytes = rest(text, at);
        let line_left =
            || limits.request_line_bytes_max.saturating_sub(at - self.head.method.start as usize);
        Ok(match self.state {
            HeadState::Target => {
                let bytes = bytes.get(..line_left()).unwrap_or(bytes);
                at + run(bytes, |byte| matches!(byte, b'!'..=b'~'))
            }
            HeadState::Version
                if BY_LINES
                    && at == self.mark
                    && bytes.starts_with(VERSION_LINE)
                    && line_left() >= VERSION_BYTES =>
            {
                work::did(VERSION_LINE.len());
                self.state = HeadState::FieldStart;
                self.run_lines(text, at + VERSION_LINE.len(), limits)?
            }
            HeadState::FieldStart if BY_LINES => self.run_lines(text, at, limits)?,
            HeadState::Name => at + run(bytes, is_token_byte),
            HeadState::Value => at + run_value(bytes),
            _ => at,
        })
    }

    /// Reads whole lines of fields, and the beginning of the next one. Returns where it stopped.
    fn run_lines(
        &mut self,
        text: &[u8],
        mut at: usize,
        limits: &Limits,
    ) -> Result<usize, HeadError> {
        while text.get(at).is_some_and(|byte| is_token_byte(*byte)) {
            self.begin_field(at, limits)?;
            at += run(rest(text, at), is_token_byte);
            if text.get(at) != Some(&b':') {
                return Ok(at);
            }
            self.begin_value(at);
            at += 1;
            at += run_value(rest(text, at));
            if !rest(text, at).starts_with(b"\r\n") {
                return Ok(at);
            }
            self.end_value(text, at);
            self.state = HeadState::FieldStart;
            work::did(3);
            at += 2;
        }
        Ok(at)
    }

    fn begin_field(&mut self, at: usize, limits: &Limits) -> Result<(), HeadError> {
        if self.head.fields.len() >= limits.headers_max {
            return Err(HeadError::TooManyFields(limits.headers_max));
        }
        if self.head.fields.is_empty() {
            self.head.fields.reserve(limits.headers_max.min(FEW));
        }
        self.mark = at;
        self.state = HeadState::Name;
        Ok(())
    }

    /// The colon behind a name has come.
    fn begin_value(&mut self, at: usize) {
        let name = Span::new(self.mark, at);
        self.mark = at + 1;
        self.head.fields.push(FieldSpan { name, value: Span::new(at + 1, at + 1) });
        self.state = HeadState::Value;
    }

    /// The end of a value has come.
    fn end_value(&mut self, text: &[u8], end: usize) {
        // Of white space, a value has only blanks and tabs.
        let value = text.get(self.mark..end).unwrap_or_default().trim_ascii_start();
        let start = end - value.len();
        let end = start + value.trim_ascii_end().len();
        if let Some(field) = self.head.fields.last_mut() {
            field.value = Span::new(start, end);
            self.head.names |= name_bit(text.get(field.name.range()).unwrap_or_default());
        }
    }

    /// One byte, at its place in the text.
    fn step(&mut self, text: &[u8], byte: u8, at: usize, limits: &Limits) -> Result<(), HeadError> {
        let line_start = self.head.method.start as usize;
        work::did(1);
        // The line's own end is no part of its length.
        let in_line = byte != b'\r'
            && matches!(self.state, HeadState::Method | HeadState::Target | HeadState::Version);
        if in_line && at - line_start >= limits.request_line_bytes_max {
            return Err(HeadError::RequestLineTooLong(limits.request_line_bytes_max));
        }
        self.state = match (self.state, byte) {
            // RFC 9112, 2.2: an empty line before the request line is skipped; one only.
            (HeadState::Start, b'\r') => HeadState::StartLineFeed,
            (HeadState::StartLineFeed, b'\n') => {
                self.head.method = Span::new(at + 1, at + 1);
                HeadState::Method
            }
            (HeadState::Start | HeadState::Method, _) if is_token_byte(byte) => HeadState::Method,
            (HeadState::Method, b' ') if at > line_start => {
                self.head.method = Span::new(line_start, at);
                // The PROXY protocol, 2.1: version 1.
                if text[self.head.method.range()] == *b"PROXY" {
                    return Err(HeadError::Proxy);
                }
                self.mark = at + 1;
                HeadState::Target
            }
            // RFC 8446, 5.1: a record of a TLS handshake, as from a client of wss:// or https://.
            (HeadState::Start, 0x16) => return Err(HeadError::Tls),
            // The PROXY protocol, 2.2: version 2 begins with two empty lines.
            (HeadState::Method, b'\r') if at == line_start => {
                return Err(HeadError::Proxy);
            }
            (HeadState::Start | HeadState::Method, _) => return Err(HeadError::Method),
            (HeadState::Target, b' ') if at > self.mark => {
                self.head.target = Span::new(self.mark, at);
                self.mark = at + 1;
                HeadState::Version
            }
            (HeadState::Target, b'!'..=b'~') => HeadState::Target,
            (HeadState::Target, b'\r' | b'\n') if at > self.mark => return Err(HeadError::Version),
            (HeadState::Target, _) => return Err(HeadError::Target),
            (HeadState::Version, b'\r') => {
                check_version(&text[self.mark..at])?;
                HeadState::LineFeed
            }
            (HeadState::Version, b'!'..=b'~') if at - self.mark < VERSION_BYTES => {
                HeadState::Version
            }
            (HeadState::Version, b'\n') if check_version(&text[self.mark..at]).is_ok() => {
                return Err(HeadError::BareLineFeed);
            }
            (HeadState::Version, _) => return Err(HeadError::Version),
            (HeadState::LineFeed, b'\n') => HeadState::FieldStart,
            (HeadState::FieldStart, b'\r') => HeadState::EndLineFeed,
            (HeadState::EndLineFeed, b'\n') => HeadState::Done,
            // RFC 9112, 2.2: a carriage return without a line feed is not accepted.
            (HeadState::StartLineFeed | HeadState::LineFeed | HeadState::EndLineFeed, _) => {
                return Err(HeadError::BareCarriageReturn);
            }
            (HeadState::FieldStart | HeadState::Name | HeadState::Value, _) => {
                return self.step_field(text, byte, at, limits);
            }
            (HeadState::Done, _) => HeadState::Done,
        };
        Ok(())
    }

    /// One byte of a field line (RFC 9112, 5).
    fn step_field(
        &mut self,
        text: &[u8],
        byte: u8,
        at: usize,
        limits: &Limits,
    ) -> Result<(), HeadError> {
        self.state = match (self.state, byte) {
            // RFC 9112, 5.2: line folding is obsolete and refused.
            (HeadState::FieldStart, b' ' | b'\t') => return Err(HeadError::Folding),
            (HeadState::FieldStart, _) if is_token_byte(byte) => {
                return self.begin_field(at, limits);
            }
            (HeadState::Name, b':') => {
                self.begin_value(at);
                HeadState::Value
            }
            (HeadState::Name, _) if is_token_byte(byte) => HeadState::Name,
            // RFC 9112, 5.1: white space between name and colon is answered with 400.
            (HeadState::Name, b' ' | b'\t') => return Err(HeadError::SpaceBeforeColon),
            (HeadState::Value, b'\r') => {
                self.end_value(text, at);
                HeadState::LineFeed
            }
            (HeadState::Value, _) if is_value_byte(byte) => HeadState::Value,
            (HeadState::Value, b'\n') => return Err(HeadError::BareLineFeed),
            (HeadState::Value, _) => return Err(HeadError::Value),
            _ => return Err(HeadError::Name),
        };
        Ok(())
    }

    fn too_long(&self, limits: &Limits) -> HeadError {
        if let HeadState::Method | HeadState::Target | HeadState::Version = self.state {
            return HeadError::RequestLineTooLong(limits.head_bytes_max);
        }
        HeadError::HeadTooLong(limits.head_bytes_max)
    }
}

/// How many bytes the head took, and the head when it is whole.
type HeadProgress = (usize, Option<Head>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HeadState {
    #[default]
    Start,
    StartLineFeed,
    Method,
    Target,
    Version,
    LineFeed,
    FieldStart,
    Name,
    Value,
    EndLineFeed,
    Done,
}

/// How many bytes there are from the first one on that are like this.
fn run(bytes: &[u8], is_alike: impl Fn(u8) -> bool) -> usize {
    let len = bytes.iter().position(|&byte| !is_alike(byte)).unwrap_or(bytes.len());
    work::did(len);
    len
}

/// The bytes from `at` on.
fn rest(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// How many bytes there are from the first one on that a value may have. Eight are tested at once.
fn run_value(bytes: &[u8]) -> usize {
    if !BY_LINES {
        return run(bytes, is_value_byte);
    }
    let mut len = 0;
    for word in bytes.as_chunks().0 {
        let word = u64::from_ne_bytes(*word);
        let is_del = word ^ (EACH * 0x7f);
        let lower = word.wrapping_sub(EACH * 0x20) & !word | is_del.wrapping_sub(EACH) & !is_del;
        // A control character, which may be a tab.
        if lower & (EACH * 0x80) != 0 {
            break;
        }
        len += 8;
    }
    work::did(len);
    len + run(rest(bytes, len), is_value_byte)
}

/// RFC 9112, 2.3: the version is `HTTP/`, a digit, a dot and a digit; upper case matters.
fn check_version(word: &[u8]) -> Result<(), HeadError> {
    match word {
        // RFC 9110, 2.5 and 15.6.6: only another major version may be refused.
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HeadError::UnsupportedVersion)
        }
        _ => Err(HeadError::Version),
    }
}

const VERSION_BYTES: usize = "HTTP/1.1".len();
/// The end of most request lines.
const VERSION_LINE: &[u8] = b"HTTP/1.1\r\n";
/// Whether whole lines and words of eight bytes are read at once, which changes nothing but the
/// time. It costs code, so minimal builds do without; `admin` is what those leave out.
const BY_LINES: bool = cfg!(feature = "admin");
/// As many fields as a client sends that is no browser.
const FEW: usize = 8;
/// A one in each byte.
const EACH: u64 = u64::MAX / 0xff;
