//! `FileWatch`: whether the file of a program differs from the version that runs.

use crate::process::executable::{Executable, FileStamp, FileVersion, LookupError};
use crate::time::Time;

/// The known versions of a program's file.
#[derive(Debug)]
pub(super) struct FileWatch {
    /// The version that serves.
    serving: Option<FileVersion>,
    /// The version that was started last, or could not be.
    tried: Option<FileVersion>,
    /// The version at the last look, if it differs from both.
    seen: Option<FileStamp>,
    /// How many looks in a row have found a file that cannot be started, up to the warning.
    unfit_len: u8,
    /// When to look next.
    next: Time,
}

impl FileWatch {
    pub(super) const fn new(now: Time) -> Self {
        Self { serving: None, tried: None, seen: None, unfit_len: 0, next: now }
    }

    /// This version is started.
    pub(super) fn begin(&mut self, program: &Executable) {
        (self.tried, self.seen) = (program.version().ok(), None);
    }

    /// The version that was started last serves now.
    pub(super) const fn serve(&mut self) {
        self.serving = self.tried;
    }

    /// Whether this differs from the version that serves.
    pub(super) fn is_other(&mut self, found: &Executable) -> bool {
        self.serving.as_mut().is_none_or(|known| known.is_left_by(found))
    }

    /// Whether this differs from the version that was started last.
    pub(super) fn is_newer(&mut self, found: &Executable) -> bool {
        self.tried.as_mut().is_none_or(|known| known.is_left_by(found))
    }

    /// When to look for it next.
    pub(super) const fn next(&self) -> Time {
        self.next
    }

    /// The result of a look; `None` if there is nothing to start. Returns whether it replaces the
    /// running version: it was not tried, and was the same at the look before, so that a file which
    /// is being written is not started.
    pub(super) fn look(&mut self, found: Option<&Executable>, now: Time) -> bool {
        self.next = now.after(LOOK_EVERY_MS);
        if found.is_some() {
            self.unfit_len = 0;
        }
        let newer = found.filter(|found| self.is_newer(found));
        // A failed version may have been undone.
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

    /// A look has found no program for this reason. Returns whether to warn: a file is there, and
    /// it could not be started at the look before either. So a file that is copied first and made
    /// executable then causes no warning. One that stays as it is causes one.
    pub(super) const fn is_unfit(&mut self, error: &LookupError) -> bool {
        // The path may be missing for a moment while a release is put in place.
        if matches!(error, LookupError::Nothing) || self.unfit_len == UNFIT_LEN {
            return false;
        }
        self.unfit_len += 1;
        self.unfit_len == UNFIT_LEN
    }

    /// There was such a warning at a reload, which is not repeated by the looks.
    pub(super) const fn note_warning(&mut self) {
        self.unfit_len = UNFIT_LEN;
    }
}

/// From one look to the next.
const LOOK_EVERY_MS: u64 = 1_000;
/// After how many such looks in a row there is a warning.
const UNFIT_LEN: u8 = 2;
