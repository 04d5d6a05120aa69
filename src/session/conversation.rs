//! [`Session`]: one conversation, driven by the hub. Its methods, and where those stand that do
//! not stand here:
//!
//! 1. what the peer did (`input.rs`): [`Session::receive`], [`Session::end`],
//!    [`Session::fail`]
//! 2. what the hub decides: [`Session::accept`], [`Session::respond`], [`Session::send`],
//!    [`Session::send_frame`], [`Session::close`], [`Session::settle`], [`Session::pause`],
//!    [`Session::leave`], [`Session::resume`]
//! 3. deadlines: [`Session::deadline`], [`Session::expire`]
//! 4. what is to be written (`output.rs`, as is [`Session::settle`]): [`Session::unsent`],
//!    [`Session::wrote`], [`Session::next`]
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
use crate::session::phase::{Closing, Phase, WaitingRequest};
use crate::session::reader::FrameReader;
use crate::session::unsent::{SpareMemory, Unsent};
use crate::time::Time;
use crate::ws::{Close, DateField, Head, Message, Response, Upgrade};

/// One conversation with one peer, without I/O and without a clock. The owner of the connection
/// calls it like this, in a loop:
///
/// 1. Write [`Session::unsent`], and say with [`Session::wrote`] how much was written.
/// 2. Do what [`Session::next`] says: keep the connection, end our half, or drop it.
/// 3. If [`Session::wants_bytes`], pass what was read to [`Session::receive`]; at the end of the
///    peer's half call [`Session::end`], and if the connection fails, [`Session::fail`].
/// 4. At [`Session::deadline`], call [`Session::expire`].
/// 5. Each may return a [`SessionEvent`]: answer it as that says.
///
/// `now` must not go back from call to call, and `limits` are those of the service. No method
/// panics, whatever the peer sends. `examples/core_tcp.rs` is such a loop.
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
    /// A request head is complete and valid, with the method GET, HEAD or OPTIONS. Answer with
    /// [`Session::accept`] if it asks for an upgrade, or with [`Session::respond`].
    Request(Head),
    /// The request cannot be accepted: answer with [`Session::respond`] and this refusal.
    Refused(Refused),
    /// The request was not answered within `admission_ms_max`. Answer with [`Session::respond`];
    /// the event comes again after another such time.
    Undecided,
    /// A whole message, of up to `message_bytes_max` bytes.
    Message(Message),
    /// A whole message that is compressed. Pass it to [`Session::inflate`].
    #[cfg(feature = "deflate")]
    Compressed(Compressed),
    /// The conversation has ended: no message of the peer follows. If it was open until now, our
    /// close frame waits for [`Session::settle`], and until then messages can still be sent. Code
    /// and reason are those of the side that closed first; [`CloseCode::LOST`] if the connection
    /// was lost before both sides had closed.
    ///
    /// [`CloseCode::LOST`]: crate::ws::CloseCode::LOST
    Closed(Close),
    /// The peer has gone before the conversation was accepted, and why.
    Gone(&'static str),
    /// After the answer, or the end of the conversation, the peer exceeded a time limit, and which.
    /// The connection is to be dropped.
    Late(&'static str),
}

/// A request that cannot be accepted, such as one with a malformed head or without a valid key.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The answer for [`Session::respond`], with the fitting status.
    pub response: Response,
    /// The method, for the log; empty if it did not come whole.
    pub method: String,
    /// The path without the query, for the log; empty if it did not come whole.
    pub path: String,
}

/// What to do with the connection, once [`Session::unsent`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Keep it, and go on.
    Keep,
    /// End our half (`shutdown` for writing), and read on until the peer ends the other.
    EndWriting,
    /// Drop it.
    Drop,
}

/// A message did not fit the outbox (`outbox_bytes_max`): it was dropped, and the conversation was
/// closed with 1013, after what waited before. No [`SessionEvent::Closed`] follows.
#[derive(Debug)]
pub struct Overflow(pub Close);

