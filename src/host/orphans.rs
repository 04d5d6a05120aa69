//! Orphans: processes that child processes leave behind when they exit. The system makes them
//! children of process 1, or of a process that asks for it. That process has to wait for each, or
//! they stay zombies.

use std::io;

use crate::host::poll::Host;
use crate::sys;

impl Host {
    /// Makes this process the parent of all processes that the programs of this host leave behind,
    /// in any process group (`PR_SET_CHILD_SUBREAPER`), and waits for each when it exits. When the
    /// host ends, it kills those that are left and logs them: no process of its programs outlives
    /// it. A host without programs leaves nothing behind.
    ///
    /// For a `main` that has no other host and starts no children after this call: they would be
    /// taken for orphans. It holds until the process ends.
    ///
    /// # Errors
    /// The system refuses it (before Linux 3.4, and in some sandboxes), or gives no pipe or no
    /// thread. Processes that leave their group then go to process 1, as without this call.
    pub fn adopt_orphans(&self) -> io::Result<()> {
        let resolver = self.io.resolver.as_ref();
        resolver.map_or(Ok(()), |resolver| resolver.adopt_orphans())
    }

    /// Waits for all children of this process that exit and are no programs of this host, until the
    /// process ends. For the `main` of process 1, if it has no other host and starts no children of
    /// its own: their exit statuses would be lost.
    ///
    /// # Errors
    /// The error of the system, such as no pipe or no thread.
    pub fn reap_orphans(&self) -> io::Result<()> {
        match &self.io.resolver {
            Some(resolver) => resolver.reap_orphans(),
            None => sys::orphans::ignore_exits(),
        }
    }
}
