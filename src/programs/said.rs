//! `Said`: what a program can say. The words of a header tell all but the body.

use crate::programs::answer::answer;
use crate::programs::audience::{audience, id, ids, topic};
use crate::programs::words::{KEY_BYTES_MAX, number};
use crate::programs::{VERSION, Wrong};
use crate::service::{Admission, Audience, SocketId, Verdict, label_keys_taken};
use crate::ws::syntax::is_token;
use crate::ws::{Close, CloseCode, Message, Status};

/// What a program says, in one line with or without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// READY: it is up, and lets sockets in like this. Always the first.
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
        /// To whom.
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
        /// Which, each once.
        ids: Vec<SocketId>,
        /// The topic.
        topic: String,
    },
    /// UNSUB: take subscriptions back.
    Unsubscribe {
        /// Whose, each once.
        ids: Vec<SocketId>,
        /// The topic.
        topic: String,
    },
    /// PAUSE: read nothing more of sockets. A second time changes nothing.
    Pause {
        /// Which, each once.
        ids: Vec<SocketId>,
    },
    /// RESUME: read on, however often they were paused.
    Resume {
        /// Which, each once.
        ids: Vec<SocketId>,
    },
    /// SET: give a socket a label, for logs.
    Set {
        /// The socket.
        id: SocketId,
        /// The label's name.
        key: String,
        /// Its value; empty to take the label away.
        value: String,
    },
    /// LOG: a line for the host's log. It may have control characters, which the log escapes.
    Log {
        /// How much it matters.
        level: Level,
        /// The line. What was not UTF-8 is replaced.
        text: String,
    },
}

/// The level of a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
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

/// A header without its length, as far as it goes.
#[derive(Debug)]
pub(super) enum Begun {
    /// That was all.
    Whole(Said),
    /// The body decides the rest.
    Counted(Pending),
}

/// What waits for its body.
#[derive(Debug)]
pub(super) enum Pending {
    Text(Audience),
    Binary(Audience),
    Close(Audience, CloseCode),
    Reject(SocketId, Status),
    Set(SocketId, String),
    Log(Level),
}

/// Why a header begins nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unbegun {
    /// The line cannot be done.
    Wrong(Wrong),
    /// The verb always has a body, and its length is missing.
    Uncounted,
}

impl From<Wrong> for Unbegun {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

/// Reads the words of a READY; `None` if there is anything that is not known.
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
) -> Result<Begun, Unbegun> {
    use Begun::{Counted, Whole};
    let form = FORMS.iter().find(|form| form.verb == verb).ok_or(Wrong::Verb)?;
    let max = match (form.body, length) {
        (Body::None, Some(_)) => return Err(Wrong::Form(form.text).into()),
        (Body::Always(_) | Body::Message, None) => return Err(Unbegun::Uncounted),
        (Body::None, None) => 0,
        (Body::Message, Some(_)) => message_bytes_max,
        (Body::Always(max) | Body::Perhaps(max), _) => max,
    };
    if let Some(found) = length.filter(|&found| found > max as u64) {
        return Err(Wrong::Long { found, max }.into());
    }
    let words = Words { form, words };
    let begun = match form.kind {
        Kind::Accept => Whole(words.accept()?),
        Kind::Reject => {
            let [who, status] = words.exactly()?;
            let number = number(status, 3).and_then(|number| u16::try_from(number).ok());
            let known = number.and_then(Status::new);
            Counted(Pending::Reject(id(who)?, known.ok_or(Wrong::Status(status.to_owned()))?))
        }
        Kind::Text => Counted(Pending::Text(audience(words.one()?)?)),
        Kind::Binary => Counted(Pending::Binary(audience(words.one()?)?)),
        Kind::Close => {
            let [to, code] = words.exactly()?;
            let number = number(code, 4).and_then(|number| u16::try_from(number).ok());
            let known = number.and_then(CloseCode::new);
            Counted(Pending::Close(audience(to)?, known.ok_or(Wrong::Code(code.to_owned()))?))
        }
        Kind::Subscribe => {
            let [who, name] = words.exactly()?;
            Whole(Said::Subscribe { ids: ids(who)?, topic: topic(name)? })
        }
        Kind::Unsubscribe => {
            let [who, name] = words.exactly()?;
            Whole(Said::Unsubscribe { ids: ids(who)?, topic: topic(name)? })
        }
        Kind::Pause => Whole(Said::Pause { ids: ids(words.one()?)? }),
        Kind::Resume => Whole(Said::Resume { ids: ids(words.one()?)? }),
        Kind::Set => {
            let [who, label] = words.exactly()?;
            match (label.split_once('='), length) {
                (Some((name, value)), None) => {
                    Whole(Said::Set { id: id(who)?, key: key(name)?, value: label_value(value)? })
                }
                (None, Some(_)) => Counted(Pending::Set(id(who)?, key(label)?)),
                (Some(_), Some(_)) | (None, None) => return Err(Wrong::Form(form.text).into()),
            }
        }
        Kind::Log => Counted(Pending::Log(level(words.one()?)?)),
    };
    Ok(begun)
}

