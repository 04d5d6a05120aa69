//! Answers to requests: refusals, pages and files. A handshake that is accepted is answered by
//! `Hub::open` in `handshake`.

use crate::hub::pending::PendingRequest;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket::Socket;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::tls::REFUSED;
use crate::hub::{Hub, ServiceId};
use crate::service::{Page, PageCall, PeerInfo, SocketId};
use crate::time::Time;
use crate::ws::{Response, Status, Transport};

impl Hub {
    /// Answers a request with anything but an upgrade.
    pub fn respond(&mut self, id: SocketId, response: &Response, now: Time) {
        if self.shakes_hands(id) {
            return self.fail(id, REFUSED, now);
        }
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

    /// Answers a plain request with the page of a service, or says that there is none. A page that
    /// a program was mounted with has priority over the one that was `found` beside it.
    pub(super) fn show(
        &mut self,
        id: SocketId,
        service: ServiceId,
        found: Option<&Page>,
        asked: &PendingRequest,
        now: Time,
    ) {
        let ServiceEntry { options, path, .. } = &self.services[service];
        let (mut slow_len, mut made_len) = (0, 0);
        let response = match options.page.as_ref().or(found) {
            Some(page) => page.answer(|maker| {
                let socket = self.sockets.get(id);
                let shown = socket.map(Socket::shown);
                let (transport, tls) = shown.unwrap_or((Transport::Unknown, None));
                let address = socket.and_then(|socket| self.addresses.of(socket.peer));
                let request = &asked.clone().into_request(PeerInfo::new(address, tls), transport);
                let made = maker.make(&PageCall { request, path, limits: &options.limits });
                (slow_len, made_len) = (made.slow_len, made.response.len());
                made.response
            }),
            // RFC 9110, 15.5.22: the answer names the protocol that is needed.
            None => Response::text(
                Status::UPGRADE_REQUIRED,
                &format!("{path} is a WebSocket service without a page"),
            )
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13"),
        };
        self.count_slow_callbacks(self.services[service].first(), slow_len);
        self.memory.grow(made_len);
        self.respond(id, &response, now);
    }
}
