//! [`Session`]: one conversation, driven by the hub. Its methods, and where those stand that do
//! not stand here:
//!
//! 1. what the peer did (`input.rs`): [`Session::receive`], [`Session::end`],
//!    [`Session::fail`]
//! 2. what the hub decides: [`Session::accept`], [`Session::respond`], [`Session::send`],
//!    [`Session::send_frame`], [`Session::close`], [`Session::settle`], [`Session::pause`],
//!    [`Session::leave`], [`Session::resume`]
//! 3. deadlines: [`Session::deadline`], [`Session::expire`]
//! 4. what is to be written (`output.rs`): [`Session::unsent`], [`Session::wrote`],
//!    [`Session::next`]
//! 5. with the feature `deflate`, the additions of compression to each of these (`deflate.rs`)
//!
//! All events are returned as [`SessionEvent`]s. An accepted conversation ends in exactly one
//! [`SessionEvent::Closed`], unless it ended in an [`Overflow`]. After that the only event is
//! [`SessionEvent::Late`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::Limits;
#[cfg(feature = "deflate")]
use crate::session::compressed::{Compressed, Contexts};
use crate::session::deadlines::Deadlines;
use crate::session::outbox::{Frame, Outbox};
use crate::session::phase::{Closing, Phase};
use crate::session::reader::FrameReader;
use crate::session::unsent::{SpareMemory, Unsent};
use crate::time::Time;
use crate::ws::{Close, CloseCode, DateField, Head, Message, Response, Upgrade};

/// One conversation with one peer.
#[derive(Debug)]
pub struct Session {
    pub(super) phase: Phase,
    /// What waits for the peer; `None` when nothing does.
    pub(super) unsent: Option<Box<Unsent>>,
    pub(super) deadlines: Deadlines,
    /// Whether the peer has ended its half of the connection.
    pub(super) ended: bool,
    /// The state of compression, if it was agreed on.
    #[cfg(feature = "deflate")]
    pub(super) contexts: Option<Box<Contexts>>,
}

// There is one for each socket, and most are idle: fields that an idle socket does not need are
// boxed.
#[cfg(all(target_pointer_width = "64", not(feature = "deflate")))]
const _: () = assert!(size_of::<Session>() <= 40, "an idle conversation is small");

/// What happened in a conversation.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A request head is whole and right, and its method GET, HEAD or OPTIONS: answer with
    /// [`Session::accept`], if it asks for an upgrade, or with [`Session::respond`].
    Request(Head),
    /// The request cannot be accepted: answer with [`Session::respond`] and this refusal.
    Refused(Refused),
    /// The request got no decision in time: answer with [`Session::respond`].
    Undecided,
    /// A whole message.
    Message(Message),
    /// A whole message that is compressed: go on with [`Session::inflate`].
    #[cfg(feature = "deflate")]
    Compressed(Compressed),
    /// The peer sends nothing more. If the conversation was open until now, our close frame waits
    /// for [`Session::settle`]; until then the service may still send. Code and reason are those of
    /// the side that closed first; [`CloseCode::LOST`] if the connection was lost before both had.
    Closed(Close),
    /// The peer went before the conversation was accepted.
    Gone(&'static str),
    /// After the answer, or after the end of the conversation, the peer was late and is dropped.
    Late(&'static str),
}

/// A request that cannot be accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// What answers it.
    pub response: Response,
    /// The method, if that much of it came.
    pub method: String,
    /// The target, if that much of it came.
    pub path: String,
}

/// What to do with the connection when nothing is left to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Keep it.
    Keep,
    /// End our half; the peer ends the other.
    EndWriting,
    /// Drop it.
    Drop,
}

/// The outbox is full: the conversation was closed with 1013.
#[derive(Debug)]
pub struct Overflow(pub Close);

