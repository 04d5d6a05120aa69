//! Orphans: what child processes leave behind when they exit. The system gives them to process 1,
//! or to a process that asks for them, which has to wait for each, or they stay zombies.

use std::io;

use crate::host::poll::Host;
use crate::sys;

impl Host {
    /// Has the system give this process all that the programs of this host leave behind, in
    /// whatever process group (`PR_SET_CHILD_SUBREAPER`), and waits for each when it exits. The end
    /// of the host kills what is left, and names it in the log: nothing of its programs outlives
    /// it. A host without programs leaves nothing behind.
    ///
    /// For a `main` that has no other host and starts no children from here on: those would be
    /// taken for orphans, too. It holds up to the end of the process.
    ///
    /// # Errors
    /// The system refuses it, before Linux 3.4 and in some sandboxes, or gives no pipe, or no
    /// thread. Then what leaves its group is up to the system, as without this call.
    pub fn adopt_orphans(&self) -> io::Result<()> {
        let resolver = self.io.resolver.as_ref();
        resolver.map_or(Ok(()), |resolver| resolver.reap_orphans(true))
    }

    /// Waits for all children of this process that exit and are no programs of this host, from here
    /// on and up to the end of the process. For the `main` of process 1, if the process has no
    /// other host and starts no children of its own, whose exit statuses would be lost.
    ///
    /// # Errors
    /// What the system says; it may give no pipe, or no thread.
    pub fn reap_orphans(&self) -> io::Result<()> {
        match &self.io.resolver {
            Some(resolver) => resolver.reap_orphans(false),
            None => sys::orphans::ignore_exits(),
        }
    }
}
