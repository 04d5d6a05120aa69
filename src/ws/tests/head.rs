//! Request heads: what is accepted and what is refused, and that cuts make no difference.
//!
//! That the cost is in proportion to the length needs no clock: the reader looks at each byte
//! once, when it comes, and at the whole text once, when it ends. What could grow with each
//! piece would show as a difference between the cuttings below.

use crate::limits::Limits;
use crate::ws::Status;
use crate::ws::syntax::{is_value_byte, trim};
use crate::ws::{Head, HeadError, HeadReader};

use super::cuttings;

/// What a request line gives: its method and its target.
type Line = Result<(&'static str, &'static str), HeadError>;

const LINES: &[(&str, Line)] = &[
    ("GET / HTTP/1.1", Ok(("GET", "/"))),
    ("GET /foo/bar?a=b HTTP/1.1", Ok(("GET", "/foo/bar?a=b"))),
    ("POST / HTTP/1.1", Ok(("POST", "/"))),
    ("get / HTTP/1.1", Ok(("get", "/"))),
    ("A!#$%&'*+-.^_`|~9 / HTTP/1.1", Ok(("A!#$%&'*+-.^_`|~9", "/"))),
    ("OPTIONS * HTTP/1.1", Ok(("OPTIONS", "*"))),
    ("GET http://h/p HTTP/1.1", Ok(("GET", "http://h/p"))),
    // An empty line before the request line is skipped, a second one is not.
    ("\r\nGET / HTTP/1.1", Ok(("GET", "/"))),
    ("\r\n\r\nGET / HTTP/1.1", Err(HeadError::Proxy)),
    ("\nGET / HTTP/1.1", Err(HeadError::Method)),
    ("\rGET / HTTP/1.1", Err(HeadError::BareCarriageReturn)),
    // The method.
    (" / HTTP/1.1", Err(HeadError::Method)),
    (" GET / HTTP/1.1", Err(HeadError::Method)),
    ("\tGET / HTTP/1.1", Err(HeadError::Method)),
    ("GET\t/ HTTP/1.1", Err(HeadError::Method)),
    ("G(T / HTTP/1.1", Err(HeadError::Method)),
    ("GÉT / HTTP/1.1", Err(HeadError::Method)),
    ("GET\0 / HTTP/1.1", Err(HeadError::Method)),
    ("GET", Err(HeadError::Method)),
    ("\r\n / HTTP/1.1", Err(HeadError::Method)),
    // The target.
    ("GET  / HTTP/1.1", Err(HeadError::Target)),
    ("GET /\t HTTP/1.1", Err(HeadError::Target)),
    ("GET /a\tb HTTP/1.1", Err(HeadError::Target)),
    ("GET /a\0 HTTP/1.1", Err(HeadError::Target)),
    ("GET /é HTTP/1.1", Err(HeadError::Target)),
    ("GET \r", Err(HeadError::Target)),
    // The version.
    ("GET /", Err(HeadError::Version)),
    ("GET /a\rb HTTP/1.1", Err(HeadError::Version)),
    ("GET /a\n HTTP/1.1", Err(HeadError::Version)),
    ("GET / HTTP/1.0", Ok(("GET", "/"))),
    ("GET / HTTP/1.2", Ok(("GET", "/"))),
    ("GET / HTTP/1.9", Ok(("GET", "/"))),
    ("GET / HTTP/2.0", Err(HeadError::UnsupportedVersion)),
    ("GET / HTTP/3.1", Err(HeadError::UnsupportedVersion)),
    ("GET / HTTP/0.9", Err(HeadError::UnsupportedVersion)),
    ("GET / HTTP/11", Err(HeadError::Version)),
    ("GET / HTTP/1.", Err(HeadError::Version)),
    ("GET / HTTP/1", Err(HeadError::Version)),
    ("GET / HTTP/2", Err(HeadError::Version)),
    ("GET / HTTP/1.10", Err(HeadError::Version)),
    ("GET / HTTP/11.1", Err(HeadError::Version)),
    ("GET / HTTP/1,1", Err(HeadError::Version)),
    ("GET / HTTP/a.1", Err(HeadError::Version)),
    ("GET / http/1.1", Err(HeadError::Version)),
    ("GET / HTTPS/1.1", Err(HeadError::Version)),
    ("GET / HHTTP/1.1", Err(HeadError::Version)),
    ("GET / HTTP/1.1 ", Err(HeadError::Version)),
    ("GET /  HTTP/1.1", Err(HeadError::Version)),
    ("GET / a HTTP/1.1", Err(HeadError::Version)),
    ("GET /\u{20}", Err(HeadError::Version)),
    ("GET / HTTP/1.1\t", Err(HeadError::Version)),
    ("GET / HTTP/1.1\0", Err(HeadError::Version)),
    ("GET / HTTP/1.1\nX: y", Err(HeadError::BareLineFeed)),
    ("GET / HTTP/2\nX: y", Err(HeadError::Version)),
    ("GET / HTTP/1.1\rX: y", Err(HeadError::BareCarriageReturn)),
    ("GET / HTTP/1.1\r", Err(HeadError::BareCarriageReturn)),
];