impl Session {
    /// A connection begins.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            phase: Phase::Connecting(Box::default()),
            unsent: None,
            deadlines: Deadlines::new(now),
            ended: false,
            #[cfg(feature = "deflate")]
            contexts: None,
        }
    }

    /// Accepts an upgrade: queues the 101. Returns the bytes that came behind the head, which the
    /// caller passes to [`Session::receive`]; `None` when there is no upgrade to accept any more.
    pub fn accept(&mut self, protocol: Option<&str>, now: Time) -> Option<Vec<u8>> {
        let Phase::Waiting(waiting) = &mut self.phase else { return None };
        let mut answer = Vec::new();
        let upgrade = waiting.upgrade.as_ref()?;
        upgrade.encode(protocol, &mut answer);
        #[cfg(feature = "deflate")]
        let agreement = upgrade.agreement();
        let early = core::mem::take(&mut waiting.early);
        self.push(|outbox| outbox.push_parts(&answer, &[]), now);
        self.phase = Phase::Open(FrameReader::default());
        #[cfg(feature = "deflate")]
        if let Some(agreement) = agreement {
            self.begin_compression(agreement);
        }
        self.deadlines.restart(now);
        self.deadlines.saw_life(now);
        Some(early)
    }

    /// Answers the request with anything but an upgrade, and ends the connection after it. The
    /// answer to a HEAD is sent without content, but with its length (RFC 9110, 9.3.2).
    pub fn respond(&mut self, response: &Response, stamp: &DateField, now: Time) {
        let is_head = match &self.phase {
            Phase::Connecting(reader) => reader.words().0 == "HEAD",
            Phase::Waiting(waiting) => waiting.is_head,
            Phase::Open(_)
            | Phase::Settling(_)
            | Phase::Responding
            | Phase::Closing(_)
            | Phase::Flushing
            | Phase::Lingering
            | Phase::Finished => return,
        };
        let answer = |outbox: &mut Outbox| {
            outbox.push_buffer(response.head(stamp));
            if let Some(body) = response.body().filter(|_| !is_head) {
                outbox.push_shared(body);
            }
        };
        self.push_answer(answer, now);
        self.enter(Phase::Lingering, now);
    }

    /// Answers the request with a head whose body follows through
    /// [`Session::respond_body`].
    pub fn respond_head(&mut self, response: &Response, stamp: &DateField, now: Time) {
        if let Phase::Waiting(waiting) = &self.phase {
            let next = if waiting.is_head { Phase::Lingering } else { Phase::Responding };
            self.push_answer(|outbox| outbox.push_buffer(response.head(stamp)), now);
            self.enter(next, now);
        }
    }

    /// Goes on with the body of an answer.
    pub fn respond_body(&mut self, body: Vec<u8>, now: Time) {
        if matches!(self.phase, Phase::Responding) {
            self.push_answer(|outbox| outbox.push_buffer(body), now);
        }
    }

    /// Ends the body of an answer.
    pub fn respond_end(&mut self, now: Time) {
        if matches!(self.phase, Phase::Responding) {
            self.enter(Phase::Lingering, now);
        }
    }

    /// Queues a message for the peer of an open conversation. If the conversation is not open, the
    /// message is dropped.
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send(&mut self, message: Message, limits: &Limits, now: Time) -> Result<(), Overflow> {
        self.send_with(&mut SpareMemory::none(), message, limits, now)
    }

    /// Like [`Session::send`], with memory of earlier conversations.
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send_with(
        &mut self,
        spare: &mut SpareMemory,
        message: Message,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        if !matches!(self.phase, Phase::Open(_) | Phase::Settling(_)) {
            return Ok(());
        }
        self.check_room(message.len(), limits, now)?;
        self.push_with(spare, |outbox| outbox.push_message(message), now);
        self.saw_message(now);
        Ok(())
    }

    /// Queues a message that is encoded already, like [`Session::send`].
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send_frame(
        &mut self,
        frame: &Frame,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        self.send_frame_with(&mut SpareMemory::none(), frame, limits, now)
    }

    /// Like [`Session::send_frame`], with memory of earlier conversations.
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send_frame_with(
        &mut self,
        spare: &mut SpareMemory,
        frame: &Frame,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        if !matches!(self.phase, Phase::Open(_) | Phase::Settling(_)) {
            return Ok(());
        }
        self.check_room(frame.message_len(), limits, now)?;
        self.push_with(spare, |outbox| outbox.push_frame(frame), now);
        self.saw_message(now);
        Ok(())
    }

    /// Begins the closing handshake (RFC 6455, 7.1.2). Messages of the peer still come until
    /// it answers.
    pub fn close(&mut self, close: &Close, now: Time) {
        if let Phase::Open(reader) = &mut self.phase {
            let reader = core::mem::take(reader);
            self.push_close(close, now);
            let close = Close::new(close.code, close.sent_reason());
            self.enter(Phase::Closing(Box::new(Closing { reader, close })), now);
        }
    }

    /// The service has answered all that the peer sent before its end: our close frame
    /// follows.
    pub fn settle(&mut self, now: Time) {
        if let Phase::Settling(settling) = &mut self.phase {
            let close = core::mem::replace(&mut settling.close, Close::new(CloseCode::NONE, ""));
            let then = core::mem::replace(&mut settling.then, Phase::Finished);
            self.push_close(&close, now);
            self.enter(then, now);
        }
    }

    /// The peer is not read for a while.
    pub fn pause(&mut self, now: Time) {
        self.deadlines.pause(now);
    }

    /// The peer has ended its half of the connection while it is not read. What it sent before is
    /// still read, if that happens in time.
    pub fn leave(&mut self, now: Time) {
        self.deadlines.leave(now);
    }

    /// The peer is read again.
    pub fn resume(&mut self, now: Time) {
        self.deadlines.resume(&self.phase, now);
    }

    /// Whether messages can be sent.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether the conversation is open and neither side owes the other anything: no bytes, no sign
    /// of life.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.is_open() && self.unsent.is_none() && self.deadlines.is_calm()
    }

    /// Whether the peer's bytes are wanted now. A request that waits has had one read.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        match &self.phase {
            Phase::Waiting(waiting) => waiting.early.is_empty(),
            Phase::Finished => false,
            Phase::Connecting(_)
            | Phase::Open(_)
            | Phase::Settling(_)
            | Phase::Responding
            | Phase::Closing(_)
            | Phase::Flushing
            | Phase::Lingering => !self.deadlines.is_paused(),
        }
    }

    /// Whether the request asks for an upgrade that has not been decided.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        let Phase::Waiting(waiting) = &self.phase else { return None };
        waiting.upgrade.as_ref()
    }

    /// Whether it was agreed that messages may be compressed.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.contexts.is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// Whether the request has been answered, with anything but an upgrade.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Responding | Phase::Flushing | Phase::Lingering)
    }

    /// Whether nothing is left to do, not even to write.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// Whether its request may still be answered: it is being read, or waits for a decision.
    #[must_use]
    pub const fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Connecting(_) | Phase::Waiting(_))
    }

    /// Whether the body of an answer is awaited.
    #[must_use]
    pub const fn is_responding(&self) -> bool {
        matches!(self.phase, Phase::Responding)
    }
}
