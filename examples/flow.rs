//! Flow control: a pipe between two clients, in which nothing is lost and nothing piles up. The
//! first client waits for the second. What one sends goes to the other; while the outbox of the
//! receiver is full, the sender is not read, and TCP makes it wait.
//!
//! An argument says for how many milliseconds a receiver may read nothing, 30000 by default.

use std::collections::HashMap;

use switchboard::{
    Close, CloseCode, Context, Handler, Limits, Message, Peer, Request, Server, SocketId, handler,
};

#[derive(Default)]
struct Pipe {
    /// The client without a partner, and what it sent before its pause took effect.
    waiting: Option<SocketId>,
    early: Vec<Message>,
    partners: HashMap<SocketId, SocketId>,
}

impl Handler for Pipe {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        let id = peer.id();
        let Some(first) = self.waiting.take() else {
            // No socket could get its messages yet. They stay in its connection.
            self.waiting = Some(id);
            return peer.pause();
        };
        self.partners.extend([(first, id), (id, first)]);
        self.early.drain(..).for_each(|message| peer.send(message));
        peer.context().resume(first);
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        match self.partners.get(&peer.id()) {
            Some(partner) => peer.send_to(*partner, message),
            None if self.waiting == Some(peer.id()) => self.early.push(message),
            // Its partner has left, and it is being closed.
            None => {}
        }
    }

    /// More than `outbox_high_bytes` wait for this client.
    fn full(&mut self, peer: &mut Peer) {
        if let Some(sender) = self.partners.get(&peer.id()) {
            peer.send_to(*sender, "pipe: full");
            peer.context().pause(*sender);
        }
    }

    /// No more than `outbox_low_bytes` wait for it.
    fn drained(&mut self, peer: &mut Peer) {
        if let Some(sender) = self.partners.get(&peer.id()) {
            peer.send_to(*sender, "pipe: drained");
            peer.context().resume(*sender);
        }
    }

    fn close(&mut self, context: &mut Context, id: SocketId, _: &Close) {
        if self.waiting == Some(id) {
            (self.waiting, self.early) = (None, Vec::new());
        }
        if let Some(partner) = self.partners.remove(&id) {
            self.partners.remove(&partner);
            // That ends a pause as well.
            context.close(partner, CloseCode::GOING_AWAY, "the partner has left");
        }
    }
}

/// A pause stops the reading. What has been read before still arrives: the mail of the service,
/// and the batches that it has sent. An outbox must hold that as well, or its socket is closed with
/// 1013.
const LIMITS: Limits = Limits {
    message_bytes_max: 64 * KIB,
    outbox_high_bytes: 64 * KIB,
    outbox_low_bytes: 16 * KIB,
    mail_bytes_max: 256 * KIB,
    batch_bytes_max: 64 * KIB,
    batches_max: 2,
    outbox_bytes_max: 1_024 * KIB,
    ..Limits::SERVER
};
const KIB: usize = 1_024;
/// The mail and each batch may exceed their bounds by one message.
const IN_FLIGHT_BYTES_MAX: usize = (LIMITS.mail_bytes_max + LIMITS.message_bytes_max)
    + (LIMITS.batches_max + 1) * (LIMITS.batch_bytes_max + LIMITS.message_bytes_max);
const _: () = assert!(LIMITS.outbox_high_bytes + IN_FLIGHT_BYTES_MAX <= LIMITS.outbox_bytes_max);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let silence_ms = std::env::args().nth(1).map_or(Ok(30_000), |text| text.parse())?;
    // A receiver that reads nothing does not answer pings either.
    let limits = Limits { write_ms_max: silence_ms, pong_ms_max: silence_ms, ..LIMITS };
    let mut server = Server::new(limits);
    server.mount("/pipe", || handler(Pipe::default()));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/pipe", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}
