//! Programs as services, the part without I/O: what a child process and the host write to each
//! other, as bytes and as values. `docs/programs.md` is its specification. No processes, pipes
//! or threads; and nothing is allocated by a length that a program merely declares.
//!
//! In reading order:
//!
//! - `words`: numbers in header lines, and how long those may be
//! - `frames`: header lines and the bodies that they count, whatever they mean
//! - `error`: [`FatalError`], after which nothing more can be read; [`LineError`], which costs one
//!   line
//! - `audience`: ids, lists of ids, topics
//! - `command`: [`ProgramCommand`], what a program can say, from the words of its header and its
//!   body
//! - `answer`: the body of a REJECT
//! - `reader`: [`CommandReader`], from bytes to what was said
//! - `environment`: the environment of a socket's request, for OPEN and for environments; [`Mode`],
//!   how a program is served, and `ProgramPlace`, where
//! - `options`: [`ProgramOptions`], how a program is run
//! - `event`: `ProgramEvent`, what a program is told, to bytes
//! - `lines`: plain lines, for programs that serve one socket each; `texts`: text as it comes
//! - `pattern`: [`Pattern`], a body in a transcript, its escapes and its gaps
//! - `transcript`: both directions as text to be read and edited
//! - `replay`: whether a program says what its transcript expects

mod answer;
mod audience;
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

pub(crate) use environment::{
    INDEX, ProgramPlace, is_variable_name, own_variables, request_variables,
};
pub use environment::{Mode, Variable};
pub(crate) use event::ProgramEvent;
pub(crate) use lines::encode_line;
pub use options::{OnChange, OnDeath, ProgramOptions, ReplaceWhen, Subpaths};
// What tests and the binary of this package read and write.
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
};

/// The version of the protocol.
pub const VERSION: u32 = 1;