/// What field lines give: all names and values.
type Fields = Result<&'static [(&'static str, &'static [u8])], HeadError>;

const FIELDS: &[(&[u8], Fields)] = &[
    (b"Host: h\r\n", Ok(&[("Host", b"h")])),
    (b"Host:h\r\n", Ok(&[("Host", b"h")])),
    (b"hOST: \t h:80 \t\r\n", Ok(&[("hOST", b"h:80")])),
    (b"Host:\r\n", Ok(&[("Host", b"")])),
    (b"Host: \t \r\n", Ok(&[("Host", b"")])),
    (b"Host: [::1]:80\r\n", Ok(&[("Host", b"[::1]:80")])),
    (b"Host: h\r\nA: b: c\r\n", Ok(&[("Host", b"h"), ("A", b"b: c")])),
    (b"A: b \t c\r\nHost: h\r\n", Ok(&[("A", b"b \t c"), ("Host", b"h")])),
    (b"Host: h\r\nA: 1\r\na: 2\r\n", Ok(&[("Host", b"h"), ("A", b"1"), ("a", b"2")])),
    (b"Host: h\r\n!#$%&'*+-.^_`|~9: x\r\n", Ok(&[("Host", b"h"), ("!#$%&'*+-.^_`|~9", b"x")])),
    // Bytes above ASCII stand in values as they are, be they UTF-8 or not.
    (b"Host: h\r\nA: \x80\xC3\xA9\xFF\r\n", Ok(&[("Host", b"h"), ("A", b"\x80\xC3\xA9\xFF")])),
    // RFC 9112, 5.1 and 5.2: names, and the lines that fold.
    (b"Host : h\r\n", Err(HeadError::SpaceBeforeColon)),
    (b"Host\t: h\r\n", Err(HeadError::SpaceBeforeColon)),
    (b"Host: h\r\n folded\r\n", Err(HeadError::Folding)),
    (b"Host: h\r\n\tfolded\r\n", Err(HeadError::Folding)),
    (b" Host: h\r\n", Err(HeadError::Folding)),
    (b"Host: h\r\n \r\n", Err(HeadError::Folding)),
    (b": h\r\n", Err(HeadError::Name)),
    (b"Host\r\n", Err(HeadError::Name)),
    (b"Host\n", Err(HeadError::Name)),
    (b"Ho(st: h\r\n", Err(HeadError::Name)),
    (b"H\xC3\xB6st: h\r\n", Err(HeadError::Name)),
    (b"Host\0: h\r\n", Err(HeadError::Name)),
    (b"Host: h\r\n\n", Err(HeadError::Name)),
    // RFC 9110, 5.5: values.
    (b"Host: h\r\nA: b\0c\r\n", Err(HeadError::Value)),
    (b"Host: h\r\nA: \x01\r\n", Err(HeadError::Value)),
    (b"Host: h\r\nA: \x1B[0m\r\n", Err(HeadError::Value)),
    (b"Host: h\r\nA: \x7F\r\n", Err(HeadError::Value)),
    (b"Host: h\n", Err(HeadError::BareLineFeed)),
    (b"Host: h\rA: b\r\n", Err(HeadError::BareCarriageReturn)),
    (b"Host: h\r\r\n", Err(HeadError::BareCarriageReturn)),
    (b"Host: h\r\n\rx", Err(HeadError::BareCarriageReturn)),
    // RFC 9112, 3.2: exactly one host.
    (b"", Err(HeadError::NoHost)),
    (b"A: b\r\n", Err(HeadError::NoHost)),
    (b"Host: h\r\nHost: h\r\n", Err(HeadError::TwoHosts)),
    (b"Host: h\r\nhost: i\r\n", Err(HeadError::TwoHosts)),
    (b"Host: h, i /\r\n", Err(HeadError::Host)),
    (b"Host: user@h\r\n", Err(HeadError::Host)),
    (b"Host: h/p\r\n", Err(HeadError::Host)),
    (b"Host: h\"i\r\n", Err(HeadError::Host)),
    (b"Host: h\xC3\xA9\r\n", Err(HeadError::Host)),
    // RFC 9112, 6: there is no content.
    (b"Host: h\r\nContent-Length: 0\r\n", Ok(&[("Host", b"h"), ("Content-Length", b"0")])),
    (b"Host: h\r\nContent-Length: 5\r\n", Err(HeadError::ContentLength)),
    (b"Host: h\r\ncontent-length: 00\r\n", Err(HeadError::ContentLength)),
    (b"Host: h\r\nContent-Length: +0\r\n", Err(HeadError::ContentLength)),
    (b"Host: h\r\nContent-Length:\r\n", Err(HeadError::ContentLength)),
    (b"Host: h\r\nContent-Length: 0, 0\r\n", Err(HeadError::ContentLength)),
    (b"Content-Length: 0\r\nHost: h\r\nContent-Length: 0\r\n", Err(HeadError::ContentLength)),
    (b"Host: h\r\nTransfer-Encoding: chunked\r\n", Err(HeadError::TransferEncoding)),
    (b"Host: h\r\ntransfer-encoding: identity\r\n", Err(HeadError::TransferEncoding)),
    (b"Host: h\r\nTransfer-Encoding:\r\n", Err(HeadError::TransferEncoding)),
];

