//! SIGHUP: it calls a function instead of ending the process, from the start of the process. And
//! whether the terminal has gone, which sends SIGHUP as well.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use mio::unix::pipe;

use crate::host::thread::spawn;
use crate::sys::signals::{self, SignalKind, SignalPipe};

/// Keeps SIGHUP from ending this process. A signal that comes before [`on_hangup`] is handled by
/// it. Call this at the start of `main`. Returns the terminal that the process was started from.
#[must_use]
pub fn hold_hangups() -> Terminal {
    // If the signal cannot be caught, it ends the process as before.
    let is_ignored = signals::catch_signals(SignalKind::Reload).unwrap_or(false);
    Terminal { is_watched: !is_ignored && open_terminal().is_ok() }
}

/// The terminal that a process was started from.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether there was one, and the process was not started with SIGHUP ignored.
    is_watched: bool,
}

impl Terminal {
    /// For a process that another one starts and stops: no terminal concerns it.
    #[must_use]
    pub const fn none() -> Self {
        Self { is_watched: false }
    }

    /// Whether the terminal has gone, such as a closed window or a lost connection: then SIGHUP
    /// came from it, and the process has to end. Always false if there was no terminal at the
    /// start, or if SIGHUP was ignored then, as by `nohup`.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        let is_gone = |error: io::Error| {
            // Any other error, such as a lack of descriptors, says nothing about the terminal.
            matches!(error.raw_os_error(), Some(libc::ENXIO | libc::EIO))
        };
        self.is_watched && open_terminal().is_err_and(is_gone)
    }
}

/// The name of the terminal of each process. It can be opened as long as the terminal is there.
fn open_terminal() -> io::Result<()> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open("/dev/tty").map(drop)
}

/// Calls `act` for each SIGHUP, on a thread of its own, so that it may read files. Several signals
/// that come during a call may count as one. It holds until the returned value is dropped: after
/// that, SIGHUP ends the process again. A process needs only one.
///
/// # Errors
/// The system gives no pipe, or no thread.
pub fn on_hangup(mut act: impl FnMut() + Send + 'static) -> io::Result<Hangups> {
    let (sender, mut receiver) = pipe::new()?;
    receiver.set_nonblocking(false)?;
    spawn("reloads".to_owned(), move || {
        let mut bytes = [0; 16];
        // The thread ends when the other end is closed.
        while receiver.read(&mut bytes).is_ok_and(|len| len > 0) {
            act();
        }
    })?;
    Ok(Hangups { caught: SignalPipe::new(SignalKind::Reload, sender)? })
}

/// Handles SIGHUP until it is dropped: see [`on_hangup`].
#[derive(Debug)]
pub struct Hangups {
    #[expect(dead_code, reason = "it is held for the signal handler")]
    caught: SignalPipe,
}
