//! Programs as services, the part without I/O: the protocol between a child process and the host,
//! as bytes and as values. `docs/programs.md` is its specification. It has no processes, pipes or
//! threads, and allocates nothing by a length that a program merely declares.
//!
//! In reading order:
//!
//! - `words`: limits of length in header lines
//! - `frames`: header lines and their bodies, without their meaning
//! - `error`: [`FatalError`], after which nothing more can be read; [`LineError`], which costs one
//!   line
//! - `command`: [`ProgramCommand`], a command of a program, from the words of its header and its
//!   body
//! - `answer`: the body of a REJECT
//! - `reader`: [`CommandReader`], from bytes to commands
//! - `environment`: the variables of a socket's request, for OPEN and for environments; [`Mode`],
//!   how a program is served, and `ProgramPlace`, its path and address
//! - `options`: [`ProgramOptions`], how a program is run
//! - `worker_number`: which worker of a program a process is
//! - `event`: `ProgramEvent`, an event for a program, to bytes
//! - `lines`: plain lines, for programs that serve one socket each; `texts`: text as it comes
//! - `pattern`: [`Pattern`], a body in a transcript, its escapes and its gaps
//! - `transcript`: both directions, as text that people read and edit
//! - `replay`: checks that a program writes what its transcript expects

mod answer;
mod command;
mod environment;
mod error;
mod event;
mod frames;
mod lines;
mod options;
mod pattern;
mod reader;
mod replay;
#[cfg(test)]
mod tests;
mod texts;
mod transcript;
mod words;
mod worker_number;

pub(crate) use environment::{
    INDEX, ProgramPlace, is_own_variable, is_variable_name, own_variables, request_variables,
};
pub use environment::{Mode, Variable};
pub(crate) use event::ProgramEvent;
pub(crate) use lines::encode_line;
pub use options::{OnChange, OnDeath, ProgramOptions, ReplaceWhen, Subpaths};
// For the tests and the binary of this package.
#[doc(hidden)]
pub use {
    command::{LogLevel, ProgramCommand},
    error::{FatalError, LineError, LineErrorKind},
    lines::{Lines, PlainLineError},
    pattern::Pattern,
    reader::{CommandReader, CommandResult},
    replay::{Difference, Replay, TranscriptPlace},
    texts::Texts,
    transcript::{Direction, Entry, Recorder, Transcript, TranscriptError},
    worker_number::WorkerNumber,
};

/// The version of the protocol.
pub const VERSION: u32 = 1;
