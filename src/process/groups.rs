//! `Groups`: the process groups of a host's programs. Each program leads its own group. The owner
//! of this can end all of them, whatever their services are doing.
//!
//! A leader's number is used only until the leader is waited for, since the system may give it to
//! others after that. So using the number and waiting are under one lock. It is held only for
//! system calls that never block. Orphans of programs are in `orphans`.

use std::collections::BTreeSet;
use std::fmt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::sys::children::{self, Signal};

/// The process groups of a host's programs. Clones are about the same ones.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<SharedGroups>);

/// How a program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessExit(Option<ExitStatus>);

impl ProcessExit {
    /// The exit status. `None` if this process ignores SIGCHLD, or another part of it has waited
    /// for the child: then the status is lost.
    #[must_use]
    pub const fn status(self) -> Option<ExitStatus> {
        self.0
    }
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(f, "it exited with {status}"),
            None => f.write_str("it exited with an unknown status"),
        }
    }
}

#[derive(Debug, Default)]
struct SharedGroups {
    table: Mutex<GroupTable>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct GroupTable {
    /// Whether no more programs may start.
    closed: bool,
    pub(super) leaders: BTreeSet<u32>,
    /// The starts in progress, by their number.
    pub(super) starts: BTreeSet<u64>,
    /// The number of the next one.
    pub(super) next_start: u64,
    /// A child that has exited, while its number certainly is that of this child.
    pub(super) suspect: Option<u32>,
    /// The children that this process had before it adopted orphans, if it has.
    pub(super) others: Option<BTreeSet<u32>>,
    /// Whether orphans are being ended; then only that waits for them.
    pub(super) is_ending: bool,
}

/// A start in progress.
#[derive(Debug)]
pub(super) struct StartInProgress<'a> {
    groups: &'a Groups,
    number: u64,
    is_added: bool,
}

impl StartInProgress<'_> {
    /// Adds the group of the started child. If no more may start, it is killed.
    pub(super) fn add(mut self, leader: u32) {
        self.is_added = true;
        let mut table = self.groups.table();
        table.leaders.insert(leader);
        if table.closed {
            children::signal_group(leader, Signal::Kill);
        }
    }
}

impl Drop for StartInProgress<'_> {
    fn drop(&mut self) {
        let mut table = self.groups.table();
        table.starts.remove(&self.number);
        if !self.is_added {
            // The standard library has waited for the child, if there was one.
            table.suspect = None;
        }
        self.groups.0.changed.notify_all();
    }
}

impl Groups {
    /// Kills all of them, and all that are being started; for the end of a host. Their services see
    /// them exit.
    pub fn kill_all(&self) {
        let mut table = self.table();
        table.closed = true;
        for &leader in &table.leaders {
            children::signal_group(leader, Signal::Kill);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().leaders.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no more programs may start.
    pub(super) fn is_closed(&self) -> bool {
        self.table().closed
    }

    /// A start begins. To be held until its child has been [added](Starting::add).
    pub(super) fn starting(&self) -> StartInProgress<'_> {
        let mut table = self.table();
        let number = table.next_start;
        table.next_start += 1;
        table.starts.insert(number);
        StartInProgress { groups: self, number, is_added: false }
    }

    /// Ends a group whose leader has exited: what is left of it is killed, then the leader is
    /// waited for. `None` as long as it has not exited.
    pub(super) fn end(&self, child: &mut Child) -> Option<ProcessExit> {
        let mut table = self.table();
        match children::has_exited(child.id()) {
            Ok(true) => children::signal_group(child.id(), Signal::Kill),
            Ok(false) => return None,
            // Its number may belong to others by now, so that its group cannot be killed.
            Err(_) => {}
        }
        table.leaders.remove(&child.id());
        if table.suspect == Some(child.id()) {
            table.suspect = None;
        }
        let exit = ProcessExit(child.try_wait().ok().flatten());
        self.0.changed.notify_all();
        Some(exit)
    }

    /// Notifies that a leader has left the table, or that a start has ended.
    pub(super) fn changed(&self) -> &Condvar {
        &self.0.changed
    }

    pub(super) fn table(&self) -> MutexGuard<'_, GroupTable> {
        // No code panics while it holds the lock.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
