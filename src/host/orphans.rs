//! Orphans: what programs leave behind when they exit. The system gives them to process 1, or to a
//! process that asks for them, which has to wait for each, or they stay zombies.

use std::io;

use crate::host::Host;

impl Host {
    /// Has the system give this process all that the programs of this host leave behind, in
    /// whatever process group (`PR_SET_CHILD_SUBREAPER`), and waits for each when it exits. The end
    /// of the host kills what is left, and names it in the log: nothing of its programs outlives
    /// it.
    ///
    /// For a `main` that has no other host and starts no children from here on: those would be
    /// taken for orphans, too. It holds up to the end of the process.
    ///
    /// # Errors
    /// The system refuses it, before Linux 3.4 and in some sandboxes, or gives no pipe, or no
    /// thread. Then what leaves its group is up to the system, as without this call.
    #[cfg(feature = "programs")]
    pub fn adopt_orphans(&self) -> io::Result<()> {
        use crate::host::sys::process;

        // Process 1 is given them anyway.
        if std::process::id() != 1 {
            process::inherit_orphans()?;
        }
        self.programs.groups().adopt_orphans();
        self.reap_orphans()
    }

    /// Waits for all children of this process that exit and are no programs of this host, from here
    /// on and up to the end of the process. For the `main` of process 1, if the process has no
    /// other host and starts no children of its own, whose exit statuses would be lost.
    ///
    /// # Errors
    /// The system gives no pipe, or no thread.
    #[cfg(feature = "programs")]
    pub fn reap_orphans(&self) -> io::Result<()> {
        use std::io::{ErrorKind, Read};
        use std::thread;

        use mio::unix::pipe;

        use crate::host::sys::signals::{Caught, Wish};

        let (sender, mut receiver) = pipe::new()?;
        receiver.set_nonblocking(false)?;
        let caught = Caught::new(Wish::Reap, sender)?;
        let groups = self.programs.groups();
        thread::Builder::new().name("orphans".to_owned()).spawn(move || {
            // The handler of the signal writes to its pipe.
            let _caught = caught;
            let mut bytes = [0; 64];
            loop {
                // Some may have exited before the handler was there.
                if !groups.reap_orphans() {
                    return;
                }
                let read = receiver.read(&mut bytes);
                if read.is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
                    return;
                }
            }
        })?;
        Ok(())
    }

    /// Waits for all children of this process that exit, from here on and up to the end of the
    /// process. For the `main` of process 1, if the process starts no children of its own.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(not(feature = "programs"))]
    pub fn reap_orphans(&self) -> io::Result<()> {
        crate::host::sys::orphans::ignore_exits()
    }
}
