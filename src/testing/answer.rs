//! `TestAnswer`: an answer of HTTP, as a client reads it.

use std::fmt;

use crate::testing::text::quoted;
use crate::ws::Status;

/// An answer of the host that is no 101: a refusal, or a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestAnswer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl fmt::Display for TestAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = Status::new(self.status).map_or("", Status::phrase);
        write!(f, "answer {} {phrase}: {}", self.status, quoted(&self.text()))
    }
}

impl TestAnswer {
    /// The status, such as 403.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// The content, with what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads an answer at the beginning of `bytes`. Returns it and its length in bytes; `None` if
    /// it is not all there.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let head_len = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..head_len]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.expect("an answer begins with its status");
        let mut answer = Self { status, head, body: Vec::new() };
        // RFC 9112, 6.3: a 101 has no content, and each other answer of the host has a length.
        let length = answer.header("Content-Length").and_then(|length| length.parse().ok());
        let len = head_len + length.unwrap_or(0);
        answer.body = bytes.get(head_len..len)?.to_vec();
        Some((answer, len))
    }
}
