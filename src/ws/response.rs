//! Answers other than the 101: refusals and pages (RFC 9110, 15; RFC 9112, 4). Each has a length
//! and ends the connection.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ws::syntax::{is_token, is_value_byte};
use crate::ws::{Arc, DateField};

/// A status code of HTTP (RFC 9110, 15), from 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(u16);

impl Status {
    /// 200 OK.
    pub const OK: Self = Self(200);
    /// 202 Accepted.
    pub const ACCEPTED: Self = Self(202);
    /// 204 No Content.
    pub const NO_CONTENT: Self = Self(204);
    /// 206 Partial Content.
    pub const PARTIAL_CONTENT: Self = Self(206);
    /// 308 Permanent Redirect.
    pub const PERMANENT_REDIRECT: Self = Self(308);
    /// 304 Not Modified.
    pub const NOT_MODIFIED: Self = Self(304);
    /// 400 Bad Request.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401 Unauthorized.
    pub const UNAUTHORIZED: Self = Self(401);
    /// 403 Forbidden.
    pub const FORBIDDEN: Self = Self(403);
    /// 404 Not Found.
    pub const NOT_FOUND: Self = Self(404);
    /// 405 Method Not Allowed.
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 408 Request Timeout.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 409 Conflict.
    pub const CONFLICT: Self = Self(409);
    /// 411 Length Required.
    pub const LENGTH_REQUIRED: Self = Self(411);
    /// 412 Precondition Failed.
    pub const PRECONDITION_FAILED: Self = Self(412);
    /// 413 Content Too Large.
    pub const CONTENT_TOO_LARGE: Self = Self(413);
    /// 414 URI Too Long.
    pub const URI_TOO_LONG: Self = Self(414);
    /// 415 Unsupported Media Type.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self(415);
    /// 416 Range Not Satisfiable.
    pub const RANGE_NOT_SATISFIABLE: Self = Self(416);
    /// 417 Expectation Failed.
    pub const EXPECTATION_FAILED: Self = Self(417);
    /// 421 Misdirected Request.
    pub const MISDIRECTED: Self = Self(421);
    /// 422 Unprocessable Content.
    pub const UNPROCESSABLE: Self = Self(422);
    /// 426 Upgrade Required.
    pub const UPGRADE_REQUIRED: Self = Self(426);
    /// 429 Too Many Requests (RFC 6585, 4).
    pub const TOO_MANY_REQUESTS: Self = Self(429);
    /// 431 Request Header Fields Too Large.
    pub const FIELDS_TOO_LARGE: Self = Self(431);
    /// 500 Internal Server Error.
    pub const INTERNAL_ERROR: Self = Self(500);
    /// 501 Not Implemented.
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// 503 Service Unavailable.
    pub const UNAVAILABLE: Self = Self(503);
    /// 505 HTTP Version Not Supported.
    pub const VERSION_NOT_SUPPORTED: Self = Self(505);

    /// The status with this number; `None` outside 200 to 599, since a 1xx does not end a request
    /// (RFC 9110, 15.2).
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            200..=599 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The reason phrase, such as `Not Found`; empty for a number without one. Clients ignore it
    /// (RFC 9112, 4).
    #[must_use]
    pub fn phrase(self) -> &'static str {
        let mut lines = PHRASES.lines().filter_map(|line| line.split_at_checked(4));
        let found = lines.find(|(number, _)| number.trim_end().parse() == Ok(u64::from(self.0)));
        found.map_or("", |(_, phrase)| phrase)
    }

    /// Whether answers with this status have content (RFC 9110, 15.3.5 and 15.4.5).
    const fn has_content(self) -> bool {
        !matches!(self.0, 204 | 304)
    }
}

/// An answer of HTTP, such as a refusal or a page. The connection ends after it. The server adds
/// `Content-Length`, `Connection`, `Date`, `X-Content-Type-Options: nosniff`, and `Cache-Control:
/// no-cache` unless it has a `Cache-Control` of its own.
///
/// ```
/// use switchboard::ws::{Response, Status};
/// let refusal = Response::text(Status::UNAUTHORIZED, "log in first")
///     .header("WWW-Authenticate", "Basic realm=\"chat\"");
/// assert_eq!(refusal.status(), Status::UNAUTHORIZED);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: Status,
    headers: String,
    /// Shared, since a page is shown to many.
    body: Arc<Vec<u8>>,
    /// The length in the head, if it is not that of the body.
    body_len: Option<u64>,
    /// Whether it has a `Cache-Control` of its own.
    for_caches: bool,
    /// The reason for the log, if that is not its text.
    note: Option<Box<str>>,
}

impl Response {
    /// The headers that only the server sets, since they say where an answer ends (RFC 9112, 6 and
    /// 9.6) and when it is sent.
    pub const FRAMING: [&str; 4] = ["Content-Length", "Transfer-Encoding", "Connection", "Date"];

    /// The methods that a server answers (RFC 9110, 10.2.1). Others get a 405.
    pub const ALLOW: &str = "GET, HEAD, OPTIONS";

    /// The media type of HTML in UTF-8.
    pub(crate) const HTML: &str = "text/html; charset=utf-8";

    /// An answer with `body` as its content, of this media type.
    #[must_use]
    pub fn new(status: Status, media_type: &str, body: impl Into<Arc<Vec<u8>>>) -> Self {
        let body = body.into();
        Self { body, ..Self::empty(status) }.header("Content-Type", media_type)
    }

