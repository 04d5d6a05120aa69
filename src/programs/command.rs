//! `ProgramCommand`: a command of a program. The words of a header define everything except the
//! body.

use crate::programs::answer::answer;
use crate::programs::words::KEY_BYTES_MAX;
use crate::programs::{LineErrorKind, VERSION};
use crate::service::audience_text::{audience, id, ids, topic};
use crate::service::{Admission, Audience, AudienceError, SocketId, Verdict, label_keys_taken};
use crate::ws::syntax::{is_token, number};
use crate::ws::{Close, CloseCode, Message, Status};

/// A command of a program: one line, with or without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramCommand {
    /// READY: the program is ready, with the way it admits sockets. Always the first.
    Ready(Admission),
    /// ACCEPT or REJECT: the answer to an ASK.
    Admit {
        /// The socket.
        id: SocketId,
        /// The answer.
        verdict: Verdict,
    },
    /// TEXT or BIN: send a message.
    Send {
        /// The audience.
        to: Audience,
        /// What.
        message: Message,
    },
    /// CLOSE: close sockets.
    Close {
        /// Which.
        to: Audience,
        /// The code and reason for the peers.
        close: Close,
    },
    /// SUB: subscribe sockets to a topic.
    Subscribe {
        /// The sockets, each once.
        ids: Vec<SocketId>,
        /// The topic.
        topic: String,
    },
    /// UNSUB: remove subscriptions.
    Unsubscribe {
        /// The sockets, each once.
        ids: Vec<SocketId>,
        /// The topic.
        topic: String,
    },
    /// PAUSE: stop reading sockets. A second pause has no effect.
    Pause {
        /// The sockets, each once.
        ids: Vec<SocketId>,
    },
    /// RESUME: read sockets again, however often they were paused.
    Resume {
        /// The sockets, each once.
        ids: Vec<SocketId>,
    },
    /// SET: give a socket a label, for logs.
    Set {
        /// The socket.
        id: SocketId,
        /// The label's name.
        key: String,
        /// Its value; empty to remove the label.
        value: String,
    },
    /// LOG: a line for the host's log. The log escapes control characters in it.
    Log {
        /// Its level.
        level: LogLevel,
        /// The line. Bytes that are not UTF-8 are replaced.
        text: String,
    },
}

/// The level of a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// error.
    Error,
    /// warn.
    Warn,
    /// info.
    Info,
    /// debug.
    Debug,
    /// trace.
    Trace,
}

/// The result of reading a header without its length.
#[derive(Debug)]
pub(super) enum LineHeader {
    /// The command is complete.
    Whole(ProgramCommand),
    /// The command needs its body.
    Counted(Pending),
}

/// A command that waits for its body.
#[derive(Debug)]
pub(super) enum Pending {
    Text(Audience),
    Binary(Audience),
    Close(Audience, CloseCode),
    Reject(SocketId, Status),
    Set(SocketId, String),
    Log(LogLevel),
}

/// Why a header is no command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineHeaderError {
    /// The line cannot be carried out.
    Wrong(LineErrorKind),
    /// The verb always has a body, and its length is missing.
    Uncounted,
}

impl From<AudienceError> for LineHeaderError {
    fn from(error: AudienceError) -> Self {
        LineErrorKind::from(error).into()
    }
}

impl From<LineErrorKind> for LineHeaderError {
    fn from(wrong: LineErrorKind) -> Self {
        Self::Wrong(wrong)
    }
}

/// Reads the words of a READY; `None` if one is unknown.
pub(super) fn ready<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Admission> {
    let of_version = words.next() == Some("READY")
        && words.next().is_some_and(|version| number(version, 10) == Some(VERSION.into()));
    let admission = match words.next() {
        None => Admission::default(),
        Some("admission=ask") => Admission::Asked,
        Some(word) => {
            let protocols = word.strip_prefix("protocols=")?.split(',').map(str::to_owned);
            Admission::Everyone { protocols: protocols.collect() }
        }
    };
    let is_known = match &admission {
        Admission::Everyone { protocols } => protocols.iter().all(|name| is_token(name.as_bytes())),
        Admission::Asked | Admission::AskedAndClosed => true,
    };
    (of_version && is_known && words.next().is_none()).then_some(admission)
}

