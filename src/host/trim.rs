//! Memory that is returned to the system: at a quiet moment after much has been freed.

use crate::host::poll::Host;
use crate::sys::heap::trim_heap;
use crate::time::Time;

/// When a host trims by itself.
#[derive(Debug, Default)]
pub(super) struct Trims {
    by_itself: bool,
    /// When it does so next; `None` while little has been freed.
    pub(super) at: Option<Time>,
    /// Not before this.
    rest: Time,
}

impl Host {
    /// Gives up memory that is not needed now, tables and pools first, and has the allocator
    /// return what is free to the system. It takes about a millisecond for each 10 MiB that are
    /// returned, in which nobody is served, and threads that allocate wait.
    ///
    /// With glibc it concerns the heap of the whole process. Other allocators decide by themselves
    /// what they return. Memory that is used again after that costs page faults.
    pub fn trim(&mut self) {
        let places_len = self.engine.trim();
        self.io.streams.trim(places_len);
        trim_heap();
    }

    /// From here on the host calls [`Host::trim`] by itself, a second after 2 MiB or more have been
    /// freed, as when many sockets have gone, and for a hundredth of the time at most. It is for a
    /// process that is a server and nothing else, after
    /// [`keep_heap_small`](crate::host::keep_heap_small).
    pub const fn trim_by_itself(&mut self) {
        self.trims.by_itself = true;
    }

    /// Trims if the time has come. Others who go meanwhile are waited for, and so are those whose
    /// work has been cut short, but not for ever.
    pub(super) fn trim_when_due(&mut self, now: Time) {
        let Some(at) = self.trims.at else {
            if self.trims.by_itself && self.engine.hub().freed() >= FREED_BYTES_MIN {
                self.trims.at = Some(now.after(PAUSE_MS).max(self.trims.rest));
            }
            return;
        };
        if now >= at && (!self.has_work() || now >= at.after(PAUSE_MS)) {
            self.trims.at = None;
            self.trim();
            let took_ms = self.now().since(now);
            self.trims.rest = now.after(took_ms.saturating_mul(REST_FACTOR));
        }
    }
}

/// For less, it is not worth it.
const FREED_BYTES_MIN: usize = 2 << 20;
/// A trim is followed by a rest of so many times its own time.
const REST_FACTOR: u64 = 100;
const PAUSE_MS: u64 = 1_000;
