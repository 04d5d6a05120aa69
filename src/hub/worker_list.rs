//! `WorkerList`: the workers of one service, by their numbers. Without the feature `workers`, it is
//! one worker, so that loops over it cost nothing.

use crate::hub::ids::WorkerId;

/// The workers of one service, at least one.
#[derive(Clone, Debug)]
pub(super) struct WorkerList(
    #[cfg(feature = "workers")] Vec<WorkerId>,
    #[cfg(not(feature = "workers"))] [WorkerId; 1],
);

impl WorkerList {
    /// As many workers as `len` says, which `make` makes by their numbers.
    #[cfg(feature = "workers")]
    pub(super) fn new(len: usize, make: impl FnMut(usize) -> WorkerId) -> Self {
        Self((0..len.max(1)).map(make).collect())
    }

    /// One worker, which `make` makes.
    #[cfg(not(feature = "workers"))]
    pub(super) fn new(_: usize, mut make: impl FnMut(usize) -> WorkerId) -> Self {
        Self([make(0)])
    }

    pub(super) fn first(&self) -> WorkerId {
        self.0[0]
    }

    pub(super) fn all(&self) -> &[WorkerId] {
        &self.0
    }
}
