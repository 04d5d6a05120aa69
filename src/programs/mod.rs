//! Programs as services, the part without I/O: what a child process and the host write to each
//! other, as bytes and as values. `docs/programs.md` is its specification. No processes, pipes
//! or threads; and nothing is allocated by a length that a program merely declares.
//!
//! In reading order:
//!
//! - `words`: numbers in header lines, and how long those may be
//! - `frames`: header lines and the bodies that they count, whatever they mean
//! - `fault`: [`Fault`], after which nothing more can be read; [`Mistake`], which costs one line
//! - `audience`: ids, lists of ids, topics
//! - `said`: [`Said`], what a program can say, from the words of its header and its body
//! - `answer`: the body of a REJECT
//! - `reader`: [`Reader`], from bytes to what was said
//! - `variables`: the variables of a socket's request, for OPEN and for environments; [`Mode`],
//!   how a program is served, and `Place`, where
//! - `options`: [`ProgramOptions`], how a program is run
//! - `told`: `Told`, what a program is told, to bytes
//! - `lines`: plain lines, for programs that serve one socket each; `texts`: text as it comes
//! - `pattern`: [`Pattern`], a body in a transcript, its escapes and its gaps
//! - `transcript`: both directions as text to be read and edited
//! - `replay`: whether a program says what its transcript expects

mod answer;
mod audience;
mod fault;
mod frames;
mod lines;
mod options;
mod pattern;
mod reader;
mod replay;
mod said;
#[cfg(test)]
mod tests;
mod texts;
mod told;
mod transcript;
mod variables;
mod words;

pub(crate) use lines::encode_line;
pub use options::{OnChange, OnDeath, ProgramOptions, ReplaceWhen, Subpaths};
pub(crate) use told::Told;
pub(crate) use variables::{INDEX, Place, is_variable_name, own_variables, request_variables};
pub use variables::{Mode, Variable};
// What tests and the binary of this package read and write.
#[doc(hidden)]
pub use {
    fault::{Fault, Mistake, Wrong},
    lines::{LineFault, Lines},
    pattern::Pattern,
    reader::{Heard, Reader},
    replay::{Difference, Replay, TranscriptPlace},
    said::{Level, Said},
    texts::Texts,
    transcript::{Entry, Recorder, Transcript, TranscriptError, Way},
};

/// The version of the protocol.
pub const VERSION: u32 = 1;
