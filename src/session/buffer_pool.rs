//! Buffers of large messages that have been sent, for those that come. Reused memory costs nothing,
//! while the system allocates and clears new memory page by page.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Large unused buffers, up to a limit.
#[derive(Debug)]
pub struct BufferPool {
    /// The last one was in use last.
    list: VecDeque<Vec<u8>>,
    bytes: usize,
    bytes_max: usize,
}

impl BufferPool {
    /// Smaller ones are not kept: the allocator is as fast.
    pub const BYTES_MIN: usize = 4_096;

    /// Keeps buffers of up to so many bytes together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { list: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Keeps none.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(0)
    }

    /// A buffer with capacity for `len` bytes, and at most twice as many. It still contains bytes
    /// of its last use.
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

    /// Counts memory that is kept elsewhere against the same limit, if it fits.
    pub(super) const fn reserve(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= self.bytes_max;
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Such memory is in use again.
    pub(super) const fn release(&mut self, bytes: usize) {
        self.bytes -= bytes;
    }

    /// The bytes of memory of all that is kept.
    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bounds the search for a buffer that fits.
const LEN_MAX: usize = 256;
