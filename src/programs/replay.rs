//! `Replay`: tells a program what its transcript tells it, and holds what it says against what
//! the transcript expects. The clock and the pipes are the caller's.

use std::collections::VecDeque;
use std::fmt;

use crate::programs::FatalError;
use crate::programs::frames::{Frames, Piece};
use crate::programs::pattern::excerpt;
use crate::programs::transcript::{Direction, Entry, Transcript, joined};

/// A transcript on its way. What it tells next is told once the program has said all that is
/// expected before, so that a program is waited for. It may be ahead of what it is told, as a
/// program is that says READY before it has read HELLO: what it says is held against what is
/// expected in that order, whenever it comes.
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
    /// What is expected, each with its place in the transcript.
    said: VecDeque<(TranscriptPlace, Entry)>,
    /// What is to be told, each with how many lines are still expected then.
    told: VecDeque<(usize, Vec<u8>)>,
    frames: Frames,
    body_bytes_max: u64,
}

/// Where something stands in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TranscriptPlace {
    /// The number among all headers of either way, each with its body, from 1.
    pub message: usize,
    /// The line of the text, from 1.
    pub line: usize,
}

impl fmt::Display for TranscriptPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} in line {}", self.message, self.line)
    }
}

/// Where a program departs from its transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It says another header than is expected there.
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
        /// What is shown of the body there: at most 200 bytes around the first difference, escaped
        /// as in a transcript; none if there is no body.
        expected: Option<String>,
        /// The same of the body that came.
        found: Option<String>,
    },
    /// It says more than is expected.
    Extra {
        /// The words that came.
        found: String,
    },
    /// It ends, or is not waited for any longer, before it has said this.
    Missing {
        /// The place in the transcript.
        place: TranscriptPlace,
        /// The words there.
        expected: String,
    },
    /// A body is longer than any that is allowed.
    Long {
        /// Its length.
        found: u64,
        /// The longest that is allowed.
        max: u64,
    },
    /// It is out of step.
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
    /// A replay from the beginning, of a program that may say bodies of so many bytes.
    #[must_use]
    pub fn new(transcript: Transcript, body_bytes_max: usize) -> Self {
        let (mut said, mut told) = (VecDeque::new(), VecDeque::new());
        for (message, (line, entry)) in (1..).zip(transcript.numbered()) {
            match entry.way {
                Direction::Said => said.push_back((TranscriptPlace { message, line }, entry)),
                // What is told has no gaps.
                Direction::Told => told.push_back((said.len(), entry.encode().unwrap_or_default())),
            }
        }
        let all = said.len();
        told.iter_mut().for_each(|(before, _)| *before = all - *before);
        let body_bytes_max = body_bytes_max as u64;
        Self { said, told, frames: Frames::default(), body_bytes_max }
    }

    /// The bytes that the program is told now, up to the next line that it has to say.
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

    /// How many lines the program still has to say.
    #[must_use]
    pub fn left(&self) -> usize {
        self.said.len()
    }

    /// Whether the program has nothing more to say, and has been told all.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.said.is_empty() && self.told.is_empty()
    }

    /// The program has ended, or is not waited for any longer.
    ///
    /// # Errors
    /// It has not said all, or is in the middle of a line.
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

    /// A line has come with its body, whose header is as expected.
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
