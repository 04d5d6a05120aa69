//! Request heads beside httparse: what we accept it accepts, with the same parts. What it
//! accepts and we refuse, we refuse for one of the reasons that stand here.

use httparse::{EMPTY_HEADER, Request, Status};
use switchboard::Limits;
use switchboard::ws::{Head, HeadError, HeadReader};

/// The input is a head, and what follows it.
pub fn check(data: &[u8]) {
    if data.len() > INPUT_BYTES_MAX {
        return;
    }
    let their_data = with_known_version(data);
    let mut fields = [EMPTY_HEADER; 128];
    let mut theirs = Request::new(&mut fields);
    let verdict = theirs.parse(&their_data);
    match (read(data), verdict) {
        (Outcome::Whole(used, head), Ok(Status::Complete(their_used))) => {
            assert_eq!(used, their_used, "where the head ends");
            compare(&head, &theirs);
            let text = &data[..used];
            let line =
                text.strip_prefix(b"\r\n").unwrap_or(text).split(|&byte| byte == b'\r').next();
            let line_len = line.map_or(0, <[u8]>::len);
            assert!(line_len <= LIMITS.request_line_bytes_max, "a request line of {line_len}");
            assert!(used <= LIMITS.head_bytes_max && theirs.headers.len() <= LIMITS.headers_max);
        }
        (Outcome::Begun, Ok(Status::Partial)) | (Outcome::Refused { .. }, Err(_)) => {}
        // We judge a version when its word ends.
        (Outcome::Begun, Err(httparse::Error::Version)) => {
            let rest = data.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
            assert!(rest.len() <= 8, "no more than a word is awaited: {verdict:?}");
        }
        (Outcome::Refused { error, at }, Ok(verdict)) => {
            let whole = verdict.is_complete().then_some(&theirs);
            let reason = Reason::of(error, &data[..=at], whole);
            assert!(reason.is_some(), "{error:?} at byte {at}, and they say {verdict:?}");
        }
        (outcome, verdict) => panic!("we say {outcome:?}, they say {verdict:?}"),
    }
}

/// Why we may refuse what httparse accepts.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// RFC 9112, 2.2: a line feed alone may be taken for the end of a line. We do not.
    BareLineFeed,
    /// RFC 9112, 2.2: at least one empty line before the request line should be ignored. We
    /// ignore one, which is ended by both characters.
    EmptyLines,
    /// The PROXY protocol, 2.1: its first word is no method of ours.
    ProxyProtocol,
    /// RFC 9112, 3.2: a target is made of ASCII.
    TargetAboveAscii,
    /// RFC 9112, 6.1: no request here has content.
    TransferEncoding,
    /// RFC 9112, 6.3: a single 0 is all that a request without content can say.
    ContentLength,
    /// RFC 9112, 3.2: a `Host` is there,
    NoHost,
    /// one only,
    TwoHosts,
    /// and it is one.
    Host,
    /// A limit of ours.
    Limit,
}

impl Reason {
    /// The reason, if there is one. The last of `bytes` is the one that was refused; `theirs`
    /// is the head, if they have read to its end.
    fn of(error: HeadError, bytes: &[u8], theirs: Option<&Request<'_, '_>>) -> Option<Self> {
        let (&last, before) = bytes.split_last()?;
        let lines = || before.split(|&byte| byte == b'\n');
        let (reason, holds) = match error {
            HeadError::Method => (Self::EmptyLines, bytes.iter().all(|b| b"\r\n".contains(b))),
            HeadError::Proxy if last == b' ' => {
                (Self::ProxyProtocol, before.trim_ascii_start() == b"PROXY")
            }
            HeadError::Proxy => (Self::EmptyLines, bytes.iter().all(|b| b"\r\n".contains(b))),
            HeadError::Target => (Self::TargetAboveAscii, last >= 0x80),
            HeadError::Version | HeadError::BareLineFeed | HeadError::Name => {
                (Self::BareLineFeed, last == b'\n' && !before.ends_with(b"\r"))
            }
            HeadError::TransferEncoding
            | HeadError::ContentLength
            | HeadError::NoHost
            | HeadError::TwoHosts
            | HeadError::Host => {
                let reason = Self::of_fields(theirs?)?;
                (reason, reason.error() == Some(error))
            }
            HeadError::RequestLineTooLong(max) => {
                let line = lines().next_back()?;
                (Self::Limit, max == LIMITS.request_line_bytes_max && line.len() == max)
            }
            HeadError::TooManyFields(max) => {
                // The request line, perhaps an empty one before it, and the fields.
                let ends = lines().skip_while(|line| line == b"\r").count() - 1;
                (Self::Limit, max == LIMITS.headers_max && ends == 1 + max)
            }
            HeadError::HeadTooLong(max) => {
                (Self::Limit, max == LIMITS.head_bytes_max && before.len() == max)
            }
            // In all others they are as strict as we are.
            _ => return None,
        };
        holds.then_some(reason)
    }

