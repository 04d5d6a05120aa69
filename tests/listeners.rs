//! A sender beside listeners of all kinds, over real sockets and with the shipped `broadcast`: one
//! that reads more slowly than it sends, one that never reads, one that drips.

#![cfg(feature = "host")]

#[path = "../services/broadcast.rs"]
mod broadcast;
mod support;

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use switchboard::Thread;

use support::raw::{BINARY, CLOSE, decode_close, frame};
use support::services::mount_echo;
use support::{LIMITS, Running, on_each_thread, server_on};

/// What a history came to.
struct Outcome {
    /// How many messages the slow reader got.
    read: usize,
    /// The longest wait of a quiet peer of another service.
    wait: Duration,
}

#[test]
fn a_slow_reader_gets_all_beside_a_fast_sender() {
    on_each_thread(|thread| {
        let mut most = 0;
        // A listener has a second, for which a machine may be busy: it is enough to get all once.
        for _ in 0..TRIES {
            most = most.max(live(thread).read);
            if most == MESSAGES {
                return;
            }
        }
        panic!("{most} of {MESSAGES} messages in the best of {TRIES} tries");
    });
}

#[test]
#[ignore = "a figure: `tests/run figures` checks it in a release build"]
fn figure_of_a_quiet_peer_beside_slow_listeners() {
    on_each_thread(|thread| {
        let mut best = Duration::MAX;
        for _ in 0..TRIES {
            let Outcome { read, wait } = live(thread);
            println!("worst wait {wait:?}; the slow reader got {read} of {MESSAGES} messages");
            best = best.min(wait);
            if best <= WAIT_MAX {
                return;
            }
        }
        panic!("{best:?} in the best of {TRIES} tries");
    });
}

/// One sends as fast as it can, and the slow reader takes a message for some round trips of an
/// echo. What listeners get is in order, the one that never reads is closed, and the sender gets
/// rid of all.
fn live(thread: Thread) -> Outcome {
    let mut server = server_on(thread, LIMITS);
    server.mount("/broadcast", broadcast::service);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut slow = server.open("/broadcast");
    let mut never = server.open("/broadcast");
    let mut drip = server.open("/broadcast");
    let mut quiet = server.open("/echo");
    let sender = server.open("/broadcast").into_stream();
    let mut own = sender.try_clone().expect("there is a descriptor");
    let hears = thread::spawn(move || {
        // Until the end of the connection, whatever it is.
        let _ = io::copy(&mut own, &mut io::sink());
    });
    let sends = thread::spawn(move || send_all(sender));
    let mut outcome = Outcome { read: 0, wait: Duration::ZERO };
    while outcome.read < MESSAGES {
        let got = slow.read_frame();
        if got.first == 0x80 | CLOSE {
            break;
        }
        assert_eq!(number(&got.payload), outcome.read, "all come in order");
        outcome.read += 1;
        if outcome.read <= DRIPS {
            drip.read_some(1);
        }
        for trip in 0..TRIPS {
            let begun = Instant::now();
            quiet.send_text(&trip.to_string());
            assert_eq!(quiet.read_text(), trip.to_string());
            outcome.wait = outcome.wait.max(begun.elapsed());
        }
    }
    let sender = sends.join().expect("the server takes all of it");
    for expected in 0.. {
        let got = never.read_frame();
        if got.first == 0x80 | CLOSE {
            let (code, reason) = decode_close(&got.payload);
            assert_eq!(code, 1013, "{reason}");
            break;
        }
        assert_eq!(number(&got.payload), expected, "what it got is in order");
    }
    drop(server);
    drop(sender);
    hears.join().expect("it only reads");
    outcome
}

/// Sends all messages, each with its number in front.
fn send_all(mut sender: TcpStream) -> TcpStream {
    let mut payload = vec![b'x'; MESSAGE_LEN];
    for number in 0..MESSAGES {
        payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
        sender.write_all(&frame(BINARY, &payload)).expect("the sender is not closed");
    }
    sender
}

fn number(payload: &[u8]) -> usize {
    assert_eq!(payload.len(), MESSAGE_LEN);
    let number = payload[..8].try_into().map(u64::from_be_bytes);
    number.ok().and_then(|number| usize::try_from(number).ok()).expect("it begins with a number")
}

const MESSAGES: usize = 1_000;
const MESSAGE_LEN: usize = 64 << 10;
/// How many round trips the slow reader makes for each message.
const TRIPS: usize = 8;
/// How many bytes the one takes that drips.
const DRIPS: usize = 500;
const TRIES: usize = 5;
const WAIT_MAX: Duration = Duration::from_millis(250);
