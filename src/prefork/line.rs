//! Lines between a parent and its children: words, and a content whose length is the last word:
//! `ANSWER 7 200 +3`, a line feed, three bytes, a line feed.

use std::io::{ErrorKind, Read};

use crate::engine::Left;

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    /// Without blanks and line feeds.
    pub words: Vec<String>,
    /// Any bytes.
    pub content: Vec<u8>,
}

impl LinkLine {
    /// The bytes of a line. Words have no blanks and no line feeds.
    #[must_use]
    pub fn encode(words: &[&str], content: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{} +{}\n", words.join(" "), content.len()).into_bytes();
        bytes.extend_from_slice(content);
        bytes.push(b'\n');
        bytes
    }

    /// The first words, if there are as many.
    pub(super) fn words<const N: usize>(&self) -> Option<[&str; N]> {
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        words.try_into().ok()
    }
}

/// Takes lines from bytes that come in any pieces.
#[derive(Debug, Default)]
pub struct LinkReader {
    bytes: Vec<u8>,
    /// How many of them have been read.
    begin: usize,
}

impl LinkReader {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.begin > 0 {
            self.bytes.drain(..self.begin);
            self.begin = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Reads a part of what has come over a link that does not block. If nothing is left, an event
    /// of the poll follows when there is more.
    pub(super) fn read_from(&mut self, link: &mut impl Read) -> Left {
        let mut bytes = [0; 16 << 10];
        match link.read(&mut bytes) {
            Ok(len) => {
                self.push(&bytes[..len]);
                if len < bytes.len() { Left::Nothing } else { Left::Unknown }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Left::Unknown,
            Err(_) => Left::Nothing,
        }
    }

    /// The next line; `None` if it has not come whole.
    ///
    /// # Errors
    /// The other end is of another program.
    pub fn next_line(&mut self) -> Result<Option<LinkLine>, LinkFault> {
        let rest = &self.bytes[self.begin..];
        let Some(end) = rest.iter().take(WORDS_BYTES_MAX).position(|byte| *byte == b'\n') else {
            return if rest.len() < WORDS_BYTES_MAX { Ok(None) } else { Err(LinkFault) };
        };
        let text = std::str::from_utf8(&rest[..end]).map_err(|_| LinkFault)?;
        let (words, len) = text.rsplit_once(" +").ok_or(LinkFault)?;
        let len: usize = len.parse().map_err(|_| LinkFault)?;
        if len > CONTENT_BYTES_MAX {
            return Err(LinkFault);
        }
        let content = end + 1..end + 1 + len;
        match rest.get(content.end) {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(_) => return Err(LinkFault),
        }
        let words = words.split(' ').map(str::to_owned).collect();
        let line = LinkLine { words, content: rest[content.clone()].to_vec() };
        self.begin += content.end + 1;
        if self.begin == self.bytes.len() && self.bytes.capacity() > KEPT_BYTES_MAX {
            // One long line does not hold its memory for ever.
            (self.bytes, self.begin) = (Vec::new(), 0);
        }
        Ok(Some(line))
    }
}

/// What was read is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFault;

/// A text as one word: the percent sign, a star and all bytes except visible ASCII are encoded.
#[must_use]
pub fn to_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' && byte != b'*' => word.push(char::from(byte)),
            _ => word.push_str(&format!("%{byte:02X}")),
        }
    }
    // Two blanks have no word between them.
    if word.is_empty() { "%".to_owned() } else { word }
}

/// The text of such a word.
#[must_use]
pub fn from_word(word: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(word.len()), word);
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        if encoded.is_empty() {
            return String::from_utf8(bytes).ok();
        }
        bytes.push(u8::from_str_radix(encoded.get(..2)?, 16).ok()?);
        rest = &encoded[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// `ASK 7 +n`: a request of HTTP for the process.
pub(super) const ASK: &str = "ASK";
/// `RELOAD 7 +n`: likewise. Reading files takes long, so others are answered meanwhile.
pub(super) const RELOAD: &str = "RELOAD";
/// `ANSWER 7 200 +n`: its status and its content.
pub(super) const ANSWER: &str = "ANSWER";
/// `PUB service topic kind +n`: a message for the sockets of a topic.
pub(super) const PUB: &str = "PUB";
/// `SUB service topic +0`: the process has sockets of a topic.
pub(super) const SUB: &str = "SUB";
/// `UNSUB service topic +0`: it has none any more.
pub(super) const UNSUB: &str = "UNSUB";
/// `MISSED +0`: the process has left out what others should have got.
pub(super) const MISSED: &str = "MISSED";
/// `GAP +0`: the process has missed messages of others.
pub(super) const GAP: &str = "GAP";
/// The capacity that is kept for further lines.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// Words are few: of the longest, a path and a topic.
const WORDS_BYTES_MAX: usize = 256 << 10;
/// More than the longest message, which `max-message` allows.
const CONTENT_BYTES_MAX: usize = (1 << 30) + (1 << 20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_from_any_pieces() {
        let lines = [
            (vec!["ASK", "7"], &b"GET / HTTP/1.1\r\n\r\n"[..]),
            (vec!["ANSWER", "7", "200"], b""),
            (vec!["X"], b"a +3\n\n"),
        ];
        let bytes: Vec<u8> =
            lines.iter().flat_map(|(words, content)| LinkLine::encode(words, content)).collect();
        for len in 1..=bytes.len() {
            let (mut reader, mut found) = (LinkReader::default(), Vec::new());
            for piece in bytes.chunks(len) {
                reader.push(piece);
                while let Some(line) = reader.next_line().expect("they are lines") {
                    found.push(line);
                }
            }
            let expected = lines.iter().map(|(words, content)| LinkLine {
                words: words.iter().map(|word| (*word).to_owned()).collect(),
                content: content.to_vec(),
            });
            assert_eq!(found, Vec::from_iter(expected), "{len}");
        }
    }

    #[test]
    fn any_text_is_a_word() {
        for text in ["", "news", "*", "%", "%41", "a b", "\n", "é", "/a/b?c"] {
            let word = to_word(text);
            assert!(word.bytes().all(|byte| matches!(byte, b'!'..=b'~')) && word != "*", "{word}");
            assert_eq!(from_word(&word).as_deref(), Some(text), "{word}");
        }
        for word in ["%4", "%zz", "%FF"] {
            assert_eq!(from_word(word), None, "{word}");
        }
    }

    #[test]
    fn other_bytes_are_faults() {
        for bytes in [&b"X\n"[..], b"X 3\n", b"X +-1\n", b"X +x\n", b"X +1\nab", b"\xFF +0\n\n"] {
            let mut reader = LinkReader::default();
            reader.push(bytes);
            assert_eq!(reader.next_line(), Err(LinkFault), "{bytes:?}");
        }
        let mut reader = LinkReader::default();
        reader.push(&[b'x'; WORDS_BYTES_MAX]);
        assert_eq!(reader.next_line(), Err(LinkFault));
    }
}