    /// An answer without content, and without a `Content-Type`.
    #[must_use]
    pub fn empty(status: Status) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Arc::default(),
            body_len: None,
            for_caches: false,
            note: None,
        }
    }

    /// An answer of one line of plain text, which the peer and the log get.
    #[must_use]
    pub fn text(status: Status, line: &str) -> Self {
        let body = format!("{line}\n").into_bytes();
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// An answer of HTML in UTF-8. Text of others in it has to be escaped.
    #[must_use]
    pub fn html(status: Status, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, Self::HTML, body.into())
    }

    /// The same answer with one more header: see [`Response::add`].
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.add(name, value);
        self
    }

    /// Adds a header; several may have one name. Control characters in the value become blanks, so
    /// it cannot end the header. A header whose name is not a token, or is one of
    /// [`Response::FRAMING`], is left out.
    pub fn add(&mut self, name: &str, value: &str) {
        let framing = Self::FRAMING.iter().any(|own| own.eq_ignore_ascii_case(name));
        if is_token(name.as_bytes()) && !framing {
            self.for_caches |= name.eq_ignore_ascii_case("Cache-Control");
            self.headers.push_str(name);
            self.headers.push_str(": ");
            let clean = |c: char| if c.is_ascii() && !is_value_byte(c as u8) { ' ' } else { c };
            self.headers.extend(value.chars().map(clean));
            self.headers.push_str("\r\n");
        }
    }

    /// Sets the reason for the log, instead of the text of the answer. The peer does not get it.
    #[must_use]
    pub fn note(self, text: &str) -> Self {
        Self { note: Some(text.into()), ..self }
    }

    /// The last [`Response::note`].
    #[must_use]
    pub fn noted(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The reason of a refusal, for the log: its note, or else the first line of its text.
    #[must_use]
    pub fn reason(&self) -> &str {
        let text = || core::str::from_utf8(&self.body).ok()?.lines().next();
        self.noted().or_else(text).unwrap_or_default()
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// How many bytes of headers and content it has, without those that the server adds.
    #[cfg(feature = "host")]
    pub(crate) fn len(&self) -> usize {
        self.headers.len() + self.body.len()
    }

    /// Frees memory that its content does not need.
    #[cfg(feature = "pages")]
    pub(crate) fn shrink(&mut self) {
        if let Some(body) = Arc::get_mut(&mut self.body) {
            body.shrink_to_fit();
        }
    }

    /// The bytes of memory that the answer occupies.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.headers.capacity() + self.body.capacity() + self.noted().map_or(0, str::len)
    }

    /// The same answer with a `Content-Length` of `body_len` bytes, for content that is sent
    /// separately.
    #[must_use]
    pub fn with_content_of(self, body_len: u64) -> Self {
        Self { body_len: Some(body_len), ..self }
    }

    /// The same answer with this status.
    #[must_use]
    pub fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same answer with this content, and its length.
    #[must_use]
    pub fn with_content(self, body: Vec<u8>) -> Self {
        Self { body: Arc::new(body), body_len: None, ..self }
    }

    /// The bytes of the head, with the empty line at its end.
    #[must_use]
    pub fn head(&self, stamp: &DateField) -> Vec<u8> {
        let Status(number) = self.status;
        let (phrase, date) = (self.status.phrase(), stamp.line());
        let mut out = format!("HTTP/1.1 {number} {phrase}\r\n{date}{}", self.headers).into_bytes();
        // Browsers must not guess another type, least of all for refusals.
        out.extend_from_slice(b"X-Content-Type-Options: nosniff\r\n");
        // RFC 9111, 4.2.2: without Cache-Control, a cache chooses how long it keeps a 308 or 404.
        if !self.for_caches {
            out.extend_from_slice(b"Cache-Control: no-cache\r\n");
        }
        // RFC 9110, 8.6: a 204 has no length, and that of a 304 would be that of the content
        // it stands for.
        if self.status.has_content() {
            let len = self.body_len.unwrap_or(self.body.len() as u64);
            out.extend_from_slice(format!("Content-Length: {len}\r\n").as_bytes());
        }
        // RFC 9110, 7.8 and 15.5.22: a 426 has Upgrade, which Connection has to name.
        let upgrade = if self.status == Status::UPGRADE_REQUIRED { ", Upgrade" } else { "" };
        out.extend_from_slice(format!("Connection: close{upgrade}\r\n\r\n").as_bytes());
        out
    }

    /// The content; `None` if it is empty, or if the status allows none.
    #[must_use]
    pub fn body(&self) -> Option<&Arc<Vec<u8>>> {
        Some(&self.body).filter(|body| self.status.has_content() && !body.is_empty())
    }
}

/// One text, since a list of texts has a relocation for each of them.
const PHRASES: &str = "\
200 OK
202 Accepted
204 No Content
206 Partial Content
301 Moved Permanently
302 Found
303 See Other
304 Not Modified
307 Temporary Redirect
308 Permanent Redirect
400 Bad Request
401 Unauthorized
403 Forbidden
404 Not Found
405 Method Not Allowed
408 Request Timeout
409 Conflict
410 Gone
411 Length Required
412 Precondition Failed
413 Content Too Large
414 URI Too Long
415 Unsupported Media Type
416 Range Not Satisfiable
417 Expectation Failed
421 Misdirected Request
422 Unprocessable Content
426 Upgrade Required
429 Too Many Requests
431 Request Header Fields Too Large
500 Internal Server Error
501 Not Implemented
503 Service Unavailable
505 HTTP Version Not Supported
";
