//! The clean stop: who may ask for it, and how far it has come. Asked once, the host drains;
//! asked twice, it stops at once.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mio::unix::pipe;

use crate::host::bell::Alarm;
use crate::host::sys::signals::{Caught, Wish};
use crate::host::turn::{Host, Turn};
use crate::hub::Budget;
use crate::time::Time;

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

/// How far a host's stop has come.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// How many requests have been heeded.
    pub(super) seen: usize,
    /// When the stop is to be over.
    limit: Time,
    /// When services that do not finish are left behind; set once they were told to.
    pub(super) end: Option<Time>,
}

impl Host {
    /// Heeds the stops that were asked for: the first begins a clean stop.
    pub(super) fn heed_stops(&mut self, now: Time) {
        let requests = self.stopper.requests();
        if self.stop.seen == 0 && requests > 0 {
            log::info!(
                target: "switchboard::server",
                "stopping; sockets to close: {}",
                self.hub.sockets_len()
            );
            // From here on the port is free for a successor.
            self.listeners.clear();
            self.stop.limit = now.after(self.limits.drain_ms_max);
            self.hub.drain(now);
        }
        self.stop.seen = requests;
    }

    /// Whether there is another turn. Once the last socket has gone services are told to
    /// finish, and once they have, or take too long, there is none.
    pub(super) fn progress(&mut self, now: Time) -> Turn {
        if self.stop.seen > 1 {
            log::warn!(
                target: "switchboard::server",
                "stopped at once; sockets dropped: {}",
                self.hub.sockets_len()
            );
            return Turn::Last;
        }
        if !self.hub.is_drained() {
            return Turn::Another;
        }
        if self.stop.end.is_none() {
            // One time for the whole stop, but for a moment that services have in any case.
            self.stop.end = Some(self.stop.limit.max(now.after(SERVICES_MS_MIN)));
            self.hub.stop_services();
            self.carry_out(now);
        }
        let running = self.workers.iter().flatten().count() + self.locals.len();
        if running == 0 {
            for thread in self.leaving.drain(..) {
                // A panic was caught on the thread itself.
                let _ = thread.join();
            }
            return Turn::Last;
        }
        if self.stop.end.is_some_and(|end| now >= end) {
            log::warn!(
                target: "switchboard::server",
                "{running} services do not finish and are left behind"
            );
            return Turn::Last;
        }
        Turn::Another
    }
}

impl Drop for Host {
    /// What is left when a host goes: sockets are dropped, of which services are told, and
    /// services are told to finish. Programs are killed: nothing of them outlives the host, but for
    /// what has left their groups in a process that does not adopt it (`Host::adopt_orphans`).
    fn drop(&mut self) {
        let now = self.now();
        self.budget = Budget::ENDLESS;
        self.hub.drop_all(now);
        self.carry_out(now);
        for worker in self.workers.iter_mut().flatten() {
            worker.finish();
        }
        // Asked again, the host stops at once.
        let patience_ms = if self.stop.seen > 1 { 0 } else { SERVICES_MS_MIN };
        self.finish_locals(now, Duration::from_millis(patience_ms));
        self.programs.end_all();
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

/// How long services may take to finish after the last socket has gone, in any case.
const SERVICES_MS_MIN: u64 = 1_000;
