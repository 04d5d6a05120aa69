//! The request head (RFC 9112, 2 and 3), read byte by byte in any pieces, at a cost in proportion
//! to its length. It accepts less than the standard lets recipients tolerate: input that two
//! readers could read differently is refused. It interprets only what framing needs; the handshake
//! is read in [`crate::ws::upgrade`].

use alloc::vec::Vec;
use core::ops::Range;

use crate::limits::Limits;
use crate::ws::head_error::HeadError;
#[cfg(feature = "admin")]
use crate::ws::syntax::number;
use crate::ws::syntax::{is_token_byte, is_value_byte, trim};
use crate::ws::work;

/// Reads a request head in pieces of any size. It holds up to `head_bytes_max` bytes.
#[derive(Debug, Default)]
pub struct HeadReader {
    head: Head,
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
        let mut at = begun;
        while let Some(&byte) = self.head.text.get(at) {
            self.step(byte, at, limits)?;
            at += 1;
            if self.state == HeadState::Done {
                self.head.check(self.content)?;
                self.head.text.truncate(at);
                self.head.text.shrink_to_fit();
                let empty = Self { content: self.content, ..Self::default() };
                return Ok((at - begun, Some(core::mem::replace(self, empty).head)));
            }
            at += self.alike(at, limits);
        }
        if taken < bytes.len() {
            return Err(self.too_long(limits));
        }
        Ok((taken, None))
    }

    /// Whether no byte of a head has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.text.is_empty()
    }

    /// The method and the target, each empty until it has come whole.
    #[must_use]
    pub fn words(&self) -> (&str, &str) {
        let Head { text, method, target, .. } = &self.head;
        let word = |range: &Range<usize>| core::str::from_utf8(text.get(range.clone())?).ok();
        (word(method).unwrap_or_default(), word(target).unwrap_or_default())
    }

    /// How many bytes continue the target, name or value without changing the state. Most bytes of
    /// a head do.
    fn alike(&self, at: usize, limits: &Limits) -> usize {
        let bytes = &self.head.text[at..];
        match self.state {
            HeadState::Target => {
                let room =
                    limits.request_line_bytes_max.saturating_sub(at - self.head.method.start);
                run(&bytes[..room.min(bytes.len())], |byte| matches!(byte, b'!'..=b'~'))
            }
            HeadState::Name => run(bytes, is_token_byte),
            HeadState::Value => run(bytes, is_value_byte),
            _ => 0,
        }
    }

    /// One byte, at its place in the text.
    fn step(&mut self, byte: u8, at: usize, limits: &Limits) -> Result<(), HeadError> {
        work::did(1);
        // The line's own end is no part of its length.
        let in_line = byte != b'\r'
            && matches!(self.state, HeadState::Method | HeadState::Target | HeadState::Version);
        if in_line && at - self.head.method.start >= limits.request_line_bytes_max {
            return Err(HeadError::RequestLineTooLong(limits.request_line_bytes_max));
        }
        self.state = match (self.state, byte) {
            // RFC 9112, 2.2: an empty line before the request line is skipped; one only.
            (HeadState::Start, b'\r') => HeadState::StartLineFeed,
            (HeadState::StartLineFeed, b'\n') => {
                self.head.method.start = at + 1;
                HeadState::Method
            }
            (HeadState::Start | HeadState::Method, _) if is_token_byte(byte) => HeadState::Method,
            (HeadState::Method, b' ') if at > self.head.method.start => {
                self.head.method.end = at;
                // The PROXY protocol, 2.1: version 1.
                if self.head.method() == "PROXY" {
                    return Err(HeadError::Proxy);
                }
                self.mark = at + 1;
                HeadState::Target
            }
            // RFC 8446, 5.1: a record of a TLS handshake, as from a client of wss:// or https://.
            (HeadState::Start, 0x16) => return Err(HeadError::Tls),
            // The PROXY protocol, 2.2: version 2 begins with two empty lines.
            (HeadState::Method, b'\r') if at == self.head.method.start => {
                return Err(HeadError::Proxy);
            }
            (HeadState::Start | HeadState::Method, _) => return Err(HeadError::Method),
            (HeadState::Target, b' ') if at > self.mark => {
                self.head.target = self.mark..at;
                self.mark = at + 1;
                HeadState::Version
            }
            (HeadState::Target, b'!'..=b'~') => HeadState::Target,
            (HeadState::Target, b'\r' | b'\n') if at > self.mark => return Err(HeadError::Version),
            (HeadState::Target, _) => return Err(HeadError::Target),
            (HeadState::Version, b'\r') => {
                check_version(&self.head.text[self.mark..at])?;
                HeadState::LineFeed
            }
            (HeadState::Version, b'!'..=b'~') if at - self.mark < VERSION_BYTES => {
                HeadState::Version
            }
            (HeadState::Version, b'\n')
                if check_version(&self.head.text[self.mark..at]).is_ok() =>
            {
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
                return self.step_field(byte, at, limits);
            }
            (HeadState::Done, _) => HeadState::Done,
        };
        Ok(())
    }

    /// One byte of a field line (RFC 9112, 5).
    fn step_field(&mut self, byte: u8, at: usize, limits: &Limits) -> Result<(), HeadError> {
        self.state = match (self.state, byte) {
            // RFC 9112, 5.2: line folding is obsolete and refused.
            (HeadState::FieldStart, b' ' | b'\t') => return Err(HeadError::Folding),
            (HeadState::FieldStart, _) if is_token_byte(byte) => {
                if self.head.fields.len() >= limits.headers_max {
                    return Err(HeadError::TooManyFields(limits.headers_max));
                }
                self.mark = at;
                HeadState::Name
            }
            (HeadState::Name, b':') => {
                let name = Span::new(self.mark, at);
                self.head.fields.push(FieldSpan { name, value: Span::new(at + 1, at + 1) });
                HeadState::Value
            }
            (HeadState::Name, _) if is_token_byte(byte) => HeadState::Name,
            // RFC 9112, 5.1: white space between name and colon is answered with 400.
            (HeadState::Name, b' ' | b'\t') => return Err(HeadError::SpaceBeforeColon),
            (HeadState::Value, b'\r') => {
                if let Some(field) = self.head.fields.last_mut() {
                    field.value.end = Span::new(0, at).end;
                }
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

/// A complete and valid request head: HTTP/1, without content, with one `Host` (or none in
/// HTTP/1.0).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    text: Vec<u8>,
    method: Range<usize>,
    target: Range<usize>,
    fields: Vec<FieldSpan>,
}

impl Head {
    /// The method, which is a token, as it came: methods are case-sensitive.
    #[must_use]
    pub fn method(&self) -> &str {
        core::str::from_utf8(&self.text[self.method.clone()]).unwrap_or_default()
    }

    /// The request target as it came: visible ASCII.
    #[must_use]
    pub fn target(&self) -> &str {
        core::str::from_utf8(&self.text[self.target.clone()]).unwrap_or_default()
    }

    /// Whether the version is HTTP/1.0. Versions above 1.1 are read as 1.1 (RFC 9110, 2.5).
    #[must_use]
    pub fn is_http_1_0(&self) -> bool {
        self.text.get(self.target.end + 1..).is_some_and(|rest| rest.starts_with(b"HTTP/1.0"))
    }

    /// All fields in their order: names as they came, and values without blanks around them. Values
    /// are bytes, since HTTP does not define bytes above ASCII.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| {
            work::did(field.name.range().len());
            let name = core::str::from_utf8(&self.text[field.name.range()]).unwrap_or_default();
            (name, self.value(field))
        })
    }

    /// The values of all fields called `name`, in any case (RFC 9110, 5.1), in their order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.fields.iter().filter(|field| self.is_called(field, name)).map(|f| self.value(f))
    }

    /// The value of the first field called `name`, in any case; `None` if there is none, or if the
    /// value is not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| self.is_called(field, name))?;
        core::str::from_utf8(self.value(field)).ok()
    }

    /// The value of the only field called `name`, in any case; `None` if there is none, or several.
    #[must_use]
    pub fn single<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// How many bytes of content follow: the value of `Content-Length`, or else 0 (RFC 9112, 6.3).
    #[cfg(feature = "admin")]
    #[must_use]
    pub fn content_len(&self) -> u64 {
        self.single("Content-Length").and_then(length).unwrap_or_default()
    }

    /// The bytes of memory that the head occupies.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<FieldSpan>()
    }

    fn is_called(&self, field: &FieldSpan, name: &str) -> bool {
        let range = field.name.range();
        work::did(range.len().min(name.len()));
        self.text[range].eq_ignore_ascii_case(name.as_bytes())
    }

    fn value(&self, field: &FieldSpan) -> &[u8] {
        work::did(field.value.range().len());
        trim(&self.text[field.value.range()])
    }

    /// What decides where the head's request ends, and for whom it is.
    fn check(&self, content: ContentRule) -> Result<(), HeadError> {
        // RFC 9112, 6.1: a transfer coding makes content. No request of a peer has content, and
        // two ways of framing it would be two opinions on where the frames begin.
        if self.values("Transfer-Encoding").next().is_some() {
            return Err(HeadError::TransferEncoding);
        }
        // RFC 9112, 6.3: a list of lengths or a bad one is not recoverable.
        let mut lengths = self.values("Content-Length");
        let is_wrong = |value: &[u8]| match content {
            ContentRule::Empty => value != b"0",
            #[cfg(feature = "admin")]
            ContentRule::Sized => length(value).is_none(),
        };
        if lengths.next().is_some_and(is_wrong) || lengths.next().is_some() {
            return Err(HeadError::ContentLength);
        }
        // RFC 9112, 3.2: no Host in HTTP/1.1, or more than one, is answered with 400.
        let mut hosts = self.values("Host");
        match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => Err(HeadError::TwoHosts),
            (Some(host), None) if !is_host(host) => Err(HeadError::Host),
            (None, _) if !self.is_http_1_0() => Err(HeadError::NoHost),
            _ => Ok(()),
        }
    }
}

/// Which content requests may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ContentRule {
    /// None.
    #[default]
    Empty,
    /// Such that has a length.
    #[cfg(feature = "admin")]
    Sized,
}

/// Where a word stands in the text. Heads are shorter than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FieldSpan {
    name: Span,
    value: Span,
}

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

/// RFC 9110, 8.6: a length is decimal digits. A sign or a list is none.
#[cfg(feature = "admin")]
fn length(value: &[u8]) -> Option<u64> {
    core::str::from_utf8(value).ok().and_then(|digits| number(digits, value.len()))
}

/// RFC 9112, 3.2 and RFC 3986, 3.2.2: what a host and port are made of. Empty is allowed.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}

const VERSION_BYTES: usize = "HTTP/1.1".len();
