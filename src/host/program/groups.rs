//! `Groups`: the process groups of a host's programs. Each program leads a group of its own;
//! whoever holds this can end all of them, whatever their services are doing.
//!
//! A leader's number is used as long as nobody has waited for it, since the system may give it
//! to others after that. So both stand under one lock. It is held for system calls that never
//! block.
//!
//! Process 1 also waits for orphans (`reap_orphans`), and must not wait for a program, whose owner
//! would not learn its exit status. Nobody owns a child between its `fork` and `add`, so that no
//! orphan is waited for as long as a guard of `starting` is held.

use std::collections::BTreeSet;
use std::fmt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

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
    /// A leader has left the table.
    left: Condvar,
    /// Read by those who start a child, written by who waits for orphans. Locked before the table.
    starting: RwLock<()>,
}

#[derive(Debug, Default)]
struct Table {
    /// Whether no more may begin.
    closed: bool,
    leaders: BTreeSet<u32>,
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

    /// Notes the group of a child that has just begun. If no more may, it is killed.
    pub(super) fn add(&self, leader: u32) {
        let mut table = self.table();
        table.leaders.insert(leader);
        if table.closed {
            children::signal_group(leader, Signal::Kill);
        }
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
        let exit = Exit(child.try_wait().ok().flatten());
        self.0.left.notify_all();
        Some(exit)
    }

    /// To be held from before a child begins until it has been added.
    pub(super) fn starting(&self) -> RwLockReadGuard<'_, ()> {
        self.0.starting.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for all children that have exited and lead no group, which are those that others
    /// have left to process 1.
    pub(crate) fn reap_orphans(&self) {
        while let Some(leader) = self.reap_up_to_a_leader() {
            // It hides those behind it, until its owner has waited for it.
            let mut table = self.table();
            while table.leaders.contains(&leader) {
                table = self.0.left.wait(table).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Waits for the orphans that the system names before a leader, which it returns.
    fn reap_up_to_a_leader(&self) -> Option<u32> {
        let _none_starts = self.0.starting.write().unwrap_or_else(PoisonError::into_inner);
        loop {
            let id = orphans::exited_child()?;
            if self.table().leaders.contains(&id) {
                return Some(id);
            }
            orphans::reap(id);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics halfway.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
