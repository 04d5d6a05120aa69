//! The stop: a clean one, which drains, or one that waits for nothing.

use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::io::{Io, StopKind};
use crate::time::Time;

/// How far a stop has come.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// What was asked for.
    kind: Option<StopKind>,
    /// Whether a clean stop begins once all is applied that was sent before it.
    #[cfg(feature = "senders")]
    waits: bool,
    /// When the stop is to be over.
    limit: Time,
    /// When services that do not finish are left behind; set once they were asked to.
    pub(super) end: Option<Time>,
}

/// The result of [`Host::turn`](crate::Host::turn): whether to call it again. A loop may match both
/// variants. A third one would be a break of the API, since loops would not know whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The host goes on: call it again.
    Another,
    /// The host has stopped: drop it.
    Last,
}

impl Engine {
    /// A stop is asked for. A clean one waits until what other threads have sent before it is
    /// applied.
    pub(super) fn ask_to_stop(&mut self, kind: StopKind, io: &mut impl Io, now: Time) {
        #[cfg(feature = "senders")]
        if kind == StopKind::Clean && self.stop.kind.is_none() {
            self.stop.waits = self.stop.waits || io.hold_stop();
            if self.stop.waits {
                return;
            }
        }
        self.stop(kind, io, now);
    }

    /// Begins a clean stop that has waited, if it need not wait any more.
    #[cfg(feature = "senders")]
    pub(super) fn stop_in_turn(&mut self, io: &mut impl Io, now: Time) {
        if self.stop.waits && !io.holds_stop() {
            self.stop.waits = false;
            self.stop(StopKind::Clean, io, now);
        }
    }

    /// A stop is to begin. Only the first request begins it.
    pub(super) fn stop(&mut self, kind: StopKind, io: &mut impl Io, now: Time) {
        let before = self.stop.kind;
        self.stop.kind = before.max(Some(kind));
        if before.is_some() {
            return;
        }
        log::info!(
            target: "switchboard::server",
            "stopping; sockets to close: {}",
            self.hub.sockets_len()
        );
        #[cfg(feature = "admin")]
        self.hub.count_accept_pauses(io.facts().accept_pauses);
        // The port is now free for a successor.
        io.close_listeners();
        self.stop.limit = now.after(self.hub.host_limits().drain_ms_max);
        self.hub.drain(now);
    }

    /// Whether a stop has begun.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stop.kind.is_some()
    }

    /// Whether there is another turn. When the last socket has gone, services are asked to finish.
    /// When they have, or take too long, there is no other turn.
    pub(super) fn progress(&mut self, io: &mut impl Io, now: Time) -> Turn {
        if self.stop.kind == Some(StopKind::Now) {
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
            // One time limit for the whole stop. Services have a minimum in any case.
            self.stop.end = Some(self.stop.limit.max(now.after(Self::SERVICES_MS_MIN)));
            self.hub.stop_services();
            self.carry_out(io, now);
        }
        let running = io.running_len();
        if running == 0 {
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

    /// Drops all sockets, and notifies services as far as they still run. For an engine that has no
    /// other turn.
    pub fn drop_all(&mut self, io: &mut impl Io, now: Time) {
        self.budget = Budget::ENDLESS;
        self.hub.drop_all(now);
        self.carry_out(io, now);
    }

    /// Lets all services on the loop finish, at the end of the host, until it `is_over`. A stop
    /// that waits for nothing still calls each of them.
    pub fn finish_loop_services(
        &mut self,
        io: &mut impl Io,
        now: Time,
        is_over: impl Fn() -> bool,
    ) {
        // During a stop, the end of a service is not logged.
        self.hub.drain(now);
        for worker in self.hub.worker_ids() {
            if io.is_on_loop(worker) {
                self.finish(worker, io);
            }
        }
        // Each is called once in any case: it gets its closes, and its stop if no mail is left.
        self.budget = Budget::ENDLESS;
        self.call_services(io, now);
        while !self.calls.is_empty() && !is_over() {
            self.budget = Budget::new(&self.limits);
            self.call_services(io, now);
        }
    }

    /// The minimum time in milliseconds that services get to finish after the last socket has gone;
    /// 0 if the stop waits for nothing.
    #[must_use]
    pub const fn services_ms(&self) -> u64 {
        if matches!(self.stop.kind, Some(StopKind::Now)) { 0 } else { Self::SERVICES_MS_MIN }
    }

    const SERVICES_MS_MIN: u64 = 1_000;
}
