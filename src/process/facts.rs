//! `Processes`: which processes of a program run, for operators. Its pump writes it, and the loop
//! reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::host::resolver::ProgramFacts;

/// The processes of one program. Clones are about the same ones. The lock is held only to change or
/// copy a few numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes(Arc<Mutex<ProgramFacts>>);

impl Processes {
    /// A process runs.
    pub(super) fn add(&self, pid: u32) {
        self.lock().pids.push(pid);
    }

    /// A process has exited.
    pub(super) fn remove(&self, pid: u32) {
        self.lock().pids.retain(|other| *other != pid);
    }

    /// All have been ended.
    pub(super) fn clear(&self) {
        self.lock().pids = Vec::new();
    }

    /// One has failed, and the run of the service goes on.
    pub(super) fn fail(&self) {
        self.lock().failures += 1;
    }

    /// What is known now.
    pub(super) fn facts(&self) -> ProgramFacts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ProgramFacts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
