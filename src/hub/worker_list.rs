//! `WorkerList`: the workers of one service, by their numbers. Without the feature `workers`, it is
//! one worker, so that loops over it cost nothing.

use crate::hub::ids::WorkerId;

/// The workers of one service, at least one.
#[derive(Clone, Debug)]
#[cfg(feature = "workers")]
pub(super) struct WorkerList(Vec<WorkerId>);

/// The worker of one service.
#[derive(Clone, Debug)]
#[cfg(not(feature = "workers"))]
pub(super) struct WorkerList(WorkerId);

#[cfg(feature = "workers")]
impl WorkerList {
    /// As many workers as `len` says, which `make` makes by their numbers.
    pub(super) fn new(len: usize, make: impl FnMut(usize) -> WorkerId) -> Self {
        Self((0..len.max(1)).map(make).collect())
    }

    pub(super) fn first(&self) -> WorkerId {
        self.0[0]
    }

    pub(super) fn all(&self) -> &[WorkerId] {
        &self.0
    }
}

#[cfg(not(feature = "workers"))]
impl WorkerList {
    pub(super) fn new(_: usize, mut make: impl FnMut(usize) -> WorkerId) -> Self {
        Self(make(0))
    }

    pub(super) const fn first(&self) -> WorkerId {
        self.0
    }

    pub(super) const fn all(&self) -> &[WorkerId] {
        std::slice::from_ref(&self.0)
    }
}
