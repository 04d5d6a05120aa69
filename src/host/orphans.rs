//! Process 1 inherits the children of whatever exits before them, and has to wait for each, or they
//! stay zombies. In a container the server is process 1, unless something else starts it there.

use std::io;

use crate::host::Host;

impl Host {
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

        use crate::host::sys::signals::{self, Wish};

        let (sender, mut receiver) = pipe::new()?;
        receiver.set_nonblocking(false)?;
        signals::write_on_signals(Wish::Reap, &sender)?;
        let groups = self.programs.groups();
        thread::Builder::new().name("orphans".to_owned()).spawn(move || {
            // The handler of the signal writes to it.
            let _open = sender;
            let mut bytes = [0; 64];
            loop {
                // Some may have exited before the handler was there.
                groups.reap_orphans();
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
