//! Who may ask for the clean stop, and what is left to do when a host goes.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use mio::unix::pipe;

use crate::engine::{Event, Services};
use crate::host::events::EventSender;
use crate::host::poll::Host;
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

impl Host {
    /// Waits for the threads of services, if all have ended.
    pub(super) fn join_services(&mut self) {
        if self.io.running_len() == 0 {
            for thread in self.io.leaving.drain(..) {
                // A panic was caught on the thread itself.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Host {
    /// What is left when a host goes: sockets are dropped, of which services hear, and services
    /// are asked to finish. Programs are killed: nothing of them outlives the host, but for what
    /// has left their groups in a process that does not adopt it (`Host::adopt_orphans`).
    fn drop(&mut self) {
        let now = self.now();
        self.engine.drop_all(&mut self.io, now);
        for worker in self.io.workers.iter_mut().flatten() {
            worker.finish();
        }
        let end = Instant::now() + Duration::from_millis(self.engine.services_ms());
        // As far as there is time: what they have not been called with by then goes with them.
        let is_over = || Instant::now() >= end;
        self.engine.finish_loop_services(&mut self.io, now, is_over);
        if let Some(resolver) = &mut self.io.resolver {
            resolver.end();
        }
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
