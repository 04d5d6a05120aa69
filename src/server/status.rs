//! The state of a host in the log, at once or by a signal, and what it has of the logger.

use std::io;

use crate::host::Host;
use crate::server::Server;

impl Server {
    /// Sets a function that knows how many lines the logger of this process has dropped since its
    /// start. The number is in [`Metrics`](crate::Metrics) and in the state that
    /// [`Host::log_status`] logs, which lack it by default. The loop calls the function each time
    /// that one of them is taken, so it must not wait.
    pub const fn log_lines_dropped(&mut self, count: fn() -> u64) -> &mut Self {
        self.log_lines_dropped = Some(count);
        self
    }
}

impl Host {
    /// Logs the state of this host in one line, and that of each service in another one, in the
    /// order in which they were mounted. The lines are at level info, with the target
    /// `switchboard::status`. This looks at each socket, in memory alone.
    pub fn log_status(&self) {
        self.hub().log_status(self.now());
    }

    /// Makes SIGUSR1 log the state of this host, as [`Host::log_status`] does. Before that, it
    /// calls `act` on the thread of the host, such as to open the file of a log again. `act` must
    /// not block.
    ///
    /// It sets the action of the signal for the whole process. The host that called this last has
    /// the signal. When that is dropped, the signal does nothing: tools that rotate logs may send
    /// it at any time, and its default action would end the process.
    ///
    /// # Errors
    /// The system has no descriptor left for the pipe, or refuses the signal handler.
    pub fn log_status_on_signal(
        &mut self,
        mut act: impl FnMut() + Send + 'static,
    ) -> io::Result<()> {
        self.on_status_signal(move |hub, now| {
            act();
            hub.log_status(now);
        })
    }
}
