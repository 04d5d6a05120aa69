//! `Groups`: the process groups of a host's programs. Each program leads a group of its own;
//! whoever holds this can end all of them, whatever their services are doing.
//!
//! A leader's number is used as long as nobody has waited for it, since the system may give it
//! to others after that. So both stand under one lock. It is held for system calls that never
//! block.
//!
//! Process 1 also waits for orphans (`reap_orphans`), and must not wait for a program, whose owner
//! would not learn its exit status. Nobody owns a child between its `fork` and `add`. So a child
//! that has exited is an orphan if it is not in the table when all starts have ended that were
//! going on when it was seen. Those who start later do not wait for that, and start others.

use std::collections::BTreeSet;
use std::fmt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::sys::children::{self, Signal};
use crate::host::sys::orphans;

/// The process groups of a host's programs. Clones are about the same ones.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Shared>);

/// How a program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(Option<ExitStatus>);

impl Exit {
    /// What the system tells of it. `None` if this process ignores SIGCHLD, or waits for
    /// children that are not its own: then the system tells nobody.
    #[must_use]
    pub const fn status(self) -> Option<ExitStatus> {
        self.0
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(f, "it exited with {status}"),
            None => f.write_str("it exited, nobody knows how"),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// A leader has left the table, or a start has ended.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    /// Whether no more may begin.
    closed: bool,
    leaders: BTreeSet<u32>,
    /// The starts that are going on, by their number.
    starts: BTreeSet<u64>,
    /// The number of the next one.
    next_start: u64,
    /// A child that has exited, as long as its number certainly means that child.
    suspect: Option<u32>,
}

/// A start that is going on.
#[derive(Debug)]
pub(super) struct Starting<'a> {
    groups: &'a Groups,
    number: u64,
    is_added: bool,
}

impl Starting<'_> {
    /// Notes the group of the child that has begun. If no more may, it is killed.
    pub(super) fn add(mut self, leader: u32) {
        self.is_added = true;
        let mut table = self.groups.table();
        table.leaders.insert(leader);
        if table.closed {
            children::signal_group(leader, Signal::Kill);
        }
    }
}

impl Drop for Starting<'_> {
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
    /// Kills all of them, and whatever is about to be started; for the end of a host. Their
    /// services see them exit.
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

    /// Whether no more may begin.
    pub(super) fn is_closed(&self) -> bool {
        self.table().closed
    }

    /// A start begins. To be held until its child has been [added](Starting::add).
    pub(super) fn starting(&self) -> Starting<'_> {
        let mut table = self.table();
        let number = table.next_start;
        table.next_start += 1;
        table.starts.insert(number);
        Starting { groups: self, number, is_added: false }
    }

    /// Ends a group whose leader has exited: what is left of it is killed, then the leader is
    /// waited for. `None` as long as it has not exited.
    pub(super) fn end(&self, child: &mut Child) -> Option<Exit> {
        let mut table = self.table();
        match children::has_exited(child.id()) {
            Ok(true) => children::signal_group(child.id(), Signal::Kill),
            Ok(false) => return None,
            // Its number may mean others by now, so that its group is beyond reach.
            Err(_) => {}
        }
        table.leaders.remove(&child.id());
        if table.suspect == Some(child.id()) {
            table.suspect = None;
        }
        let exit = Exit(child.try_wait().ok().flatten());
        self.0.changed.notify_all();
        Some(exit)
    }

    /// Waits for all children that have exited and lead no group, which are those that others
    /// have left to process 1. A leader hides those behind it until its owner has waited for it.
    pub(crate) fn reap_orphans(&self) {
        let mut table = self.table();
        while let Some(id) = orphans::exited_child() {
            let begun = table.next_start;
            table.suspect = Some(id);
            while table.suspect.is_some()
                && (table.leaders.contains(&id)
                    || table.starts.first().is_some_and(|start| *start < begun))
            {
                table = self.0.changed.wait(table).unwrap_or_else(PoisonError::into_inner);
            }
            if table.suspect.take().is_some() {
                orphans::reap(id);
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics halfway.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
