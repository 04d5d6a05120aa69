//! From a request to a service, a page, a file, or a refusal that says what is wrong.

use std::sync::Arc;

use log::Level;

use crate::hub::pending::PendingRequest;
use crate::hub::refusal::{later, unavailable};
use crate::hub::report::log_socket;
use crate::hub::socket::{Membership, SocketFlag};
use crate::hub::worker_slot::RunState;
use crate::hub::{Hub, ServiceId};
use crate::service::{Admission, Inbound, Request, SocketId, Verdict};
use crate::time::Time;
use crate::ws::{Head, Response, Status, Target};

impl Hub {
    /// A request is whole. Whoever is refused is told why, in this order: the host's own
    /// state, the path, the origin, the service's state.
    pub(super) fn receive_request(&mut self, id: SocketId, head: Head, now: Time) {
        self.note_request(id, head.method(), head.target());
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
        self.note_request(id, head.method(), &target.path);
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

    /// Answers a request with anything but an upgrade.
    pub fn respond(&mut self, id: SocketId, response: &Response, now: Time) {
        self.withdraw(id, "it was refused");
        self.stop_waiting(id);
        self.note_answer(id, response);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.session.respond(response, self.dates.stamp(now), now);
            self.read_again(id, now);
            self.schedule_write(id);
        }
    }

    /// Answers a request with a head whose body follows in parts, each after an
    /// [`Output::FetchMore`](crate::hub::Output::FetchMore).
    pub fn respond_head(&mut self, id: SocketId, response: &Response, now: Time) {
        self.note_answer(id, response);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.flags.clear(SocketFlag::Fetching);
            socket.session.respond_head(response, self.dates.stamp(now), now);
            self.read_again(id, now);
            self.schedule_write(id);
        }
    }

    /// Goes on with the body of an answer; an empty part ends it.
    pub fn respond_body(&mut self, id: SocketId, body: Vec<u8>, now: Time) {
        self.memory.grow(body.len());
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.flags.clear(SocketFlag::Fetching);
        if body.is_empty() {
            socket.session.respond_end(now);
        } else {
            socket.session.respond_body(body, now);
        }
        self.schedule_write(id);
    }

    /// The service has decided about a socket. One that may come in waits for room in the mail.
    pub(super) fn decide(&mut self, id: SocketId, verdict: Verdict, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let full =
            socket.service.is_some_and(|service| self.services[service].worker.mail.is_full());
        match verdict {
            Verdict::Accept | Verdict::AcceptProtocol(_) if full => {
                socket.standing = Membership::Waiting;
                socket.rare.get_or_insert_default().verdict = Some(verdict);
            }
            Verdict::Accept => self.open(id, None, now),
            Verdict::AcceptProtocol(protocol) => self.open(id, Some(&protocol), now),
            Verdict::Refuse(response) => {
                // The service need not be told.
                socket.standing = Membership::Waiting;
                // The text of a service may be confidential between it and the peer.
                if let (None, Some(service)) = (response.noted(), socket.service) {
                    let gate =
                        format!("the gate of {} has refused it", self.services[service].path);
                    self.record_end(id, &gate);
                }
                self.respond(id, &response, now);
            }
        }
    }

    /// A socket has waited for its service for too long.
    pub(super) fn refuse_undecided(&mut self, id: SocketId, now: Time) {
        let service = self.sockets.get(id).and_then(|socket| socket.service);
        let starting = service.is_some_and(|s| self.services[s].worker.state == RunState::Starting);
        let response = if let Some(refusal) = service.and_then(|s| self.refuse_in_pause(s, now)) {
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

    /// Lets a socket that waits in, or asks the service about it.
    pub(super) fn let_in(&mut self, id: SocketId, service: ServiceId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(rare) = &mut socket.rare else { return };
        if let Some(verdict) = rare.verdict.take() {
            return self.decide(id, verdict, now);
        }
        let Some(request) = rare.request.clone() else { return };
        match &self.services[service].admission {
            Admission::Asked | Admission::AskedAndClosed => {
                socket.standing = Membership::Asked;
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

    pub(super) fn receive_upgrade(
        &mut self,
        id: SocketId,
        service: ServiceId,
        asked: PendingRequest,
        now: Time,
    ) {
        let origin = asked.head.values("Origin").next();
        let host = asked.host();
        let rule = &self.services[service].options.origin;
        // RFC 6455, 4.2.2 and 10.2: a page of an origin that is not accepted gets a 403.
        if !rule.accepts(origin, host) {
            let text = rule.refusal(origin.unwrap_or_default(), host);
            return self.respond(id, &Response::text(Status::FORBIDDEN, &text), now);
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let PendingRequest { head, target: Target { path, query, .. }, direct, protocols } = asked;
        let path = direct.unwrap_or(path);
        let protocols = protocols.unwrap_or_default();
        let peer = self.addresses.of(socket.peer);
        let request = Request::new(head, path, query, peer, protocols);
        socket.rare.get_or_insert_default().request = Some(Arc::new(request));
        self.wait(id, service);
        let full = self.services[service].worker.mail.is_full();
        match self.services[service].worker.state {
            RunState::Running if !full => self.let_in(id, service, now),
            RunState::Running => {}
            RunState::Starting => {
                if let Some(refusal) = self.refuse_in_pause(service, now) {
                    self.respond(id, &refusal, now);
                }
            }
            RunState::Idle => self.start(id, service, now),
            RunState::Finishing => {
                self.respond(id, &unavailable("the service is finishing", 1), now);
            }
        }
    }

    /// What is refused whatever was asked.
    fn refuse_any(&self, id: SocketId) -> Option<Response> {
        let flags = self.sockets.get(id)?.flags;
        if self.drain.is_some() {
            return Some(unavailable("the server is stopping", 5));
        }
        if flags.has(SocketFlag::Hasty) {
            // RFC 6585, 4: it may say when to come back. A rate is one in a second or more.
            return Some(later(Status::TOO_MANY_REQUESTS, "too many new connections", 1));
        }
        let text = "too many connections (max-connections, max-per-ip)";
        flags.has(SocketFlag::Surplus).then(|| unavailable(text, 5))
    }

    pub(super) fn page(&self, service: ServiceId) -> Response {
        let service = &self.services[service];
        match &service.options.page {
            Some(page) => page.response(),
            // RFC 9110, 15.5.22: the answer names the protocol that is needed.
            None => Response::text(
                Status::UPGRADE_REQUIRED,
                &format!("{} is a WebSocket service without a page", service.path),
            )
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13"),
        }
    }
}
