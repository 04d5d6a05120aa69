//! Sends every message to all clients, and to the sender. A sender waits for slow listeners.

use switchboard::{Audience, Handler, Message, Peer, Service, handler};

/// The service.
pub fn service() -> impl Service {
    handler(Broadcast)
}

struct Broadcast;

impl Handler for Broadcast {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send_to(Audience::all().slowing(peer.id()), message);
    }
}
