//! The bytes to be written to the peer of a conversation, and what to do after them.

use alloc::format;

use crate::limits::Limits;
use crate::session::conversation::{Next, Overflow, Session};
use crate::session::deadlines::Due;
use crate::session::outbox::Outbox;
use crate::session::phase::Phase;
use crate::session::unsent::{SpareMemory, Unsent};
use crate::time::Time;
#[cfg(feature = "host")]
use crate::ws::Message;
use crate::ws::{Close, CloseCode, Header, Opcode};

impl Session {
    /// Says that the first `bytes_len` of the unsent bytes were written. 0 says that the peer takes
    /// nothing now, which counts for `write_ms_max`.
    pub fn wrote(&mut self, bytes_len: usize, now: Time) {
        self.wrote_with(&mut SpareMemory::none(), bytes_len, now);
    }

    /// Like [`Session::wrote`], and keeps large buffers that have been written for other sessions.
    pub fn wrote_with(&mut self, spare: &mut SpareMemory, bytes_len: usize, now: Time) {
        let Some(unsent) = &mut self.unsent else { return };
        let stalled = core::mem::replace(&mut unsent.stalled, true);
        // A write of zero bytes is no event: otherwise a peer could postpone its deadlines.
        if bytes_len == 0 {
            return;
        }
        unsent.outbox.advance(bytes_len, &mut spare.buffers);
        unsent.moved = now;
        unsent.held = unsent.held.saturating_add(bytes_len);
        if stalled {
            self.deadlines.saw_life(now);
        }
        if !unsent.outbox.is_empty() {
            return;
        }
        if unsent.paid.is_some() {
            // The time that the peer is behind also counts for the next part, and for what the
            // system still holds of the last one.
            return self.deadlines.restart(now);
        }
        if let Some(mut unsent) = self.unsent.take() {
            let pong = unsent.pong.take();
            spare.keep_unsent(unsent);
            if let Some(pong) = pong {
                self.push_control(Some(spare), Opcode::Pong, pong.as_slice(), now);
            }
        }
        // The time for the peer's end counts from the moment when it could know of our last bytes.
        if let Phase::Closing(_) | Phase::Flushing | Phase::Lingering = self.phase {
            self.deadlines.restart(now);
        }
    }

    /// The bytes to be written, in order, as chunks. They stay until [`Session::wrote`] says
    /// otherwise.
    pub fn unsent(&self) -> impl Iterator<Item = &[u8]> {
        self.unsent.iter().flat_map(|unsent| unsent.outbox.unsent())
    }

    /// The bytes to be written if they are exactly one chunk, as they are most often.
    #[must_use]
    pub fn unsent_alone(&self) -> Option<&[u8]> {
        self.unsent.as_ref()?.outbox.alone()
    }

