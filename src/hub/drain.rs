//! The clean stop: sockets are closed with 1001, spread over a window so that not all of
//! their peers come back at once; then services finish.

use crate::hub::socket::Standing;
use crate::hub::station::State;
use crate::hub::{Hub, Output, StationId};
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Close, CloseCode};

/// How far a clean stop has come.
#[derive(Debug)]
pub(super) struct Drain {
    /// When what is left is dropped.
    end: Time,
    /// When the next slice of sockets is closed; nothing once all were.
    next: Option<Time>,
    /// How many sockets a slice has.
    slice_len: usize,
    /// The place in the table where the next slice begins.
    place: usize,
}

impl Drain {
    pub(super) fn deadline(&self) -> Option<Time> {
        Some(self.next.unwrap_or(self.end))
    }
}

impl Hub {
    /// Begins a clean stop. No more connections are to be accepted.
    pub fn drain(&mut self, now: Time) {
        if self.drain.is_some() {
            return;
        }
        let slices = (self.limits.drain_spread_ms / SLICE_MS).max(1);
        let slices = usize::try_from(slices).unwrap_or(usize::MAX);
        self.drain = Some(Drain {
            end: now.after(self.limits.drain_ms_max),
            next: Some(now),
            slice_len: self.sockets.len().div_ceil(slices).max(SLICE_SOCKETS_MIN),
            place: 0,
        });
        self.drain_some(now);
    }

    /// Whether a clean stop has begun, and no socket is left.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drain.is_some() && self.sockets.is_empty()
    }

    /// Tells all services that run to finish. Comes after [`Hub::is_drained`].
    pub fn stop_services(&mut self) {
        let running = |place: &usize| self.stations[*place].state != State::Idle;
        let running: Vec<_> = (0..self.stations.len()).filter(running).collect();
        self.outputs.extend(running.into_iter().map(|place| Output::Stop(StationId::new(place))));
    }

    /// Closes the next slice, or drops what is left at the end.
    pub(super) fn drain_some(&mut self, now: Time) {
        let Some(drain) = &mut self.drain else { return };
        if now >= drain.end {
            drain.next = None;
            drain.end = now.after(SLICE_MS);
            for id in self.socket_ids() {
                self.fail(id, "the server has stopped", now);
            }
            return;
        }
        if drain.next.is_none_or(|next| now < next) {
            return;
        }
        let (from, to) = (drain.place, drain.place + drain.slice_len);
        drain.place = to;
        drain.next = Some(now.after(SLICE_MS));
        let mut ids = self.socket_ids();
        ids.retain(|id| (from..to).contains(&id.index()));
        for id in ids {
            self.drain_socket(id, now);
        }
        let last = self.sockets.iter().map(|(place, _)| place).max().unwrap_or(0);
        if let Some(drain) = self.drain.as_mut().filter(|drain| drain.place > last) {
            drain.next = None;
        }
    }

    fn drain_socket(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.socket_mut(id) else { return };
        match socket.standing {
            Standing::Member => {
                let close = Close::new(CloseCode::GOING_AWAY, "the server is stopping");
                socket.session.close(&close, now);
                self.touch(id);
            }
            Standing::Waiting | Standing::Asked => {
                self.respond(id, &super::admit::unavailable("the server is stopping", 5), now);
            }
            // Whoever has not asked yet is not waited for; an answer that is on its way is.
            Standing::Stranger if !socket.session.is_answered() => {
                self.fail(id, "the server is stopping", now);
            }
            Standing::Stranger | Standing::Left => {}
        }
    }

    fn socket_ids(&self) -> Vec<SocketId> {
        self.sockets
            .iter()
            .filter_map(|(place, socket)| SocketId::new(place, socket.serial))
            .collect()
    }
}

/// The time from one slice to the next.
const SLICE_MS: u64 = 100;
/// So that a handful of sockets is not spread over a window.
const SLICE_SOCKETS_MIN: usize = 64;
