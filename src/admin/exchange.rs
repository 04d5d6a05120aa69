//! `AdminExchange`: one request of an operator, from its bytes to what it asks for, without a
//! connection. It reads the only content that requests to a server have: messages to be sent.

use std::mem;

use crate::admin::access::{AdminAccess, Power};
use crate::admin::command::{AdminCommand, Routed};
use crate::limits::Limits;
use crate::service::Audience;
use crate::ws::{DateField, Head, HeadError, HeadReader, Message, Response, Status};

/// One request and its answer. A connection has one: the answer ends it.
#[derive(Debug)]
pub struct AdminExchange {
    access: AdminAccess,
    state: ExchangeState,
    /// The method and the target.
    line: String,
    /// Whether the answer has no content (RFC 9110, 9.3.2).
    is_head: bool,
}

#[derive(Debug)]
enum ExchangeState {
    Head(Box<HeadReader>),
    /// The head of a message has come, and how long it may be is asked for.
    Held(Content),
    Content(Content),
    Read,
}

/// A message that is being read.
#[derive(Debug)]
struct Content {
    service: String,
    to: Audience,
    /// Empty, and of the kind that was asked for.
    message: Message,
    process: Option<usize>,
    len: u64,
    bytes: Vec<u8>,
    /// Whether the client waits for a 100 (RFC 9110, 10.1.1).
    is_awaited: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeStep {
    /// Find how long a message to the service at this path may be: [`AdminExchange::allow`].
    Find(String),
    /// Send [`AdminExchange::CONTINUE`], and go on reading.
    Continue,
    /// Do what is asked for, and answer.
    Do(AdminCommand),
    /// Send this answer.
    Answer(Response),
}

impl AdminExchange {
    /// RFC 9110, 15.2.1: the client may send the content.
    pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

    /// Before the first byte.
    #[must_use]
    pub fn new(access: AdminAccess) -> Self {
        let state = ExchangeState::Head(Box::new(HeadReader::with_content()));
        Self { access, state, line: String::new(), is_head: false }
    }

    /// Reads the next bytes; `None` if more have to come. After [`ExchangeStep::Do`] and
    /// [`ExchangeStep::Answer`] all bytes are ignored: no second request is ever read.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<ExchangeStep> {
        match &mut self.state {
            ExchangeState::Head(reader) => match reader.receive(bytes, &HEAD_LIMITS) {
                Ok((_, None)) => None,
                Ok((taken, Some(head))) => {
                    self.is_head = head.method() == "HEAD";
                    self.line = format!("{} {}", head.method(), head.target());
                    let step = self.begin(&head, &bytes[taken..]);
                    Some(step.unwrap_or_else(|refusal| self.answer(refusal)))
                }
                Err(error) => {
                    let (method, target) = reader.words();
                    self.line = format!("{method} {target}");
                    Some(self.answer(refusal(error)))
                }
            },
            ExchangeState::Held(content) => {
                content.take(bytes);
                None
            }
            ExchangeState::Content(content) => {
                content.take(bytes);
                self.finish()
            }
            ExchangeState::Read => None,
        }
    }

    /// Sets how long the message may be, after [`ExchangeStep::Find`]: `None` if there is no such
    /// service.
    pub fn allow(&mut self, bytes_max: Option<usize>) -> Option<ExchangeStep> {
        let ExchangeState::Held(content) = mem::replace(&mut self.state, ExchangeState::Read)
        else {
            return None;
        };
        let Some(max) = bytes_max else {
            return Some(self.answer(no_service()));
        };
        if content.len > max as u64 {
            return Some(self.answer(too_long(content.len, max)));
        }
        let waits = content.is_awaited && content.bytes.is_empty() && content.len > 0;
        self.state = ExchangeState::Content(content);
        if waits { Some(ExchangeStep::Continue) } else { self.finish() }
    }

