//! What is to be written to the peer of a conversation, and what comes after it.

use alloc::format;
use alloc::vec::Vec;

use crate::limits::Limits;
use crate::session::buffers::Buffers;
use crate::session::conversation::{Next, Overflow, Session};
use crate::session::outbox::Outbox;
use crate::session::phase::Phase;
use crate::session::reader::Reader;
use crate::time::Time;
use crate::ws::{Close, CloseCode, Header, Opcode};

impl Session {
    /// Tells that `bytes_len` of the unsent bytes were written.
    pub fn wrote(&mut self, bytes_len: usize, now: Time) {
        self.wrote_with(&mut Buffers::none(), bytes_len, now);
    }

    /// Like [`Session::wrote`]. What is large and has left leaves its buffer.
    pub fn wrote_with(&mut self, buffers: &mut Buffers, bytes_len: usize, now: Time) {
        self.outbox.advance(bytes_len, buffers);
        if bytes_len > 0 {
            self.clock.wrote(now);
            if self.stalled {
                self.clock.saw_life(now);
            }
        }
        self.stalled = !self.outbox.is_empty();
        // A write that moved nothing is no event, or a peer could put its deadlines off.
        if self.stalled || bytes_len == 0 {
            return;
        }
        if let Some(pong) = self.pong.take() {
            self.push_control(Opcode::Pong, pong.as_slice(), now);
        }
        // What the peer owes after our last word counts from when it could know.
        if let Phase::Closing | Phase::Flushing | Phase::Lingering = self.phase {
            self.clock.restart(now);
        }
    }

    /// The bytes to be written, chunk by chunk.
    pub fn unsent(&self) -> impl Iterator<Item = &[u8]> {
        self.outbox.unsent()
    }

    /// How many bytes are to be written.
    #[must_use]
    pub const fn unsent_len(&self) -> usize {
        self.outbox.len()
    }

    /// What to do with the connection.
    #[must_use]
    pub const fn next(&self) -> Next {
        match self.phase {
            Phase::Finished => Next::Drop,
            Phase::Flushing if self.outbox.is_empty() => Next::Drop,
            Phase::Lingering if self.outbox.is_empty() && self.ended => Next::Drop,
            Phase::Lingering if self.outbox.is_empty() => Next::EndWriting,
            Phase::Connecting(_)
            | Phase::Waiting(_)
            | Phase::Open
            | Phase::Settling(_)
            | Phase::Responding
            | Phase::Closing
            | Phase::Flushing
            | Phase::Lingering => Next::Keep,
        }
    }

    /// Changes the outbox. Time to write counts from its first byte.
    pub(super) fn push(&mut self, change: impl FnOnce(&mut Outbox), now: Time) {
        if self.outbox.is_empty() {
            self.clock.wrote(now);
        }
        change(&mut self.outbox);
    }

    pub(super) fn push_control(&mut self, opcode: Opcode, payload: &[u8], now: Time) {
        let header = Header::whole(opcode, payload.len()).encode();
        self.push(|outbox| outbox.push_parts(header.as_slice(), payload), now);
    }

    pub(super) fn push_close(&mut self, close: &Close, now: Time) {
        // RFC 6455, 5.5.1: a close frame is the last one, so a pong that waits goes before it.
        if let Some(pong) = self.pong.take() {
            self.push_control(Opcode::Pong, pong.as_slice(), now);
        }
        let mut payload = Vec::new();
        close.encode(&mut payload);
        self.push_control(Opcode::Close, &payload, now);
    }

    /// Makes sure of room for `more` bytes. A peer that reads too slowly is told so behind
    /// what it has not read yet, and its conversation is over.
    pub(super) fn check_room(
        &mut self,
        more: usize,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        let max = limits.outbox_bytes_max;
        if self.outbox.len() + more <= max {
            return Ok(());
        }
        let unread = self.outbox.len();
        let reason = format!("{unread} bytes unread and {more} more, above the limit of {max}");
        let close = Close::new(CloseCode::TRY_LATER, reason);
        self.reader = Reader::default();
        self.push_close(&close, now);
        self.enter(Phase::Lingering, now);
        Err(Overflow(close))
    }

    /// A message came or was sent. It puts off nothing once the conversation is being closed:
    /// neither side may keep it going by talking on.
    pub(super) fn saw_message(&mut self, now: Time) {
        if self.is_open() {
            self.clock.restart(now);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        self.clock.restart(now);
    }
}
