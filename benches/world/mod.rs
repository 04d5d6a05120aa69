//! An engine between peers and services that are functions: everything that a host does in a turn,
//! but for system calls and threads.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

mod io;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use switchboard::engine::{Engine, PeerEnd, Ready};
use switchboard::hub::{FilePolicy, Hub, RunId, WorkerId};
use switchboard::service::{Audience, Outbound, SocketId};
use switchboard::time::Time;
use switchboard::{Limits, OriginRule, ServiceOptions};

use io::{Around, Outside};

/// An engine with echo services, and the sockets that are open.
pub struct World {
    pub engine: Engine,
    pub outside: Outside,
    pub now: Time,
    pub ids: Vec<SocketId>,
    workers: Vec<WorkerId>,
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
    /// An engine with so many services, at `/0`, `/1` and so on, and without sockets.
    pub fn new(limits: Limits, services_len: usize) -> Self {
        let now = Time::from_ms(1);
        let mut hub = Hub::new(limits, FilePolicy::None, now);
        let mount = |number: usize| {
            let service = hub.mount(&format!("/{number}"), mount(limits)).expect("paths differ");
            hub.first_of(service)
        };
        let workers = (0..services_len).map(mount).collect();
        Self {
            engine: Engine::new(hub, &limits),
            outside: Outside::default(),
            now,
            ids: Vec::new(),
            workers,
            come: 0,
        }
    }

    /// So many sockets of the first service, each in its place.
    pub fn populate(&mut self, sockets_len: usize, from: From) {
        while self.ids.len() < sockets_len {
            let len = TURN_EVENTS.min(sockets_len - self.ids.len());
            let ids = self.connect_all(0, from, len);
            self.ids.extend(ids);
        }
    }

    /// A peer connects and sends its request.
    pub fn connect(&mut self, service: usize, from: From) -> SocketId {
        self.connect_all(service, from, 1)[0]
    }

    /// So many peers connect, and then send their requests.
    pub fn connect_all(&mut self, service: usize, from: From, len: usize) -> Vec<SocketId> {
        for _ in 0..len {
            self.come += 1;
            let address = match from {
                From::Loopback => Ipv4Addr::LOCALHOST,
                From::Everywhere => Ipv4Addr::from(self.come | 0x0100_0000),
            };
            self.outside.arrivals.push_back(SocketAddr::new(IpAddr::V4(address), 40_000));
        }
        self.settle();
        let ids = std::mem::take(&mut self.outside.came);
        assert_eq!(ids.len(), len, "the limits leave room");
        let request = request(service);
        self.receive_all(ids.iter().map(|&id| (id, request.as_bytes())));
        ids
    }

    /// A peer sends bytes.
    pub fn receive(&mut self, id: SocketId, bytes: &[u8]) {
        self.receive_all([(id, bytes)]);
    }

    /// Each of these peers sends bytes. Turns follow, until no side has anything to send.
    pub fn receive_all<'a>(&mut self, input: impl IntoIterator<Item = (SocketId, &'a [u8])>) {
        let input = input.into_iter().collect();
        let mut io = Around { outside: &mut self.outside, input };
        for (id, _) in &io.input {
            self.engine.notify(id.index(), READABLE);
        }
        loop {
            self.engine.turn(&mut io, self.now);
            while let Some(id) = io.outside.ended.pop() {
                self.engine.notify(id.index(), Ready { end: PeerEnd::HalfClosed, ..READABLE });
                io.input.push_back((id, &[]));
            }
            if !self.engine.has_work(&io) && io.outside.arrivals.is_empty() {
                break;
            }
        }
        assert!(io.input.is_empty(), "all of it was read");
    }

    /// A service has sent these.
    pub fn apply(&mut self, service: usize, batch: Vec<Outbound>) {
        // Each service is started once.
        self.outside.send(RunId { worker: self.workers[service], number: 1 }, batch);
        self.settle();
    }

    /// Services that were to start late are ready.
    pub fn start_services(&mut self) {
        for run in self.outside.starting.take().into_iter().flatten() {
            self.outside.let_everyone_in(run);
        }
        self.settle();
    }

    /// Turns, until no side has anything to send.
    pub fn settle(&mut self) {
        self.receive_all([]);
    }
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

const READABLE: Ready = Ready { readable: true, writable: false, end: PeerEnd::None };
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
    // Peers come in no time, and beyond so many addresses they share a rate.
    connection_rate: None,
    ..Limits::SERVER
};