impl Pending {
    /// Adds the body.
    pub(super) fn finish(self, body: Vec<u8>) -> Result<Said, Wrong> {
        Ok(match self {
            Self::Text(to) => Said::Send { to, message: text(body)?.into() },
            Self::Binary(to) => Said::Send { to, message: body.into() },
            Self::Close(to, code) => Said::Close { to, close: Close::new(code, text(body)?) },
            Self::Reject(id, status) => {
                Said::Admit { id, verdict: Verdict::Refuse(answer(status, body)?) }
            }
            Self::Set(id, key) => Said::Set { id, key, value: label_value(&text(body)?)? },
            // What is said in distress is heard as far as it can be.
            Self::Log(level) => {
                Said::Log { level, text: String::from_utf8_lossy(&body).into_owned() }
            }
        })
    }
}

/// The body as text. Its buffer becomes that of the text.
fn text(body: Vec<u8>) -> Result<String, Wrong> {
    String::from_utf8(body).map_err(|error| Wrong::Utf8(error.utf8_error().valid_up_to()))
}

/// The words behind a verb, and the form that they should have.
struct Words<I> {
    form: &'static Form,
    words: I,
}

impl<'a, I: Iterator<Item = &'a str>> Words<I> {
    /// So many words and no more.
    fn exactly<const LEN: usize>(mut self) -> Result<[&'a str; LEN], Wrong> {
        let mut found = [""; LEN];
        for place in &mut found {
            *place = self.words.next().ok_or(Wrong::Form(self.form.text))?;
        }
        if self.words.next().is_some() { Err(Wrong::Form(self.form.text)) } else { Ok(found) }
    }

    fn one(self) -> Result<&'a str, Wrong> {
        self.exactly().map(|[word]| word)
    }

    fn accept(mut self) -> Result<Said, Wrong> {
        let form = Wrong::Form(self.form.text);
        let id = id(self.words.next().ok_or(form.clone())?)?;
        let Some(word) = self.words.next() else {
            return Ok(Said::Admit { id, verdict: Verdict::Accept });
        };
        let protocol = word.strip_prefix("protocol=").filter(|_| self.words.next().is_none());
        let protocol = protocol.ok_or(form)?.to_owned();
        if !is_token(protocol.as_bytes()) {
            return Err(Wrong::Protocol(protocol));
        }
        Ok(Said::Admit { id, verdict: Verdict::AcceptProtocol(protocol) })
    }
}

fn key(name: &str) -> Result<String, Wrong> {
    let is_key_byte = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let is_key = (1..=KEY_BYTES_MAX).contains(&name.len())
        && name.bytes().all(is_key_byte)
        && label_keys_taken().all(|taken| taken != name);
    if is_key { Ok(name.to_owned()) } else { Err(Wrong::Key(name.to_owned())) }
}

fn label_value(value: &str) -> Result<String, Wrong> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(Wrong::Long { found: value.len() as u64, max: VALUE_BYTES_MAX });
    }
    if value.chars().any(char::is_control) { Err(Wrong::Value) } else { Ok(value.to_owned()) }
}

fn level(word: &str) -> Result<Level, Wrong> {
    Ok(match word {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "info" => Level::Info,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        _ => return Err(Wrong::Level(word.to_owned())),
    })
}

/// A verb, the form of its line, and whether it has a body.
struct Form {
    verb: &'static str,
    kind: Kind,
    text: &'static str,
    body: Body,
}

#[derive(Clone, Copy)]
enum Kind {
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
enum Body {
    None,
    /// As long as a message may be.
    Message,
    /// Of so many bytes at most.
    Always(usize),
    /// The same, and empty without a length.
    Perhaps(usize),
}

const fn form(kind: Kind, verb: &'static str, text: &'static str, body: Body) -> Form {
    Form { verb, kind, text, body }
}

static FORMS: [Form; 11] = [
    form(Kind::Accept, "ACCEPT", "ACCEPT id [protocol=NAME]", Body::None),
    form(Kind::Reject, "REJECT", "REJECT id status [+n]", Body::Perhaps(ANSWER_BYTES_MAX)),
    form(Kind::Text, "TEXT", "TEXT ids +n", Body::Message),
    form(Kind::Binary, "BIN", "BIN ids +n", Body::Message),
    form(Kind::Close, "CLOSE", "CLOSE ids code [+n]", Body::Perhaps(REASON_BYTES_MAX)),
    form(Kind::Subscribe, "SUB", "SUB id[,id...] topic", Body::None),
    form(Kind::Unsubscribe, "UNSUB", "UNSUB id[,id...] topic", Body::None),
    form(Kind::Pause, "PAUSE", "PAUSE id[,id...]", Body::None),
    form(Kind::Resume, "RESUME", "RESUME id[,id...]", Body::None),
    form(Kind::Set, "SET", "SET id key=value, or SET id key +n", Body::Perhaps(VALUE_BYTES_MAX)),
    form(Kind::Log, "LOG", "LOG level +n", Body::Always(LOG_BYTES_MAX)),
];

/// Headers and content of a refusal.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code.
const REASON_BYTES_MAX: usize = 123;
const VALUE_BYTES_MAX: usize = 256;
const LOG_BYTES_MAX: usize = 16 * 1024;
