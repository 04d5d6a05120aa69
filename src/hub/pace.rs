//! Senders that wait for listeners. A service may name the sender of a message that it forwards
//! ([`Audience::slowing`]). The sender is then not read while listeners are full. The rules:
//!
//! - A sender waits only after it has sent more than `outbox_low_bytes` within a second, and for
//!   the rest of that second at most. So a peer that sends little never waits, and no sender is
//!   slowed below that rate, however many listeners are full.
//! - Senders wait for a listener for one second in total. Each `outbox_bytes_max` bytes that it
//!   takes restore the second. When it is used up, the listener is closed with 1013. So a slow
//!   listener cannot hold senders below `outbox_bytes_max` a second for long.
//! - When a full listener leaves, the part of the second that it had used counts for listeners that
//!   become full later. It shrinks by a tenth of a second each second, and is at most seven eighths
//!   of a second. So listeners that connect, read nothing and connect again stop senders for an
//!   eighth of the time, not all of it.
//! - The seconds of all full listeners run at the same time. A message costs one check of each
//!   listener, and a list entry for its sender if any is full.

use log::Level;

use crate::hub::paced::{SECOND_MS, second};
use crate::hub::report::log_socket;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket::{Membership, Socket};
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{Hub, ServiceId, WorkerId};
use crate::limits::Limits;
use crate::service::{Audience, SocketId};
use crate::time::Time;
use crate::ws::{Close, CloseCode};

impl Hub {
    /// A message that slows its sender is sent to an audience. It is sent in any case. The sender
    /// waits if it has sent much and listeners are full.
    pub(super) fn pace(&mut self, worker: WorkerId, to: &Audience, bytes: usize, now: Time) {
        let sender = to.slows;
        let share = self.workers[worker].limits.outbox_low_bytes;
        let service = self.workers[worker].service;
        // A second that is over ends here, before the next one begins: its deadline may be due.
        self.expire_pace(sender, now);
        let Some(socket) = self.member(worker, sender) else { return };
        if !socket.session.is_open() {
            return;
        }
        let paced = &mut socket.cold.get_or_insert_default().paced;
        if now.since(paced.begun) >= SECOND_MS {
            (paced.begun, paced.sent_bytes) = (now, 0);
        }
        paced.sent_bytes = paced.sent_bytes.saturating_add(bytes + Limits::MAIL_ITEM_BYTES);
        if paced.sent_bytes <= share {
            return;
        }
        let mut waits = false;
        for id in self.ids_in(service, &to.who) {
            waits |= id != sender && to.but != Some(id) && self.is_full(worker, id, now);
        }
        let Some(socket) = self.member(worker, sender).filter(|_| waits) else { return };
        if socket.flags.set(SocketFlag::Waits) {
            log_socket(Level::Trace, sender, format_args!("it is not read: listeners are full"));
            let pace = &mut self.services[service].pace;
            if pace.held.is_empty() {
                pace.since = now;
            }
            pace.held.push(sender);
            self.schedule_write(sender);
        }
    }

