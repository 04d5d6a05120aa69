//! Orphans: processes that programs have left to this one when they exited. The system gives them
//! to process 1, or to a process that has asked for them (`Host::adopt_orphans`). They are waited
//! for when they exit, and killed with the host.
//!
//! They must not be confused with programs: the owner of a program would lose its exit status. A
//! child has no owner between its `fork` and `add`. So a child that has exited is an orphan only if
//! it is not in the table after all starts have ended that were in progress when it was seen. Later
//! starts are starts of other children and need not be waited for.
//!
//! Only this code waits for orphans, under the lock of the table. So under that lock, the number of
//! a child belongs to that child, and not to a later process.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::iter;
use std::process;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use mio::unix::pipe;

use crate::host::thread::spawn;
use crate::process::groups::Groups;
use crate::sys::signals::{SignalKind, SignalPipe};
use crate::sys::{children, orphans};

impl Groups {
    /// Treats all children that this process gets later, and that lead no group, as orphans.
    /// Children that it has now belong to others, such as a shell that has executed this process.
    fn adopt_orphans(&self) {
        let others = listed_children().map(|listed| listed.into_iter().collect());
        // Without a list, processes of the system are no children, and all others are orphans.
        self.table().others = Some(others.unwrap_or_default());
    }

    /// Makes this process the parent of orphans that would go to process 1, and waits for each of
    /// them like [`Groups::reap_orphans_from_now_on`].
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn adopt_orphans_from_now_on(self) -> io::Result<()> {
        // Process 1 gets them anyway.
        if process::id() != 1 {
            crate::sys::own_process::inherit_orphans()?;
        }
        self.adopt_orphans();
        self.reap_orphans_from_now_on()
    }

    /// Waits for each child that exits and leads no group, until the process ends.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn reap_orphans_from_now_on(self) -> io::Result<()> {
        let (sender, mut receiver) = pipe::new()?;
        receiver.set_nonblocking(false)?;
        let caught = SignalPipe::new(SignalKind::Reap, sender)?;
        spawn("orphans".to_owned(), move || {
            // The handler of the signal writes to its pipe.
            let _caught = caught;
            let mut bytes = [0; 64];
            loop {
                // Some may have exited before the handler was there.
                if !self.reap_orphans() {
                    return;
                }
                let read = receiver.read(&mut bytes);
                if read.is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
                    return;
                }
            }
        })?;
        Ok(())
    }

    /// Waits for all children that have exited and lead no group. An exited leader hides those
    /// behind it until its owner has waited for it. Returns whether to call it again.
    fn reap_orphans(&self) -> bool {
        loop {
            // Held for one of them, since a program can leave one after the other without end.
            let mut table = self.table();
            if table.is_ending {
                return false;
            }
            let Ok(Some(id)) = orphans::exited_child() else { return true };
            let begun = table.next_start;
            table.suspect = Some(id);
            while table.suspect.is_some()
                && (table.leaders.contains(&id)
                    || table.starts.first().is_some_and(|start| *start < begun))
            {
                table = self.changed().wait(table).unwrap_or_else(PoisonError::into_inner);
            }
            if table.suspect.take().is_some() {
                orphans::reap(id);
                if let Some(others) = &mut table.others {
                    others.remove(&id);
                }
            }
        }
    }

    /// Kills the orphan that traces a leader, or the orphan that its tracer descends from: while a
    /// child is traced, the system does not report its exit. It kills nothing in a leader's group.
    /// Call it again until the leader has exited, since others may trace it then.
    pub(super) fn end_tracer(&self, leader: u32) {
        let table = self.table();
        let Some(others) = &table.others else { return };
        let Some(tracer) = in_status(leader, "TracerPid:").filter(|tracer| *tracer > 0) else {
            return;
        };
        // It may be a thread. The number of a grandchild may mean another process at any time; that
        // of the child that it comes from does not, under this lock.
        let line = iter::successors(in_status(tracer, "Tgid:"), |id| parent_of(*id));
        let own = process::id();
        let orphan = line.take(DEPTH_MAX).find(|id| parent_of(*id) == Some(own));
        if let Some(orphan) =
            orphan.filter(|id| !others.contains(id) && !table.leaders.contains(id))
        {
            tell(orphan, orphans::kill(orphan));
        }
    }

    /// Kills all orphans, and their new children, and waits for their ends; for the end of a host.
    /// Does nothing without [`Groups::adopt_orphans`].
    pub(super) fn end_orphans(&self) {
        let mut table = self.table();
        let Some(others) = table.others.take() else { return };
        // After this, no other code waits for orphans.
        (table.is_ending, table.suspect) = (true, None);
        let mut ending = EndingOrphans { others, killed: BTreeSet::new() };
        let begun = Instant::now();
        let (mut last, mut looks_in_vain) = (begun, 0);
        // That there is no child at all is certain. A list may miss one that comes meanwhile, so
        // several have to find nothing where others' children are left, or programs to be waited
        // for.
        while looks_in_vain < LOOKS_IN_VAIN_MAX && orphans::exited_child().is_ok() {
            let found = match ending.look(&table.leaders) {
                Ok(found) => found,
                Err(error) => {
                    log::warn!(target: TARGET, "no orphan is found: {error}");
                    break;
                }
            };
            let now = Instant::now();
            let (wait, is_in_vain) = match found {
                // Those that come from them are looked for at once.
                OrphanScan::New => (Duration::ZERO, false),
                OrphanScan::Old => (LOOK_AFTER, false),
                OrphanScan::Nothing => (LOOK_AFTER, true),
            };
            looks_in_vain = if is_in_vain { looks_in_vain + 1 } else { 0 };
            last = if found == OrphanScan::New { now } else { last };
            if now >= last + PATIENCE || now >= begun + END_MAX {
                log::warn!(target: TARGET, "some processes of programs do not end, though killed");
                break;
            }
            let waited = self.changed().wait_timeout(table, wait);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(more) = ending.killed.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            log::warn!(target: TARGET, "and {more} more processes like these are killed");
        }
    }
}

