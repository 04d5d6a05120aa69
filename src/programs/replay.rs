//! `Replay`: sends a program the input of its transcript, and compares its output with the
//! transcript. The caller has the clock and the pipes.

use std::collections::VecDeque;
use std::fmt;

use crate::programs::FatalError;
use crate::programs::frames::{Frames, Piece};
use crate::programs::pattern::excerpt;
use crate::programs::transcript::{Direction, Entry, Transcript, joined};

/// A transcript that is being replayed. Each input is sent once the program has written all output
/// that is expected before it. A program may be ahead, such as one that writes READY before it has
/// read HELLO: its output is compared in the expected order, whenever it comes.
///
/// ```
/// use switchboard::programs::{Replay, Transcript};
///
/// let transcript = Transcript::parse("> READY 1\n< RELOAD\n").expect("it is one");
/// let mut replay = Replay::new(transcript, 1 << 20);
/// assert_eq!(replay.poll(), b"");
/// replay.receive(b"READY 1\n").expect("as expected");
/// assert_eq!(replay.poll(), b"RELOAD\n");
/// replay.finish().expect("that was all");
/// ```
#[derive(Debug)]
pub struct Replay {
    /// The expected output, each with its position in the transcript.
    said: VecDeque<(TranscriptPlace, Entry)>,
    /// The input, each with how many output lines are still expected then.
    told: VecDeque<(usize, Vec<u8>)>,
    frames: Frames,
    body_bytes_max: u64,
}

/// A position in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TranscriptPlace {
    /// The number among all headers of both directions, from 1.
    pub message: usize,
    /// The line of the text, from 1.
    pub line: usize,
}

impl fmt::Display for TranscriptPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} in line {}", self.message, self.line)
    }
}

/// How a program differs from its transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Its header is not the expected one.
    Header {
        /// The place in the transcript.
        place: TranscriptPlace,
        /// The words there.
        expected: String,
        /// The words that came.
        found: String,
    },
    /// The header is as expected, and its body is not.
    Body {
        /// The place in the transcript.
        place: TranscriptPlace,
        /// The words of the header.
        header: String,
        /// An excerpt of the expected body: at most 200 bytes around the first difference, escaped
        /// as in a transcript; none if there is no body.
        expected: Option<String>,
        /// The same of the body that came.
        found: Option<String>,
    },
    /// It writes more than is expected.
    Extra {
        /// The words that came.
        found: String,
    },
    /// It ends, or the time is over, before it has written this.
    Missing {
        /// The place in the transcript.
        place: TranscriptPlace,
        /// The words there.
        expected: String,
    },
    /// A body is longer than allowed.
    Long {
        /// Its length.
        found: u64,
        /// The longest that is allowed.
        max: u64,
    },
    /// Its output cannot be parsed any more.
    Fault(FatalError),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = |body: &Option<String>| {
            body.as_ref().map_or_else(|| "no body".to_owned(), |body| format!("\"{body}\""))
        };
        match self {
            Self::Header { place, expected, found } => {
                write!(f, "{place}: recorded {expected:?}, now {found:?}")
            }
            Self::Body { place, header, expected, found } => {
                let (expected, found) = (body(expected), body(found));
                write!(f, "{place}, {header}: recorded {expected}, now {found}")
            }
            Self::Extra { found } => {
                write!(f, "behind the last message: recorded nothing, now {found:?}")
            }
            Self::Missing { place, expected } => {
                write!(f, "{place}: recorded {expected:?}, now nothing more")
            }
            Self::Long { found, max } => {
                write!(f, "the program says a body of {found} bytes, {max} are allowed")
            }
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Difference {}

impl Replay {
    /// A replay from the beginning. The program may write bodies of so many bytes.
    #[must_use]
    pub fn new(transcript: Transcript, body_bytes_max: usize) -> Self {
        let (mut said, mut told) = (VecDeque::new(), VecDeque::new());
        for (message, (line, entry)) in (1..).zip(transcript.numbered()) {
            match entry.way {
                Direction::Said => said.push_back((TranscriptPlace { message, line }, entry)),
                // The input has no gaps.
                Direction::Told => told.push_back((said.len(), entry.encode().unwrap_or_default())),
            }
        }
        let all = said.len();
        told.iter_mut().for_each(|(before, _)| *before = all - *before);
        let body_bytes_max = body_bytes_max as u64;
        Self { said, told, frames: Frames::default(), body_bytes_max }
    }

    /// The input for the program now, up to the next line that it has to write.
    pub fn poll(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let left = self.said.len();
        while let Some((_, told)) = self.told.pop_front_if(|(then_left, _)| left <= *then_left) {
            bytes.extend(told);
        }
        bytes
    }

    /// Takes bytes of the program.
    ///
    /// # Errors
    /// The first difference, with which the replay has failed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Difference> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, piece) = self.frames.receive(rest);
            rest = &rest[used..];
            match piece {
                None => {}
                Some(Piece::Fault(fault)) => return Err(Difference::Fault(fault)),
                Some(Piece::Header) => {
                    self.header()?;
                    if self.frames.length().is_none() {
                        self.entry(None)?;
                    }
                }
                Some(Piece::Body(body)) => self.entry(Some(&body))?,
            }
        }
        Ok(())
    }

    /// How many lines the program still has to write.
    #[must_use]
    pub fn left(&self) -> usize {
        self.said.len()
    }

    /// Whether the program has written everything and got all input.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.said.is_empty() && self.told.is_empty()
    }

    /// The program has ended, or the time is over.
    ///
    /// # Errors
    /// It has not written everything, or is in the middle of a line.
    pub fn finish(&self) -> Result<(), Difference> {
        self.frames.finish().map_err(Difference::Fault)?;
        match self.said.front() {
            None => Ok(()),
            Some((place, entry)) => {
                Err(Difference::Missing { place: *place, expected: entry.header.clone() })
            }
        }
    }

    /// A header has come.
    fn header(&self) -> Result<(), Difference> {
        let found = joined(&self.frames);
        let Some((place, entry)) = self.said.front() else {
            return Err(Difference::Extra { found });
        };
        if entry.header != found {
            let (place, expected) = (*place, entry.header.clone());
            return Err(Difference::Header { place, expected, found });
        }
        match self.frames.length() {
            Some(found) if found > self.body_bytes_max => {
                Err(Difference::Long { found, max: self.body_bytes_max })
            }
            _ => Ok(()),
        }
    }

    /// A line with its body has come; its header is as expected.
    fn entry(&mut self, found: Option<&[u8]>) -> Result<(), Difference> {
        let Some((place, entry)) = self.said.pop_front() else { return Ok(()) };
        let Entry { header, body, .. } = entry;
        let is_expected = match (&body, found) {
            (Some(body), Some(found)) => body.matches(found),
            (None, None) => true,
            _ => false,
        };
        if is_expected {
            return Ok(());
        }
        let common = body.as_ref().zip(found).map_or(0, |(body, found)| body.common_len(found));
        let expected = body.map(|body| body.excerpt(common));
        let found = found.map(|found| excerpt(found, common));
        Err(Difference::Body { place, header, expected, found })
    }
}
