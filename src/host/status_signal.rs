//! SIGUSR1 as readable bytes, which asks for the status.

use std::io::{self, Read};

use mio::unix::pipe;

use crate::hub::Hub;
use crate::sys::signals::{SignalKind, SignalPipe};
use crate::time::Time;

/// What a host does when the signal has come. It is a trait so that a program that does not ask for
/// it contains none of the code.
pub(super) trait StatusSignals: Send {
    /// The poll reports bytes of the signal.
    fn take(&mut self, hub: &Hub, now: Time);
}

/// The signal, and what it calls.
pub(super) struct StatusSignal<F> {
    receiver: pipe::Receiver,
    act: F,
    #[expect(dead_code, reason = "it is held for the signal handler")]
    caught: SignalPipe,
}

impl<F: FnMut(&Hub, Time) + Send> StatusSignal<F> {
    pub(super) fn new(act: F) -> io::Result<Self> {
        let (sender, receiver) = pipe::new()?;
        Ok(Self { receiver, act, caught: SignalPipe::new(SignalKind::Status, sender)? })
    }

    pub(super) const fn source(&mut self) -> &mut pipe::Receiver {
        &mut self.receiver
    }
}

impl<F: FnMut(&Hub, Time) + Send> StatusSignals for StatusSignal<F> {
    /// Signals of one moment are one.
    fn take(&mut self, hub: &Hub, now: Time) {
        let mut bytes = [0; 64];
        let mut len = 0;
        // The poll reports edges: what is left would hide the next signal.
        while let Ok(more @ 1..) = self.receiver.read(&mut bytes) {
            len += more;
        }
        if len > 0 {
            (self.act)(hub, now);
        }
    }
}