/// Orphans that are being ended.
struct EndingOrphans {
    /// Children of others.
    others: BTreeSet<u32>,
    /// Those that have been killed, or would have been.
    killed: BTreeSet<u32>,
}

impl EndingOrphans {
    /// Kills all children that are found.
    fn look(&mut self, leaders: &BTreeSet<u32>) -> io::Result<OrphanScan> {
        let (mut found, mut zombies) = (OrphanScan::Nothing, Vec::new());
        for id in listed_children()? {
            if self.others.contains(&id) {
                continue;
            }
            let is_leader = leaders.contains(&id);
            // Where /proc is that of other processes, the number may be no child's.
            match (children::has_exited(id), is_leader) {
                (Ok(false), false) => {
                    let result = orphans::kill(id);
                    if result.is_ok() {
                        found = found.max(OrphanScan::Old);
                    }
                    if self.killed.insert(id) {
                        found = OrphanScan::New;
                        if self.killed.len() <= NAMED_MAX {
                            tell(id, result);
                        }
                    }
                }
                // It has been killed, and its owner waits for it.
                (Ok(false), true) => found = found.max(OrphanScan::Old),
                (Ok(true), false) => zombies.push(id),
                (Ok(true), true) | (Err(_), _) => {}
            }
        }
        // Zombies stay until none lives: they count for the limit of processes (`prlimit --nproc`),
        // so that a program which forks without end cannot start others in their place.
        if found == OrphanScan::Nothing && !zombies.is_empty() {
            zombies.into_iter().for_each(orphans::reap);
            return Ok(OrphanScan::New);
        }
        Ok(found)
    }
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OrphanScan {
    /// No child that is to be ended.
    Nothing,
    /// Only those that have been killed and still live.
    Old,
    /// Others, living or not.
    New,
}

/// Names a process that has been killed, and is a zombie at least.
fn tell(id: u32, result: io::Result<()>) {
    let name = fs::read(format!("/proc/{id}/comm")).unwrap_or_default();
    let name = String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name));
    match result {
        Ok(()) => log::warn!(
            target: TARGET,
            "process {id} {name:?} is killed: it left the process group of its program"
        ),
        Err(error) => log::warn!(
            target: TARGET,
            "process {id} {name:?} outlives the server: it left the process group of its program, \
             and cannot be killed: {error}"
        ),
    }
}

/// The children of this process that `/proc` lists, those that have exited as well.
fn listed_children() -> io::Result<Vec<u32>> {
    let own = process::id();
    // The main thread gets the orphans. One read: a process that forks and exits at once has gone
    // before a list of all processes has been looked through.
    if let Ok(text) = fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        // The newest first, since it is the one that may have gone soonest.
        return Ok(text.rsplit(' ').filter_map(|id| id.parse().ok()).collect());
    }
    // Without CONFIG_PROC_CHILDREN. The names come first, since a list whose entries take a while
    // never ends while there are new ones.
    let names: Vec<_> = fs::read_dir("/proc")?.flatten().map(|entry| entry.file_name()).collect();
    let ids = names.iter().filter_map(|name| name.to_str()?.parse().ok());
    Ok(ids.filter(|id| parent_of(*id) == Some(own)).collect())
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
    // `1 (name) S 0 ...`: the name may hold anything, the state and the parent come behind it.
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// A number that the system reports about a process.
fn in_status(id: u32, name: &str) -> Option<u32> {
    // The name need not be UTF-8; its newlines are escaped.
    let status = fs::read(format!("/proc/{id}/status")).ok()?;
    String::from_utf8_lossy(&status)
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .trim()
        .parse()
        .ok()
}

const TARGET: &str = "switchboard::program";
/// How long a process that is killed may live. It ends once it is its turn on a busy machine,
/// unless it waits for a device.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time in which new ones come all the while.
const END_MAX: Duration = Duration::from_secs(30);
/// From how far an orphan what traces may come.
const DEPTH_MAX: usize = 1_000;
/// How many looks in a row have to find nothing.
const LOOKS_IN_VAIN_MAX: u32 = 3;
/// When it is looked again if nothing was found.
const LOOK_AFTER: Duration = Duration::from_millis(10);
/// How many are named in the log.
const NAMED_MAX: usize = 20;
