//! The request head (RFC 9112, 2 and 3), read byte by byte in whatever pieces it comes, at a
//! cost in proportion to its length. It accepts less than the standard allows recipients to
//! tolerate: what two readers could read in two ways is refused. It gives words no meaning
//! beyond what framing needs; the handshake is read in [`crate::ws::upgrade`].

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::limits::Limits;
use crate::ws::syntax::{is_token_byte, is_value_byte, trim};
use crate::ws::{Status, work};

/// Reads one request head.
#[derive(Debug, Default)]
pub struct HeadReader {
    head: Head,
    state: State,
    /// Where the word in progress begins.
    mark: usize,
}

impl HeadReader {
    /// Reads on. Gives back how many of `bytes` belong to the head, and the head itself if
    /// it ends there; the reader is then as new, and what follows is not the head's.
    ///
    /// # Errors
    /// The first thing that is wrong, wherever `bytes` were cut. Nothing may be read after it.
    pub fn receive(&mut self, bytes: &[u8], limits: &Limits) -> Result<Received, HeadError> {
        // Most heads come whole, and stay for a while: they have just the room that they need.
        let room = limits.head_bytes_max.saturating_sub(self.head.text.len());
        self.head.text.reserve(bytes.len().min(room));
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            if self.head.text.len() >= limits.head_bytes_max {
                return Err(self.too_long(limits));
            }
            self.head.text.push(byte);
            used += 1;
            self.step(byte, limits)?;
            if self.state == State::Done {
                self.head.check()?;
                self.head.text.shrink_to_fit();
                return Ok((used, Some(core::mem::take(self).head)));
            }
            let room = limits.head_bytes_max - self.head.text.len();
            let alike = self.alike(&bytes[used..]).min(room);
            work::did(alike);
            self.head.text.extend_from_slice(&bytes[used..used + alike]);
            used += alike;
        }
        Ok((bytes.len(), None))
    }

    /// Whether no byte has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.text.is_empty()
    }

    /// How many bytes follow that change nothing, since they go on with a name or a value:
    /// most of a head is made of them.
    fn alike(&self, bytes: &[u8]) -> usize {
        let goes_on = match self.state {
            State::Name => is_token_byte,
            State::Value => is_value_byte,
            _ => return 0,
        };
        bytes.iter().position(|&byte| !goes_on(byte)).unwrap_or(bytes.len())
    }

    /// One byte, which is already the last of the text.
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<(), HeadError> {
        work::did(1);
        let at = self.head.text.len() - 1;
        // The line's own end is no part of its length.
        let in_line =
            byte != b'\r' && matches!(self.state, State::Method | State::Target | State::Version);
        if in_line && at - self.head.method.start >= limits.request_line_bytes_max {
            return Err(HeadError::RequestLineTooLong(limits.request_line_bytes_max));
        }
        self.state = match (self.state, byte) {
            // RFC 9112, 2.2: an empty line before the request line is skipped; one only.
            (State::Start, b'\r') => State::StartLineFeed,
            (State::StartLineFeed, b'\n') => {
                self.head.method.start = at + 1;
                State::Method
            }
            (State::Start | State::Method, _) if is_token_byte(byte) => State::Method,
            (State::Method, b' ') if at > self.head.method.start => {
                self.head.method.end = at;
                self.mark = at + 1;
                State::Target
            }
            (State::Start | State::Method, _) => return Err(HeadError::Method),
            (State::Target, b' ') if at > self.mark => {
                self.head.target = self.mark..at;
                self.mark = at + 1;
                State::Version
            }
            (State::Target, b'!'..=b'~') => State::Target,
            (State::Target, _) => return Err(HeadError::Target),
            (State::Version, b'\r') => {
                check_version(&self.head.text[self.mark..at])?;
                State::LineFeed
            }
            (State::Version, b'!'..=b'~') if at - self.mark < VERSION.len() => State::Version,
            (State::Version, _) => return Err(HeadError::Version),
            (State::LineFeed, b'\n') => State::FieldStart,
            (State::FieldStart, b'\r') => State::EndLineFeed,
            (State::EndLineFeed, b'\n') => State::Done,
            // RFC 9112, 2.2: a carriage return without a line feed is not accepted.
            (State::StartLineFeed | State::LineFeed | State::EndLineFeed, _) => {
                return Err(HeadError::BareCarriageReturn);
            }
            (State::FieldStart | State::Name | State::Value, _) => {
                return self.step_field(byte, at, limits);
            }
            (State::Done, _) => State::Done,
        };
        Ok(())
    }

    /// One byte of a field line (RFC 9112, 5).
    fn step_field(&mut self, byte: u8, at: usize, limits: &Limits) -> Result<(), HeadError> {
        self.state = match (self.state, byte) {
            // RFC 9112, 5.2: line folding is obsolete and refused.
            (State::FieldStart, b' ' | b'\t') => return Err(HeadError::Folding),
            (State::FieldStart, _) if is_token_byte(byte) => {
                if self.head.fields.len() >= limits.headers_max {
                    return Err(HeadError::TooManyFields(limits.headers_max));
                }
                self.mark = at;
                State::Name
            }
            (State::Name, b':') => {
                let name = Span::new(self.mark, at);
                self.head.fields.push(Field { name, value: Span::new(at + 1, at + 1) });
                State::Value
            }
            (State::Name, _) if is_token_byte(byte) => State::Name,
            // RFC 9112, 5.1: white space between name and colon is answered with 400.
            (State::Name, b' ' | b'\t') => return Err(HeadError::SpaceBeforeColon),
            (State::Value, b'\r') => {
                if let Some(field) = self.head.fields.last_mut() {
                    field.value.end = Span::new(0, at).end;
                }
                State::LineFeed
            }
            (State::Value, _) if is_value_byte(byte) => State::Value,
            (State::Value, b'\n') => return Err(HeadError::BareLineFeed),
            (State::Value, _) => return Err(HeadError::Value),
            _ => return Err(HeadError::Name),
        };
        Ok(())
    }

    fn too_long(&self, limits: &Limits) -> HeadError {
        if let State::Method | State::Target | State::Version = self.state {
            return HeadError::RequestLineTooLong(limits.head_bytes_max);
        }
        HeadError::HeadTooLong(limits.head_bytes_max)
    }
}

