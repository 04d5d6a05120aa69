//! A whole request head (RFC 9112, 2 and 3), and where its words stand. The handshake is read in
//! [`crate::ws::upgrade`].

use alloc::vec::Vec;
use core::ops::Range;

use crate::ws::head_error::HeadError;
#[cfg(feature = "admin")]
use crate::ws::syntax::number;
use crate::ws::{Arc, work};

/// A complete and valid request head: HTTP/1, without content, with one `Host` (or none in
/// HTTP/1.0). Clones share its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head(Arc<HeadParts>);

/// The text of a head, and where its words stand in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HeadParts {
    pub(super) text: Vec<u8>,
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) fields: Vec<FieldSpan>,
    /// A bit for each name that there is: see [`name_bit`].
    pub(super) names: u64,
}

impl Head {
    /// The bytes that clones share in addition to [`Head::capacity`].
    #[cfg(feature = "host")]
    pub(crate) const PARTS_BYTES: usize = size_of::<HeadParts>() + 2 * size_of::<usize>();

    pub(super) fn new(parts: HeadParts) -> Self {
        Self(Arc::new(parts))
    }

    pub(super) fn into_parts(self) -> HeadParts {
        Arc::into_inner(self.0).unwrap_or_default()
    }

    /// The method, which is a token, as it came: methods are case-sensitive.
    #[must_use]
    pub fn method(&self) -> &str {
        core::str::from_utf8(self.word(self.0.method)).unwrap_or_default()
    }

    /// The request target as it came: visible ASCII.
    #[must_use]
    pub fn target(&self) -> &str {
        core::str::from_utf8(self.word(self.0.target)).unwrap_or_default()
    }

    /// Whether the version is HTTP/1.0. Versions above 1.1 are read as 1.1 (RFC 9110, 2.5).
    #[must_use]
    pub fn is_http_1_0(&self) -> bool {
        let version = self.0.text.get(self.0.target.end as usize + 1..);
        version.is_some_and(|rest| rest.starts_with(b"HTTP/1.0"))
    }

    /// All fields in their order: names as they came, and values without blanks around them. Values
    /// are bytes, since HTTP does not define bytes above ASCII.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.fields.iter().map(|field| {
            work::did(field.name.range().len());
            let name = core::str::from_utf8(self.word(field.name)).unwrap_or_default();
            (name, self.value(field))
        })
    }

    /// The values of all fields called `name`, in any case (RFC 9110, 5.1), in their order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let places = self.places(name_bit(name.as_bytes()));
        places.iter().filter_map(|place| self.value_called(place, name))
    }

    /// The value of the first field called `name`, in any case; `None` if there is none, or if the
    /// value is not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        core::str::from_utf8(self.first(name)?).ok()
    }

    /// The value of the first field called `name`, in any case.
    // Not inlined: it has many callers.
    #[inline(never)]
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        let places = self.places(name_bit(name.as_bytes()));
        places.iter().find_map(|place| self.value_called(place, name))
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

    /// The bytes of memory that the text and the list of fields occupy. Clones share them.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.text.capacity() + self.0.fields.capacity() * size_of::<FieldSpan>()
    }

    /// The fields; none if no field can have a name with this bit.
    fn places(&self, bit: u64) -> &[FieldSpan] {
        if self.0.names & bit == 0 { &[] } else { &self.0.fields }
    }

    /// The value of this field, if it is called `name`.
    #[inline(never)]
    fn value_called(&self, field: &FieldSpan, name: &str) -> Option<&[u8]> {
        let own = self.word(field.name);
        work::did(own.len().min(name.len()));
        own.eq_ignore_ascii_case(name.as_bytes()).then(|| self.value(field))
    }

    fn value(&self, field: &FieldSpan) -> &[u8] {
        work::did(field.value.range().len());
        self.word(field.value)
    }

    fn word(&self, span: Span) -> &[u8] {
        self.0.text.get(span.range()).unwrap_or_default()
    }

    /// What decides where the head's request ends, and for whom it is.
    pub(super) fn check(&self, content: ContentRule) -> Result<(), HeadError> {
        // RFC 9112, 6.1: a transfer coding makes content. No request of a peer has content, and
        // two ways of framing it would be two opinions on where the frames begin.
        if self.first("Transfer-Encoding").is_some() {
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
pub(super) enum ContentRule {
    /// None.
    #[default]
    Empty,
    /// Such that has a length.
    #[cfg(feature = "admin")]
    Sized,
}

/// Where a word stands in the text. Heads are shorter than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end) }
    }

    pub(super) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSpan {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// A bit for a name, whatever its case: names with different bits are different.
pub(super) fn name_bit(name: &[u8]) -> u64 {
    let letter = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte | 0x20));
    1 << ((name.len() + 5 * letter(name.first()) + 3 * letter(name.last())) % 64)
}

/// RFC 9110, 8.6: a length is decimal digits. A sign or a list is none.
#[cfg(feature = "admin")]
fn length(value: &[u8]) -> Option<u64> {
    core::str::from_utf8(value).ok().and_then(|digits| number(digits, value.len()))
}

/// RFC 9112, 3.2 and RFC 3986, 3.2.2: what a host and port are made of. Empty is allowed.
fn is_host(value: &[u8]) -> bool {
    let is_right = |byte: &u8| {
        matches!(byte, b'!' | b'$'..=b'.' | b'0'..=b';' | b'=' | b'A'..=b'[' | b']' | b'_'
            | b'a'..=b'z' | b'~')
    };
    value.iter().all(is_right)
}
