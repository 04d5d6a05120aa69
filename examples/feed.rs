//! Messages from another thread of the program, which reads standard input: all sockets get each of
//! its lines. The thread sends with a `ServiceSender`, so the service has nothing to wait for.

use std::io::stdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard::{Audience, Handler, Limits, Message, Peer, Request, Server, handler};

/// Says how many lines there were so far.
struct Feed(Arc<AtomicUsize>);

impl Feed {
    fn tell(&self, peer: &mut Peer) {
        peer.send(format!("lines so far: {}", self.0.load(Ordering::Relaxed)));
    }
}

impl Handler for Feed {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        self.tell(peer);
    }

    fn message(&mut self, peer: &mut Peer, _: Message) {
        self.tell(peer);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines_len = Arc::new(AtomicUsize::new(0));
    let told = lines_len.clone();
    let mut server = Server::new(Limits::SERVER);
    server.mount("/feed", move || handler(Feed(told.clone())));
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/feed", host.address());
    host.stop_on_signals()?;
    // It may send from now on, and also while the service does not run.
    let sender = host.sender("/feed")?;
    std::thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            lines_len.fetch_add(1, Ordering::Relaxed);
            // This waits while the loop is behind. `try_send` would return the line instead.
            if sender.send(Audience::all(), line).is_err() {
                // The host has ended.
                break;
            }
        }
    });
    host.run()?;
    Ok(())
}