    /// The first reason that the fields of a whole head give.
    fn of_fields(theirs: &Request<'_, '_>) -> Option<Self> {
        let named = |name: &str| {
            let fields = theirs.headers.iter();
            let values = fields.filter(|field| field.name.eq_ignore_ascii_case(name));
            values.map(|field| field.value).collect::<Vec<_>>()
        };
        let lengths = named("Content-Length");
        // RFC 3986, 3.2.2 and 3.2.3: what stands neither in a host nor in a port.
        let is_of_host = |byte: &u8| byte.is_ascii_graphic() && !b"\"/<>?@\\^`{|}#".contains(byte);
        if !named("Transfer-Encoding").is_empty() {
            return Some(Self::TransferEncoding);
        }
        if !lengths.is_empty() && lengths != [b"0"] {
            return Some(Self::ContentLength);
        }
        // RFC 9112, 3.2: HTTP/1.0 goes without.
        match named("Host")[..] {
            [host] => (!host.iter().all(is_of_host)).then_some(Self::Host),
            [] => (theirs.version != Some(0)).then_some(Self::NoHost),
            [..] => Some(Self::TwoHosts),
        }
    }

    /// The error that a reason given by fields leads to.
    fn error(self) -> Option<HeadError> {
        match self {
            Self::TransferEncoding => Some(HeadError::TransferEncoding),
            Self::ContentLength => Some(HeadError::ContentLength),
            Self::NoHost => Some(HeadError::NoHost),
            Self::TwoHosts => Some(HeadError::TwoHosts),
            Self::Host => Some(HeadError::Host),
            Self::BareLineFeed
            | Self::EmptyLines
            | Self::ProxyProtocol
            | Self::TargetAboveAscii
            | Self::Limit => None,
        }
    }
}

/// RFC 9110, 2.5: what has a later minor version is read as HTTP/1.1, which httparse does not do.
pub fn with_known_version(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let start = if data.starts_with(b"\r\n") { 2 } else { 0 };
    let line = data[start..].split(|&byte| byte == b'\r').next().unwrap_or_default();
    let end = start + line.len();
    if let Some((b'2'..=b'9', before)) = line.split_last()
        && before.ends_with(b" HTTP/1.")
    {
        data[end - 1] = b'1';
    }
    data
}

/// What we say.
#[derive(Debug)]
enum Outcome {
    /// The bytes used, and the head.
    Whole(usize, Head),
    Begun,
    /// The byte at which it was refused.
    Refused {
        error: HeadError,
        at: usize,
    },
}

fn read(data: &[u8]) -> Outcome {
    let mut reader = HeadReader::default();
    for (at, byte) in data.iter().enumerate() {
        match reader.receive(std::slice::from_ref(byte), &LIMITS) {
            Ok((_, Some(head))) => return Outcome::Whole(at + 1, head),
            Ok((_, None)) => {}
            Err(error) => return Outcome::Refused { error, at },
        }
    }
    Outcome::Begun
}

fn compare(ours: &Head, theirs: &Request<'_, '_>) {
    assert_eq!(Some(ours.method()), theirs.method);
    assert_eq!(Some(ours.target()), theirs.path);
    assert_eq!(theirs.version, Some(u8::from(!ours.is_http_1_0())));
    let reason = Reason::of_fields(theirs);
    assert!(reason.is_none(), "accepted in spite of {reason:?}");
    let their_fields = theirs.headers.iter().map(|field| (field.name, field.value));
    assert!(ours.fields().eq(their_fields), "{ours:?} and {theirs:?}");
    for field in theirs.headers.iter() {
        let same = theirs.headers.iter().filter(|f| f.name.eq_ignore_ascii_case(field.name));
        assert!(ours.values(field.name).eq(same.clone().map(|f| f.value)), "{}", field.name);
        let first = same.clone().next().and_then(|f| std::str::from_utf8(f.value).ok());
        assert_eq!(ours.header(field.name), first);
    }
}

/// Short ones, so that inputs reach them.
pub const LIMITS: Limits =
    Limits { head_bytes_max: 400, headers_max: 12, request_line_bytes_max: 60, ..Limits::SERVER };
pub const INPUT_BYTES_MAX: usize = 512;
