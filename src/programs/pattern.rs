//! Bytes in transcripts: invisible characters are escaped, and a body may have gaps.

/// The bytes of a body, with gaps that match any bytes. Gaps are written by hand, where the output
/// of a program varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The pieces before, between and after the gaps: one more than there are gaps.
    pieces: Vec<Vec<u8>>,
}

impl Pattern {
    /// Whether `bytes` match.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let [first, rest @ ..] = &self.pieces[..] else { return false };
        let Some(mut left) = bytes.strip_prefix(&first[..]) else { return false };
        let [between @ .., last] = rest else { return left.is_empty() };
        for piece in between {
            // The first match is enough: it leaves most bytes for the pieces that follow.
            let found = left.windows(piece.len().max(1)).position(|window| window == &piece[..]);
            let Some(at) = found.or(piece.is_empty().then_some(0)) else { return false };
            left = &left[at + piece.len()..];
        }
        left.ends_with(last)
    }

    /// The bytes, if there are no gaps.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.pieces[..] {
            [bytes] => Some(bytes),
            _ => None,
        }
    }

    /// Adds a byte at the end.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(last) = self.pieces.last_mut() {
            last.push(byte);
        }
    }

    /// How many bytes the beginning of `bytes` has in common with this, up to the first gap.
    pub(super) fn common_len(&self, bytes: &[u8]) -> usize {
        let first = self.pieces.first().map_or(&[][..], Vec::as_slice);
        first.iter().zip(bytes).take_while(|(own, other)| own == other).count()
    }

    /// The excerpt of the body around its byte `at`, in an error. No gap is before that byte.
    pub(super) fn excerpt(&self, at: usize) -> String {
        let ats = [at].into_iter().chain(std::iter::repeat(0));
        let pieces = self.pieces.iter().zip(ats).map(|(piece, at)| excerpt(piece, at));
        pieces.collect::<Vec<_>>().join("\\*")
    }

    /// Appends the lines of the body to a transcript.
    pub(super) fn write(&self, out: &mut String) {
        let lines = self.pieces.iter().map(|piece| piece.split(|&byte| byte == b'\n'));
        out.push_str("| ");
        for (number, lines) in lines.enumerate() {
            if number > 0 {
                out.push_str("\\*");
            }
            for (number, line) in lines.enumerate() {
                if number > 0 {
                    end_line(out);
                    out.push_str("| ");
                }
                escape(line, LINE_COLUMNS, out);
            }
        }
        end_line(out);
    }
}

impl From<Vec<u8>> for Pattern {
    fn from(bytes: Vec<u8>) -> Self {
        Self { pieces: vec![bytes] }
    }
}

/// The excerpt of a body around its byte `at`, in an error: readable text, escaped as in a
/// transcript, with `\n` for a newline.
pub(super) fn excerpt(bytes: &[u8], at: usize) -> String {
    // Text is cut between characters, which have four bytes at most.
    let cut = |at: usize| {
        let is_inside = |&at: &usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
        (at..at + 3).find(|at| !is_inside(at)).unwrap_or(at + 3).min(bytes.len())
    };
    let begin = match at.checked_sub(EXCERPT_BYTES_BEFORE) {
        Some(begin) if bytes.len() > EXCERPT_BYTES_MAX => cut(begin),
        Some(_) | None => 0,
    };
    let end = cut(begin + EXCERPT_BYTES_MAX);
    let mut out = String::new();
    out.push_str(if begin > 0 { "..." } else { "" });
    for (number, line) in bytes[begin..end].split(|&byte| byte == b'\n').enumerate() {
        out.push_str(if number > 0 { "\\n" } else { "" });
        escape(line, usize::MAX, &mut out);
    }
    out.push_str(if end < bytes.len() { "..." } else { "" });
    out
}

/// Ends a line of a body. A blank at its end is escaped, since editors remove it.
fn end_line(out: &mut String) {
    let is_empty = out.ends_with("\n| ") || out == "| ";
    if out.ends_with(' ') {
        out.pop();
        if !is_empty {
            out.push_str("\\x20");
        }
    }
    out.push('\n');
}

/// Appends readable `bytes`, which have no newline: invisible characters are escaped. Beyond so
/// many columns the line continues in the next.
pub(super) fn escape(bytes: &[u8], columns_max: usize, out: &mut String) {
    let mut column = 0;
    let mut add = |word: &str| {
        if column + word.len() > columns_max {
            out.push_str("\\\n| ");
            column = 0;
        }
        out.push_str(word);
        column += word.len();
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02X}")).collect::<String>();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let text: &str = character.encode_utf8(&mut buffer);
            match character {
                '\\' => add("\\\\"),
                '\t' => add("\\t"),
                '\r' => add("\\r"),
                '\'' | '"' => add(text),
                // The library knows which characters are visible.
                _ if character.escape_debug().len() == 1 => add(text),
                _ => add(&hex(text.as_bytes())),
            }
        }
        for byte in chunk.invalid() {
            add(&hex(&[*byte]));
        }
    }
}

/// Appends the bytes that `text` stands for; returns whether it continues in the next line. `None`
/// if a backslash is followed by no known escape.
pub(super) fn unescape(text: &str, out: &mut Pattern) -> Option<bool> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            None => return Some(true),
            Some(b'\\') => out.push(b'\\'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'*') => out.pieces.push(Vec::new()),
            Some(b'x') => {
                let digits = [bytes.next()?, bytes.next()?].map(char::from);
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                out.push(u8::try_from(high? << 4 | low?).ok()?);
            }
            Some(_) => return None,
        }
    }
    Some(false)
}

/// The length of an excerpt, and how much of it is before the byte in question.
const EXCERPT_BYTES_MAX: usize = 200;
const EXCERPT_BYTES_BEFORE: usize = 80;
/// How many characters of a body one line has.
const LINE_COLUMNS: usize = 96;
