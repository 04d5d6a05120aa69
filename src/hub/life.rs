//! Services start and end; sockets come in and leave. Every open that a service is told of is
//! followed by exactly one close, which only [`Hub::leave`] delivers.

use crate::hub::admit::unavailable;
use crate::hub::socket::Standing;
use crate::hub::station::{State, Station};
use crate::hub::{Hub, Output, StationId};
use crate::service::{Admission, Inbound, SocketId};
use crate::time::Time;
use crate::ws::{Close, CloseCode, Response, Status};

impl Hub {
    /// Starts the service that a socket has asked for, unless it has ended too often.
    pub(super) fn start(&mut self, id: SocketId, station: StationId, now: Time) {
        let place = &mut self.stations[station.index()];
        let pause_ms = place.retry.since(now);
        if pause_ms > 0 {
            let refusal = unavailable("the service keeps failing", pause_ms.div_ceil(1_000));
            return self.respond(id, &refusal, now);
        }
        place.state = State::Starting;
        place.run += 1;
        place.started = now;
        let run = place.run;
        self.outputs.push_back(Output::Start { station, run });
    }

    /// The service is up: those who wait come in.
    pub(super) fn ready(&mut self, station: StationId, admission: Admission, now: Time) {
        let place = &mut self.stations[station.index()];
        if place.state != State::Starting {
            return;
        }
        place.state = State::Running;
        place.admission = admission;
        self.let_all_in(station, now);
    }

    /// The service has ended, whether it returned, panicked or never started; its sockets are
    /// closed with 1012.
    pub fn ended(&mut self, station: StationId, run: u32, how: &str, now: Time) {
        let place = &mut self.stations[station.index()];
        if place.run != run || place.state == State::Idle {
            return;
        }
        let starting = place.state == State::Starting;
        let settling = place.fail(now);
        if self.drain.is_none() {
            let pause_ms = place.retry.since(now);
            log::warn!("service {} ended: {how}; next start in {pause_ms} ms", place.path);
        }
        let waiting = place.waiting.clone();
        for id in settling {
            self.settle(id, now);
        }
        for id in waiting {
            let response = if starting {
                Response::text(Status::INTERNAL_ERROR, "the service does not start")
            } else {
                unavailable("the service has ended", 1)
            };
            self.respond(id, &response, now);
        }
        let close = Close::new(CloseCode::RESTART, "the service has ended");
        for id in self.stations[station.index()].members.clone() {
            self.leave(id, close.clone(), now);
            if let Some(socket) = self.socket_mut(id) {
                socket.session.close(&close, now);
            }
            self.touch(id);
        }
    }

    /// A socket begins to wait for a service.
    pub(super) fn wait(&mut self, id: SocketId, station: StationId) {
        let Some(socket) = self.socket_mut(id) else { return };
        socket.station = Some(station);
        socket.standing = Standing::Waiting;
        let waiting = &mut self.stations[station.index()].waiting;
        waiting.push(id);
        let place = waiting.len() - 1;
        self.sockets[id.index()].place = place;
    }

    /// A socket comes in: it gets its 101, its service gets the open, and what the peer has
    /// already sent comes after that.
    pub(super) fn open(&mut self, id: SocketId, protocol: Option<&str>, now: Time) {
        let Some(socket) = self.socket_mut(id) else { return };
        let Some(station) = socket.station else { return };
        let Some(mut early) = socket.session.accept(protocol, now) else { return };
        self.stop_waiting(id);
        let members = &mut self.stations[station.index()].members;
        members.push(id);
        let place = members.len() - 1;
        let socket = &mut self.sockets[id.index()];
        (socket.standing, socket.place) = (Standing::Member, place);
        // What was noted for the case of a refusal; the path is the station's.
        socket.ending = None;
        if let Some(request) = socket.request.take() {
            self.deliver(id, Inbound::Open { id, request });
        }
        self.read_again(id, now);
        self.feed(id, &mut early, now);
        self.touch(id);
    }

    /// A conversation is over. If its service knows the socket, it is told, once.
    pub(super) fn leave(&mut self, id: SocketId, close: Close, now: Time) {
        let Some(socket) = self.socket_mut(id) else { return };
        let Some(station) = socket.station else { return };
        if socket.standing != Standing::Member {
            return;
        }
        let place = socket.place;
        let path = self.stations[station.index()].path.clone();
        self.note(id, Some(&path), &close.to_string());
        self.deliver(id, Inbound::Close { id, close });
        self.sockets[id.index()].standing = Standing::Left;
        let Station { members, topics, .. } = &mut self.stations[station.index()];
        topics.leave(id);
        members.swap_remove(place);
        if let Some(moved) = members.get(place) {
            self.sockets[moved.index()].place = place;
        }
        self.read_again(id, now);
    }

    /// A socket's peer is done: our close frame goes out once the service has answered all that
    /// the peer had sent, which is at once if it has already.
    pub(super) fn settle_soon(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.socket(id) else { return };
        let (last, station) = (socket.mailed, socket.station);
        let Some(station) = station.map(|station| &mut self.stations[station.index()]) else {
            return;
        };
        if station.state == State::Idle || station.mail.settle(id, last) {
            self.settle(id, now);
        }
    }

    /// The service has answered all that the peer had sent.
    pub(super) fn settle(&mut self, id: SocketId, now: Time) {
        if let Some(socket) = self.socket_mut(id) {
            socket.session.settle(now);
            self.touch(id);
        }
    }

    /// A socket waits no more, if it did.
    pub(super) fn stop_waiting(&mut self, id: SocketId) {
        let Some(socket) = self.socket_mut(id) else { return };
        let (Standing::Waiting | Standing::Asked, Some(station)) =
            (socket.standing, socket.station)
        else {
            return;
        };
        socket.standing = Standing::Stranger;
        let place = socket.place;
        let waiting = &mut self.stations[station.index()].waiting;
        waiting.swap_remove(place);
        if let Some(moved) = waiting.get(place) {
            self.sockets[moved.index()].place = place;
        }
    }

    /// The mail has room again: sockets that were held back are read, and those that wait
    /// come in.
    pub(super) fn relieve(&mut self, station: StationId, now: Time) {
        for id in std::mem::take(&mut self.stations[station.index()].paused) {
            self.read_again(id, now);
            self.touch(id);
        }
        self.let_all_in(station, now);
    }

    /// Lets the host read a socket again that was held back.
    pub(super) fn read_again(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.socket_mut(id).filter(|socket| socket.flags.held) else { return };
        socket.flags.held = false;
        socket.session.resume(now);
        self.outputs.push_back(Output::Resume(id));
    }

    /// Lets those in who wait, as far as the mail has room.
    fn let_all_in(&mut self, station: StationId, now: Time) {
        for id in self.stations[station.index()].waiting.clone() {
            if self.stations[station.index()].mail.is_full() {
                return;
            }
            if self.socket(id).is_some_and(|socket| socket.standing == Standing::Waiting) {
                self.let_in(id, station, now);
            }
        }
    }
}
