//! The bytes that wait for one peer, and memory that is reused between conversations: buffers and
//! empty outboxes. The allocator itself keeps only a few small pieces ready.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::session::buffer_pool::BufferPool;
use crate::session::item::Control;
use crate::session::outbox::Outbox;
use crate::time::Time;

/// The bytes that wait for the peer, and their deadline. It exists only while bytes wait.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) outbox: Outbox,
    /// When the peer last took some of them, or was last found to keep up; before that, since when
    /// they wait.
    pub(super) moved: Time,
    /// For an answer (not for messages of a conversation): the time until which the taken bytes are
    /// enough.
    pub(super) paid: Option<Time>,
    /// How many written bytes the system still holds at most. For a conversation it is unknown
    /// until it is measured.
    pub(super) held: usize,
    /// Whether the peer has not taken all written bytes, so that taking more of them is a sign of
    /// life.
    pub(super) stalled: bool,
    /// A pong that waits until the peer takes earlier bytes.
    pub(super) pong: Option<Box<Control>>,
}

impl Unsent {
    /// The maximum memory of an empty one.
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

    /// An empty one, with reused memory if there is any.
    pub(super) fn from(spare: Option<&mut SpareMemory>, now: Time) -> Box<Self> {
        let Some(mut unsent) = spare.and_then(SpareMemory::take_unsent) else {
            return Box::new(Self::new(now));
        };
        debug_assert!(unsent.outbox.is_empty() && unsent.pong.is_none(), "nothing waits in it");
        (unsent.moved, unsent.paid, unsent.stalled) = (now, None, false);
        unsent.held = usize::MAX;
        unsent
    }

    /// Makes it an answer, of which the system holds so many bytes.
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

/// Buffers of messages, and of empty outboxes, that are kept for the next ones, up to a
/// limit. All sessions of a host share one.
#[derive(Debug)]
pub struct SpareMemory {
    pub(super) buffers: BufferPool,
    /// Those that hold nothing.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    unsent: Vec<Box<Unsent>>,
    /// How many of them are in use. At most so many more are kept, since some outboxes are made
    /// without asking for one.
    unsent_missing: usize,
}

impl SpareMemory {
    /// The maximum memory of a kept empty outbox, with its entries in a list that doubles.
    pub(super) const UNSENT_BYTES_MAX: usize = Unsent::EMPTY_BYTES_MAX + 2 * size_of::<usize>();

    /// Keeps up to `bytes_max` bytes together: see [`Limits::spare_bytes_max`](crate::Limits).
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { buffers: BufferPool::new(bytes_max), unsent: Vec::new(), unsent_missing: 0 }
    }

    /// Keeps nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(0)
    }

    /// Keeps an empty one, if it is within the limit.
    pub(super) fn keep_unsent(&mut self, unsent: Box<Unsent>) {
        let Some(missing) = self.unsent_missing.checked_sub(1) else { return };
        self.unsent_missing = missing;
        if self.unsent.len() < UNSENT_LEN_MAX && self.buffers.reserve(Self::UNSENT_BYTES_MAX) {
            self.unsent.push(unsent);
        }
    }

    /// An empty one, for a peer.
    fn take_unsent(&mut self) -> Option<Box<Unsent>> {
        self.unsent_missing += 1;
        let unsent = self.unsent.pop()?;
        self.buffers.release(Self::UNSENT_BYTES_MAX);
        Some(unsent)
    }

    /// How many outboxes it keeps.
    #[cfg(test)]
    pub(super) const fn unsent_len(&self) -> usize {
        self.unsent.len()
    }

    /// The bytes of memory of all that it keeps.
    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> usize {
        self.buffers.bytes()
    }
}

/// A fan-out to more sockets uses the allocator for the rest.
const UNSENT_LEN_MAX: usize = 1_024;
