//! A hub between peers and services that are functions: everything that a host does in a turn,
//! but for system calls and threads.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use switchboard::hub::{Files, Hub, Output, Reach, StationId};
use switchboard::service::{Admission, Audience, Inbound, Outbound, SocketId};
use switchboard::session::Next;
use switchboard::time::Time;
use switchboard::{Limits, OriginRule, ServiceOptions};

/// A hub with echo services, and the sockets that are open.
pub struct World {
    pub hub: Hub,
    pub now: Time,
    pub ids: Vec<SocketId>,
    /// Whom something was written to since this was last cleared, if that is wanted.
    pub written: Option<Vec<SocketId>>,
    stations: Vec<StationId>,
    /// What services have answered, which the hub has not applied yet.
    batches: Vec<(StationId, u32, Vec<Outbound>)>,
    buffer: Vec<u8>,
    come: u32,
}

/// Where peers come from.
#[derive(Clone, Copy)]
pub enum From {
    /// All from the machine itself, whose sockets are not counted by address.
    Loopback,
    /// Each from an address of its own.
    Everywhere,
}

impl World {
    /// A hub with so many services, at `/0`, `/1` and so on, and without sockets.
    pub fn new(limits: Limits, services_len: usize) -> Self {
        let now = Time::from_ms(1);
        let mut hub = Hub::new(limits, Files::None, now);
        let mount =
            |number: usize| hub.mount(&format!("/{number}"), mount(limits)).expect("paths differ");
        let stations = (0..services_len).map(mount).collect();
        Self {
            hub,
            now,
            ids: Vec::new(),
            written: None,
            stations,
            batches: Vec::new(),
            buffer: vec![0; limits.read_buffer_bytes],
            come: 0,
        }
    }

    /// So many sockets of the first service, each in its place.
    pub fn populate(&mut self, sockets_len: usize, from: From) {
        while self.ids.len() < sockets_len {
            for _ in 0..TURN_EVENTS.min(sockets_len - self.ids.len()) {
                let id = self.connect(0, from);
                self.ids.push(id);
            }
            self.settle();
        }
    }

    /// A peer connects and sends its request.
    pub fn connect(&mut self, service: usize, from: From) -> SocketId {
        self.come += 1;
        let address = match from {
            From::Loopback => Ipv4Addr::LOCALHOST,
            From::Everywhere => Ipv4Addr::from(self.come | 0x0100_0000),
        };
        let peer = SocketAddr::new(IpAddr::V4(address), 40_000);
        let id = self.hub.accept(peer, Reach::Network, self.now).expect("the limits leave room");
        self.receive(id, request(service).as_bytes());
        id
    }

    /// The socket is read: this is what came.
    pub fn receive(&mut self, id: SocketId, bytes: &[u8]) {
        if !self.hub.may_read(id, self.now) {
            return;
        }
        let mut rest = bytes;
        while let Some(room) = self.hub.room(id).filter(|_| !rest.is_empty()) {
            let len = room.len().min(rest.len());
            room[..len].copy_from_slice(&rest[..len]);
            self.hub.filled(id, len, self.now);
            rest = &rest[len..];
        }
        if !rest.is_empty() {
            let buffer = &mut self.buffer[..rest.len()];
            buffer.copy_from_slice(rest);
            self.hub.receive(id, buffer, self.now);
        }
    }

    /// The same, where the bytes need not be kept. What a host would have the system write
    /// straight into a message is not written at all: nobody looks at it.
    pub fn receive_in_place(&mut self, id: SocketId, bytes: &mut [u8]) {
        if !self.hub.may_read(id, self.now) {
            return;
        }
        let mut done = 0;
        while let Some(room) = self.hub.room(id).filter(|_| done < bytes.len()) {
            let len = room.len().min(bytes.len() - done);
            self.hub.filled(id, len, self.now);
            done += len;
        }
        if done < bytes.len() {
            self.hub.receive(id, &mut bytes[done..], self.now);
        }
    }

    /// A service has sent these.
    pub fn apply(&mut self, service: usize, batch: Vec<Outbound>) {
        // Each service is started once.
        self.batches.push((self.stations[service], 1, batch));
        self.settle();
    }

