//! The wait between two turns: how long there is nothing to do, and when a turn begins and ends.

use std::io;
use std::time::Duration;

use crate::host::clock::{until, whole_ms};
use crate::host::notify::NEVER;
use crate::host::poll::Host;
use crate::net::listener::Listener;
use crate::time::Time;

impl Host {
    /// Sleeps until something happens. Returns the time.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Time> {
        self.io.wake_queue.begin_sleep();
        let timeout = if self.has_work() { Some(Duration::ZERO) } else { self.rest(timeout) };
        let polled = self.io.poll.poll(&mut self.events, timeout);
        self.io.wake_queue.end_sleep();
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        let now = self.clock.elapsed();
        // Without a sleep, one turn ends where the next begins.
        self.end_turn(now);
        self.turn_begun = Some(now);
        Ok(whole_ms(now))
    }

    /// Ends the turn. Returns how long there is nothing to do.
    fn rest(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        let now = self.clock.elapsed();
        self.end_turn(now);
        self.wait_time(timeout, now)
    }

    /// Ends the turn that is not over, if there is one, and counts how long it took.
    pub(super) fn end_turn(&mut self, now: Duration) {
        if let Some(begun) = self.turn_begun.take() {
            self.engine.hub_mut().count_turn(now.saturating_sub(begun));
        }
    }

    /// How long there is nothing to do from `now` on: until a deadline, or what the caller allows.
    pub(super) fn wait_time(&self, timeout: Option<Duration>, now: Duration) -> Option<Duration> {
        // At the maximum, no TLS listener accepts: its deadline would only wake the loop.
        let has_all = self.engine.hub().has_all_handshakes();
        let accepts = |listener: &&Listener| !(has_all && listener.traits().is_secure());
        let accept = self.io.listeners.iter().filter(accepts).filter_map(Listener::deadline).min();
        let deadline = [self.engine.deadline(), accept, self.trims.at].into_iter().flatten().min();
        let report = self.io.reports.as_ref().map_or(NEVER, |reports| reports.deadline());
        let at = deadline.unwrap_or(NEVER).min(report);
        let wait = (at < NEVER).then(|| until(at, now));
        [wait, self.io.loop_services.wait_time(), timeout].into_iter().flatten().min()
    }
}