#[test]
fn request_lines() {
    for (line, expected) in LINES {
        let text = format!("{line}\r\nHost: h\r\n\r\n");
        let read = read(text.as_bytes(), &Limits::SERVER);
        let line = read.as_ref().map(|head| (head.method(), head.target())).map_err(|e| *e);
        assert_eq!(line, *expected, "{text:?}");
    }
}

#[test]
fn field_lines() {
    for (lines, expected) in FIELDS {
        let text = [b"GET / HTTP/1.1\r\n", *lines, b"\r\n"].concat();
        let read = read(&text, &Limits::SERVER);
        let fields = read.as_ref().map(|head| head.fields().collect::<Vec<_>>()).map_err(|e| *e);
        assert_eq!(fields, expected.map(<[_]>::to_vec), "{:?}", text.escape_ascii().to_string());
    }
}

/// Every byte in every place, against the lists of the standard (RFC 9110, 5.5 and 5.6.2).
#[test]
fn characters() {
    let token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let outcome = |before: &[u8], byte, after: &[u8]| {
        let text = [before, &[byte], after].concat();
        read(&text, &Limits::SERVER).err()
    };
    for byte in 0..=0xFF_u8 {
        let is_token = token.contains(&byte);
        let method = outcome(b"G", byte, b"T / HTTP/1.1\r\nHost: h\r\n\r\n");
        // A blank ends the method early, and what follows is no version.
        let expected =
            if byte == b' ' { Some(HeadError::Version) } else { Some(HeadError::Method) };
        assert_eq!(method, expected.filter(|_| !is_token), "{byte:#04x} in a method");

        let target = outcome(b"GET /", byte, b"a HTTP/1.1\r\nHost: h\r\n\r\n");
        let expected = match byte {
            b'!'..=b'~' => None,
            b' ' | b'\r' | b'\n' => Some(HeadError::Version),
            _ => Some(HeadError::Target),
        };
        assert_eq!(target, expected, "{byte:#04x} in a target");

        let name = outcome(b"GET / HTTP/1.1\r\nHost: h\r\nA", byte, b"b: c\r\n\r\n");
        let expected = match byte {
            b':' => None,
            b' ' | b'\t' => Some(HeadError::SpaceBeforeColon),
            _ => Some(HeadError::Name).filter(|_| !is_token),
        };
        assert_eq!(name, expected, "{byte:#04x} in a name");

        let value = outcome(b"GET / HTTP/1.1\r\nHost: h\r\nA: b", byte, b"c\r\n\r\n");
        let expected = match byte {
            b'\r' => Some(HeadError::BareCarriageReturn),
            b'\n' => Some(HeadError::BareLineFeed),
            b'\t' | b' '..=b'~' | 0x80..=0xFF => None,
            _ => Some(HeadError::Value),
        };
        assert_eq!(value, expected, "{byte:#04x} in a value");

        // RFC 3986, 3.2: a name or an address, and a port.
        let host = outcome(b"GET / HTTP/1.1\r\nHost: h", byte, b"h\r\n\r\n");
        let is_host = byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
        let expected = expected.or(Some(HeadError::Host).filter(|_| !is_host));
        assert_eq!(host, expected, "{byte:#04x} in a host");
    }
}

