//! A server within a program: an echo service that counts. It stops on Ctrl-C.

use switchboard::{Handler, Limits, Message, Peer, Server, handler};

/// The state of a service is its own: its callbacks come one at a time, so it needs no locks.
struct Counting {
    messages: u64,
}

impl Handler for Counting {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.messages += 1;
        let text = message.as_text().unwrap_or("some bytes");
        peer.send(format!("{}: {text}", self.messages));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/count", || handler(Counting { messages: 0 }));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/count", host.address());
    host.stop_on_signals()?;
    host.run()?;
    Ok(())
}
