//! `TestWaits`: whether a socket waits for an answer that its service has asked for.

#[cfg(feature = "database")]
use std::sync::{Weak, atomic::AtomicBool, atomic::Ordering};

use crate::service::context::RunTasks;

/// The runs of services, of which some may have sockets that wait.
#[derive(Debug, Default)]
pub(super) struct TestWaits {
    #[cfg(feature = "database")]
    runs: Vec<Weak<AtomicBool>>,
}

#[cfg(feature = "database")]
impl TestWaits {
    /// A run begins.
    pub(super) fn add(&mut self, tasks: &RunTasks) {
        self.runs.retain(|run| run.strong_count() > 0);
        self.runs.push(tasks.watch_waits());
    }

    pub(super) fn any(&self) -> bool {
        self.runs.iter().filter_map(Weak::upgrade).any(|waits| waits.load(Ordering::Relaxed))
    }
}

/// Without databases, no socket waits.
#[cfg(not(feature = "database"))]
#[expect(clippy::unused_self, reason = "there are none")]
impl TestWaits {
    pub(super) const fn add(&mut self, _: &RunTasks) {}

    pub(super) const fn any(&self) -> bool {
        false
    }
}
