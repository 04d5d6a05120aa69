//! Tables and pools that have been larger than they have to be now. Lists that grow for each
//! service or topic shrink when sockets leave them; what there is once for all sockets shrinks when
//! the host asks for it, since that is not worth doing for each of them.

use std::collections::VecDeque;

use crate::hub::Hub;
use crate::session::SpareMemory;

impl Hub {
    /// About how many bytes have been freed since the last [`Hub::trim`]: what waited for peers,
    /// what may have come of unfinished messages, sockets and topics.
    #[must_use]
    pub const fn freed(&self) -> usize {
        self.freed
    }

    /// Gives up memory that nothing needs now. Returns how many places of the table of sockets are
    /// left: those up to the last that a socket has, and more if it does not pay to give them up.
    pub fn trim(&mut self) -> usize {
        self.freed = 0;
        self.buffers = SpareMemory::new(self.services.limits_of(None).spare_bytes_max);
        let places_len = self.sockets.trim();
        self.wheel.trim(places_len);
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

/// Gives up what a list has beyond twice its use and some `spare` entries, once it has become
/// shorter. The room that is left lets it grow by a quarter, so that an entry costs the same on
/// average, however entries come and go.
pub(super) fn shrink<T>(list: &mut Vec<T>, spare: usize) {
    let len = list.len();
    if list.capacity() > 2 * len + spare {
        list.shrink_to(len + len / 4);
    }
}

/// Gives up the memory of a queue in which nothing is.
pub(crate) fn give_up<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
}

/// Gives up the entries from `len` on, and their memory.
pub(crate) fn cut<T>(list: &mut Vec<T>, len: usize) {
    if list.len() > len {
        list.truncate(len);
        list.shrink_to_fit();
    }
}
