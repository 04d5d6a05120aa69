//! Answers to requests: refusals, pages and files. A handshake that is accepted is answered by
//! `Hub::open` in `handshake`.

use crate::hub::socket_flags::SocketFlag;
use crate::hub::tls::REFUSED;
use crate::hub::{Hub, ServiceId};
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Response, Status};

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

    /// The page of a service, or what is said to a plain request without one.
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
