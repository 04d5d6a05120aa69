//! `CommandReader`: from the bytes of a program, in any pieces, to its commands.

use crate::programs::command::{
    LineHeader, LineHeaderError, Pending, ProgramCommand, begin, ready,
};
use crate::programs::frames::{Frames, Piece};
use crate::programs::words::reserved;
use crate::programs::{FatalError, LineError, LineErrorKind};
use crate::service::audience_text::id;

/// Reads the output of a program. It holds a header of 1024 bytes at most, and the received part of
/// one body, in a buffer of at most twice that size.
///
/// ```
/// use switchboard::programs::{CommandReader, CommandResult, ProgramCommand};
///
/// let mut reader = CommandReader::new(1 << 20);
/// let (used, heard) = reader.receive(b"READY 1\nLOG info +5\nhello\n");
/// assert_eq!(used, 8);
/// assert!(matches!(heard, Some(CommandResult::Command(ProgramCommand::Ready(_)))));
/// ```
#[derive(Debug)]
pub struct CommandReader {
    frames: Frames,
    /// What the last header has begun.
    pending: Option<Pending>,
    is_ready: bool,
    message_bytes_max: usize,
}

/// The result of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// Its command.
    Command(ProgramCommand),
    /// It could not be carried out; the program gets an ERR.
    LineError(LineError),
    /// The last result: the program is ended.
    FatalError(FatalError),
}

impl CommandReader {
    /// A reader whose program may send messages of so many bytes.
    #[must_use]
    pub fn new(message_bytes_max: usize) -> Self {
        Self { frames: Frames::default(), pending: None, is_ready: false, message_bytes_max }
    }

    /// Takes bytes up to the end of the next line. Returns how many, and the result of the line.
    /// Call it with the rest until there is no result; then all bytes have been taken.
    pub fn receive(&mut self, bytes: &[u8]) -> (usize, Option<CommandResult>) {
        let mut used = 0;
        loop {
            let (more, piece) = self.frames.receive(&bytes[used..]);
            used += more;
            let heard = match piece {
                None => return (used, None),
                Some(Piece::Header) => self.header(),
                Some(Piece::Body(body)) => {
                    self.pending.take().map(|pending| self.end(pending, body))
                }
                Some(Piece::Fault(fault)) => Some(CommandResult::FatalError(fault)),
            };
            if let Some(CommandResult::FatalError(_)) = heard {
                self.pending = None;
                self.frames.die();
                return (bytes.len(), heard);
            }
            if heard.is_some() {
                return (used, heard);
            }
        }
    }

    /// The end of the output.
    ///
    /// # Errors
    /// It ends in the middle of a line or a body, which is lost.
    pub fn finish(&self) -> Result<(), FatalError> {
        self.frames.finish()
    }

    /// A header has come; `None` if it waits for its body.
    fn header(&mut self) -> Option<CommandResult> {
        if !self.is_ready {
            return Some(
                self.first().map_or_else(CommandResult::FatalError, CommandResult::Command),
            );
        }
        let length = self.frames.length();
        match self.begin() {
            Ok(LineHeader::Whole(said)) => Some(CommandResult::Command(said)),
            Ok(LineHeader::Counted(pending)) if length.is_none() => {
                Some(self.end(pending, Vec::new()))
            }
            Ok(LineHeader::Counted(pending)) => {
                self.pending = Some(pending);
                None
            }
            Err(LineHeaderError::Uncounted) => {
                Some(CommandResult::FatalError(FatalError::Uncounted {
                    line: self.frames.excerpt(),
                }))
            }
            Err(LineHeaderError::Wrong(wrong)) => {
                let mistake = self.mistake(wrong);
                self.frames.skip_body();
                Some(CommandResult::LineError(mistake))
            }
        }
    }

    fn begin(&self) -> Result<LineHeader, LineHeaderError> {
        let mut words = self.frames.words();
        match words.next() {
            None => Err(LineErrorKind::Empty.into()),
            Some("READY") => Err(LineErrorKind::Again.into()),
            Some(verb) => match reserved(verb, words.clone()) {
                Some(word) => Err(LineErrorKind::Reserved(word).into()),
                None => begin(verb, words, self.frames.length(), self.message_bytes_max),
            },
        }
    }

    /// The first header has come.
    fn first(&mut self) -> Result<ProgramCommand, FatalError> {
        if self.frames.words().next() != Some("READY") {
            return Err(FatalError::NotReady { line: self.frames.excerpt() });
        }
        let admission = ready(self.frames.words()).filter(|_| self.frames.length().is_none());
        let admission =
            admission.ok_or_else(|| FatalError::Ready { line: self.frames.excerpt() })?;
        self.is_ready = true;
        Ok(ProgramCommand::Ready(admission))
    }

    /// The body has come; an empty one needs no length.
    fn end(&self, pending: Pending, body: Vec<u8>) -> CommandResult {
        match pending.finish(body) {
            Ok(said) => CommandResult::Command(said),
            Err(wrong) => CommandResult::LineError(self.mistake(wrong)),
        }
    }

    /// The error of the line whose header is held.
    fn mistake(&self, wrong: LineErrorKind) -> LineError {
        let mut words = self.frames.words();
        let verb = words.next().unwrap_or_default();
        let verb = verb[..verb.floor_char_boundary(VERB_BYTES_MAX)].to_owned();
        // The number behind READY is a version.
        let second = words.next().filter(|_| verb != "READY");
        LineError { verb, id: second.and_then(|word| id(word).ok()), kind: wrong }
    }
}

/// How much of an unknown verb the error shows.
const VERB_BYTES_MAX: usize = 32;
