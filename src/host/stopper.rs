//! Who may ask for the clean stop: other threads, and the signals for it.

use std::io::{self, Read};

use mio::unix::pipe;

use crate::engine::Event;
use crate::host::events::EventSender;
use crate::sys::signals::{Caught, Wish};

/// Stops a host from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    events: EventSender,
}

impl Stopper {
    pub(super) const fn new(events: EventSender) -> Self {
        Self { events }
    }

    /// Asks for a clean stop: no more connections are accepted, sockets are closed with 1001,
    /// services get time to finish. Asked again, the host stops at once.
    pub fn stop(&self) {
        self.events.send(Event::Stop);
    }
}

/// SIGINT and SIGTERM as readable bytes.
#[derive(Debug)]
pub(super) struct Signals {
    receiver: pipe::Receiver,
    #[expect(dead_code, reason = "it is held for the signal handler")]
    caught: Caught,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let (sender, receiver) = pipe::new()?;
        Ok(Self { receiver, caught: Caught::new(Wish::Stop, sender)? })
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