/// How many bytes the head took, and the head when it is whole.
type Received = (usize, Option<Head>);

/// A whole request head whose framing is beyond doubt: HTTP/1.1, no content, one `Host`.
#[derive(Clone, Debug, Default)]
pub struct Head {
    text: Vec<u8>,
    method: Range<usize>,
    target: Range<usize>,
    fields: Vec<Field>,
}

impl Head {
    /// The method, which is a token.
    #[must_use]
    pub fn method(&self) -> &str {
        core::str::from_utf8(&self.text[self.method.clone()]).unwrap_or_default()
    }

    /// The request target as it came: visible ASCII.
    #[must_use]
    pub fn target(&self) -> &str {
        core::str::from_utf8(&self.text[self.target.clone()]).unwrap_or_default()
    }

    /// All fields in their order: names as they came, values without blanks around them.
    /// Values are bytes, since HTTP does not say what bytes above ASCII mean.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| {
            work::did(field.name.range().len());
            let name = core::str::from_utf8(&self.text[field.name.range()]).unwrap_or_default();
            (name, self.value(field))
        })
    }

    /// The values of all fields called `name`, in whatever case (RFC 9110, 5.1).
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(|field| self.is_called(field, name)).map(|f| self.value(f))
    }

    /// The value of the first field called `name`, in whatever case, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| self.is_called(field, name))?;
        core::str::from_utf8(self.value(field)).ok()
    }

    /// The bytes of memory that the head occupies.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Field>()
    }

    fn is_called(&self, field: &Field, name: &str) -> bool {
        let range = field.name.range();
        work::did(range.len().min(name.len()));
        self.text[range].eq_ignore_ascii_case(name.as_bytes())
    }

    fn value(&self, field: &Field) -> &[u8] {
        work::did(field.value.range().len());
        trim(&self.text[field.value.range()])
    }

    /// What decides where the head's request ends, and for whom it is.
    fn check(&self) -> Result<(), HeadError> {
        // RFC 9112, 6.1: a transfer coding makes content; no request here has content, and
        // two ways of framing it would be two opinions on where the frames begin.
        if self.values("Transfer-Encoding").next().is_some() {
            return Err(HeadError::TransferEncoding);
        }
        // RFC 9112, 6.3: a list of lengths or a bad one is not recoverable.
        let mut lengths = self.values("Content-Length");
        if lengths.next().is_some_and(|length| length != b"0") || lengths.next().is_some() {
            return Err(HeadError::ContentLength);
        }
        // RFC 9112, 3.2: no Host, or more than one, is answered with 400.
        let mut hosts = self.values("Host");
        if !hosts.next().is_some_and(is_host) || hosts.next().is_some() {
            return Err(HeadError::Host);
        }
        Ok(())
    }
}

