//! What waits for one peer, and the memory that conversations leave to those after them: large
//! buffers, and the outboxes of those for whom nothing waits, since the allocator keeps only a few
//! small pieces at hand.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::session::buffer_pool::BufferPool;
use crate::session::item::Control;
use crate::session::outbox::Outbox;
use crate::time::Time;

/// What waits for the peer, and how long it has; there only as long as anything waits.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) outbox: Outbox,
    /// When the peer last took some of it, or was last seen to keep up; before that, since when it
    /// waits.
    pub(super) moved: Time,
    /// The moment up to which what was taken is enough, if it is an answer, and not the messages of
    /// a conversation.
    pub(super) paid: Option<Time>,
    /// How many bytes of what was written the system still holds, at most. Of a conversation that
    /// is not known before it is measured.
    pub(super) held: usize,
    /// Whether the peer has not taken all that was written, so that its taking more of it is
    /// a sign of life.
    pub(super) stalled: bool,
    /// A pong that waits until the peer takes what it was sent before.
    pub(super) pong: Option<Box<Control>>,
}

impl Unsent {
    /// The most memory of one that holds nothing.
    const EMPTY_BYTES_MAX: usize = size_of::<Self>() + Outbox::EMPTY_BYTES_MAX;

    fn new(now: Time) -> Self {
        Self {
            outbox: Outbox::default(),
            moved: now,
            paid: None,
            held: usize::MAX,
            stalled: false,
            pong: None,
        }
    }

    /// One that holds nothing, in memory that was in use before if there is any.
    pub(super) fn from(spare: &mut SpareMemory, now: Time) -> Box<Self> {
        let Some(mut unsent) = spare.take_unsent() else { return Box::new(Self::new(now)) };
        debug_assert!(unsent.outbox.is_empty() && unsent.pong.is_none(), "nothing waits in it");
        (unsent.moved, unsent.paid, unsent.stalled) = (now, None, false);
        unsent.held = usize::MAX;
        unsent
    }

    /// From here on it is an answer, of which the system holds so many bytes.
    pub(super) const fn begin_answer(&mut self, held: usize, now: Time) {
        (self.paid, self.held) = (Some(now), held);
    }

    /// A ping came. Returns the payload if its pong is to be queued now; behind more than
    /// `high` bytes it waits instead. RFC 6455, 5.5.3: only the latest ping needs an answer; so a
    /// peer that pings and does not read costs one pong.
    pub(super) fn offer_pong(
        &mut self,
        payload: Box<Control>,
        high: usize,
    ) -> Option<Box<Control>> {
        if self.outbox.len() <= high {
            self.pong = None;
            return Some(payload);
        }
        self.pong = Some(payload);
        None
    }
}

/// Memory that nobody uses now, up to a limit. One is for all sessions of a host.
#[derive(Debug)]
pub struct SpareMemory {
    pub(super) buffers: BufferPool,
    /// Those that hold nothing.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    unsent: Vec<Box<Unsent>>,
    /// How many of those were asked for and have not come back: more are not kept, since not all
    /// that is sent asks first.
    unsent_missing: usize,
}

impl SpareMemory {
    /// The most memory of an empty outbox that is kept, with its places in a list that doubles.
    pub(super) const UNSENT_BYTES_MAX: usize = Unsent::EMPTY_BYTES_MAX + 2 * size_of::<usize>();

    /// Keeps up to so many bytes together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { buffers: BufferPool::new(bytes_max), unsent: Vec::new(), unsent_missing: 0 }
    }

    /// Keeps none.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(0)
    }

    /// Keeps what holds nothing any more, if it is within the limit.
    pub(super) fn keep_unsent(&mut self, unsent: Box<Unsent>) {
        let Some(missing) = self.unsent_missing.checked_sub(1) else { return };
        self.unsent_missing = missing;
        if self.unsent.len() < UNSENT_LEN_MAX && self.buffers.reserve(Self::UNSENT_BYTES_MAX) {
            self.unsent.push(unsent);
        }
    }

    /// What is to wait for a peer, without anything in it yet.
    fn take_unsent(&mut self) -> Option<Box<Unsent>> {
        self.unsent_missing += 1;
        let unsent = self.unsent.pop()?;
        self.buffers.release(Self::UNSENT_BYTES_MAX);
        Some(unsent)
    }

    /// The bytes of memory of all that it keeps.
    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> usize {
        self.buffers.bytes()
    }
}

/// A fan-out to more than these goes through the allocator for the others.
const UNSENT_LEN_MAX: usize = 1_024;