#[test]
fn every_limit_is_exact() {
    let limits =
        Limits { request_line_bytes_max: 20, headers_max: 3, head_bytes_max: 80, ..Limits::SERVER };
    let outcome = |text: &str| read(text.as_bytes(), &limits).err();
    let line = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(len - 14));
    assert_eq!(outcome(&line(20)), None);
    assert_eq!(outcome(&line(21)), Some(HeadError::RequestLineTooLong(20)));
    assert_eq!(outcome(&line(60)), Some(HeadError::RequestLineTooLong(20)));
    // The first byte that is too much is refused at once.
    let begun = format!("GET /{}", "a".repeat(16));
    let begun = read_pieces(begun.as_bytes(), &[begun.len()], &limits).1;
    assert_eq!(begun.err(), Some(HeadError::RequestLineTooLong(20)));
    // The empty line before it does not belong to it.
    assert_eq!(outcome(&format!("\r\n{}", line(20))), None);
    assert_eq!(outcome(&format!("\r\n{}", line(21))), Some(HeadError::RequestLineTooLong(20)));
    // A method without end, and a version.
    assert_eq!(outcome(&"G".repeat(90)), Some(HeadError::RequestLineTooLong(20)));

    let fields =
        |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(n - 1));
    assert_eq!(outcome(&fields(3)), None);
    assert_eq!(outcome(&fields(4)), Some(HeadError::TooManyFields(3)));

    let size = |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "b".repeat(n - 32));
    assert_eq!(size(80).len(), 80);
    assert_eq!(outcome(&size(80)), None);
    assert_eq!(outcome(&size(81)), Some(HeadError::HeadTooLong(80)));
    let one = Limits { request_line_bytes_max: 80, ..limits };
    let outcome = |text: &str| read(text.as_bytes(), &one).err();
    assert_eq!(outcome(&line(81)), Some(HeadError::RequestLineTooLong(80)));
}

/// Beginnings of heads that are refused at their last byte, and not at any before it: what is
/// wrong is not waited out.
const REFUSED_AT_ONCE: &[(&[u8], HeadError)] = &[
    (b"\n", HeadError::Method),
    (b"\r\n\r", HeadError::Proxy),
    (b"PROXY ", HeadError::Proxy),
    (b"G(", HeadError::Method),
    (b"GET  ", HeadError::Target),
    (b"GET /\xC3", HeadError::Target),
    (b"GET / HTTP/1.1x", HeadError::Version),
    (b"GET / HTTP/1.1 ", HeadError::Version),
    (b"GET / HTTP/2.0\r", HeadError::UnsupportedVersion),
    (b"GET / HTTP/1.0x", HeadError::Version),
    (b"GET / HTTP/1.1\rH", HeadError::BareCarriageReturn),
    (b"GET / HTTP/1.1\r\n ", HeadError::Folding),
    (b"GET / HTTP/1.1\r\n:", HeadError::Name),
    (b"GET / HTTP/1.1\r\nHost ", HeadError::SpaceBeforeColon),
    (b"GET / HTTP/1.1\r\nHost: h\0", HeadError::Value),
    (b"GET / HTTP/1.1\r\nHost: h\n", HeadError::BareLineFeed),
    (b"GET / HTTP/1.1\r\nHost: h\rA", HeadError::BareCarriageReturn),
    (b"GET / HTTP/1.1\r\n\r\n", HeadError::NoHost),
];

#[test]
fn what_is_wrong_is_refused_at_once() {
    for (text, error) in REFUSED_AT_ONCE {
        let (before, _) = text.split_at(text.len() - 1);
        let read = |text: &[u8]| read_pieces(text, &[text.len()], &Limits::SERVER).1;
        let name = text.escape_ascii().to_string();
        assert!(matches!(read(before), Ok(None)), "{name:?}");
        assert_eq!(read(text).err(), Some(*error), "{name:?}");
    }
}

