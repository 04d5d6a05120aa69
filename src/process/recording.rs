//! `Recording`: the transcript of one program, written while it runs: its input and output. It only
//! copies bytes that pass, so that the program sees no difference.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::process::groups::ProcessExit;
use crate::programs::{Direction, Recorder, Transcript};
use crate::sys::children;

/// A transcript that is being written, for [`Server::record`](crate::Server::record). It holds a
/// line and its body for each direction.
pub struct Recording {
    out: Box<dyn Write + Send>,
    told: Recorder,
    said: Recorder,
    /// The bytes to be written.
    text: String,
    /// Whether writing has failed, after which nothing is recorded.
    failed: bool,
}

/// Why a file cannot be a transcript. The name of the file comes before the text.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordingError {
    /// The system returned an error.
    System(io::Error),
    /// It is a link.
    Link,
    /// It is a named pipe, whose reader could block the program.
    Pipe,
    /// It belongs to another user, which could read it.
    Foreign,
    /// It is not empty, and may have been edited.
    Taken,
}

impl Recording {
    /// A transcript in a file, as [`Recording::new`] writes it. It has the headers of peers in it,
    /// so a new file is for its user alone. An empty file of the same user is taken as it is. A
    /// link is not followed, since another user may have made it.
    ///
    /// # Errors
    /// The file cannot be opened, is a link or a pipe, is not empty, or of another user.
    pub fn create(file: &Path, body_bytes_max: usize) -> Result<Self, RecordingError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        // Without O_NONBLOCK the call would wait for the reader of a pipe.
        let flags = libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK;
        let opened = options.custom_flags(flags).open(file)?;
        let found = opened.metadata()?;
        if found.file_type().is_fifo() {
            return Err(RecordingError::Pipe);
        }
        if found.is_file() && found.uid() != children::own_user() {
            return Err(RecordingError::Foreign);
        }
        if found.len() > 0 {
            return Err(RecordingError::Taken);
        }
        Ok(Self::new(Box::new(opened), body_bytes_max))
    }

    /// A transcript that goes to `out`. The thread of the program's service writes it, and waits
    /// while `out` blocks. A comment replaces each line whose body has more than `body_bytes_max`
    /// bytes. After an error of `out` nothing more is recorded, and the log says so.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, body_bytes_max: usize) -> Self {
        Self {
            out,
            told: Recorder::new(Direction::Told, body_bytes_max),
            said: Recorder::new(Direction::Said, body_bytes_max),
            text: Transcript::HEAD.to_owned(),
            failed: false,
        }
    }

    /// The pipe to the program has taken these bytes.
    pub(super) fn record_input(&mut self, bytes: &[u8]) {
        self.told.receive(bytes, &mut self.text);
        self.write();
    }

    /// The program has written these bytes.
    pub(super) fn record_output(&mut self, bytes: &[u8]) {
        self.said.receive(bytes, &mut self.text);
        self.write();
    }

    /// The program has gone.
    pub(super) fn finish(&mut self, exit: ProcessExit) {
        self.text.push_str(&format!("# {exit}\n"));
        self.write();
    }

    fn write(&mut self) {
        if !self.failed
            && !self.text.is_empty()
            && let Err(error) =
                self.out.write_all(self.text.as_bytes()).and_then(|()| self.out.flush())
        {
            log::warn!(
                target: "switchboard::program",
                "the transcript cannot be written, and ends here: {error}"
            );
            self.failed = true;
        }
        // A long body is not kept in memory behind the line that had it.
        self.text = String::new();
    }
}

impl From<io::Error> for RecordingError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ELOOP) => Self::Link,
            // A pipe without a reader.
            Some(libc::ENXIO) => Self::Pipe,
            _ => Self::System(error),
        }
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System(error) => return write!(f, "cannot be written: {error}"),
            Self::Link => "is a link, and none is followed: name a file that is new or empty",
            Self::Pipe => "is a pipe, and its reader could stop the program: name a file",
            Self::Foreign => "belongs to another user, which could read it: name another file",
            Self::Taken => {
                "has something in it, and transcripts are not overwritten: name another file, or \
                 remove it"
            }
        })
    }
}

impl std::error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => error.source(),
            Self::Link | Self::Pipe | Self::Foreign | Self::Taken => None,
        }
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

/// A recording for the first program that takes it, since a transcript is of one run.
#[derive(Debug, Default)]
pub(crate) struct Tape(Mutex<TapeState>);

#[derive(Debug, Default)]
enum TapeState {
    /// There is no recording.
    #[default]
    None,
    Free(Box<Recording>),
    Taken,
}

impl Tape {
    pub(crate) fn new(recording: Recording) -> Self {
        Self(Mutex::new(TapeState::Free(Box::new(recording))))
    }

    /// The recording, if there is one and this is the first run. For a later run, the log has a
    /// line.
    pub(super) fn take(&self) -> Option<Recording> {
        // No code panics while it holds the lock.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, TapeState::Taken) {
            TapeState::None => *slot = TapeState::None,
            TapeState::Free(recording) => return Some(*recording),
            TapeState::Taken => {
                log::warn!(
                    target: "switchboard::program",
                    "this run is not recorded: the transcript is of the first"
                );
            }
        }
        None
    }
}
