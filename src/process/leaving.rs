//! `Leaving`: the processes of sockets that have gone, which have some time to end. If there are
//! too many, the oldest process of the address with the most is killed. So no address takes that
//! time from another with fewer.

use std::collections::{HashMap, VecDeque};

use crate::hub::Holder;
use crate::process::pump::ProcessId;

/// Processes in the order in which they were stopped, and the address that each counts for.
#[derive(Debug, Default)]
pub(super) struct Leaving(VecDeque<(ProcessId, Holder)>);

impl Leaving {
    /// A process is stopped.
    pub(super) fn insert(&mut self, process: ProcessId, of: Holder) {
        self.0.push_back((process, of));
    }

    /// A process has gone.
    pub(super) fn remove(&mut self, process: ProcessId) {
        self.0.retain(|(leaving, _)| *leaving != process);
    }

    /// Removes a process that is to be killed, if there are more than `max`.
    pub(super) fn take_surplus(&mut self, max: usize) -> Option<ProcessId> {
        if self.0.len() <= max {
            return None;
        }
        // They are few, and counted only when they are too many.
        let mut counts = HashMap::new();
        for (_, of) in &self.0 {
            *counts.entry(*of).or_insert(0) += 1;
        }
        let most = *counts.values().max()?;
        let oldest = self.0.iter().position(|(_, of)| counts[of] == most)?;
        self.0.remove(oldest).map(|(process, _)| process)
    }
}
