//! Requests for a stop: from other threads, and by signals.

use std::io::{self, Read};
use std::mem;

use mio::unix::pipe;

use crate::engine::{HostEvent, StopKind};
use crate::host::events::EventSender;
use crate::sys::signals::{SignalKind, SignalPipe};

/// Stops a host, from any thread. Its methods return at once, and have no effect on a host that has
/// ended. [`Host::run`](crate::Host::run) returns when the stop is complete.
#[derive(Clone, Debug)]
pub struct Stopper {
    events: EventSender,
}

impl Stopper {
    pub(super) const fn new(events: EventSender) -> Self {
        Self { events }
    }

    /// Asks for a clean stop. No more connections are accepted, and sockets are closed with 1001,
    /// spread over [`Limits::drain_spread_ms`](crate::Limits::drain_spread_ms). Then services
    /// finish. What is left after [`Limits::drain_ms_max`](crate::Limits::drain_ms_max) is dropped.
    /// A second call changes nothing.
    pub fn stop(&self) {
        self.events.send(HostEvent::Stop(StopKind::Clean));
    }

    /// Asks for a stop that waits for nothing: sockets are dropped, and services that do not finish
    /// are left behind. It may follow a clean stop, or come alone.
    pub fn stop_now(&self) {
        self.events.send(HostEvent::Stop(StopKind::Now));
    }
}

/// SIGINT and SIGTERM as readable bytes.
#[derive(Debug)]
pub(super) struct Signals {
    receiver: pipe::Receiver,
    /// What the next signal asks for.
    next: StopKind,
    #[expect(dead_code, reason = "it is held for the signal handler")]
    caught: SignalPipe,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let (sender, receiver) = pipe::new()?;
        Ok(Self {
            receiver,
            next: StopKind::Clean,
            caught: SignalPipe::new(SignalKind::Stop, sender)?,
        })
    }

    /// What the signals that have come ask for, if there are any. Signals of one moment are one
    /// request, as when a terminal and a parent process each send one.
    pub(super) fn take(&mut self) -> Option<StopKind> {
        let mut bytes = [0; 16];
        let len = self.receiver.read(&mut bytes).unwrap_or(0);
        (len > 0).then(|| mem::replace(&mut self.next, StopKind::Now))
    }

    pub(super) const fn source(&mut self) -> &mut pipe::Receiver {
        &mut self.receiver
    }
}
