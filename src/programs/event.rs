//! `ProgramEvent`: an event for a program, and its bytes.

use std::io::Write;

use crate::programs::environment::{ProgramPlace, Variable, request_variables};
use crate::programs::worker_number::WorkerNumber;
use crate::programs::{LineError, VERSION};
#[cfg(feature = "processes")]
use crate::service::Share;
use crate::service::{Inbound, SocketId};

/// An event for a program: one line, with or without a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProgramEvent<'a> {
    /// HELLO: the version and the limits. Always the first.
    Hello {
        /// The longest message that comes from a peer.
        message_bytes_max: usize,
        /// The longest message that the program may send.
        send_bytes_max: usize,
        /// Which worker of the program it is, if there are several.
        worker: Option<WorkerNumber>,
        /// Which of its messages are shared: then it may get GAP.
        #[cfg(feature = "processes")]
        share: Share,
    },
    /// ASK, OPEN, TEXT, BIN, FULL, DRAIN or CLOSE: an event of a socket; or GAP.
    Inbound(&'a Inbound),
    /// OPEN with `RESUMED=1`: an open socket whose program has been started again.
    Resumed {
        /// The socket.
        id: SocketId,
        /// The body of its first OPEN.
        variables: &'a [u8],
    },
    /// RELOAD: the configuration was read again.
    Reload,
    /// STOP: the program is to end.
    Stop {
        /// How much time it has, in milliseconds.
        ms: u64,
    },
    /// ERR: a line of the program could not be carried out.
    Mistake(&'a LineError),
}

impl ProgramEvent<'_> {
    /// Appends the bytes to `out`.
    pub(crate) fn encode(&self, place: &ProgramPlace, out: &mut Vec<u8>) {
        match *self {
            Self::Hello { message_bytes_max, send_bytes_max, worker, .. } => {
                let service = word(&place.service);
                let worker = worker.map_or(String::new(), |worker| format!(" worker={worker}"));
                #[cfg(feature = "processes")]
                let worker = worker + &self.share_word();
                header(
                    out,
                    format_args!(
                        "HELLO {VERSION} service={service} max-message={message_bytes_max} \
                         max-send={send_bytes_max}{worker}"
                    ),
                );
            }
            Self::Inbound(inbound) => encode_inbound(inbound, place, out),
            Self::Resumed { id, variables } => {
                let variables = [variables, b"RESUMED=1\n"].concat();
                counted(out, format_args!("OPEN {}", id.as_u64()), &variables);
            }
            Self::Reload => header(out, format_args!("RELOAD")),
            Self::Stop { ms } => header(out, format_args!("STOP {ms}")),
            Self::Mistake(mistake) => {
                let verb = if mistake.verb.is_empty() { "-" } else { &mistake.verb };
                let id = mistake.id.map_or_else(|| "-".to_owned(), |id| id.as_u64().to_string());
                let text = mistake.to_string();
                counted(out, format_args!("ERR {verb} {id}"), text.as_bytes());
            }
        }
    }
}

#[cfg(feature = "processes")]
impl ProgramEvent<'_> {
    /// The word of HELLO for a program whose messages are shared.
    fn share_word(&self) -> String {
        match self {
            Self::Hello { share, .. } if *share != Share::None => {
                format!(" share={}", share.name())
            }
            _ => String::new(),
        }
    }
}

fn encode_inbound(inbound: &Inbound, place: &ProgramPlace, out: &mut Vec<u8>) {
    let id = inbound.id().as_u64();
    match inbound {
        Inbound::Ask { request, .. } => {
            let variables = request_variables(request, place);
            counted(out, format_args!("ASK {id}"), &lines(variables));
        }
        Inbound::Open { request, .. } => {
            let variables = request_variables(request, place);
            counted(out, format_args!("OPEN {id}"), &lines(variables));
        }
        Inbound::Data { message, .. } => {
            let verb = if message.is_text() { "TEXT" } else { "BIN" };
            message_line(out, verb, id, message.as_bytes());
        }
        Inbound::Full { bytes, .. } => header(out, format_args!("FULL {id} {bytes}")),
        Inbound::Drained { .. } => header(out, format_args!("DRAIN {id}")),
        #[cfg(feature = "processes")]
        Inbound::Gap { topic } => {
            let topic = topic.as_ref().map_or_else(|| "*".to_owned(), |topic| format!("@{topic}"));
            header(out, format_args!("GAP {topic}"));
        }
        // No program listens.
        #[cfg(feature = "processes")]
        Inbound::Heard { .. } => {}
        Inbound::Close { close, .. } => {
            counted(out, format_args!("CLOSE {id} {}", close.code), close.reason.as_bytes());
        }
    }
}

/// A line without a body.
fn header(out: &mut Vec<u8>, words: std::fmt::Arguments<'_>) {
    writeln!(out, "{words}").expect("memory takes what is written");
}

/// A line with its body.
fn counted(out: &mut Vec<u8>, words: std::fmt::Arguments<'_>, body: &[u8]) {
    out.reserve(body.len() + HEADER_BYTES);
    writeln!(out, "{words} +{}", body.len()).expect("memory takes what is written");
    out.extend_from_slice(body);
    out.push(b'\n');
}

/// The line of a message. Most lines are messages, so this does not use the library's formatting.
fn message_line(out: &mut Vec<u8>, verb: &str, id: u64, body: &[u8]) {
    out.reserve(body.len() + HEADER_BYTES);
    out.extend_from_slice(verb.as_bytes());
    out.push(b' ');
    decimal(out, id);
    out.extend_from_slice(b" +");
    decimal(out, body.len() as u64);
    out.push(b'\n');
    out.extend_from_slice(body);
    out.push(b'\n');
}

fn decimal(out: &mut Vec<u8>, mut number: u64) {
    // The maximum of digits of 64 bits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

/// A line for each variable, each with its newline.
fn lines(variables: impl IntoIterator<Item = Variable>) -> Vec<u8> {
    let mut lines = Vec::new();
    for Variable { name, value } in variables {
        lines.extend_from_slice(name.as_bytes());
        lines.push(b'=');
        lines.extend_from_slice(&value);
        lines.push(b'\n');
    }
    lines
}

/// A path as one word: the percent sign and all bytes except visible ASCII are percent-encoded. A
/// path that would fill the line is cut off; the environment has the whole path.
fn word(path: &str) -> String {
    let mut word = String::new();
    for byte in path.bytes() {
        if word.len() >= WORD_BYTES_MAX {
            break;
        }
        match byte {
            b'!'..=b'~' if byte != b'%' => word.push(char::from(byte)),
            _ => word.push_str(&format!("%{byte:02X}")),
        }
    }
    word
}

/// The approximate length of a header.
const HEADER_BYTES: usize = 64;
const WORD_BYTES_MAX: usize = 768;