    /// Turns, until nobody has anything to say.
    pub fn settle(&mut self) {
        loop {
            while let Some(output) = self.hub.poll() {
                self.carry_out(&output);
            }
            if self.batches.is_empty() {
                return;
            }
            for (station, run, batch) in std::mem::take(&mut self.batches) {
                self.hub.apply(station, run, &mut batch.into_iter(), usize::MAX, self.now);
            }
        }
    }

    fn carry_out(&mut self, output: &Output) {
        match *output {
            Output::Write(id) => self.write(id),
            Output::Mail(station) => {
                let (run, mail) = self.hub.take_mail(station);
                self.batches.push((station, run, answer(mail)));
            }
            Output::Start { station, run } => {
                let everyone = Outbound::Ready(Admission::default());
                self.batches.push((station, run, vec![everyone]));
            }
            Output::Resume(_)
            | Output::Stop(_)
            | Output::Fetch { .. }
            | Output::FetchMore(_)
            | Output::FetchEnd(_)
            | Output::Measure(_)
            | Output::Lookup(_) => {}
        }
    }

    /// The peer takes all that waits for it.
    fn write(&mut self, id: SocketId) {
        let chunks = self.hub.unsent(id).map(|chunk| black_box(chunk).len());
        let bytes_len = chunks.sum();
        if let Some(written) = &mut self.written {
            written.push(id);
        }
        match self.hub.wrote(id, bytes_len, self.now) {
            Next::Keep => {}
            Next::EndWriting => self.hub.end(id, self.now),
            Next::Drop => self.hub.remove(id, self.now),
        }
    }
}

/// What an echo service makes of its mail.
fn answer(mail: Vec<Inbound>) -> Vec<Outbound> {
    let taken =
        Outbound::Taken { messages: mail.len(), bytes: mail.iter().map(Inbound::mail_bytes).sum() };
    let echo = |transaction| match transaction {
        Inbound::Data { id, message } => Some(Outbound::Send { to: id.into(), message }),
        Inbound::Ask { .. }
        | Inbound::Open { .. }
        | Inbound::Full { .. }
        | Inbound::Drained { .. }
        | Inbound::Close { .. } => None,
    };
    mail.into_iter().filter_map(echo).chain([taken]).collect()
}

/// What a service is mounted with.
pub fn mount(limits: Limits) -> ServiceOptions {
    ServiceOptions { origin: OriginRule::Any, ..ServiceOptions::new(limits) }
}

/// A request for the service of this number.
pub fn request(service: usize) -> String {
    format!(
        "GET /{service} HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A message of a service.
pub fn send(to: impl Into<Audience>, bytes_len: usize) -> Outbound {
    Outbound::Send { to: to.into(), message: vec![b'x'; bytes_len].into() }
}

/// One frame of a client.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = header(first, payload.len(), key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The header of one frame of a client.
pub fn header(first: u8, payload_len: usize, key: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(payload_len), u16::try_from(payload_len)) {
        (Ok(short @ ..126), _) => bytes.push(0x80 | short),
        (_, Ok(medium)) => {
            bytes.push(0x80 | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload_len as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes
}

/// The same numbers in an order that looks like none, and is the same each time.
pub fn shuffled(len: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..len).collect();
    let mut state = 1_u64;
    for last in (1..len).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let random = usize::try_from(state >> 33).expect("31 bits fit");
        order.swap(last, random % (last + 1));
    }
    order
}

/// How many sockets have something to say in one turn.
pub const TURN_EVENTS: usize = 256;
/// First bytes of frames.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PONG: u8 = 0x8A;
/// No bound that these benchmarks reach.
pub const WIDE: Limits = Limits {
    message_bytes_max: 1 << 26,
    fragments_max: u32::MAX,
    outbox_bytes_max: 1 << 27,
    mail_bytes_max: 1 << 28,
    mail_messages_max: 1 << 20,
    sockets_max: 1 << 21,
    topics_max: 1 << 21,
    topics_per_socket_max: 1 << 21,
    ..Limits::SERVER
};