/// Reads the words of any other line.
pub(super) fn begin<'a>(
    verb: &str,
    words: impl Iterator<Item = &'a str>,
    length: Option<u64>,
    message_bytes_max: usize,
) -> Result<LineHeader, LineHeaderError> {
    use LineHeader::{Counted, Whole};
    let form = FORMS.iter().find(|form| form.verb == verb).ok_or(LineErrorKind::Verb)?;
    let max = match (form.body, length) {
        (BodyForm::None, Some(_)) => return Err(LineErrorKind::Form(form.text).into()),
        (BodyForm::Always(_) | BodyForm::Message, None) => return Err(LineHeaderError::Uncounted),
        (BodyForm::None, None) => 0,
        (BodyForm::Message, Some(_)) => message_bytes_max,
        (BodyForm::Always(max) | BodyForm::Perhaps(max), _) => max,
    };
    if let Some(found) = length.filter(|&found| found > max as u64) {
        return Err(LineErrorKind::Long { found, max }.into());
    }
    let words = HeaderWords { form, words };
    let begun = match form.kind {
        CommandKind::Accept => Whole(words.accept()?),
        CommandKind::Reject => {
            let [who, status] = words.exactly()?;
            let number = number(status, 3).and_then(|number| u16::try_from(number).ok());
            let known = number.and_then(Status::new);
            Counted(Pending::Reject(
                id(who)?,
                known.ok_or(LineErrorKind::Status(status.to_owned()))?,
            ))
        }
        CommandKind::Text => Counted(Pending::Text(audience(words.one()?)?)),
        CommandKind::Binary => Counted(Pending::Binary(audience(words.one()?)?)),
        CommandKind::Close => {
            let [to, code] = words.exactly()?;
            let number = number(code, 4).and_then(|number| u16::try_from(number).ok());
            let known = number.and_then(CloseCode::new);
            Counted(Pending::Close(
                audience(to)?,
                known.ok_or(LineErrorKind::Code(code.to_owned()))?,
            ))
        }
        CommandKind::Subscribe => {
            let [who, name] = words.exactly()?;
            Whole(ProgramCommand::Subscribe { ids: ids(who)?, topic: topic(name)? })
        }
        CommandKind::Unsubscribe => {
            let [who, name] = words.exactly()?;
            Whole(ProgramCommand::Unsubscribe { ids: ids(who)?, topic: topic(name)? })
        }
        CommandKind::Pause => Whole(ProgramCommand::Pause { ids: ids(words.one()?)? }),
        CommandKind::Resume => Whole(ProgramCommand::Resume { ids: ids(words.one()?)? }),
        CommandKind::Set => {
            let [who, label] = words.exactly()?;
            match (label.split_once('='), length) {
                (Some((name, value)), None) => Whole(ProgramCommand::Set {
                    id: id(who)?,
                    key: key(name)?,
                    value: label_value(value)?,
                }),
                (None, Some(_)) => Counted(Pending::Set(id(who)?, key(label)?)),
                (Some(_), Some(_)) | (None, None) => {
                    return Err(LineErrorKind::Form(form.text).into());
                }
            }
        }
        CommandKind::Log => Counted(Pending::Log(level(words.one()?)?)),
    };
    Ok(begun)
}

impl Pending {
    /// Adds the body.
    pub(super) fn finish(self, body: Vec<u8>) -> Result<ProgramCommand, LineErrorKind> {
        Ok(match self {
            Self::Text(to) => ProgramCommand::Send { to, message: text(body)?.into() },
            Self::Binary(to) => ProgramCommand::Send { to, message: body.into() },
            Self::Close(to, code) => {
                ProgramCommand::Close { to, close: Close::new(code, text(body)?) }
            }
            Self::Reject(id, status) => {
                ProgramCommand::Admit { id, verdict: Verdict::Refuse(answer(status, body)?) }
            }
            Self::Set(id, key) => {
                ProgramCommand::Set { id, key, value: label_value(&text(body)?)? }
            }
            // A program in trouble may write broken text: it is read as far as possible.
            Self::Log(level) => {
                ProgramCommand::Log { level, text: String::from_utf8_lossy(&body).into_owned() }
            }
        })
    }
}

/// The body as text. Its buffer becomes that of the text.
fn text(body: Vec<u8>) -> Result<String, LineErrorKind> {
    String::from_utf8(body).map_err(|error| LineErrorKind::Utf8(error.utf8_error().valid_up_to()))
}

/// The words behind a verb, and the required form.
struct HeaderWords<I> {
    form: &'static CommandForm,
    words: I,
}

impl<'a, I: Iterator<Item = &'a str>> HeaderWords<I> {
    /// Exactly this many words.
    fn exactly<const LEN: usize>(mut self) -> Result<[&'a str; LEN], LineErrorKind> {
        let mut found = [""; LEN];
        for place in &mut found {
            *place = self.words.next().ok_or(LineErrorKind::Form(self.form.text))?;
        }
        if self.words.next().is_some() {
            Err(LineErrorKind::Form(self.form.text))
        } else {
            Ok(found)
        }
    }

