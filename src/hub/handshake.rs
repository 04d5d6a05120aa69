//! The handshake, from a request to the 101 or a refusal that says what is wrong: the host's own
//! state, the path, the origin, the service's state, and the service's verdict.

use std::sync::Arc;

use log::Level;

use crate::hub::pending::PendingRequest;
use crate::hub::refusal::{later, unavailable};
use crate::hub::report::log_socket;
use crate::hub::socket::Membership;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ServiceId, WorkerId};
use crate::service::{Admission, Inbound, PeerInfo, SocketId, Verdict};
use crate::time::Time;
use crate::ws::{Close, CloseCode, Head, Response, Status, Target};

impl Hub {
    /// A request is complete. It is checked in this order: the state of the host, the path, the
    /// origin, the state of the service. The first failure is the answer.
    pub(super) fn receive_request(&mut self, id: SocketId, head: Head, now: Time) {
        self.note_head(id, &head);
        if !self.identify_by_head(id, &head, now) {
            return;
        }
        if let Some(refusal) = self.refuse_any(id) {
            return self.respond(id, &refusal, now);
        }
        // RFC 9110, 9.3.7: the allowed methods are the same for each target, including `*`.
        if head.method() == "OPTIONS" {
            let response = Response::empty(Status::NO_CONTENT).header("Allow", Response::ALLOW);
            return self.respond(id, &response, now);
        }
        let target = match Target::parse(head.target()) {
            Ok(target) => target,
            Err(error) => {
                let refusal = Response::text(error.status(), &error.to_string());
                let refusal = refusal.note(error.reason());
                return self.respond(id, &refusal, now);
            }
        };
        let upgrade = self.sockets.get(id).and_then(|socket| socket.session.upgrade());
        let protocols = upgrade.map(|upgrade| upgrade.protocols().to_vec());
        if protocols.is_none() && self.health.as_ref() == Some(&target.path) {
            return self.respond(id, &Response::text(Status::OK, "ok"), now);
        }
        if protocols.is_some()
            && let Some(refusal) = self.refuse_for_memory(now)
        {
            return self.respond(id, &refusal, now);
        }
        let service = self.tree.find(&target.path);
        let asked = PendingRequest { head, target, direct: None, protocols };
        if let Some(response) = self.redirect(id, service, &asked) {
            return self.respond(id, &response, now);
        }
        match service {
            // RFC 8615: a path below /.well-known is a file; no program has such a path.
            service
                if self.is_looked_up(service, asked.goal())
                    && !asked.target.path.starts_with("/.") =>
            {
                self.begin_lookup(id, asked);
            }
            Some(service) => self.receive_asked(id, service, asked, now),
            None => self.miss(id, asked, now),
        }
    }

    /// What is refused whatever was asked.
    fn refuse_any(&self, id: SocketId) -> Option<Response> {
        let flags = self.sockets.get(id)?.flags;
        if self.drain.is_some() {
            return Some(unavailable("the server is stopping", 5));
        }
        if flags.has(SocketFlag::Hasty) {
            // RFC 6585, 4: a 429 may have Retry-After. A rate is one per second or more.
            return Some(later(Status::TOO_MANY_REQUESTS, "too many new connections", 1));
        }
        let text = "too many connections (max-connections, max-per-ip)";
        flags.has(SocketFlag::Surplus).then(|| unavailable(text, 5))
    }

