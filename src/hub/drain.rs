//! The clean stop: sockets are closed with 1001, spread over a window so that their peers do not
//! all reconnect at once; then services finish.

use std::vec::IntoIter;

use crate::hub::eager::EagerServices;
use crate::hub::refusal::unavailable;
use crate::hub::socket::Membership;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::RunState;
use crate::hub::{Hub, Output};
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Close, CloseCode};

/// How far a clean stop has come.
#[derive(Debug)]
pub(super) struct Drain {
    /// When the remaining sockets are dropped.
    end: Time,
    /// When the next slice of sockets is closed.
    next: Time,
    /// The sockets that are still to be closed.
    rest: IntoIter<SocketId>,
    /// How many sockets a slice has.
    slice_len: usize,
    /// Until when connections without a request may send one, which is answered with 503.
    grace: Time,
    /// The connections without a request.
    silent: Vec<SocketId>,
}

impl Drain {
    pub(super) fn deadline(&self) -> Time {
        let slice = if self.rest.len() == 0 { self.end } else { self.next.min(self.end) };
        if self.silent.is_empty() { slice } else { slice.min(self.grace) }
    }
}

impl Hub {
    /// Begins a clean stop. No more connections are to be accepted.
    pub fn drain(&mut self, now: Time) {
        if self.drain.is_some() {
            return;
        }
        let limits = self.workers.limits_of(None);
        let slices = usize::try_from(limits.drain_spread_ms / SLICE_MS).unwrap_or(usize::MAX);
        let rest = self.sockets.ids();
        self.eager = EagerServices::default();
        self.drain = Some(Drain {
            end: now.after(limits.drain_ms_max),
            next: now,
            slice_len: rest.len().div_ceil(slices.max(1)).max(SLICE_SOCKETS_MIN),
            rest: rest.into_iter(),
            // A health check that has connected already is answered.
            grace: if self.health.is_some() { now.after(GRACE_MS) } else { now },
            silent: Vec::new(),
        });
        self.drain_some(now);
    }

    /// Drops all sockets at once. Services get a close for each, as always.
    pub fn drop_all(&mut self, now: Time) {
        for id in self.sockets.ids() {
            self.fail(id, "the server has stopped", now);
        }
    }

    /// Whether a clean stop has begun, and no socket is left.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drain.is_some() && self.sockets.len() == 0
    }

    /// Asks all running services to finish. Called after [`Hub::is_drained`].
    pub fn stop_services(&mut self) {
        // No other second is over for this log.
        self.log_left_out(Time::from_ms(u64::MAX));
        for worker in self.workers.ids() {
            if self.workers[worker].state != RunState::Idle {
                self.outputs.push_back(Output::Stop(worker));
            }
        }
    }

    /// Closes the next slice, or drops what is left at the end.
    pub(super) fn drain_some(&mut self, now: Time) {
        let Some(drain) = &mut self.drain else { return };
        if now >= drain.end {
            drain.end = now.after(SLICE_MS);
            return self.drop_all(now);
        }
        let mut slice = Vec::new();
        if now >= drain.grace {
            slice.append(&mut drain.silent);
        }
        if now >= drain.next {
            drain.next = now.after(SLICE_MS);
            slice.extend(drain.rest.by_ref().take(drain.slice_len));
        }
        for id in slice {
            self.drain_socket(id, now);
        }
    }

    fn drain_socket(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let waits = match socket.membership {
            Membership::Waiting | Membership::Asked => true,
            Membership::None => socket.cold.as_ref().is_some_and(|cold| cold.asked.is_some()),
            Membership::Member | Membership::Left => false,
        };
        if waits {
            return self.respond(id, &unavailable("the server is stopping", 5), now);
        }
        match socket.membership {
            Membership::Member => {
                let close = Close::new(CloseCode::GOING_AWAY, "the server is stopping");
                socket.session.close(&close, now);
                self.end_pause(id, now);
                self.schedule_write(id);
            }
            // The stop waits for answers that are being sent or read from a file. It does not wait
            // for peers without a request, except for health checks.
            Membership::None
                if !socket.session.is_answered() && !socket.flags.has(SocketFlag::Fetches) =>
            {
                match self.drain.as_mut().filter(|drain| now < drain.grace) {
                    Some(drain) => drain.silent.push(id),
                    None => self.fail(id, "the server is stopping", now),
                }
            }
            Membership::None | Membership::Waiting | Membership::Asked | Membership::Left => {}
        }
    }
}

/// The time from one slice to the next.
const SLICE_MS: u64 = 100;
/// How long a connected health check may send its request once the server stops.
const GRACE_MS: u64 = 1_000;
/// A handful of sockets is closed at once, not spread over the window.
const SLICE_SOCKETS_MIN: usize = 64;