    fn one(self) -> Result<&'a str, LineErrorKind> {
        self.exactly().map(|[word]| word)
    }

    fn accept(mut self) -> Result<ProgramCommand, LineErrorKind> {
        let form = LineErrorKind::Form(self.form.text);
        let id = id(self.words.next().ok_or(form.clone())?)?;
        let Some(word) = self.words.next() else {
            return Ok(ProgramCommand::Admit { id, verdict: Verdict::Accept });
        };
        let protocol = word.strip_prefix("protocol=").filter(|_| self.words.next().is_none());
        let protocol = protocol.ok_or(form)?.to_owned();
        if !is_token(protocol.as_bytes()) {
            return Err(LineErrorKind::Protocol(protocol));
        }
        Ok(ProgramCommand::Admit { id, verdict: Verdict::AcceptProtocol(protocol) })
    }
}

fn key(name: &str) -> Result<String, LineErrorKind> {
    let is_key_byte = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let is_key = (1..=KEY_BYTES_MAX).contains(&name.len())
        && name.bytes().all(is_key_byte)
        && label_keys_taken().all(|taken| taken != name);
    if is_key { Ok(name.to_owned()) } else { Err(LineErrorKind::Key(name.to_owned())) }
}

fn label_value(value: &str) -> Result<String, LineErrorKind> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(LineErrorKind::Long { found: value.len() as u64, max: VALUE_BYTES_MAX });
    }
    if value.chars().any(char::is_control) {
        Err(LineErrorKind::Value)
    } else {
        Ok(value.to_owned())
    }
}

fn level(word: &str) -> Result<LogLevel, LineErrorKind> {
    Ok(match word {
        "error" => LogLevel::Error,
        "warn" => LogLevel::Warn,
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        "trace" => LogLevel::Trace,
        _ => return Err(LineErrorKind::Level(word.to_owned())),
    })
}

/// A verb, the form of its line, and whether it has a body.
struct CommandForm {
    verb: &'static str,
    kind: CommandKind,
    text: &'static str,
    body: BodyForm,
}

#[derive(Clone, Copy)]
enum CommandKind {
    Accept,
    Reject,
    Text,
    Binary,
    Close,
    Subscribe,
    Unsubscribe,
    Pause,
    Resume,
    Set,
    Log,
}

#[derive(Clone, Copy)]
enum BodyForm {
    None,
    /// At most as long as a message may be.
    Message,
    /// At most this many bytes.
    Always(usize),
    /// The same; empty if there is no length.
    Perhaps(usize),
}

const fn form(
    kind: CommandKind,
    verb: &'static str,
    text: &'static str,
    body: BodyForm,
) -> CommandForm {
    CommandForm { verb, kind, text, body }
}

static FORMS: [CommandForm; 11] = [
    form(CommandKind::Accept, "ACCEPT", "ACCEPT id [protocol=NAME]", BodyForm::None),
    form(
        CommandKind::Reject,
        "REJECT",
        "REJECT id status [+n]",
        BodyForm::Perhaps(ANSWER_BYTES_MAX),
    ),
    form(CommandKind::Text, "TEXT", "TEXT ids +n", BodyForm::Message),
    form(CommandKind::Binary, "BIN", "BIN ids +n", BodyForm::Message),
    form(CommandKind::Close, "CLOSE", "CLOSE ids code [+n]", BodyForm::Perhaps(REASON_BYTES_MAX)),
    form(CommandKind::Subscribe, "SUB", "SUB id[,id...] topic", BodyForm::None),
    form(CommandKind::Unsubscribe, "UNSUB", "UNSUB id[,id...] topic", BodyForm::None),
    form(CommandKind::Pause, "PAUSE", "PAUSE id[,id...]", BodyForm::None),
    form(CommandKind::Resume, "RESUME", "RESUME id[,id...]", BodyForm::None),
    form(
        CommandKind::Set,
        "SET",
        "SET id key=value, or SET id key +n",
        BodyForm::Perhaps(VALUE_BYTES_MAX),
    ),
    form(CommandKind::Log, "LOG", "LOG level +n", BodyForm::Always(LOG_BYTES_MAX)),
];

/// Headers and content of a refusal.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code.
const REASON_BYTES_MAX: usize = 123;
const VALUE_BYTES_MAX: usize = 256;
const LOG_BYTES_MAX: usize = 16 * 1024;
