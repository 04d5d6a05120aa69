//! Nobody waits on another: what one peer or one service does in excess leaves the others
//! served. The bounds are rough; what breaks them is slower by far.
#![cfg(feature = "host")]

mod support;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{Handler, Line, Message as Text, Peer, Server, handler};
use tungstenite::Message;

use support::services::mount_echo;
use support::{Client, LIMITS, Running};

/// Round trips of a well-behaved peer, which take some milliseconds all together, and a second
/// each when a turn of the loop grows without bound.
const ROUND_TRIPS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_peer_that_floods_holds_up_nobody() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let over = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..2)
        .map(|_| {
            let raw = server.open("/echo");
            let over = over.clone();
            thread::spawn(move || {
                // Empty pongs: nothing is smaller, and nothing answers them.
                let pongs = [0x8A, 0x80, 0, 0, 0, 0].repeat(10_000);
                while !over.load(Ordering::Relaxed) && { raw.stream().write_all(&pongs).is_ok() } {}
            })
        })
        .collect();
    round_trips(&mut server.connect("/echo"));
    over.store(true, Ordering::Relaxed);
    floods.into_iter().for_each(|flood| flood.join().expect("it does not panic"));
    server.stop();
}

/// Is busy with ticks all the time, and answers messages none the less.
struct Busy;

impl Handler for Busy {
    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_micros(100))
    }

    fn tick(&mut self, _line: &mut Line) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    }

    fn message(&mut self, peer: &mut Peer, message: Text) {
        peer.send(message);
    }
}

#[test]
fn ticks_that_take_too_long_leave_time_for_sockets_and_for_the_end() {
    let mut server = Server::new(LIMITS);
    server.mount("/busy", || handler(Busy));
    let server = Running::start(server);
    round_trips(&mut server.connect("/busy"));
    server.stop();
}

fn round_trips(client: &mut Client) {
    let begun = Instant::now();
    for number in 0..ROUND_TRIPS {
        let message = Message::text(number.to_string());
        client.send(message.clone()).expect("it is open");
        assert_eq!(client.read().expect("it answers"), message);
        assert!(begun.elapsed() < PATIENCE, "{number} round trips in {:?}", begun.elapsed());
    }
}
