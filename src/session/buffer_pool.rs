//! Buffers of messages and outboxes that have been sent, for those that come. Reused memory is in
//! near caches, and costs neither the allocator's search nor fresh pages of the system.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Unused buffers, up to a limit.
#[derive(Debug)]
pub struct BufferPool {
    /// By their capacity: four for each power of two.
    classes: Vec<Class>,
    bytes: usize,
    bytes_max: usize,
    /// Counts the uses.
    clock: u64,
}

/// The buffers whose capacities are alike.
#[derive(Debug, Default)]
struct Class {
    /// The last one was in use last.
    list: Vec<Vec<u8>>,
    /// When one was taken or kept last, by the clock of the pool.
    used: u64,
}

impl BufferPool {
    /// Smaller ones are not kept.
    pub const BYTES_MIN: usize = 16;

    /// Keeps buffers of up to so many bytes together, with their entries in lists.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { classes: Vec::new(), bytes: 0, bytes_max, clock: 0 }
    }

    /// Keeps none.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(0)
    }

    /// A buffer with a capacity of so many bytes. It still contains bytes of its last use.
    pub fn take(&mut self, capacity: RangeInclusive<usize>) -> Option<Vec<u8>> {
        self.clock += 1;
        // Those of the next class are large enough.
        let first = class(*capacity.start())?;
        for class in self.classes.iter_mut().skip(first).take(2) {
            class.used = self.clock;
            if let Some(buffer) = class.list.pop_if(|buffer| capacity.contains(&buffer.capacity()))
            {
                self.bytes -= buffer.capacity();
                return Some(buffer);
            }
        }
        None
    }

    /// Keeps a buffer, in place of those whose like were not in use for the longest time.
    pub fn keep(&mut self, buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        let Some(class) = class(bytes).filter(|_| bytes <= self.bytes_max) else { return };
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Class::default);
        }
        self.clock += 1;
        self.classes[class].used = self.clock;
        let entries = loop {
            let list = &self.classes[class].list;
            let is_full = list.len() == list.capacity();
            let entries = if is_full { list.len().max(ENTRIES_MIN) } else { 0 };
            if self.bytes + bytes + entries * ENTRY_BYTES <= self.bytes_max {
                break entries;
            }
            if !self.drop_one() {
                return;
            }
        };
        self.bytes += bytes + entries * ENTRY_BYTES;
        let list = &mut self.classes[class].list;
        list.reserve_exact(entries);
        list.push(buffer);
    }

    /// Frees one buffer. Returns whether there was one, or the memory of an empty list.
    #[cold]
    fn drop_one(&mut self) -> bool {
        let classes = self.classes.iter_mut().filter(|class| class.list.capacity() > 0);
        let Some(Class { list, .. }) = classes.min_by_key(|class| class.used) else { return false };
        match list.pop() {
            Some(buffer) => self.bytes -= buffer.capacity(),
            None => self.bytes -= core::mem::take(list).capacity() * ENTRY_BYTES,
        }
        true
    }

    /// Counts memory that is kept elsewhere against the same limit, in place of buffers. Returns
    /// whether it fits.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        while self.bytes + bytes > self.bytes_max {
            if !self.drop_one() {
                return false;
            }
        }
        self.bytes += bytes;
        true
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

    /// The same, counted again, without what is reserved.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> usize {
        let of = |Class { list, .. }: &Class| {
            list.capacity() * ENTRY_BYTES + list.iter().map(Vec::capacity).sum::<usize>()
        };
        self.classes.iter().map(of).sum()
    }
}

/// The class of a capacity; `None` if it is too small.
#[inline]
const fn class(capacity: usize) -> Option<usize> {
    if capacity < BufferPool::BYTES_MIN {
        return None;
    }
    let shift = capacity.ilog2() - 2;
    Some((shift as usize - 2) * 4 + ((capacity >> shift) & 3))
}

/// What a list takes for each buffer, and for how many it has space at least.
const ENTRY_BYTES: usize = size_of::<Vec<u8>>();
const ENTRIES_MIN: usize = 4;
