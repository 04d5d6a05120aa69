//! Transcripts: the input and output of a program, as text that people read and edit. Lines begin
//! with `<` for its input, `>` for its output, and `|` for a line of a body. Lengths are left out,
//! so that people need not count bytes.

use std::fmt;

use crate::programs::Pattern;
use crate::programs::frames::{Frames, Piece};
use crate::programs::pattern::{escape, unescape};

/// The direction of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the host to the program, which reads it.
    Told,
    /// From the program, which writes it.
    Said,
}

/// A line with or without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its direction.
    pub way: Direction,
    /// The words, separated by single blanks, without the length.
    pub header: String,
    /// The body, if it has one.
    pub body: Option<Pattern>,
}

/// A transcript that has been read.
///
/// ```
/// use switchboard::programs::Transcript;
///
/// let text = "< TEXT 17\n| hello\n> TEXT *\n| \\*lo\n";
/// let transcript = Transcript::parse(text).expect("it is one");
/// let [told, said] = transcript.entries() else { panic!("two entries") };
/// assert_eq!(told.encode().as_deref(), Some(&b"TEXT 17 +5\nhello\n"[..]));
/// assert!(said.body.as_ref().expect("it has one").matches(b"hello"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: Vec<Entry>,
    /// The number of the line in which each of them begins, from 1.
    lines: Vec<usize>,
}

/// Why a text is no transcript, with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptError {
    /// A line begins with none of the marks.
    Mark(usize),
    /// A line of a body follows no header.
    Lone(usize),
    /// A header ends with a length.
    Length(usize),
    /// A backslash is followed by no known escape.
    Escape(usize),
    /// A header, or input of the program, has a gap.
    Gap(usize),
    /// A header has control characters or bytes that are not UTF-8.
    Characters(usize),
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark(line) => {
                write!(f, "line {line} begins with none of \"< \", \"> \", \"| \" and \"#\"")
            }
            Self::Lone(line) => write!(f, "line {line} belongs to a body, and no header is above"),
            Self::Length(line) => write!(f, "line {line} ends with a length; lengths are left out"),
            Self::Escape(line) => {
                write!(f, "line {line} has a backslash before none of \\, t, r, xHH and *")
            }
            Self::Gap(line) => {
                write!(f, "line {line} has a gap, which only a body below a > may have")
            }
            Self::Characters(line) => {
                write!(f, "the header in line {line} is not UTF-8 without control characters")
            }
        }
    }
}

impl std::error::Error for TranscriptError {}

impl Transcript {
    /// The comment at the start of a file, for its readers.
    pub const HEAD: &str = "# A transcript: < the program reads, > it writes, | a body's line\n";

    /// Reads a transcript.
    ///
    /// # Errors
    /// The error, with its line.
    pub fn parse(text: &str) -> Result<Self, TranscriptError> {
        let mut transcript = Self::default();
        // What separates the last line of the body from the next.
        let mut separator = Some(b'\n');
        for (number, line) in (1..).zip(text.lines()) {
            let (mark, rest) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
            let way = match mark {
                "" | "#" => continue,
                "<" => Direction::Told,
                ">" => Direction::Said,
                "|" => {
                    let entry =
                        transcript.entries.last_mut().ok_or(TranscriptError::Lone(number))?;
                    separator = entry.add_line(after_blank(rest, number)?, separator, number)?;
                    continue;
                }
                _ => return Err(TranscriptError::Mark(number)),
            };
            separator = Some(b'\n');
            let header = header(after_blank(rest, number)?, number)?;
            transcript.entries.push(Entry { way, header, body: None });
            transcript.lines.push(number);
        }
        Ok(transcript)
    }

    /// The entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries, each with its line.
    pub(super) fn numbered(self) -> impl Iterator<Item = (usize, Entry)> {
        self.lines.into_iter().zip(self.entries)
    }
}

impl Entry {
    /// Appends the entry to a transcript.
    pub fn write(&self, out: &mut String) {
        out.push_str(match self.way {
            Direction::Told => "< ",
            Direction::Said => "> ",
        });
        // A last word with a plus would be taken for a length, so the plus is escaped.
        let last = self.header.rfind(' ').map_or(0, |at| at + 1);
        let (words, last) = self.header.split_at(last);
        escape(words.as_bytes(), usize::MAX, out);
        let word = last.strip_prefix('+').inspect(|_| out.push_str("\\x2B")).unwrap_or(last);
        escape(word.as_bytes(), usize::MAX, out);
        out.push('\n');
        if let Some(body) = &self.body {
            body.write(out);
        }
    }

