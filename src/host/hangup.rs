//! SIGHUP: it has something done instead of ending the process, from its first moment on; and
//! whether the terminal has gone that sends it as well.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::thread;

use mio::unix::pipe;

use crate::sys::signals::{self, SignalKind, SignalPipe};

/// From here on SIGHUP ends this process no more; one that comes is done by [`on_hangup`]. For the
/// beginning of a program's `main`. Returns the terminal that it was started from.
#[must_use]
pub fn hold_hangups() -> Terminal {
    // A signal that cannot be caught ends the process, as ever.
    let is_ignored = signals::catch_signals(SignalKind::Reload).unwrap_or(false);
    Terminal { is_watched: !is_ignored && open_terminal().is_ok() }
}

/// The terminal that a process was started from.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether there was one, and the process was not started to outlive it.
    is_watched: bool,
}

impl Terminal {
    /// Whether it has gone, such as a window that was closed or a connection that was lost: then
    /// it has sent SIGHUP, and the process is to end. Never so if there was none at the start, or
    /// if SIGHUP was ignored then, as by `nohup`.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        let is_gone = |error: io::Error| {
            // What may be missing besides, such as a descriptor, says nothing about it.
            matches!(error.raw_os_error(), Some(libc::ENXIO | libc::EIO))
        };
        self.is_watched && open_terminal().is_err_and(is_gone)
    }
}

/// The system has this name for the terminal of each process, and opens it as long as it is there.
fn open_terminal() -> io::Result<()> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open("/dev/tty").map(drop)
}

/// From here on SIGHUP has `act` called, on a thread of its own, so that it may read files;
/// several signals that come meanwhile may be one. As long as the value is held, one of which is
/// enough for a process: after that, SIGHUP ends the process again.
///
/// # Errors
/// The system gives no pipe, or no thread.
pub fn on_hangup(mut act: impl FnMut() + Send + 'static) -> io::Result<Hangups> {
    let (sender, mut receiver) = pipe::new()?;
    receiver.set_nonblocking(false)?;
    thread::Builder::new().name("reloads".to_owned()).spawn(move || {
        let mut bytes = [0; 16];
        // It ends when the other end is closed.
        while receiver.read(&mut bytes).is_ok_and(|len| len > 0) {
            act();
        }
    })?;
    Ok(Hangups { caught: SignalPipe::new(SignalKind::Reload, sender)? })
}

/// SIGHUP has something called as long as this is held: see [`on_hangup`].
#[derive(Debug)]
pub struct Hangups {
    #[expect(dead_code, reason = "it is held for the signal handler")]
    caught: SignalPipe,
}
