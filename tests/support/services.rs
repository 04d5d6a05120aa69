//! Services that tests mount: an echo, and one that reports its events to the test.

use std::sync::mpsc::{self, Receiver, Sender};

use switchboard::ws::Close;
use switchboard::{Context, Handler, Message, Peer, Request, Server, SocketId, handler};

/// Echoes each message.
pub struct Echo;

impl Handler for Echo {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send(message);
    }
}

/// Mounts an echo.
pub fn mount_echo(server: &mut Server, path: &str) {
    server.mount(path, || handler(Echo));
}

/// An event of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It starts.
    Start,
    /// A socket is open.
    Open(SocketId),
    /// A message came.
    Message(SocketId, Message),
    /// An outbox is full.
    Full(SocketId),
    /// It has drained.
    Drained(SocketId),
    /// A socket is gone, with this code.
    Close(SocketId, u16),
    /// The host stops.
    Stop,
}

/// Mounts a service that reports its events, and carries out the commands in its messages.
pub fn mount_probe<F>(server: &mut Server, path: &str, act: F) -> Receiver<Seen>
where
    F: Fn(&mut Peer, Message) + Clone + Send + Sync + 'static,
{
    let (seen, told) = mpsc::channel();
    server.mount(path, move || handler(Probe { seen: seen.clone(), act: act.clone() }));
    told
}

/// Reports its events.
struct Probe<F> {
    seen: Sender<Seen>,
    act: F,
}

impl<F> Probe<F> {
    fn tell(&self, seen: Seen) {
        // A test that is over does not receive.
        let _ = self.seen.send(seen);
    }
}

impl<F: Fn(&mut Peer, Message) + 'static> Handler for Probe<F> {
    fn start(&mut self, _: &mut Context) {
        self.tell(Seen::Start);
    }

    fn open(&mut self, peer: &mut Peer, _: &Request) {
        self.tell(Seen::Open(peer.id()));
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.tell(Seen::Message(peer.id(), message.clone()));
        (self.act)(peer, message);
    }

    fn full(&mut self, peer: &mut Peer) {
        self.tell(Seen::Full(peer.id()));
    }

    fn drained(&mut self, peer: &mut Peer) {
        self.tell(Seen::Drained(peer.id()));
    }

    fn close(&mut self, _: &mut Context, id: SocketId, close: &Close) {
        self.tell(Seen::Close(id, close.code.number()));
    }

    fn stop(&mut self, _: &mut Context) {
        self.tell(Seen::Stop);
    }
}
