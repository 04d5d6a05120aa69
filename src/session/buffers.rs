//! Buffers of large messages that have left, for those that come: memory that is in use already
//! costs nothing, while the system hands out new memory page by page, each cleared. And the
//! outboxes of those for whom nothing waits, since the allocator keeps only a few small pieces at
//! hand.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::session::output::Unsent;

/// Memory that nobody uses now, up to a limit. One is for all sessions of a host.
#[derive(Debug)]
pub struct Buffers {
    /// The last one was in use last.
    list: VecDeque<Vec<u8>>,
    /// Those that hold nothing.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    unsent: Vec<Box<Unsent>>,
    /// How many of those were asked for and have not come back: more are not kept, since not all
    /// that is sent asks first.
    unsent_missing: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Buffers {
    /// Smaller ones are not kept: the allocator is as fast.
    pub const BYTES_MIN: usize = 4_096;
    /// The most memory of an empty outbox that is kept, with its places in a list that doubles.
    pub(super) const UNSENT_BYTES_MAX: usize = Unsent::EMPTY_BYTES_MAX + 2 * size_of::<usize>();

    /// Keeps buffers of up to so many bytes together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { list: VecDeque::new(), unsent: Vec::new(), unsent_missing: 0, bytes: 0, bytes_max }
    }

    /// Keeps none.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(0)
    }

    /// A buffer for `len` bytes and no more than twice as many. It holds bytes of its last use.
    pub fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        if len < Self::BYTES_MIN {
            return None;
        }
        let fits = |buffer: &Vec<u8>| (len..=len.saturating_mul(2)).contains(&buffer.capacity());
        let place = self.list.iter().rposition(fits)?;
        let buffer = self.list.swap_remove_back(place)?;
        self.bytes -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps a buffer, in place of those that were not asked for the longest time.
    pub fn keep(&mut self, buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        if !(Self::BYTES_MIN..=self.bytes_max).contains(&bytes) {
            return;
        }
        while self.bytes + bytes > self.bytes_max || self.list.len() >= LEN_MAX {
            let Some(oldest) = self.list.pop_front() else { return };
            self.bytes -= oldest.capacity();
        }
        self.bytes += bytes;
        self.list.push_back(buffer);
    }

    /// What is to wait for a peer, without anything in it yet.
    pub(super) fn take_unsent(&mut self) -> Option<Box<Unsent>> {
        self.unsent_missing += 1;
        let unsent = self.unsent.pop()?;
        self.bytes -= Self::UNSENT_BYTES_MAX;
        Some(unsent)
    }

    /// Keeps what holds nothing any more, if there is room.
    pub(super) fn keep_unsent(&mut self, unsent: Box<Unsent>) {
        let Some(missing) = self.unsent_missing.checked_sub(1) else { return };
        self.unsent_missing = missing;
        let bytes = self.bytes + Self::UNSENT_BYTES_MAX;
        if bytes <= self.bytes_max && self.unsent.len() < UNSENT_LEN_MAX {
            self.bytes = bytes;
            self.unsent.push(unsent);
        }
    }

    /// The bytes of memory of all that it keeps.
    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// So that looking for one that fits stays cheap.
const LEN_MAX: usize = 256;
/// A fan-out to more than these goes through the allocator for the others.
const UNSENT_LEN_MAX: usize = 1_024;
