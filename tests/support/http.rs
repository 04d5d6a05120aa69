//! Requests, and what comes back.

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The number of its status.
    pub status: u16,
    /// Its header lines in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What follows the head.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a head, blank line included; fails at anything that a strict client would not
    /// read the same way.
    pub fn parse_head(head: &[u8]) -> Self {
        let text = str::from_utf8(head).expect("the head is ASCII");
        let text = text.strip_suffix("\r\n\r\n").expect("the head ends in a blank line");
        let mut lines = text.split("\r\n");
        let first = lines.next().expect("there is a first line");
        let rest = first.strip_prefix("HTTP/1.1 ").expect("it is HTTP/1.1");
        let (status, phrase) = rest.split_once(' ').expect("a blank follows the status");
        assert!(!phrase.is_empty(), "the status has its words: {first:?}");
        let headers = lines.map(parse_header).collect();
        let no_controls = |c: char| c == '\r' || c == '\n' || !c.is_control();
        assert!(text.chars().all(no_controls), "control characters: {text:?}");
        assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "{text:?}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
        Self { status: status.parse().expect("the status is a number"), headers, body: Vec::new() }
    }

    /// The value of a header that is there once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is text")
    }
}

fn parse_header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").expect("a header has a name and a value");
    let token = |c: char| c.is_ascii_alphanumeric() || c == '-';
    assert!(!name.is_empty() && name.chars().all(token), "not a name: {line:?}");
    (name.to_ascii_lowercase(), value.to_owned())
}

/// A plain GET with more header lines, each of them ended.
pub fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n").into_bytes()
}

/// A valid opening handshake with more header lines, each of them ended.
pub fn upgrade(path: &str, more: &str) -> Vec<u8> {
    get(path, &format!("{UPGRADE}{more}"))
}

/// The header lines of an opening handshake, beside the host.
pub const UPGRADE: &str = "Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What answers the key of [`UPGRADE`] (RFC 6455, 1.3).
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