    /// How many bytes are to be written.
    #[must_use]
    pub fn unsent_len(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| unsent.outbox.len())
    }

    /// What to do with the connection. Ask after each call that may have changed something.
    #[must_use]
    pub fn next(&self) -> Next {
        let has_left = self.unsent_len() == 0;
        match self.phase {
            Phase::Finished => Next::Drop,
            Phase::Flushing if has_left => Next::Drop,
            Phase::Lingering if has_left && self.ended => Next::Drop,
            Phase::Lingering if has_left => Next::EndWriting,
            Phase::Connecting(_)
            | Phase::Waiting(_)
            | Phase::Open(_)
            | Phase::Settling(_)
            | Phase::Responding
            | Phase::Closing(_)
            | Phase::Flushing
            | Phase::Lingering => Next::Keep,
        }
    }

    /// Queues a short message like [`Session::send_with`], in few instructions: if the conversation
    /// is open and not compressed, and the message fits the outbox and its last chunk. Returns
    /// whether it did; otherwise nothing has changed.
    #[cfg(feature = "host")]
    #[inline]
    pub(crate) fn send_short(
        &mut self,
        spare: &mut SpareMemory,
        message: &Message,
        limits: &Limits,
        now: Time,
    ) -> bool {
        let Some((frame, len)) = message.short_frame() else { return false };
        let is_plain = self.is_open() && !self.is_compressed();
        if !is_plain || self.unsent_len() + message.len() > limits.outbox_bytes_max {
            return false;
        }
        let unsent = self.unsent.get_or_insert_with(|| Unsent::from(Some(spare), now));
        let is_sent = unsent.outbox.push_short(&frame, len, &mut spare.buffers);
        if is_sent {
            self.deadlines.restart(now);
        }
        is_sent
    }

    /// Adds to the outbox. Time to write counts from its first byte.
    pub(super) fn push(&mut self, add: impl FnOnce(&mut Outbox), now: Time) {
        self.push_with(None, add, now);
    }

    /// The same, with reused memory if there is any.
    pub(super) fn push_with(
        &mut self,
        spare: Option<&mut SpareMemory>,
        add: impl FnOnce(&mut Outbox),
        now: Time,
    ) {
        let unsent = self.unsent.get_or_insert_with(|| Unsent::from(spare, now));
        add(&mut unsent.outbox);
        if unsent.outbox.is_empty() {
            self.unsent = None;
        }
    }

    /// Adds to an answer. The time without a part to send does not count.
    pub(super) fn push_answer(&mut self, add: impl FnOnce(&mut Outbox), now: Time) {
        let was_empty = self.unsent_len() == 0;
        self.push(add, now);
        self.begin_part(was_empty.then(|| now.since(self.deadlines.since())), now);
    }

    /// A part of an answer waits, after a time without one.
    #[inline(never)]
    fn begin_part(&mut self, idle_ms: Option<u64>, now: Time) {
        let Some(unsent) = &mut self.unsent else { return };
        let Some(paid) = &mut unsent.paid else {
            unsent.begin_answer(0, now);
            return;
        };
        if let Some(idle_ms) = idle_ms {
            *paid = paid.after(idle_ms).min(now).max(*paid);
            unsent.moved = now;
        }
    }

    /// Counts what the peer has taken when a deadline has come: all written bytes except the
    /// `queued` ones that the system still holds. Returns whether the peer keeps up.
    ///
    /// Each KiB of an answer is worth a second. The system of a peer may acknowledge in lumps what
    /// is read there, so that these seconds may lie ahead: [`Limits::WRITES_AHEAD_MAX`].
    pub(super) fn keeps_up(&mut self, queued: usize, limits: &Limits, now: Time) -> bool {
        let write_ms = limits.write_ms_max;
        let unsent = self.unsent.get_or_insert_with(|| {
            // All bytes have been written. What the system holds of a conversation that is over
            // counts as an answer.
            let mut unsent = Unsent::from(None, now);
            unsent.begin_answer(queued, now);
            unsent
        });
        let more = unsent.held.saturating_sub(queued);
        (unsent.held, unsent.moved) = (queued, now);
        let Some(paid) = &mut unsent.paid else {
            // If the system holds nothing, the peer cannot take anything.
            return more > 0 && queued > 0;
        };
        let paid_ms = (more as u64).saturating_mul(1_000) / Limits::ANSWER_BYTES_PER_S_MIN;
        let ahead_ms = write_ms.saturating_mul(Limits::WRITES_AHEAD_MAX);
        // The time when it took them, since the last count, is unknown.
        *paid = paid.after(paid_ms).min(now.after(ahead_ms));
        paid.after(write_ms) > now
    }

    /// Since when the peer has taken none of the bytes that wait for it, or too little of an
    /// answer.
    pub(super) fn stuck(&self) -> Option<Time> {
        let unsent = self.unsent.as_ref().filter(|unsent| !unsent.outbox.is_empty())?;
        Some(unsent.paid.map_or(unsent.moved, |paid| paid.min(unsent.moved)))
    }

    /// Whether the peer may be too slow. Then the caller has to find out how many written bytes the
    /// system still holds: [`Session::expire_queued`].
    #[must_use]
    pub fn is_slow(&self, limits: &Limits, now: Time) -> bool {
        let next = self.deadlines.next(&self.phase, self.stuck(), limits);
        next.is_some_and(|(time, due)| time <= now && matches!(due, Due::Write | Due::Close))
    }

    /// Queues our close frame after a [`SessionEvent::Closed`]: nothing more is to be sent.
    ///
    /// [`SessionEvent::Closed`]: crate::session::SessionEvent::Closed
    pub fn settle(&mut self, now: Time) {
        self.settle_with(&mut SpareMemory::none(), now);
    }

    /// Like [`Session::settle`], with buffers of other sessions.
    pub fn settle_with(&mut self, spare: &mut SpareMemory, now: Time) {
        if let Phase::Settling(settling) = &mut self.phase {
            let close = core::mem::replace(&mut settling.close, Close::new(CloseCode::NONE, ""));
            let then = core::mem::replace(&mut settling.then, Phase::Finished);
            self.push_close(Some(spare), &close, now);
            self.enter(then, now);
        }
    }

    pub(super) fn push_control(
        &mut self,
        spare: Option<&mut SpareMemory>,
        opcode: Opcode,
        payload: &[u8],
        now: Time,
    ) {
        let header = Header::whole(opcode, payload.len()).encode();
        let add = |outbox: &mut Outbox| {
            outbox.push_copy(header.as_slice());
            outbox.push_copy(payload);
        };
        self.push_with(spare, add, now);
    }

    pub(super) fn push_close(&mut self, spare: Option<&mut SpareMemory>, close: &Close, now: Time) {
        // RFC 6455, 5.5.1: a close frame is the last one, so a pong that waits goes before it.
        let pong = self.unsent.as_mut().and_then(|unsent| unsent.pong.take());
        if let Some(pong) = pong {
            self.push_control(None, Opcode::Pong, pong.as_slice(), now);
        }
        let payload = close.payload();
        let (code, reason) = payload.as_ref().map_or((&[][..], ""), |(code, text)| (code, text));
        let header = Header::whole(Opcode::Close, code.len() + reason.len()).encode();
        let add = |outbox: &mut Outbox| {
            outbox.push_copy(header.as_slice());
            outbox.push_copy(code);
            outbox.push_copy(reason.as_bytes());
        };
        self.push_with(spare, add, now);
    }

    /// The bytes of memory that wait for the peer, and those of its unfinished message.
    #[must_use]
    pub fn held_bytes(&self) -> (usize, usize) {
        let outbox = self.unsent.as_ref().map_or(0, |unsent| unsent.outbox.held_bytes());
        let input = match &self.phase {
            Phase::Waiting(waiting) => waiting.early.capacity(),
            phase => phase.message_bytes(),
        };
        (outbox, input)
    }

    /// Ends an open conversation to free the memory of its unfinished message. Returns whether it
    /// did: not if the outbox is larger than the message.
    pub fn drop_message(&mut self, close: &Close, now: Time) -> bool {
        let (outbox, input) = self.held_bytes();
        if !self.is_open() || outbox > input {
            return false;
        }
        self.push_close(None, close, now);
        self.enter(Phase::Lingering, now);
        true
    }

    /// Checks that the outbox has capacity for `more` bytes. If not, the peer reads too slowly: it
    /// gets a close frame behind the unread bytes, and the conversation is over.
    pub(super) fn check_room(
        &mut self,
        more: usize,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        if self.unsent_len() + more <= limits.outbox_bytes_max {
            return Ok(());
        }
        Err(self.overflow(more, limits, now))
    }

    #[cold]
    fn overflow(&mut self, more: usize, limits: &Limits, now: Time) -> Overflow {
        let (unread, max) = (self.unsent_len(), limits.outbox_bytes_max);
        let reason = format!("{unread} bytes unread and {more} more, above outbox-max, {max}");
        let close = Close::new(CloseCode::TRY_LATER, reason);
        self.push_close(None, &close, now);
        self.enter(Phase::Lingering, now);
        Overflow(close)
    }

    /// A message came or was sent. It postpones no deadline once the conversation is being closed:
    /// neither side may prolong it by sending more.
    pub(super) fn saw_message(&mut self, now: Time) {
        if self.is_open() {
            self.deadlines.restart(now);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        self.deadlines.restart(now);
    }

    /// The bytes of memory that an unfinished message of the peer occupies.
    #[cfg(test)]
    pub(super) fn reader_capacity(&self) -> usize {
        self.phase.message_bytes()
    }

    /// The bytes of memory that the outbox occupies.
    #[cfg(test)]
    pub(super) fn outbox_capacity(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| size_of::<Unsent>() + unsent.outbox.capacity())
    }

    /// Whether a pong waits.
    #[cfg(test)]
    pub(super) fn has_pong(&self) -> bool {
        self.unsent.as_ref().is_some_and(|unsent| unsent.pong.is_some())
    }
}
