//! Frees memory of tables and pools that have been larger. Lists of one service or topic shrink
//! when sockets leave them. Tables of all sockets shrink when the host asks for it, since that is
//! too expensive for each socket.

use std::collections::VecDeque;

use crate::hub::Hub;
use crate::session::SpareMemory;

impl Hub {
    /// About how many bytes have been freed since the last [`Hub::trim`]: outboxes, unfinished
    /// messages (an upper bound), sockets and topics.
    #[must_use]
    pub const fn freed(&self) -> usize {
        self.freed
    }

    /// Frees memory that is not needed now. Returns how many entries of the table of sockets are
    /// left: up to the last socket, and more if freeing them is not worth it.
    pub fn trim(&mut self) -> usize {
        self.freed = 0;
        self.buffers = SpareMemory::new(self.workers.limits_of(None).spare_bytes_max);
        let places_len = self.sockets.trim();
        self.wheel.trim(places_len);
        #[cfg(feature = "admin")]
        self.listeners.trim(places_len);
        for id in self.services.ids() {
            self.services[id].topics.trim();
        }
        give_up(&mut self.outputs);
        self.lookups.queue.waiting().into_iter().for_each(give_up);
        give_up(&mut self.fetches.queue);
        #[cfg(feature = "deflate")]
        self.deflate.trim();
        places_len
    }

    /// So many bytes are freed.
    #[inline(always)]
    pub(super) const fn count_freed(&mut self, bytes: usize) {
        self.freed = self.freed.saturating_add(bytes);
    }
}

/// Frees the capacity of a list beyond twice its length and some `spare` entries, after it has
/// become shorter. The rest lets it grow by a quarter, so that the average cost of an entry is
/// constant, however entries come and go.
pub(super) fn shrink<T>(list: &mut Vec<T>, spare: usize) {
    let len = list.len();
    if list.capacity() > 2 * len + spare {
        list.shrink_to(len + len / 4);
    }
}

/// Frees the memory of an empty queue.
pub(crate) fn give_up<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
}

/// Frees the entries from `len` on, and their memory.
pub(crate) fn cut<T>(list: &mut Vec<T>, len: usize) {
    if list.len() > len {
        list.truncate(len);
        list.shrink_to_fit();
    }
}
