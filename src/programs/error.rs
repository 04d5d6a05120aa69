//! Errors in the output of a program. After a [`LineError`], only its line is ignored. After a
//! [`FatalError`], the start or the meaning of the next line is unknown.

use std::fmt;

use crate::programs::words::{HEADER_BYTES_MAX, KEY_BYTES_MAX};
use crate::service::{AudienceError, SocketId, label_keys_taken};

/// The output cannot be parsed any more: nothing more is read, and the program is ended. Each
/// variant has the line in which the error was found, cut to 200 bytes and escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FatalError {
    /// A header line is above 1024 bytes.
    LongHeader {
        /// Its beginning.
        line: String,
    },
    /// A header line has control characters, or is not UTF-8.
    Characters {
        /// The line.
        line: String,
    },
    /// A last word that begins with `+` is not a length.
    Length {
        /// The line.
        line: String,
    },
    /// A body is not followed by a newline.
    Unended {
        /// The header of the body.
        line: String,
        /// The bytes that follow instead.
        found: String,
    },
    /// A verb that always has a body comes without a length, so that its body would be taken
    /// for lines.
    Uncounted {
        /// The line.
        line: String,
    },
    /// The first line is not READY.
    NotReady {
        /// The line.
        line: String,
    },
    /// READY has another version, or unknown words.
    Ready {
        /// The line.
        line: String,
    },
    /// The stream ends within a header line.
    CutHeader {
        /// Its beginning.
        line: String,
    },
    /// The stream ends within a body.
    CutBody {
        /// The header of the body.
        line: String,
        /// How many bytes of the body are missing, besides the newline.
        left: u64,
    },
}

impl fmt::Display for FatalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongHeader { line } => {
                write!(f, "a header line above {HEADER_BYTES_MAX} bytes begins with \"{line}\"")
            }
            Self::Characters { line } => {
                write!(f, "the header line \"{line}\" is not UTF-8 without control characters")
            }
            Self::Length { line } => write!(
                f,
                "the last word of \"{line}\" is not a length: + and 1 to 10 decimal digits"
            ),
            Self::Unended { line, found } => write!(
                f,
                "the body of \"{line}\" is followed by \"{found}\" instead of a newline; lengths \
                 count bytes"
            ),
            Self::Uncounted { line } => {
                write!(f, "the line \"{line}\" lacks the length of its body, such as +5")
            }
            Self::NotReady { line } => write!(
                f,
                "the first line is \"{line}\" instead of READY 1; a program that writes plain \
                 lines needs the mode per-socket, and one with a helper prints nothing before its \
                 import"
            ),
            Self::Ready { line } => write!(
                f,
                "\"{line}\" is none of READY 1, READY 1 admission=ask, READY 1 protocols=NAME,..."
            ),
            Self::CutHeader { line } => write!(f, "the output ends within the line \"{line}\""),
            Self::CutBody { line, left } => {
                write!(f, "the output ends {left} bytes before the end of the body of \"{line}\"")
            }
        }
    }
}

impl std::error::Error for FatalError {}

/// A line that could not be carried out. It has no effect, its body is skipped, and the program
/// gets an ERR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The line's first word, cut to 32 bytes; empty if it has none.
    pub verb: String,
    /// The line's second word, if it is one socket.
    pub id: Option<SocketId>,
    /// What is wrong.
    pub kind: LineErrorKind,
}

impl fmt::Display for LineError {
    /// What is wrong; in the alternate form, with the verb and the socket before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let verb = if self.verb.is_empty() { "-" } else { &self.verb };
            let id = self.id.map_or_else(|| "-".to_owned(), |id| id.to_string());
            write!(f, "{verb} {id}: ")?;
        }
        self.kind.fmt(f)?;
        match (&self.kind, self.verb.as_str()) {
            (LineErrorKind::Long { .. }, "TEXT" | "BIN") => f.write_str(" (outbox-max)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for LineError {}

/// The error in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineErrorKind {
    /// It has no words.
    Empty,
    /// Its verb is not known.
    Verb,
    /// Its verb or its last word is reserved for a later version.
    Reserved(&'static str),
    /// It is READY, and not the first line.
    Again,
    /// Its words do not have this form, which the verb requires.
    Form(&'static str),
    /// A word is no audience, or no part of one.
    Audience(AudienceError),
    /// A code that a close frame may not carry.
    Code(String),
    /// A status that does not end a request.
    Status(String),
    /// Not a level of logging.
    Level(String),
    /// A label's key is malformed, or taken.
    Key(String),
    /// A label's value has control characters.
    Value,
    /// A subprotocol that is not a token.
    Protocol(String),
    /// The body of a REJECT has this line where a header is expected.
    Header(String),
    /// The body is longer than allowed.
    Long {
        /// The length in the header.
        found: u64,
        /// The longest that is allowed.
        max: usize,
    },
    /// The body has to be UTF-8 and is not, from this byte on.
    Utf8(usize),
}

impl From<AudienceError> for LineErrorKind {
    fn from(error: AudienceError) -> Self {
        Self::Audience(error)
    }
}

impl fmt::Display for LineErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a line without words, where a verb is expected"),
            Self::Verb => f.write_str(
                "no such verb; there are ACCEPT, REJECT, TEXT, BIN, CLOSE, SUB, UNSUB, PAUSE, \
                 RESUME, SET and LOG",
            ),
            Self::Reserved(word) => {
                write!(f, "{word} is reserved for a later version, and does nothing in this one")
            }
            Self::Again => f.write_str("READY is the first line, and only the first"),
            Self::Form(form) => write!(f, "the form of the line is: {form}"),
            Self::Audience(error) => error.fmt(f),
            Self::Code(found) => write!(
                f,
                "{found:?} is not a close code to send: 1000 to 1003, 1007 to 1014, 3000 to 4999"
            ),
            Self::Status(found) => write!(f, "{found:?} is not a status from 200 to 599"),
            Self::Level(found) => {
                write!(f, "{found:?} is none of the levels error, warn, info, debug, trace")
            }
            Self::Key(found) => write!(
                f,
                "{found:?} is not a key: 1 to {KEY_BYTES_MAX} of a-z, 0-9, - and _, none of {}",
                label_keys_taken().collect::<Vec<_>>().join(", ")
            ),
            Self::Value => f.write_str("a value of a label has no control characters"),
            Self::Protocol(found) => write!(f, "{found:?} is not a subprotocol, which is a token"),
            Self::Header(found) => write!(
                f,
                "{found:?} is not a header line; a body is header lines, an empty line, content, \
                 and leaves out Content-Length, Transfer-Encoding and Connection"
            ),
            Self::Long { found, max } => write!(f, "a body of {found} bytes, {max} are allowed"),
            Self::Utf8(at) => write!(f, "the body is not UTF-8 from byte {at} on"),
        }
    }
}

impl std::error::Error for LineErrorKind {}
