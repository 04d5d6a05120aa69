//! One budget of memory for all that peers make the hub hold: outboxes, mail, unfinished requests
//! and messages, and unread bytes. An upper bound of new bytes is added up. Only when that may
//! exceed the budget, everything is measured. Then the address that holds most loses sockets first.
//!
//! Closing sockets does not reduce mail, which has limits of its own. So mail counts as half of the
//! budget at most when sockets are closed: sockets may always hold the other half.

use std::collections::HashMap;

use crate::hub::Hub;
use crate::hub::address_key::AddressKey;
use crate::hub::refusal::unavailable;
use crate::hub::unread::Unread;
#[cfg(doc)]
use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Close, CloseCode, Response};

/// The state of the memory budget.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// How much was held at the last measurement.
    pub(super) weighed: usize,
    /// How much may have been added since.
    grown: usize,
    /// The time of the last measurement.
    at: Time,
    /// Whether upgrades are refused.
    pub(super) refuses: bool,
    /// When the log last had a line about it.
    logged: Option<Time>,
}

impl Memory {
    /// So many bytes may have been added to what is held.
    #[inline(always)]
    pub(super) const fn grow(&mut self, bytes: usize) {
        self.grown = self.grown.saturating_add(bytes);
    }

    /// When it is to be measured again although nothing has grown. While upgrades are refused, none
    /// may come that would cause a measurement: a load balancer sends them elsewhere.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.refuses.then(|| self.at.after(AGAIN_MS))
    }
}

impl Hub {
    /// Keeps to [`Limits::held_bytes_max`].
    pub(super) fn check_memory(&mut self, now: Time) {
        let max = self.workers.limits_of(None).held_bytes_max;
        // Near the budget, it is not measured for each byte.
        let room = max.saturating_sub(self.memory.weighed).max(max / STEP);
        let is_due = self.memory.deadline().is_some_and(|at| at <= now);
        if self.memory.grown > room || is_due {
            self.weigh(max, now);
        }
    }

    /// The answer to an upgrade while memory is short, and no address holds so much of it that it
    /// would lose first.
    pub(super) fn refuse_for_memory(&mut self, now: Time) -> Option<Response> {
        if self.memory.refuses && now.since(self.memory.at) >= WEIGH_MS {
            self.weigh(self.workers.limits_of(None).held_bytes_max, now);
        }
        self.memory.refuses.then(|| unavailable(SHORT, RETRY_S))
    }

    /// Measures all that is held. If it exceeds `max`, closes sockets of the addresses that hold
    /// most.
    fn weigh(&mut self, max: usize, now: Time) {
        let (mail, mut sockets) = (self.mail_bytes(), self.held());
        let held = mail + sockets.iter().map(|(_, bytes, _)| bytes).sum::<usize>();
        let no_help = mail.saturating_sub(max / 2);
        let (mut left, mut closed) = (held - no_help, 0);
        let (low, high) = (max - max / SLACK, max.saturating_add(max / SLACK - max / STEP));
        let mut shares = HashMap::<_, usize>::new();
        sockets.iter().for_each(|(key, bytes, _)| *shares.entry(*key).or_default() += bytes);
        while left > low
            && let Some((&key, bytes)) = shares.iter_mut().max_by_key(|(_, bytes)| **bytes)
        {
            if *bytes <= max / GREEDY && left <= high {
                break;
            }
            let of_this = sockets.iter().enumerate().filter(|(_, (other, ..))| *other == key);
            let Some((at, _)) = of_this.max_by_key(|(_, (_, bytes, _))| *bytes) else { break };
            let (_, of_socket, id) = sockets.swap_remove(at);
            let of_address = std::mem::replace(bytes, *bytes - of_socket);
            let text = format!(
                "memory-max is {max}, {left} bytes are held, {of_address} of them for {key}, which \
                 has most, and {of_socket} for this socket"
            );
            self.shed(id, &text, now);
            closed += 1;
            left -= of_socket;
        }
        let left = left + no_help;
        let refuses = left > low && (held > max || self.memory.refuses);
        let is_news = refuses != self.memory.refuses || closed > 0;
        if is_news && self.memory.logged.is_none_or(|logged| now.since(logged) >= LOG_MS) {
            self.memory.logged = Some(now);
            let what = if refuses { "; upgrades are refused (503)" } else { "" };
            log::warn!(
                target: "switchboard::server",
                "memory-max is {max}, and {held} bytes are held, {mail} of them mail of services \
                 (mail-max): sockets closed for it: {closed}{what}; raise it, or lower mail-max, \
                 outbox-max, max-message or max-per-ip"
            );
        }
        self.memory = Memory { weighed: left, grown: 0, at: now, refuses, ..self.memory };
    }

    /// What is held for sockets and services, in bytes. It looks at each socket.
    #[cfg(feature = "admin")]
    pub(super) fn held_bytes(&self) -> usize {
        self.mail_bytes() + self.held().iter().map(|(_, bytes, _)| bytes).sum::<usize>()
    }

    /// What is in the mail of all services, in bytes.
    fn mail_bytes(&self) -> usize {
        self.workers.iter().map(|worker| worker.mail.bytes()).sum()
    }

    /// What is held for sockets, in bytes.
    fn held(&self) -> Vec<(AddressKey, usize, SocketId)> {
        let head_max = self.workers.limits_of(None).head_bytes_max;
        let mut sockets = Vec::new();
        for id in self.sockets.ids() {
            let Some(socket) = self.sockets.get(id) else { continue };
            let bytes = socket.held_bytes(head_max);
            if bytes > 0 {
                sockets.push((AddressKey::of(self.addresses.of(socket.peer)), bytes, id));
            }
        }
        sockets
    }

    /// Closes a socket to free all that it holds. The rest of a frame that is being sent is dropped
    /// as well, so that the peer sees only the end of the connection. A request is answered with
    /// 503 (RFC 9110, 15.6.4).
    fn shed(&mut self, id: SocketId, text: &str, now: Time) {
        if self.sockets.get(id).is_some_and(|socket| socket.session.is_asking()) {
            self.record_end(id, text);
            return self.respond(id, &unavailable(SHORT, RETRY_S), now);
        }
        let close = Close::new(CloseCode::TRY_LATER, SHORT);
        // The log says more than the peer gets, behind the same code.
        self.record_end(id, &format!("{} {text:?}", close.code));
        self.leave(id, close.clone(), now);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if let Some(cold) = &mut socket.cold {
            cold.unread = Unread::default();
        }
        if socket.session.drop_message(&close, now) {
            return self.schedule_write(id);
        }
        self.fail(id, SHORT, now);
    }
}

const SHORT: &str = "the server is short of memory (memory-max)";
/// While upgrades are refused, it is measured at most this often.
const WEIGH_MS: u64 = 100;
/// And at least this often.
const AGAIN_MS: u64 = 1_000;
const RETRY_S: u64 = 5;
/// The log has a line about it at most this often.
const LOG_MS: u64 = 1_000;
/// A twentieth of the budget is freed in addition, so that it is not measured again at once. While
/// upgrades are refused, the budget may be exceeded by as much.
const SLACK: usize = 20;
/// It is measured again once new bytes may come to this fraction of the budget.
const STEP: usize = 64;
/// An address that holds more than this fraction of the budget loses sockets before upgrades are
/// refused.
const GREEDY: usize = 4;
