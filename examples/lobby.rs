//! A lobby: clients join rooms, which are topics, and talk to those in the same room. A tick sends
//! all members the list of rooms, at most once in each interval and only after a change.
//!
//! `join red` enters a room and leaves the one before. Any other text goes to the room.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard::{
    Audience, Close, Context, Handler, Limits, Message, Peer, Request, Server, SocketId, handler,
};

#[derive(Default)]
struct Lobby {
    /// The room of each client that has joined one.
    rooms: BTreeMap<SocketId, String>,
    /// Whether the clients do not know yet how many are in the rooms.
    has_changed: bool,
}

impl Lobby {
    fn join(&mut self, peer: &mut Peer, room: &str) {
        // A peer chooses this name, so it is checked. Topics also have limits of their own:
        // `topics_max`, `topics_per_socket_max` and `Limits::TOPIC_NAME_BYTES_MAX`.
        if room.is_empty() || room.len() > ROOM_BYTES_MAX {
            return peer.send(format!("a room has a name of 1 to {ROOM_BYTES_MAX} bytes"));
        }
        let left = self.rooms.insert(peer.id(), room.to_owned());
        if let Some(left) = left {
            peer.unsubscribe(topic(&left));
        }
        peer.subscribe(topic(room));
        self.has_changed = true;
    }
}

impl Handler for Lobby {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        peer.send("welcome; enter a room with: join NAME");
        self.has_changed = true;
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or_default();
        if let Some(room) = text.strip_prefix("join ") {
            return self.join(peer, room);
        }
        match self.rooms.get(&peer.id()) {
            // The message crosses to the host once, however many clients get it.
            Some(room) => peer.send_to(Audience::topic(topic(room)).but(peer.id()), message),
            None => peer.send("enter a room first with: join NAME"),
        }
    }

    fn close(&mut self, _: &mut Context, id: SocketId, _: &Close) {
        // The host has taken its subscriptions away already.
        self.has_changed |= self.rooms.remove(&id).is_some();
    }

    fn tick(&mut self, context: &mut Context) {
        self.has_changed = false;
        let mut counts = BTreeMap::<&str, usize>::new();
        for room in self.rooms.values() {
            *counts.entry(room).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(room, len)| format!("{room} {len}")).collect();
        context.send(Audience::all(), format!("rooms: {}", counts.join(", ")));
    }

    /// Asked after each callback: without news there are no ticks, and an idle lobby sleeps.
    fn tick_interval(&self) -> Option<Duration> {
        self.has_changed.then_some(INTERVAL)
    }
}

/// The topic of a room. The prefix keeps other topics of the service apart from names of peers.
fn topic(room: &str) -> String {
    format!("room/{room}")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/lobby", || handler(Lobby::default()));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/lobby", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}

const INTERVAL: Duration = Duration::from_millis(200);
const ROOM_BYTES_MAX: usize = 32;