    /// The bytes of the line and its body; `None` if the body has gaps.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut out = self.header.clone().into_bytes();
        match &self.body {
            None => out.push(b'\n'),
            Some(body) => {
                let body = body.as_bytes()?;
                let space = if self.header.is_empty() { "" } else { " " };
                out.extend_from_slice(format!("{space}+{}\n", body.len()).as_bytes());
                out.extend_from_slice(body);
                out.push(b'\n');
            }
        }
        Some(out)
    }

    /// Adds a line of the body behind the separator, unless it is the first. Returns the separator
    /// of the next line: none if this one continues, which a backslash at its end says.
    fn add_line(
        &mut self,
        text: &str,
        separator: Option<u8>,
        number: usize,
    ) -> Result<Option<u8>, TranscriptError> {
        let body = match &mut self.body {
            Some(body) => {
                if let Some(separator) = separator {
                    body.push(separator);
                }
                body
            }
            None => self.body.insert(Vec::new().into()),
        };
        let goes_on = unescape(text, body).ok_or(TranscriptError::Escape(number))?;
        if self.way == Direction::Told && body.as_bytes().is_none() {
            return Err(TranscriptError::Gap(number));
        }
        Ok((!goes_on).then_some(b'\n'))
    }
}

/// Makes entries of the bytes of one direction. A recording has one for each direction, and one
/// text. The order of the calls is the order of the entries.
#[derive(Debug)]
pub struct Recorder {
    way: Direction,
    frames: Frames,
    body_bytes_max: u64,
}

impl Recorder {
    /// A recorder that replaces entries with bodies of more than so many bytes by a comment.
    #[must_use]
    pub fn new(way: Direction, body_bytes_max: usize) -> Self {
        Self { way, frames: Frames::default(), body_bytes_max: body_bytes_max as u64 }
    }

    /// Takes bytes, and appends the entries that they complete.
    pub fn receive(&mut self, bytes: &[u8], out: &mut String) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, piece) = self.frames.receive(rest);
            rest = &rest[used..];
            match piece {
                None => {}
                Some(Piece::Header) => match self.frames.length() {
                    None => self.entry(None).write(out),
                    Some(length) if length > self.body_bytes_max => {
                        self.frames.skip_body();
                        let header = joined(&self.frames);
                        out.push_str(&format!(
                            "# left out: {header:?} with a body of {length} bytes\n"
                        ));
                    }
                    Some(_) => {}
                },
                Some(Piece::Body(body)) => self.entry(Some(body.into())).write(out),
                Some(Piece::Fault(fault)) => out.push_str(&format!("# out of step: {fault}\n")),
            }
        }
    }

    fn entry(&self, body: Option<Pattern>) -> Entry {
        Entry { way: self.way, header: joined(&self.frames), body }
    }
}

/// The words of the header that a frame has, as transcripts have them.
pub(super) fn joined(frames: &Frames) -> String {
    frames.words().collect::<Vec<_>>().join(" ")
}

/// The rest of a line behind its mark and a blank, which may be missing in an empty one.
fn after_blank(rest: &str, number: usize) -> Result<&str, TranscriptError> {
    let after = rest.strip_prefix(' ').or(rest.is_empty().then_some(rest));
    after.ok_or(TranscriptError::Mark(number))
}

fn header(text: &str, number: usize) -> Result<String, TranscriptError> {
    let last = text.split(' ').rfind(|word| !word.is_empty());
    if last.is_some_and(|word| word.starts_with('+')) {
        return Err(TranscriptError::Length(number));
    }
    let mut pattern = Pattern::from(Vec::new());
    if unescape(text, &mut pattern).ok_or(TranscriptError::Escape(number))? {
        return Err(TranscriptError::Escape(number));
    }
    let line = pattern.as_bytes().ok_or(TranscriptError::Gap(number))?;
    let line = str::from_utf8(line).map_err(|_| TranscriptError::Characters(number))?;
    if line.chars().any(char::is_control) {
        return Err(TranscriptError::Characters(number));
    }
    let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    Ok(words.join(" "))
}
