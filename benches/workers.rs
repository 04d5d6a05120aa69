//! How many messages a second a service answers whose handler takes 100 us for each, with 1, 2 and
//! 4 workers: one that sleeps, as for an answer of another server, and one that computes.
//!
//! `cargo bench --bench workers`; `--quick` shows in a second that it works.

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{Handler, Limits, Message, Peer, Server, Workers, handler};

/// Answers each message after its work.
#[derive(Clone, Copy)]
enum Work {
    Sleep,
    Spin,
}

impl Handler for Work {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match self {
            Self::Sleep => thread::sleep(TIME),
            Self::Spin => {
                let end = Instant::now() + TIME;
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
            }
        }
        peer.send(message);
    }
}

fn main() {
    let has = |flag: &str| env::args().any(|arg| arg == flag);
    // Tests run it as well, without this flag of cargo bench.
    let is_quick = has("--quick") || !has("--bench");
    let time = Duration::from_millis(if is_quick { 100 } else { 3_000 });
    println!("handler        workers  messages/s  times");
    for (name, work) in [("sleeps 100 us", Work::Sleep), ("spins 100 us", Work::Spin)] {
        let mut first = None;
        for workers in [1, 2, 4] {
            let rate = rate_of(work, workers, time);
            let times = rate / *first.get_or_insert(rate);
            println!("{name:<14} {workers:>7} {rate:>11.0} {times:>6.2}");
        }
    }
}

/// Messages a second.
fn rate_of(work: Work, workers: usize, time: Duration) -> f64 {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/work", move || handler(work)).workers(Workers::new(workers));
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let (address, stopper) = (host.address().tcp().expect("it is TCP"), host.stopper());
    let running = thread::spawn(move || host.run());
    let (answers, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (mut start, mut before) = (Instant::now(), 0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| talk(address, &answers, &is_over));
        }
        // The workers start with their first sockets.
        thread::sleep(time / 4);
        (start, before) = (Instant::now(), answers.load(Ordering::Relaxed));
        thread::sleep(time);
        is_over.store(true, Ordering::Relaxed);
    });
    let answered = answers.load(Ordering::Relaxed) - before;
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    stopper.stop_now();
    running.join().expect("it does not panic").expect("it runs");
    rate
}

/// A socket that has some messages under way, so that each worker always has one.
fn talk(address: SocketAddr, answers: &AtomicUsize, is_over: &AtomicBool) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("it is a socket of TCP");
    stream.write_all(HEAD).expect("it is read");
    let mut bytes = [0; 4_096];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let len = stream.read(&mut bytes).expect("it answers");
        head.extend_from_slice(&bytes[..len]);
    }
    stream.write_all(&MESSAGE.repeat(WINDOW)).expect("it is read");
    let mut part = 0;
    while !is_over.load(Ordering::Relaxed) {
        let len = stream.read(&mut bytes).expect("it answers") + part;
        part = len % ANSWER_BYTES;
        let whole = len / ANSWER_BYTES;
        answers.fetch_add(whole, Ordering::Relaxed);
        stream.write_all(&MESSAGE.repeat(whole)).expect("it is read");
    }
}

const TIME: Duration = Duration::from_micros(100);
const CLIENTS: usize = 8;
const WINDOW: usize = 8;
const HEAD: &[u8] = b"GET /work HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A text of eight letters, masked with zeros.
const MESSAGE: &[u8] = b"\x81\x88\0\0\0\0messages";
const ANSWER_BYTES: usize = 10;