impl Session {
    /// A connection begins, whose request head has `handshake_ms_max` from `now` on.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            phase: Phase::Connecting(None),
            unsent: None,
            deadlines: Deadlines::new(now),
            ended: false,
            #[cfg(feature = "deflate")]
            contexts: None,
        }
    }

    /// Accepts an upgrade: queues the 101, with the subprotocol `protocol` if the peer offered it.
    ///
    /// Returns the bytes that [`Session::receive`] has got since the request, which have to be
    /// passed to it once more; `None` if there is no upgrade to accept.
    pub fn accept(&mut self, protocol: Option<&str>, now: Time) -> Option<Vec<u8>> {
        self.accept_with(&mut SpareMemory::none(), protocol, now)
    }

    /// Like [`Session::accept`], with buffers of other sessions.
    pub fn accept_with(
        &mut self,
        spare: &mut SpareMemory,
        protocol: Option<&str>,
        now: Time,
    ) -> Option<Vec<u8>> {
        self.upgrade()?;
        let waiting = core::mem::replace(&mut self.phase, Phase::Open(FrameReader::default()));
        let Phase::Waiting(waiting) = waiting else { return None };
        let WaitingRequest { upgrade, early, .. } = *waiting;
        let upgrade = upgrade?;
        let add = |outbox: &mut Outbox| outbox.push_written(|out| upgrade.encode(protocol, out));
        self.push_with(Some(spare), add, now);
        #[cfg(feature = "deflate")]
        let agreement = upgrade.agreement();
        #[cfg(feature = "deflate")]
        if let Some(agreement) = agreement {
            self.begin_compression(agreement);
        }
        self.deadlines.restart(now);
        self.deadlines.saw_life(now);
        Some(early)
    }

    /// Answers the request with anything but an upgrade, and ends the connection after it. The
    /// answer to a HEAD is sent without content, but with its length (RFC 9110, 9.3.2). Without a
    /// request to answer, it does nothing.
    pub fn respond(&mut self, response: &Response, stamp: &DateField, now: Time) {
        let is_head = match &self.phase {
            Phase::Connecting(Some(reader)) => reader.words().0 == "HEAD",
            Phase::Connecting(None) => false,
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

    /// Answers the request with a head. The body follows in [`Session::respond_body`], and
    /// [`Session::respond_end`] ends it. Its length has to be that of
    /// [`Response::with_content_of`].
    pub fn respond_head(&mut self, response: &Response, stamp: &DateField, now: Time) {
        if let Phase::Waiting(waiting) = &self.phase {
            let next = if waiting.is_head { Phase::Lingering } else { Phase::Responding };
            self.push_answer(|outbox| outbox.push_buffer(response.head(stamp)), now);
            self.enter(next, now);
        }
    }

    /// Queues a part of the body of an answer.
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

    /// Queues a message for the peer. Before the 101 and after our close frame it is dropped.
    ///
    /// # Errors
    /// The message does not fit the outbox: see [`Overflow`].
    pub fn send(&mut self, message: Message, limits: &Limits, now: Time) -> Result<(), Overflow> {
        #[cfg(feature = "host")]
        if self.send_short(&mut SpareMemory::none(), &message, limits, now) {
            return Ok(());
        }
        self.send_with(&mut SpareMemory::none(), message, limits, now)
    }

    /// Like [`Session::send`], with buffers of other sessions.
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
        if !self.takes_messages() {
            return Ok(());
        }
        self.check_room(message.len(), limits, now)?;
        let unsent = self.unsent.get_or_insert_with(|| Unsent::from(Some(spare), now));
        unsent.outbox.push_message(message, &mut spare.buffers);
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

    /// Like [`Session::send_frame`], with buffers of other sessions.
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
        if !self.takes_messages() {
            return Ok(());
        }
        self.check_room(frame.message_len(), limits, now)?;
        self.push_with(Some(spare), |outbox| outbox.push_frame(frame), now);
        self.saw_message(now);
        Ok(())
    }

    /// Begins the closing handshake (RFC 6455, 7.1.2), if the conversation is open. Messages of the
    /// peer still come until it answers, for which it has `close_ms_max`. The reason is cut to 123
    /// bytes.
    pub fn close(&mut self, close: &Close, now: Time) {
        if let Phase::Open(reader) = &mut self.phase {
            let reader = core::mem::take(reader);
            self.push_close(None, close, now);
            let close = Close::new(close.code, close.sent_reason());
            self.enter(Phase::Closing(Box::new(Closing { reader, close })), now);
        }
    }

    /// Says that the peer is not read any more, so that it cannot be late. See
    /// [`Session::wants_bytes`].
    pub fn pause(&mut self, now: Time) {
        self.deadlines.pause(now);
    }

    /// Says that the peer, which is not read, has ended its half of the connection. What it sent
    /// before can still be read, within a time limit.
    pub fn leave(&mut self, now: Time) {
        self.deadlines.leave(now);
    }

    /// Says that the peer is read again.
    pub fn resume(&mut self, now: Time) {
        self.deadlines.resume(&self.phase, now);
    }

    /// Whether the conversation is open: accepted, and not closed by either side.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether a message for the peer is queued, and not dropped.
    pub(crate) const fn takes_messages(&self) -> bool {
        matches!(self.phase, Phase::Open(_) | Phase::Settling(_))
    }

    /// Since when a ping has had no answer, if one has not.
    #[cfg(feature = "host")]
    pub(crate) fn pinged(&self) -> Option<Time> {
        self.deadlines.asked().filter(|_| self.is_open())
    }

    /// Whether the conversation is open and neither side owes the other anything: no bytes, no sign
    /// of life.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.is_open() && self.unsent.is_none() && self.deadlines.is_calm()
    }

    /// Whether the peer is to be read now. While a request waits for its answer, that is one read
    /// at most: [`Session::receive`] keeps all bytes that it gets then.
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

    /// The upgrade that the request asks for, until it is answered.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        let Phase::Waiting(waiting) = &self.phase else { return None };
        waiting.upgrade.as_ref()
    }

    /// Whether compression was agreed on.
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

    /// Whether the conversation has ended, and nothing is left to write.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// Whether the request is being read, or waits for its answer.
    #[must_use]
    pub const fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Connecting(_) | Phase::Waiting(_))
    }

    /// Whether the rest of the body of an answer is missing: see [`Session::respond_head`].
    #[must_use]
    pub const fn is_responding(&self) -> bool {
        matches!(self.phase, Phase::Responding)
    }
}

/// Why a connection is over of which no byte has come.
pub const NO_REQUEST: &str = "no request was sent";