    /// A handshake has come to its service: its origin is checked, and the socket waits until the
    /// service runs and has capacity in its mail.
    pub(super) fn receive_upgrade(
        &mut self,
        id: SocketId,
        service: ServiceId,
        asked: PendingRequest,
        now: Time,
    ) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let (transport, tls) = socket.shown();
        // RFC 6455, 4.2.2 and 10.2: a page of an origin that is not accepted gets a 403.
        if let Some(origin) = asked.head.first("Origin") {
            let (host, rule) = (asked.host(), &self.services[service].options.origin);
            if !rule.accepts_over(transport, Some(origin), host) {
                let text = rule.refusal_over(transport, origin, host);
                return self.respond(id, &Response::text(Status::FORBIDDEN, &text), now);
            }
        }
        let peer = PeerInfo::new(self.addresses.of(socket.peer), tls);
        let request = Arc::new(asked.into_request(peer, transport));
        #[cfg(feature = "workers")]
        let worker = {
            socket.cold.get_or_insert_default().request = Some(request.clone());
            self.choose_worker(service, &request, now)
        };
        #[cfg(not(feature = "workers"))]
        let worker = {
            socket.cold.get_or_insert_default().request = Some(request);
            self.services[service].first()
        };
        self.wait(id, worker);
        let WorkerSlot { state, mail, .. } = &self.workers[worker];
        match state {
            RunState::Running if !mail.is_full() => self.let_in(id, worker, now),
            RunState::Running => {}
            RunState::Starting => {
                if let Some(refusal) = self.refuse_in_pause(worker, now) {
                    self.respond(id, &refusal, now);
                }
            }
            RunState::Idle => self.start(id, worker, now),
            RunState::Finishing => {
                self.respond(id, &unavailable("the service is finishing", 1), now);
            }
        }
    }

    /// A socket begins to wait for a worker, and keeps it.
    pub(super) fn wait(&mut self, id: SocketId, worker: WorkerId) {
        if let Some(socket) = self.sockets.get_mut(id) {
            let slot = &mut self.workers[worker];
            socket.worker = Some(worker);
            self.services[slot.service].sockets_len += 1;
            socket.membership = Membership::Waiting;
            socket.set_place(slot.waiting.join(id));
        }
    }

    /// Admits a socket that waits, or asks its worker about it.
    pub(super) fn let_in(&mut self, id: SocketId, worker: WorkerId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(cold) = &mut socket.cold else { return };
        if let Some(verdict) = cold.verdict.take() {
            return self.decide(id, verdict, now);
        }
        let Some(request) = cold.request.clone() else { return };
        match &self.workers[worker].admission {
            Admission::Asked | Admission::AskedAndClosed => {
                socket.membership = Membership::Asked;
                log_socket(Level::Trace, id, format_args!("its service is asked"));
                self.deliver(id, Inbound::Ask { id, request });
            }
            Admission::Everyone { protocols } => {
                let offered = request.protocols();
                let agreed = protocols.iter().find(|name| offered.contains(name)).cloned();
                self.open(id, agreed.as_deref(), now);
            }
        }
    }

    /// The service has decided about a socket. An admitted socket waits until the mail has
    /// capacity.
    pub(super) fn decide(&mut self, id: SocketId, verdict: Verdict, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let full = socket.worker.is_some_and(|worker| self.workers[worker].mail.is_full());
        match verdict {
            Verdict::Accept | Verdict::AcceptProtocol(_) if full => {
                socket.membership = Membership::Waiting;
                socket.cold.get_or_insert_default().verdict = Some(verdict);
            }
            Verdict::Accept => self.open(id, None, now),
            Verdict::AcceptProtocol(protocol) => self.open(id, Some(&protocol), now),
            Verdict::Refuse(response) => {
                // The service needs no close for it.
                socket.membership = Membership::Waiting;
                // The text of a service may be confidential between it and the peer.
                if let (None, Some(worker)) = (response.noted(), socket.worker) {
                    let gate = format!("the gate of {} has refused it", self.path_of(worker));
                    self.record_end(id, &gate);
                }
                self.respond(id, &response, now);
            }
        }
    }

    /// A socket opens: it gets its 101, and its service gets the open. Messages that the peer has
    /// already sent follow.
    pub(super) fn open(&mut self, id: SocketId, protocol: Option<&str>, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(worker) = socket.worker else { return };
        log_socket(Level::Debug, id, format_args!("{} lets it in", self.path_of(worker)));
        #[cfg(feature = "deflate")]
        self.agree(id, worker);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let accepted = socket.session.accept_with(&mut self.buffers, protocol, now);
        let Some(mut early) = accepted else { return };
        self.stop_waiting(id);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.membership = Membership::Member;
        let slot = &mut self.workers[worker];
        socket.set_place(slot.members.join(id));
        slot.counters.opened.add(1);
        self.counters.respond(SWITCHING_PROTOCOLS);
        #[cfg(feature = "admin")]
        self.log_open(id);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // The other notes for the log were for a refusal.
        if let Some(request) = socket.cold.take().and_then(|cold| cold.request) {
            self.deliver(id, Inbound::Open { id, request });
        }
        self.read_again(id, now);
        self.take_in(id, &mut early, now);
        self.schedule_write(id);
    }

    /// A socket has waited for its service for too long.
    pub(super) fn refuse_undecided(&mut self, id: SocketId, now: Time) {
        let worker = self.sockets.get(id).and_then(|socket| socket.worker);
        let starting = worker.is_some_and(|of| self.workers[of].state == RunState::Starting);
        let response = if let Some(refusal) = worker.and_then(|of| self.refuse_in_pause(of, now)) {
            refusal
        } else if starting {
            Response::text(
                Status::INTERNAL_ERROR,
                "the service does not start in time (admission-timeout)",
            )
        } else {
            unavailable("the service does not answer in time (admission-timeout)", 1)
        };
        self.respond(id, &response, now);
    }

    /// A socket goes, or the hub answers it, before it is open. If its service was asked about it,
    /// the service may have allocated something for it. That is also the case if the service has
    /// accepted it since and its open waits for capacity in the mail.
    pub(super) fn withdraw(&mut self, id: SocketId, reason: &str) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(worker) = socket.worker else { return };
        let is_accepted = socket.cold.as_ref().is_some_and(|cold| cold.verdict.is_some());
        if socket.membership == Membership::Waiting && is_accepted {
            socket.membership = Membership::Asked;
        }
        if socket.membership == Membership::Asked
            && self.workers[worker].admission == Admission::AskedAndClosed
        {
            let close = Close::new(CloseCode::LOST, reason);
            self.deliver(id, Inbound::Close { id, close });
        }
    }

    /// Ends the wait of a socket, if it waits for its service or for a lookup.
    pub(super) fn stop_waiting(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // Ending a wait also cancels its lookup, even if the socket is lost and not yet dropped.
        if let Some(cold) = &mut socket.cold {
            cold.asked = None;
        }
        let (Membership::Waiting | Membership::Asked, Some(worker)) =
            (socket.membership, socket.worker)
        else {
            return;
        };
        socket.membership = Membership::None;
        let place = socket.place();
        if let Some(moved) = self.workers[worker].waiting.part(place) {
            self.sockets.set_place(moved, place);
        }
    }
}

/// The status that accepts an upgrade (RFC 9110, 15.2.2).
const SWITCHING_PROTOCOLS: u16 = 101;
