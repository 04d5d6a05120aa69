//! `FileWatch`: whether the file of a program is another version than that which runs.

use crate::process::executable::{Executable, FileStamp, FileVersion};
use crate::time::Time;

/// What is known of a program's file.
#[derive(Debug)]
pub(super) struct FileWatch {
    /// That which serves.
    serving: Option<FileVersion>,
    /// That which was started last, or could not be.
    tried: Option<FileVersion>,
    /// That which was there at the last look, if it is another one than both.
    seen: Option<FileStamp>,
    /// When to look next.
    next: Time,
}

impl FileWatch {
    pub(super) const fn new(now: Time) -> Self {
        Self { serving: None, tried: None, seen: None, next: now }
    }

    /// This one is started.
    pub(super) fn begin(&mut self, program: &Executable) {
        (self.tried, self.seen) = (program.version().ok(), None);
    }

    /// What was started last serves from here on.
    pub(super) const fn serve(&mut self) {
        self.serving = self.tried;
    }

    /// Whether this is another version than that which serves.
    pub(super) fn is_other(&mut self, found: &Executable) -> bool {
        self.serving.as_mut().is_none_or(|known| known.is_left_by(found))
    }

    /// Whether this is another version than that which was started last.
    pub(super) fn is_newer(&mut self, found: &Executable) -> bool {
        self.tried.as_mut().is_none_or(|known| known.is_left_by(found))
    }

    /// When to look for it next.
    pub(super) const fn next(&self) -> Time {
        self.next
    }

    /// What a look has found; `None` if nothing that could be started. Returns whether it is to
    /// replace what runs: it is a version that was not tried, and was the same at the look before,
    /// so that a file which is being written is not started.
    pub(super) fn look(&mut self, found: Option<&Executable>, now: Time) -> bool {
        self.next = now.after(LOOK_EVERY_MS);
        let newer = found.filter(|found| self.is_newer(found));
        // What failed may have been taken back.
        let is_back = newer.is_some_and(|newer| !self.is_other(newer));
        if is_back {
            self.tried = self.serving;
        }
        let newer = newer.filter(|_| !is_back);
        let stamp = newer.and_then(|newer| newer.stamp().ok());
        let is_settled = stamp.is_some() && stamp == self.seen;
        self.seen = stamp;
        is_settled
    }
}

/// From one look to the next.
const LOOK_EVERY_MS: u64 = 1_000;
