//! Memory that is returned to the system: at a quiet moment after much has been freed.

use crate::host::sys::heap::trim_heap;
use crate::host::turn::Host;
use crate::hub::give_up;
use crate::time::Time;

/// When a host trims by itself.
#[derive(Debug, Default)]
pub(super) struct Trims {
    by_itself: bool,
    /// When it does so next; `None` while little has been freed.
    pub(super) at: Option<Time>,
}

impl Host {
    /// Gives up memory that is not needed now, tables and pools first, and has the allocator return
    /// what is free to the system. It takes about a millisecond for each 10 MiB that are returned,
    /// in which nobody is served, and threads that allocate wait.
    ///
    /// With glibc it concerns the heap of the whole process; with other allocators, they decide what
    /// they return. Memory that is used again after that costs page faults.
    pub fn trim(&mut self) {
        let places_len = self.hub.trim();
        self.streams.trim(places_len);
        give_up(&mut self.reads);
        give_up(&mut self.writes);
        give_up(&mut self.locals.held);
        trim_heap();
    }

    /// From here on the host calls [`Host::trim`] by itself, a second after a mebibyte or more of
    /// large messages has been freed, as when many sockets have gone. It is for a process that is
    /// a server and nothing else, after [`keep_heap_small`](crate::host::keep_heap_small).
    pub const fn trim_by_itself(&mut self) {
        self.trims.by_itself = true;
    }

    /// Trims if the time has come. Others who go meanwhile are waited for, and so are those whose
    /// work has been cut short, but not for ever.
    pub(super) fn trim_when_due(&mut self, now: Time) {
        let Some(at) = self.trims.at else {
            if self.trims.by_itself && self.hub.freed() >= FREED_BYTES_MIN {
                self.trims.at = Some(now.after(PAUSE_MS));
            }
            return;
        };
        if now >= at && (!self.has_work() || now >= at.after(PAUSE_MS)) {
            self.trims.at = None;
            self.trim();
        }
    }
}

/// For less, it is not worth it.
const FREED_BYTES_MIN: usize = 1 << 20;
const PAUSE_MS: u64 = 1_000;
