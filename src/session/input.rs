//! What the peer of a conversation does: it sends bytes, ends its half, or is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits::Limits;
use crate::session::conversation::{NO_REQUEST, Refused, Session, SessionEvent};
use crate::session::item::{Control, Item};
use crate::session::phase::{Phase, Settling, WaitingRequest};
#[cfg(feature = "host")]
use crate::session::reader::FrameReader;
use crate::session::unsent::SpareMemory;
use crate::time::Time;
#[cfg(feature = "host")]
use crate::ws::Message;
#[cfg(feature = "host")]
use crate::ws::short_message::ShortMessage;
use crate::ws::syntax::cut;
use crate::ws::{
    Close, CloseCode, Head, HeadError, HeadReader, Opcode, ProtocolError, Response, Status, Upgrade,
};

impl Session {
    /// Takes bytes of the peer, up to the first event. Returns how many were used, and that event.
    /// Call it with the rest until all are used. The bytes are unmasked in place.
    ///
    /// A fault of the peer is an event: [`SessionEvent::Refused`] before the upgrade, and
    /// [`SessionEvent::Closed`] with the code of the [`ProtocolError`] after it.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        limits: &Limits,
        now: Time,
    ) -> (usize, Option<SessionEvent>) {
        #[cfg(feature = "host")]
        {
            let take = |short| Some(SessionEvent::Message(Message::from(short)));
            if let (used @ 1.., event) = self.receive_short(bytes, limits, now, take) {
                return (used, event);
            }
        }
        self.receive_with(&mut SpareMemory::none(), bytes, limits, now)
    }

    /// Takes the short messages at the beginning of `bytes`: one read may bring many. Each is
    /// passed to `take`, and is an event only if `take` returns one. Returns like
    /// [`Session::receive`], which takes what comes next. If no short message comes first, no byte
    /// is used.
    // Inlined, as is what it calls: a call would move each message.
    #[cfg(feature = "host")]
    #[inline(always)]
    pub(crate) fn receive_short(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        now: Time,
        mut take: impl FnMut(ShortMessage) -> Option<SessionEvent>,
    ) -> (usize, Option<SessionEvent>) {
        let Phase::Open(reader) = &self.phase else { return (0, None) };
        if !reader.is_between() {
            return (0, None);
        }
        self.deadlines.saw_life(now);
        let mut used = 0;
        while let Some((more, message)) = FrameReader::receive_short(&bytes[used..], limits) {
            used += more;
            self.deadlines.restart(now);
            let event = take(message);
            if event.is_some() {
                return (used, event);
            }
        }
        (used, None)
    }

    /// Like [`Session::receive`], with buffers of other sessions for large messages.
    pub fn receive_with(
        &mut self,
        spare: &mut SpareMemory,
        bytes: &mut [u8],
        limits: &Limits,
        now: Time,
    ) -> (usize, Option<SessionEvent>) {
        match &mut self.phase {
            // A request has begun with its first byte.
            Phase::Connecting(None) if bytes.is_empty() => (0, None),
            Phase::Connecting(begun) => {
                // Most heads come in one piece.
                let mut new = HeadReader::default();
                let read = begun.as_deref_mut().unwrap_or(&mut new).receive(bytes, limits);
                if let Ok((used, Some(head))) = read {
                    return (used, Some(self.receive_head(head, now)));
                }
                let reader = begun.get_or_insert_with(|| Box::new(new));
                match read {
                    Ok((used, _)) => (used, None),
                    Err(error) => {
                        let refusal = refuse_head(reader.words().0, error);
                        (bytes.len(), Some(self.refuse(None, refusal, now)))
                    }
                }
            }
            Phase::Waiting(waiting) => {
                waiting.early.extend_from_slice(bytes);
                (bytes.len(), None)
            }
            Phase::Open(_) | Phase::Closing(_) => self.receive_frames(spare, bytes, limits, now),
            Phase::Settling(_)
            | Phase::Responding
            | Phase::Flushing
            | Phase::Lingering
            | Phase::Finished => (bytes.len(), None),
        }
    }

    /// Says that the peer has ended its half of the connection. An answer that waits is still
    /// written.
    pub fn end(&mut self) -> Option<SessionEvent> {
        self.ended = true;
        match &self.phase {
            Phase::Waiting(waiting) if waiting.upgrade.is_none() => None,
            Phase::Settling(_) | Phase::Responding | Phase::Flushing | Phase::Lingering => None,
            Phase::Connecting(None) => self.fail(NO_REQUEST),
            Phase::Connecting(_) | Phase::Waiting(_) => {
                self.fail("the peer left before it was answered")
            }
            Phase::Open(_) | Phase::Closing(_) | Phase::Finished => {
                self.fail("the peer ended the connection without a close frame")
            }
        }
    }

    /// Says that the connection is lost, and how. What waits is dropped, and [`Session::next`] is
    /// [`Next::Drop`](crate::session::Next::Drop).
    pub fn fail(&mut self, reason: &'static str) -> Option<SessionEvent> {
        self.unsent = None;
        match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Connecting(_) | Phase::Waiting(_) => Some(SessionEvent::Gone(reason)),
            // RFC 6455, 7.1.5: without a close frame of the peer the code is 1006.
            Phase::Open(_) => Some(SessionEvent::Closed(Close::new(CloseCode::LOST, reason))),
            Phase::Closing(closing) => {
                let Close { code, reason: ours } = closing.close;
                let space = if ours.is_empty() { "" } else { " " };
                let reason = format!("{reason} (closing with {code}{space}{ours})");
                Some(SessionEvent::Closed(Close::new(CloseCode::LOST, reason)))
            }
            Phase::Settling(_)
            | Phase::Responding
            | Phase::Flushing
            | Phase::Lingering
            | Phase::Finished => None,
        }
    }

    /// Refuses the request, which is wrong or late; `head` is its head if that is complete. Further
    /// bytes of it are ignored.
    pub(super) fn refuse(
        &mut self,
        head: Option<&Head>,
        response: Response,
        now: Time,
    ) -> SessionEvent {
        let (method, target) = match (head, &self.phase) {
            (Some(head), _) => (head.method(), head.target()),
            (None, Phase::Connecting(Some(reader))) => reader.words(),
            (None, _) => ("", ""),
        };
        let path = target.split('?').next().unwrap_or_default();
        let (method, path) = (String::from(method), path.into());
        if let Phase::Connecting(_) = self.phase {
            self.wait(None, &method, now);
        }
        SessionEvent::Refused(Refused { response, method, path })
    }

    fn wait(&mut self, upgrade: Option<Upgrade>, method: &str, now: Time) {
        let is_head = method == "HEAD";
        self.phase =
            Phase::Waiting(Box::new(WaitingRequest { upgrade, is_head, early: Vec::new() }));
        self.deadlines.restart(now);
    }

    fn receive_head(&mut self, head: Head, now: Time) -> SessionEvent {
        let method = head.method();
        let upgrade = match method {
            "GET" => Upgrade::parse(&head),
            // RFC 6455, 4.1 (2): a handshake is a GET; with others an Upgrade is ignored.
            "HEAD" | "OPTIONS" => Ok(None),
            method => return self.refuse(Some(&head), refuse_method(method), now),
        };
        match upgrade {
            Ok(upgrade) => {
                self.wait(upgrade, method, now);
                SessionEvent::Request(head)
            }
            Err(error) => {
                let name = error.field();
                let found: Vec<_> = head.values(name).map(String::from_utf8_lossy).collect();
                let text = match found[..] {
                    [] => format!("{error}; found no {name}"),
                    _ => format!("{error}; found {name}: {:?}", cut(&found.join(", "))),
                };
                let mut refusal = Response::text(error.status(), &text);
                // RFC 6455, 4.2.2 (4): the answer has the supported version. RFC 9110, 15.5.22: it
                // names the required protocol.
                if error.status() == Status::UPGRADE_REQUIRED {
                    refusal = refusal
                        .header("Upgrade", "websocket")
                        .header("Sec-WebSocket-Version", "13");
                }
                self.refuse(Some(&head), refusal, now)
            }
        }
    }

    /// Reads frames up to the first event.
    fn receive_frames(
        &mut self,
        spare: &mut SpareMemory,
        bytes: &mut [u8],
        limits: &Limits,
        now: Time,
    ) -> (usize, Option<SessionEvent>) {
        self.deadlines.saw_life(now);
        let mut used = 0;
        while used < bytes.len() {
            let Some(reader) = self.phase.reader() else { return (bytes.len(), None) };
            let (more, item) = match reader.receive(&mut bytes[used..], limits, &mut spare.buffers)
            {
                Ok(read) => read,
                Err(fault) => return (bytes.len(), Some(self.receive_fault(fault, now))),
            };
            used += more;
            let event = item.and_then(|item| self.receive_item(item, limits, now));
            if event.is_some() {
                return (used, event);
            }
        }
        (used, None)
    }

    /// The buffer of a large message that is incomplete: read its next bytes directly into it, and
    /// call [`Session::filled`]. `None`: pass them to [`Session::receive`].
    pub fn read_buffer(&mut self) -> Option<&mut [u8]> {
        self.phase.reader()?.read_buffer()
    }

    /// Says that `len` bytes of the peer were read to the beginning of the buffer that
    /// [`Session::read_buffer`] returned just before. Returns the event that they complete.
    ///
    /// # Panics
    /// If that buffer is shorter than `len`.
    pub fn filled(&mut self, len: usize, limits: &Limits, now: Time) -> Option<SessionEvent> {
        self.deadlines.saw_life(now);
        match self.phase.reader()?.filled(len) {
            Ok(item) => self.receive_item(item?, limits, now),
            Err(fault) => Some(self.receive_fault(fault, now)),
        }
    }

    fn receive_item(&mut self, item: Item, limits: &Limits, now: Time) -> Option<SessionEvent> {
        match item {
            Item::Message(message) => {
                self.saw_message(now);
                Some(SessionEvent::Message(message))
            }
            #[cfg(feature = "deflate")]
            Item::Compressed(compressed) => {
                self.saw_message(now);
                Some(SessionEvent::Compressed(compressed))
            }
            Item::Ping(payload) => {
                self.receive_ping(payload, limits, now);
                None
            }
            Item::Pong => None,
            Item::Close(close) => Some(self.receive_close(close, now)),
        }
    }

    fn receive_ping(&mut self, payload: Box<Control>, limits: &Limits, now: Time) {
        // RFC 6455, 5.5.2: a ping is answered, unless a close frame was received. After our own
        // close frame, the peer needs no answer.
        if !self.is_open() {
            return;
        }
        // RFC 6455, 5.5.3: only the latest ping needs an answer; so a peer that pings and
        // does not read costs one pong.
        let payload = match &mut self.unsent {
            Some(unsent) => unsent.offer_pong(payload, limits.outbox_high_bytes),
            None => Some(payload),
        };
        if let Some(payload) = payload {
            self.push_control(None, Opcode::Pong, payload.as_slice(), now);
        }
    }

    fn receive_close(&mut self, close: Close, now: Time) -> SessionEvent {
        // RFC 6455, 5.5.1: a close frame is answered, unless one was sent before.
        self.stop_listening(close, Phase::Flushing, now)
    }

    /// Fails the connection (RFC 6455, 7.1.7): the close is queued, and nothing of the peer is read
    /// any more. Returns the [`SessionEvent::Closed`].
    pub fn break_off(&mut self, close: Close, now: Time) -> SessionEvent {
        self.stop_listening(close, Phase::Lingering, now)
    }

    /// The peer has broken a rule of the protocol.
    pub(super) fn receive_fault(&mut self, fault: ProtocolError, now: Time) -> SessionEvent {
        let reason = format!("{fault} (RFC 6455, {})", fault.section());
        self.break_off(Close::new(fault.code(), reason), now)
    }

    /// The peer closes, or is closed for a fault. RFC 6455, 7.1.5 takes the code that was received.
    /// Here the code of the side that closed first counts: otherwise a peer could change the code
    /// of a service's close.
    fn stop_listening(&mut self, close: Close, then: Phase, now: Time) -> SessionEvent {
        let (first, phase) = match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Closing(closing) => (closing.close, then),
            _ => (close.clone(), Phase::Settling(Box::new(Settling { close, then }))),
        };
        self.enter(phase, now);
        SessionEvent::Closed(first)
    }
}

/// The answer to a head that is wrong, with this method.
fn refuse_head(method: &str, error: HeadError) -> Response {
    let is_content = matches!(error, HeadError::ContentLength | HeadError::TransferEncoding);
    let is_allowed = Response::ALLOW.split(", ").any(|known| known == method);
    match is_content && !is_allowed {
        true => refuse_method(method),
        false => Response::text(error.status(), &error.to_string()),
    }
}

/// The answer to a request with an unsupported method.
fn refuse_method(method: &str) -> Response {
    let text = format!("the method is {}, allowed is {}", cut(method), Response::ALLOW);
    // RFC 9110, 15.5.6: the answer lists the methods that are allowed.
    Response::text(Status::METHOD_NOT_ALLOWED, &text).header("Allow", Response::ALLOW)
}