/// RFC 9112, 3.2: only HTTP/1.0 goes without a Host; what is there is one in all versions.
#[test]
fn hosts_by_version() {
    let rows = [
        ("1.0", "", None),
        ("1.0", "Host: h\r\n", None),
        ("1.0", "Host: h\r\nHost: h\r\n", Some(HeadError::TwoHosts)),
        ("1.0", "Host: a/b\r\n", Some(HeadError::Host)),
        ("1.0", "Transfer-Encoding: chunked\r\n", Some(HeadError::TransferEncoding)),
        ("1.1", "", Some(HeadError::NoHost)),
        ("1.2", "", Some(HeadError::NoHost)),
    ];
    for (version, fields, error) in rows {
        let text = format!("GET / HTTP/{version}\r\n{fields}\r\n");
        let outcome = read(text.as_bytes(), &Limits::SERVER);
        assert_eq!(outcome.as_ref().err(), error.as_ref(), "{text:?}");
        let old = outcome.is_ok_and(|head| head.is_http_1_0());
        assert_eq!(old, version == "1.0" && error.is_none(), "{text:?}");
    }
    // The word is looked for in its place alone.
    let head = super::head("GET /HTTP/1.0 HTTP/1.1\r\nHost: h\r\nA: HTTP/1.0\r\n\r\n");
    assert!(!head.is_http_1_0());
}

/// The price that `Limits::memory_bytes_max` sets down for a head in progress.
#[test]
fn memory_keeps_to_its_price() {
    let limits = Limits::SERVER;
    for (text, fields) in [("A: b\r\n", 99), ("Abcd: efgh\r\n", 50), ("A: bcdefghi\r\n", 2)] {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", text.repeat(fields));
        let head = read(text.as_bytes(), &limits).expect("the head is right");
        let price = 2 * text.len() + 32 * (fields + 1).max(2);
        assert!(head.capacity() <= price, "{} bytes for a price of {price}", head.capacity());
    }
}

#[test]
fn values_are_found_in_any_case() {
    let head = super::head("GET / HTTP/1.1\r\nHost: h\r\nAb: 1\r\naB:  2\r\nC: \u{E9}\r\n\r\n");
    assert_eq!(head.values("AB").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(head.header("ab"), Some("1"));
    assert_eq!(head.header("c"), Some("\u{E9}"));
    assert_eq!(head.header("d"), None);
    let text = b"GET / HTTP/1.1\r\nHost: h\r\nA: \xFF\r\n\r\n";
    let head = read(text, &Limits::SERVER).expect("the head is right");
    assert_eq!(head.header("A"), None, "it is not UTF-8");
}

#[test]
fn every_error_has_its_status() {
    let rows = [
        (HeadError::Method, Status::BAD_REQUEST),
        (HeadError::Target, Status::BAD_REQUEST),
        (HeadError::Version, Status::BAD_REQUEST),
        (HeadError::UnsupportedVersion, Status::VERSION_NOT_SUPPORTED),
        (HeadError::BareCarriageReturn, Status::BAD_REQUEST),
        (HeadError::BareLineFeed, Status::BAD_REQUEST),
        (HeadError::Folding, Status::BAD_REQUEST),
        (HeadError::SpaceBeforeColon, Status::BAD_REQUEST),
        (HeadError::Name, Status::BAD_REQUEST),
        (HeadError::Value, Status::BAD_REQUEST),
        (HeadError::TransferEncoding, Status::BAD_REQUEST),
        (HeadError::ContentLength, Status::BAD_REQUEST),
        (HeadError::NoHost, Status::BAD_REQUEST),
        (HeadError::TwoHosts, Status::BAD_REQUEST),
        (HeadError::Host, Status::BAD_REQUEST),
        (HeadError::RequestLineTooLong(8_192), Status::URI_TOO_LONG),
        (HeadError::TooManyFields(100), Status::FIELDS_TOO_LARGE),
        (HeadError::HeadTooLong(16_384), Status::FIELDS_TOO_LARGE),
    ];
    for (error, status) in rows {
        assert_eq!(error.status(), status, "{error:?}");
        let text = error.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text:?}");
    }
    assert!(HeadError::TooManyFields(100).to_string().contains("100"));
}