    /// The bytes of an answer to this request.
    #[must_use]
    pub fn encode(&self, answer: &Response, date: &DateField) -> Vec<u8> {
        let mut bytes = answer.head(date);
        if let Some(body) = answer.body().filter(|_| !self.is_head) {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// The method and the target of the request; empty while its head has not come.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The head has come, and these bytes behind it.
    fn begin(&mut self, head: &Head, rest: &[u8]) -> Result<ExchangeStep, Response> {
        let routed = Routed::find(head);
        // Who asks is checked first also where nothing is: a refusal does not depend on that.
        let power = routed.as_ref().map_or(Power::Look, Routed::power);
        self.access.check(head, power)?;
        let command = routed?.read(head.method())?;
        let is_awaited = is_awaited(head)?;
        let len = head.content_len();
        let AdminCommand::Send { service, to, message, process } = command else {
            if len > 0 {
                return Err(Response::text(Status::BAD_REQUEST, "this takes no content"));
            }
            self.state = ExchangeState::Read;
            return Ok(ExchangeStep::Do(command));
        };
        // RFC 9112, 6.3: a request without a length has no content, which is seldom meant here.
        if head.values("Content-Length").next().is_none() {
            return Err(Response::text(Status::LENGTH_REQUIRED, NO_LENGTH));
        }
        let find = ExchangeStep::Find(service.clone());
        let bytes = Vec::new();
        let mut content = Content { service, to, message, process, len, bytes, is_awaited };
        content.take(rest);
        self.state = ExchangeState::Held(content);
        Ok(find)
    }

    /// Ends the message, if all of it has come.
    fn finish(&mut self) -> Option<ExchangeStep> {
        let content = match mem::replace(&mut self.state, ExchangeState::Read) {
            ExchangeState::Content(content) if content.is_whole() => content,
            other => {
                self.state = other;
                return None;
            }
        };
        let Content { service, to, message, process, bytes, .. } = content;
        // RFC 6455, 5.6: a text is UTF-8.
        let message = match message.is_text() {
            true => String::from_utf8(bytes).map(Message::from),
            false => Ok(Message::from(bytes)),
        };
        Some(match message {
            Ok(message) => ExchangeStep::Do(AdminCommand::Send { service, to, message, process }),
            Err(_) => self.answer(Response::text(Status::UNSUPPORTED_MEDIA_TYPE, NO_TEXT)),
        })
    }

    fn answer(&mut self, answer: Response) -> ExchangeStep {
        self.state = ExchangeState::Read;
        ExchangeStep::Answer(answer)
    }
}

impl Content {
    fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.len
    }

    /// Takes what belongs to the message; what comes behind it is ignored.
    fn take(&mut self, bytes: &[u8]) {
        let left = self.len - self.bytes.len() as u64;
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
    }
}

/// Whether the client waits for a 100 before it sends the content.
fn is_awaited(head: &Head) -> Result<bool, Response> {
    let mut expected = head.values("Expect");
    match (expected.next(), expected.next()) {
        // RFC 9110, 10.1.1: it is ignored in HTTP/1.0.
        _ if head.is_http_1_0() => Ok(false),
        (None, _) => Ok(false),
        (Some(what), None) if what.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        _ => Err(Response::text(Status::EXPECTATION_FAILED, "Expect takes 100-continue alone")),
    }
}

fn refusal(error: HeadError) -> Response {
    match error {
        // RFC 9112, 6.3: a server may require a length.
        HeadError::TransferEncoding => Response::text(Status::LENGTH_REQUIRED, NO_LENGTH),
        HeadError::ContentLength => {
            Response::text(Status::BAD_REQUEST, "Content-Length is not one number")
        }
        error => Response::text(error.status(), &error.to_string()),
    }
}

/// The answer about a path without a service.
pub(super) fn no_service() -> Response {
    Response::text(
        Status::NOT_FOUND,
        "no service has this path (service): /status lists the paths; a program has one once a \
         socket has asked for it",
    )
}

fn too_long(found: u64, max: usize) -> Response {
    let text = format!("the message has {found} bytes, and the service takes {max} (max-message)");
    Response::text(Status::CONTENT_TOO_LARGE, &text)
}

/// The bounds of heads.
const HEAD_LIMITS: Limits = Limits::SERVER;
const NO_LENGTH: &str = "the message needs a Content-Length";
const NO_TEXT: &str = "the message is not UTF-8: for bytes, add type=binary";
