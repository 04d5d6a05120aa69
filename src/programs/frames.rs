//! Frames: a header line, and a body if the header's last word is its length. The words are not
//! interpreted, so that a frame of an unknown kind is skipped like any other.

use crate::programs::FatalError;
use crate::programs::words::{HEADER_BYTES_MAX, excerpt};
use crate::ws::syntax::number;

/// Cuts a stream of bytes into frames. It holds one header, and the received part of a body.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: FrameState,
    /// The header line, until its frame has ended.
    line: Vec<u8>,
    /// The length of the words in the line. The length of the body follows them, if there is one.
    words_len: usize,
    length: Option<u64>,
    body: Vec<u8>,
}

/// A part of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A header, see [`Frames::words`] and [`Frames::length`]. If it has a length, its body comes
    /// next, unless [`Frames::skip_body`] is called now.
    Header,
    /// The body of that header.
    Body(Vec<u8>),
    /// The stream cannot be parsed any more: all later bytes are dropped.
    Fault(FatalError),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FrameState {
    /// Between two frames.
    #[default]
    Between,
    Header,
    /// So many bytes of the body are still to come.
    Body(u64),
    /// So many bytes are still to be skipped.
    Skipped(u64),
    /// After a fault.
    Dead,
}

impl Frames {
    /// Takes bytes up to the next piece. Returns how many, and the piece. Without a piece, all
    /// bytes have been taken.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, piece) = self.step(rest);
            rest = &rest[used..];
            if let Some(Piece::Fault(_)) = piece {
                self.die();
                return (bytes.len(), piece);
            }
            if piece.is_some() {
                return (bytes.len() - rest.len(), piece);
            }
        }
        (bytes.len(), None)
    }

    /// Skips the body of the header that has just come.
    pub(super) const fn skip_body(&mut self) {
        if let FrameState::Body(left) = self.state {
            self.state = FrameState::Skipped(left);
        }
    }

    /// Nothing more can be read: all later bytes are dropped, and nothing is held.
    pub(super) fn die(&mut self) {
        *self = Self { state: FrameState::Dead, ..Self::default() };
    }

    /// The words of the header, without its length.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> + Clone {
        // They were checked when the line was whole.
        let words = str::from_utf8(&self.line[..self.words_len]).unwrap_or_default();
        words.split(' ').filter(|word| !word.is_empty())
    }

    /// The header line for a log.
    pub(super) fn excerpt(&self) -> String {
        excerpt(&self.line)
    }

    /// The length of the body that the header counts.
    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The end of the stream.
    pub(super) fn finish(&self) -> Result<(), FatalError> {
        match self.state {
            FrameState::Between | FrameState::Dead => Ok(()),
            FrameState::Header => Err(FatalError::CutHeader { line: excerpt(&self.line) }),
            FrameState::Body(left) | FrameState::Skipped(left) => {
                Err(FatalError::CutBody { line: excerpt(&self.line), left })
            }
        }
    }

    /// The bytes of memory that are held.
    #[cfg(test)]
    pub(super) const fn held_bytes(&self) -> usize {
        self.line.capacity() + self.body.capacity()
    }

    /// Up to the next change of state. `bytes` are not empty.
    fn step(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        match self.state {
            FrameState::Between => {
                self.line.clear();
                self.state = FrameState::Header;
                (0, None)
            }
            FrameState::Header => self.step_header(bytes),
            FrameState::Body(0) | FrameState::Skipped(0) if bytes[0] != b'\n' => {
                let (line, found) = (excerpt(&self.line), excerpt(&bytes[..1]));
                (1, Some(Piece::Fault(FatalError::Unended { line, found })))
            }
            FrameState::Body(0) => {
                self.state = FrameState::Between;
                (1, Some(Piece::Body(std::mem::take(&mut self.body))))
            }
            FrameState::Skipped(0) => {
                self.state = FrameState::Between;
                (1, None)
            }
            FrameState::Body(left) => {
                let (used, left) = split(bytes, left);
                let more = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(used);
                // Doubles the buffer, but never beyond the bytes that are still to come.
                if self.body.capacity() - self.body.len() < used {
                    self.body.reserve_exact(more.min(used.max(self.body.len())));
                }
                self.body.extend_from_slice(&bytes[..used]);
                self.state = FrameState::Body(left);
                (used, None)
            }
            FrameState::Skipped(left) => {
                let (used, left) = split(bytes, left);
                self.state = FrameState::Skipped(left);
                (used, None)
            }
            FrameState::Dead => (bytes.len(), None),
        }
    }

    fn step_header(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        // One byte more than allowed shows that it is too long.
        let room = (HEADER_BYTES_MAX + 1 - self.line.len()).min(bytes.len());
        let end = bytes[..room].iter().position(|&byte| byte == b'\n');
        self.line.extend_from_slice(&bytes[..end.unwrap_or(room)]);
        if self.line.len() > HEADER_BYTES_MAX {
            return (
                room,
                Some(Piece::Fault(FatalError::LongHeader { line: excerpt(&self.line) })),
            );
        }
        let Some(end) = end else { return (room, None) };
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        (end + 1, Some(self.begin().map_or_else(Piece::Fault, |()| Piece::Header)))
    }

    /// Checks a complete header: its characters, and the length at its end.
    fn begin(&mut self) -> Result<(), FatalError> {
        let characters = || FatalError::Characters { line: excerpt(&self.line) };
        let line = str::from_utf8(&self.line).map_err(|_| characters())?;
        // Most headers are ASCII and need no decoding of characters.
        let is_plain = self.line.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_plain && line.chars().any(char::is_control) {
            return Err(characters());
        }
        let line = line.trim_end_matches(' ');
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let (length, words_len) = match line[start..].strip_prefix('+') {
            Some(digits) => {
                let length = number(digits, LENGTH_DIGITS_MAX);
                (
                    Some(length.ok_or_else(|| FatalError::Length { line: excerpt(&self.line) })?),
                    start,
                )
            }
            None => (None, line.len()),
        };
        (self.length, self.words_len) = (length, words_len);
        self.state = length.map_or(FrameState::Between, FrameState::Body);
        Ok(())
    }
}

/// How many of `bytes` belong to the `left` bytes that are still to come, and how many are left
/// then.
fn split(bytes: &[u8], left: u64) -> (usize, u64) {
    let used = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (used, left - used as u64)
}

/// A longer number is not a meaningful length.
const LENGTH_DIGITS_MAX: usize = 10;
