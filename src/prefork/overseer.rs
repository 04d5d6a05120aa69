//! `Overseer`: what the service manager gets of all processes, as one service.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::process;
use std::time::{Duration, Instant};

use crate::admin::RELOAD_TIME_MAX;
use crate::host::Notifier;
use crate::sys;

/// Reports to the service manager, if there is one. Nothing here waits for it.
pub(super) struct Overseer {
    notifier: Option<Notifier>,
    /// Datagrams that did not fit into its queue.
    unsent: VecDeque<String>,
    /// The next sign of life.
    alive: Option<Instant>,
    /// The earliest next status.
    rest: Option<Instant>,
    /// The last one.
    told: String,
    /// The earliest next request for more time.
    extend: Option<Instant>,
    /// When a reload has taken too long, while there is one.
    reload_end: Option<Instant>,
}

impl Overseer {
    pub(super) const fn new(notifier: Option<Notifier>) -> Self {
        Self {
            notifier,
            unsent: VecDeque::new(),
            alive: None,
            rest: None,
            told: String::new(),
            extend: None,
            reload_end: None,
        }
    }

    /// How often a sign of life is due, in milliseconds; `u64::MAX` if there is no watchdog.
    pub(super) fn watchdog_ms(&self) -> u64 {
        self.notifier.as_ref().map_or(u64::MAX, Notifier::watchdog_ms)
    }

    /// All processes serve.
    pub(super) fn ready(&mut self, now: Instant) {
        self.send(format!("READY=1\nMAINPID={}", process::id()));
        self.alive = (self.watchdog_ms() < u64::MAX).then_some(now);
    }

    /// A reload has begun.
    pub(super) fn begin_reload(&mut self, now: Instant) {
        self.reload_end = Some(now + RELOAD_TIME_MAX);
        self.send(format!("RELOADING=1\nMONOTONIC_USEC={}", sys::monotonic().as_micros()));
    }

    /// No process reloads.
    pub(super) fn end_reload(&mut self) {
        if self.reload_end.take().is_some() {
            self.send("READY=1".to_owned());
        }
    }

    /// Ends a reload that has taken too long. Returns whether there was one. Otherwise a process
    /// that hangs would let the manager wait for ever.
    pub(super) fn end_late_reload(&mut self, now: Instant) -> bool {
        let is_late = self.reload_end.is_some_and(|at| now >= at);
        if is_late {
            self.end_reload();
        }
        is_late
    }

    /// A stop has begun.
    pub(super) fn stop(&mut self) {
        self.reload_end = None;
        self.rest = None;
        self.send("STOPPING=1".to_owned());
    }

    /// A process asks for more time for its stop.
    pub(super) fn extend(&mut self, now: Instant) {
        if self.extend.is_none_or(|at| now >= at) {
            self.extend = Some(now + EXTEND_TIME);
            self.send("EXTEND_TIMEOUT_USEC=10000000".to_owned());
        }
    }

    /// Sends what is due. `status` is asked for only then.
    pub(super) fn tick(&mut self, status: impl Fn() -> String, now: Instant) {
        while let Some(text) = self.unsent.pop_front() {
            let left = self.unsent.len();
            self.send(text);
            if self.unsent.len() > left {
                break;
            }
        }
        if self.alive.is_some_and(|at| now >= at) {
            self.alive = Some(now + Duration::from_millis(self.watchdog_ms()));
            self.send("WATCHDOG=1".to_owned());
        }
        if self.notifier.is_some() && self.rest.is_none_or(|at| now >= at) {
            let status = status();
            if status != self.told {
                self.rest = Some(now + STATUS_TIME);
                self.send(format!("STATUS={status}"));
                self.told = status;
            }
        }
    }

    /// When something is to be sent although nothing happens.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let retry = (!self.unsent.is_empty()).then(|| now + RETRY_TIME);
        let own = self.alive.into_iter().chain(self.rest.filter(|at| *at > now)).chain(retry);
        own.chain(self.reload_end).min()
    }

    fn send(&mut self, text: String) {
        let Some(notifier) = &self.notifier else { return };
        // Datagrams keep their order. Nothing can be done about other faults.
        if !self.unsent.is_empty()
            || notifier.send(&text).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        {
            self.unsent.push_back(text);
            if self.unsent.len() > UNSENT_MAX {
                self.unsent.pop_front();
            }
        }
    }
}

/// The least time between two statuses.
const STATUS_TIME: Duration = Duration::from_secs(10);
/// How often a stop asks for more time, each time for ten seconds from then on.
const EXTEND_TIME: Duration = Duration::from_secs(1);
/// The time after which a full queue is tried again.
const RETRY_TIME: Duration = Duration::from_millis(100);
/// A manager that takes nothing for so long has lost more than the first of them.
const UNSENT_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    /// As while a process hangs.
    #[test]
    fn a_reload_without_an_end_ends_for_the_manager() {
        let (manager, own) = UnixDatagram::pair().expect("it is made");
        manager.set_nonblocking(true).expect("it is set");
        let notifier = Notifier::connected(own, u64::MAX).expect("it is set");
        let mut overseer = Overseer::new(Some(notifier));
        let next = || {
            let mut bytes = [0; 100];
            let len = manager.recv(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes[..len]).into_owned())
        };
        let begin = Instant::now();
        overseer.begin_reload(begin);
        assert!(next().is_some_and(|text| text.starts_with("RELOADING=1\n")));
        assert_eq!(overseer.deadline(begin), Some(begin + RELOAD_TIME_MAX));
        assert!(!overseer.end_late_reload(begin) && next().is_none());
        assert!(overseer.end_late_reload(begin + RELOAD_TIME_MAX));
        assert_eq!(next().as_deref(), Some("READY=1"));
        // A process may say later that it has reloaded.
        overseer.end_reload();
        assert!(!overseer.end_late_reload(begin + 2 * RELOAD_TIME_MAX) && next().is_none());
        assert_eq!(overseer.deadline(begin), None);
    }
}