    /// Whether a listener is full: more than `outbox_high_bytes` were left by the last write.
    fn is_full(&mut self, worker: WorkerId, id: SocketId, now: Time) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        if socket.flags.has(SocketFlag::Slow) {
            return true;
        }
        let WorkerSlot { service, limits, .. } = &self.workers[worker];
        let is_full = socket.session.unsent_len() > limits.outbox_high_bytes;
        let is_member = socket.stands(Membership::Member, worker, &self.workers);
        let is_listener = is_member && socket.session.is_open();
        // The next write may send everything that was queued in this turn.
        if !is_full || !is_listener || socket.flags.has(SocketFlag::Touched) {
            return false;
        }
        socket.flags.set(SocketFlag::Slow);
        let paced = &mut socket.cold.get_or_insert_default().paced;
        let pace = &mut self.services[*service].pace;
        paced.clock = pace.clock(now);
        paced.used = paced.used.max(pace.spent(limits, now));
        pace.full_len += 1;
        true
    }

    /// A write to a socket was tried and took so many bytes. A listener that has used up its second
    /// is closed only here, after it had a chance to take something.
    pub(super) fn pay(&mut self, id: SocketId, bytes_len: usize, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let is_kept = socket.cold.is_some() || !socket.flags.has(SocketFlag::Slow);
        debug_assert!(is_kept, "a listener that is full has its second");
        let (Some(cold), Some(worker)) = (&mut socket.cold, socket.worker) else { return };
        let WorkerSlot { service, limits, counters, .. } = &mut self.workers[worker];
        let (service, limits) = (*service, &*limits);
        let pace = &self.services[service].pace;
        let (paced, is_slow) = (&mut cold.paced, socket.flags.has(SocketFlag::Slow));
        if is_slow {
            paced.charge(pace.clock(now), limits);
        }
        paced.used = paced.used.saturating_sub((bytes_len as u64).saturating_mul(SECOND_MS));
        if !is_slow {
            return;
        }
        let session = &socket.session;
        if session.unsent_len() <= limits.outbox_low_bytes || !session.is_open() {
            self.unslow(id, service, now);
        } else if paced.used >= second(limits) {
            counters.slow_closes.add(1);
            let close = Close::new(CloseCode::TRY_LATER, "it reads more slowly than others send");
            self.close_member(id, &close, now);
        }
    }

    /// A listener has drained, or has left.
    fn unslow(&mut self, id: SocketId, service: ServiceId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.flags.clear(SocketFlag::Slow) {
            let pace = &mut self.services[service].pace;
            pace.full_len = pace.full_len.saturating_sub(1);
            // A sender does not wait for itself.
            if pace.full_len <= 1 {
                self.resume_senders(service, now);
            }
        }
    }

    /// A socket is not a listener any more.
    pub(super) fn leave_pace(&mut self, id: SocketId, service: ServiceId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if let (true, Some(cold)) = (socket.flags.has(SocketFlag::Slow), &mut socket.cold) {
            let ServiceEntry { options, pace, .. } = &mut self.services[service];
            let limits = &options.limits;
            cold.paced.charge(pace.clock(now), limits);
            let spent = pace.spent(limits, now).max(cold.paced.used);
            (pace.spent, pace.spent_at) = (spent.min(second(limits) / 8 * 7), now);
        }
        self.unslow(id, service, now);
        self.end_pace(id, now);
    }

    /// A sender waits no longer, if it did.
    pub(super) fn end_pace(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if let (true, Some(worker)) = (socket.flags.clear(SocketFlag::Waits), socket.worker) {
            self.resume_senders(self.workers[worker].service, now);
        }
    }

    /// A deadline of a socket has come: if it waits and its second is over, it is read.
    pub(super) fn expire_pace(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get(id) else { return };
        let is_over = socket.wait_end().is_some_and(|end| end <= now);
        if let (true, Some(worker)) =
            (socket.flags.has(SocketFlag::Waits) && is_over, socket.worker)
        {
            self.resume_senders(self.workers[worker].service, now);
        }
    }

    /// Reads senders again that have no listener to wait for, or have waited long enough.
    fn resume_senders(&mut self, service: ServiceId, now: Time) {
        let pace = &mut self.services[service].pace;
        let (clock, full_len) = (pace.clock(now), pace.full_len);
        let held = std::mem::take(&mut pace.held);
        for id in held {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let others_len = full_len - usize::from(socket.flags.has(SocketFlag::Slow));
            let waits = socket.flags.has(SocketFlag::Waits)
                && others_len > 0
                && socket.wait_end().is_some_and(|end| now < end);
            if waits {
                self.services[service].pace.held.push(id);
                continue;
            }
            socket.flags.clear(SocketFlag::Waits);
            self.read_again(id, now);
        }
        let pace = &mut self.services[service].pace;
        (pace.waited_ms, pace.since) = (clock, now);
    }

    /// When a sender is read again, or a listener has used up its second.
    pub(super) fn pace_deadline(&self, socket: &Socket) -> Option<Time> {
        let (cold, worker) = (socket.cold.as_ref()?, &self.workers[socket.worker?]);
        let pace = &self.services[worker.service].pace;
        let listens = socket.flags.has(SocketFlag::Slow) && !pace.held.is_empty();
        let listener = listens.then(|| {
            let rate = (second(&worker.limits) / SECOND_MS).max(1);
            let left = second(&worker.limits).saturating_sub(cold.paced.used);
            let clock = cold.paced.clock.saturating_add(left.div_ceil(rate));
            pace.since.after(clock.saturating_sub(pace.waited_ms))
        });
        let sender = socket.wait_end().filter(|_| socket.flags.has(SocketFlag::Waits));
        listener.into_iter().chain(sender).min()
    }
}

impl Socket {
    /// When a sender is read again at the latest.
    fn wait_end(&self) -> Option<Time> {
        Some(self.cold.as_ref()?.paced.begun.after(SECOND_MS))
    }
}
