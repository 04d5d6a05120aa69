//! `FileWatch`: whether the file of a program is another one than that which runs.

use std::time::{Duration, Instant};

use crate::host::program::found::{Identity, Program};

/// What is known of a program's file.
#[derive(Debug)]
pub(super) struct FileWatch {
    /// That which was started last.
    started: Option<Identity>,
    /// That which was there at the last look, if it is another one.
    seen: Option<Identity>,
    /// When to look next.
    next: Instant,
}

impl FileWatch {
    pub(super) const fn new(now: Instant) -> Self {
        Self { started: None, seen: None, next: now }
    }

    /// This one is started.
    pub(super) fn begin(&mut self, program: &Program) {
        (self.started, self.seen) = (program.identity().ok(), None);
    }

    /// Whether this is another one than that which was started last.
    pub(super) fn is_other(&self, found: &Program) -> bool {
        let found = found.identity().ok();
        found.is_some() && found != self.started
    }

    /// When to look for it next.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// What a look has found; `None` if nothing that could be started. Gives back whether it is to
    /// replace what runs: it is another one, and was the same at the look before, so that a
    /// file which is being written is not started.
    pub(super) fn look(&mut self, found: Option<&Program>, now: Instant) -> bool {
        self.next = now + LOOK_EVERY;
        let other = found.filter(|found| self.is_other(found));
        let identity = other.and_then(|other| other.identity().ok());
        let is_settled = identity.is_some() && identity == self.seen;
        self.seen = identity;
        is_settled
    }
}

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);
