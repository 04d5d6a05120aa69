//! Messages from another thread of the program, which reads standard input: all sockets get each of
//! its lines. The context of a service cannot leave its thread, so lines come through a channel.
//!
//! A service can wait in one place only. This one waits in its channel, and `Context::wake_by` has
//! the host put a word there when it has something.

use std::io::stdin;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use switchboard::{Audience, Context, Inbound, Limits, Received, Server, Service};

enum FeedEvent {
    Line(String),
    /// The host has something for `Context::try_receive`.
    Mail,
}

/// The channel is older than the service, which begins with its first socket, and begins again
/// after a panic.
struct Feed {
    events: Arc<Mutex<Receiver<FeedEvent>>>,
    sender: SyncSender<FeedEvent>,
}

impl Service for Feed {
    fn run(&mut self, context: &mut Context) {
        let sender = self.sender.clone();
        // It is called on the thread that polls all sockets, so it must not block. If the channel
        // is full, the service is not waiting.
        context.wake_by(move || drop(sender.try_send(FeedEvent::Mail)));
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines_len = 0;
        loop {
            // One of each kind in turn, so that neither keeps the other from coming.
            let event = match context.try_receive() {
                Received::Transaction(transaction) => {
                    if let Inbound::Open { id, .. } | Inbound::Data { id, .. } = transaction {
                        context.send(id, format!("lines so far: {lines_len}"));
                    }
                    events.try_recv().ok()
                }
                // What was sent leaves now, and from now on the host wakes this service.
                Received::Time => events.recv().ok(),
                Received::End => return,
            };
            if let Some(FeedEvent::Line(line)) = event {
                lines_len += 1;
                context.send(Audience::all(), line);
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, events) = mpsc::sync_channel(LINES_WAITING_MAX);
    let (lines, events) = (sender.clone(), Arc::new(Mutex::new(events)));
    let mut server = Server::new(Limits::SERVER);
    server.mount("/feed", move || Feed { events: events.clone(), sender: sender.clone() });
    let mut host = server.bind("127.0.0.1:0")?;
    println!("listening on ws://{}/feed", host.address());
    host.stop_on_signals()?;
    std::thread::spawn(move || {
        // This blocks while as many lines wait: until the first socket comes, and while the service
        // has more to send than the host takes. `try_send` would leave lines out instead.
        for line in stdin().lines().map_while(Result::ok) {
            if lines.send(FeedEvent::Line(line)).is_err() {
                break;
            }
        }
    });
    host.run()?;
    Ok(())
}

const LINES_WAITING_MAX: usize = 64;
