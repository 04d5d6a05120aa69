//! Sends every message back to its sender.

use switchboard::{Handler, Message, Peer, Service, handler};

/// The service.
pub fn service() -> impl Service {
    handler(Echo)
}

struct Echo;

impl Handler for Echo {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send(message);
    }
}
