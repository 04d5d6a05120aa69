//! The clean stop: who may ask for it, and how far it has come. Asked once, the host drains;
//! asked twice, it stops at once.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::unix::pipe;

use crate::host::bell::Alarm;
use crate::host::sys;

/// Stops a host from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    requests: Arc<AtomicUsize>,
    alarm: Alarm,
}

impl Stopper {
    pub(super) fn new(alarm: Alarm) -> Self {
        Self { requests: Arc::default(), alarm }
    }

    /// Asks for a clean stop: no more connections are accepted, sockets are closed with 1001,
    /// services get time to finish. Asked again, the host stops at once.
    pub fn stop(&self) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.alarm.wake();
    }

    /// How often a stop was asked for.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// SIGINT and SIGTERM as readable bytes.
#[derive(Debug)]
pub(super) struct Signals {
    receiver: pipe::Receiver,
    /// Held open for the signal handler.
    _sender: pipe::Sender,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let (sender, receiver) = pipe::new()?;
        sys::write_on_stop_signals(&sender)?;
        Ok(Self { receiver, _sender: sender })
    }

    /// How many signals came.
    pub(super) fn take(&mut self) -> usize {
        let mut bytes = [0; 16];
        self.receiver.read(&mut bytes).unwrap_or(0)
    }

    pub(super) const fn source(&mut self) -> &mut pipe::Receiver {
        &mut self.receiver
    }
}

impl Drop for Signals {
    /// Before the pipe is closed, whose number the system may give to another file.
    fn drop(&mut self) {
        sys::forget_stop_signals();
    }
}