/// Where a word stands in the text. Heads are shorter than 4 GiB.
#[derive(Clone, Copy, Debug)]
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

#[derive(Clone, Copy, Debug)]
struct Field {
    name: Span,
    value: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
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

/// What can be wrong with a request head; each says how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The method is not a token followed by one blank.
    Method,
    /// The target is empty or has a character that no target has.
    Target,
    /// The third word is not `HTTP/` and two digits with a dot.
    Version,
    /// The version is well-formed, but not 1.1.
    UnsupportedVersion,
    /// A carriage return that no line feed follows.
    BareCarriageReturn,
    /// A line feed that no carriage return precedes.
    BareLineFeed,
    /// A line that begins with a blank.
    Folding,
    /// A blank between a field's name and its colon.
    SpaceBeforeColon,
    /// A field name that is not a token.
    Name,
    /// A control character in a field value.
    Value,
    /// `Transfer-Encoding` is there.
    TransferEncoding,
    /// `Content-Length` is not a single 0.
    ContentLength,
    /// `Host` is missing, there twice, or no host.
    Host,
    /// The request line is longer than this many bytes.
    RequestLineTooLong(usize),
    /// There are more fields than this.
    TooManyFields(usize),
    /// The head is longer than this many bytes.
    HeadTooLong(usize),
}

impl HeadError {
    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::UnsupportedVersion => Status::VERSION_NOT_SUPPORTED,
            Self::RequestLineTooLong(_) => Status::URI_TOO_LONG,
            Self::TooManyFields(_) | Self::HeadTooLong(_) => Status::FIELDS_TOO_LARGE,
            Self::Method
            | Self::Target
            | Self::Version
            | Self::BareCarriageReturn
            | Self::BareLineFeed
            | Self::Folding
            | Self::SpaceBeforeColon
            | Self::Name
            | Self::Value
            | Self::TransferEncoding
            | Self::ContentLength
            | Self::Host => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is not a token followed by one blank"),
            Self::Target => f.write_str("the request target is empty or has a forbidden character"),
            Self::Version => f.write_str("the request line does not end in HTTP/1.1"),
            Self::UnsupportedVersion => f.write_str("the HTTP version is not 1.1"),
            Self::BareCarriageReturn => f.write_str("a carriage return without a line feed"),
            Self::BareLineFeed => f.write_str("a line feed without a carriage return"),
            Self::Folding => f.write_str("a header line begins with a blank"),
            Self::SpaceBeforeColon => f.write_str("a blank between a header name and its colon"),
            Self::Name => f.write_str("a header name is not a token followed by a colon"),
            Self::Value => f.write_str("a control character in a header value"),
            Self::TransferEncoding => f.write_str("Transfer-Encoding is not accepted"),
            Self::ContentLength => {
                f.write_str("Content-Length is not accepted, but for a single 0")
            }
            Self::Host => f.write_str("exactly one valid Host header is needed"),
            Self::RequestLineTooLong(max) => write!(f, "the request line is above {max} bytes"),
            Self::TooManyFields(max) => write!(f, "more than {max} headers"),
            Self::HeadTooLong(max) => write!(f, "the request head is above {max} bytes"),
        }
    }
}

impl core::error::Error for HeadError {}

/// RFC 9112, 2.3: the version is `HTTP/`, a digit, a dot and a digit; upper case matters.
fn check_version(word: &[u8]) -> Result<(), HeadError> {
    match word {
        VERSION => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HeadError::UnsupportedVersion)
        }
        _ => Err(HeadError::Version),
    }
}

/// RFC 9112, 3.2 and RFC 3986, 3.2.2: what a host and port are made of. Empty is allowed.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}

const VERSION: &[u8] = b"HTTP/1.1";