/// What `text` gives, after it has been seen that it gives the same in every cutting, with
/// and without bytes behind it, and that a head takes its own bytes and no others.
fn read(text: &[u8], limits: &Limits) -> Result<Head, HeadError> {
    let (place, outcome) = read_pieces(text, &vec![1; text.len()], limits);
    for behind in [&b""[..], b"\x81\x85frame", b"GET / HTTP/1.1\r\n"] {
        let long = [text, behind].concat();
        for pieces in cuttings(long.len()) {
            let (used, other) = read_pieces(&long, &pieces, limits);
            let name = || format!("{:?} cut as {pieces:?}", long.escape_ascii().to_string());
            match (&outcome, &other) {
                (Ok(Some(head)), Ok(Some(other))) => {
                    assert_eq!(used, text.len(), "{}", name());
                    assert_eq!(describe(head), describe(other), "{}", name());
                }
                // The byte that breaks the rule is in the piece in which it was noticed.
                (Err(error), Err(other)) => {
                    assert_eq!(error, other, "{}", name());
                    assert!(used >= place, "{}", name());
                }
                // What is not complete may become anything.
                (Ok(None), _) => assert!(!behind.is_empty() || other.is_ok(), "{}", name()),
                _ => panic!("{outcome:?} or {other:?}: {}", name()),
            }
        }
    }
    outcome.map(|head| head.unwrap_or_else(|| panic!("no end: {}", text.escape_ascii())))
}

/// Long values are read by words of several bytes.
#[test]
fn each_byte_at_each_place_of_a_long_value() {
    for byte in u8::MIN..=u8::MAX {
        for at in 0..20 {
            let mut value = [b'v'; 20];
            value[at] = byte;
            let text = [b"GET / HTTP/1.1\r\nHost: h\r\nA:", &value[..], b"\r\n\r\n"].concat();
            let read = HeadReader::default().receive(&text, &Limits::SERVER);
            let head = read.ok().and_then(|(_, head)| head);
            let expected = is_value_byte(byte).then(|| trim(&value));
            let found = head.as_ref().and_then(|head| head.single("a"));
            assert_eq!(found, expected, "{byte:#x} at {at}");
        }
    }
}

/// Reads piece by piece: what it gives, and how many bytes were used by then; of an error,
/// how many had come.
fn read_pieces(
    text: &[u8],
    pieces: &[usize],
    limits: &Limits,
) -> (usize, Result<Option<Head>, HeadError>) {
    let mut reader = HeadReader::default();
    let mut begin = 0;
    for piece in pieces {
        match reader.receive(&text[begin..begin + piece], limits) {
            Ok((used, None)) => assert_eq!(used, *piece, "all of it belongs to the head"),
            Ok((used, head)) => {
                assert!(reader.is_empty(), "the reader is as new");
                return (begin + used, Ok(head));
            }
            Err(error) => return (begin + piece, Err(error)),
        }
        begin += piece;
        assert_eq!(reader.is_empty(), begin == 0);
    }
    (begin, Ok(None))
}

fn describe(head: &Head) -> (&str, &str, Vec<(&str, &[u8])>) {
    (head.method(), head.target(), head.fields().collect())
}

/// RFC 9112, 6.3: a length is one number, and with a transfer coding there is none.
#[cfg(feature = "admin")]
#[test]
fn lengths_of_content() {
    let (wrong, coded) = (Err(HeadError::ContentLength), Err(HeadError::TransferEncoding));
    for (fields, expected) in [
        ("", Ok(0)),
        ("Content-Length: 0\r\n", Ok(0)),
        ("content-length: \t5 \r\n", Ok(5)),
        ("Content-Length: 007\r\n", Ok(7)),
        ("Content-Length: 18446744073709551615\r\n", Ok(u64::MAX)),
        ("Content-Length: 18446744073709551616\r\n", wrong),
        ("Content-Length: 99999999999999999999999999\r\n", wrong),
        ("Content-Length: 5, 5\r\n", wrong),
        ("Content-Length: 5,\r\n", wrong),
        ("Content-Length: 5 5\r\n", wrong),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", wrong),
        ("Content-Length: 5\r\ncontent-length:\r\n", wrong),
        ("Content-Length:\r\n", wrong),
        ("Content-Length: +5\r\n", wrong),
        ("Content-Length: -5\r\n", wrong),
        ("Content-Length: 5.0\r\n", wrong),
        ("Content-Length: 0x5\r\n", wrong),
        ("Content-Length: 5\u{661}\r\n", wrong),
        ("Transfer-Encoding: chunked\r\n", coded),
        ("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", coded),
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\nhello");
        let mut reader = HeadReader::with_content();
        let read = reader.receive(text.as_bytes(), &Limits::SERVER);
        let found = read.map(|(used, head)| {
            assert_eq!(used, text.len() - 5, "the content is not of the head");
            head.expect("it is whole").content_len()
        });
        assert_eq!(found, expected, "{fields:?}");
        // The reader of the next one takes the same.
        if expected.is_ok() {
            assert!(reader.is_empty() && reader.receive(text.as_bytes(), &Limits::SERVER).is_ok());
        }
    }
}
