//! Clients that mean harm: hellos that never end, floods, connections in thousands.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use log::LevelFilter;
use switchboard::{Limits, Server, Thread};

use crate::support::logged::{keep, line_with};
use crate::support::raw::{BINARY, PING, frame};
use crate::support::services::mount_echo;
use crate::support::tls::{Sealed, VERSIONS, client, open, start, tls};
use crate::support::{LIMITS, Raw, Running, on_each_thread, server_on};

fn echo(thread: Thread, limits: Limits) -> Server {
    let mut server = server_on(thread, limits);
    mount_echo(&mut server, "/echo");
    server
}

/// A hello whose message is as long as this, with its header: the last extension fills it (RFC
/// 7685). Without the header of its record.
fn hello(len: usize) -> Vec<u8> {
    let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
    let mut hello = sealed.records().split_off(5);
    let more = len - hello.len();
    // Behind the version, the random bytes and three lists are the extensions.
    let mut at = 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    at += 1 + usize::from(hello[at]);
    let extensions = hello.len() - at - 2 + more;
    hello[at..at + 2].copy_from_slice(&u16::try_from(extensions).expect("it fits").to_be_bytes());
    hello.extend(21_u16.to_be_bytes());
    hello.extend(u16::try_from(more - 4).expect("it fits").to_be_bytes());
    hello.extend(vec![0; more - 4]);
    let body = u32::try_from(hello.len() - 4).expect("it fits").to_be_bytes();
    hello[1..4].copy_from_slice(&body[1..]);
    assert_eq!(hello.len(), len);
    hello
}

/// The hello in records of so many bytes.
fn in_records(hello: &[u8], len: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let len = u16::try_from(part.len()).expect("it fits").to_be_bytes();
        [&[22, 3, 1][..], &len, part].concat()
    };
    hello.chunks(len).flat_map(record).collect()
}

#[test]
fn a_hello_in_the_smallest_records() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut other = open(&server, client(&VERSIONS), "/echo");
        // The length of the hello and of its records, and whether it is answered: up to 64 KiB with
        // the headers of the records.
        for (len, record_len, is_answered) in [
            (600, 1, true),
            (10_000, 1, true),
            (18_000, 2, true),
            (60_000, 16_384, true),
            (25_000, 1, false),
            (60_000, 1, false),
        ] {
            let records = in_records(&hello(len), record_len);
            let mut raw = server.raw();
            let address = raw.stream().local_addr().expect("it has one");
            for part in records.chunks(4_000) {
                if !raw.try_send(part) {
                    break;
                }
                other.send_text("word");
                assert_eq!(other.read_text(), "word");
            }
            if is_answered {
                // A record with the message server_hello.
                let mut answer = [0; 6];
                let len = raw.stream().read(&mut answer).expect("it comes");
                assert_eq!(answer[..len], [22, 3, 3, 0, 122, 2], "{len} in {record_len}");
                continue;
            }
            let rest = raw.read_rest();
            assert!(rest.len() <= 7, "no answer but an alert: {rest:?}");
            drop(raw);
            let line = line_with(&format!("peer={address}"));
            assert!(line.text.contains("is longer than 64 KiB"), "{line:?}");
        }
    });
}

#[test]
fn a_hello_of_nothing_ends() {
    let _alone = keep(LevelFilter::Info);
    let server = start(echo(Thread::Own, LIMITS), &tls(&["first"]));
    for bytes in [
        // Records without a byte, of each type.
        [20, 3, 3, 0, 0].repeat(1_000),
        [21, 3, 3, 0, 0].repeat(1_000),
        [22, 3, 3, 0, 0].repeat(1_000),
        [23, 3, 3, 0, 0].repeat(1_000),
        // Changes of the cipher specification.
        [20, 3, 3, 0, 1, 1].repeat(1_000),
        // Warnings that the client gives up.
        [21, 3, 3, 0, 2, 1, 90].repeat(1_000),
        // A record of the largest length, with another message.
        [&[22, 3, 3, 0x40, 0][..], &[20; 0x4000]].concat(),
        // SSL 2.0.
        vec![0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10],
    ] {
        let mut raw = server.raw();
        let address = raw.stream().local_addr().expect("it has one");
        raw.try_send(&bytes);
        let alert = raw.read_rest();
        assert!(alert.len() <= 7, "no answer but an alert: {alert:?}");
        drop(raw);
        let line = line_with(&format!("peer={address}"));
        assert!(line.text.contains("TLS: "), "{:?}: {line:?}", &bytes[..5]);
    }
}

/// A client that has no time for answers gets none, and others are served.
#[test]
fn a_client_that_never_reads_and_makes_us_answer() {
    on_each_thread(|thread| {
        let limits = Limits { outbox_bytes_max: 2 << 20, ..LIMITS };
        let server = start(echo(thread, limits), &tls(&["first"]));
        let mut other = open(&server, client(&VERSIONS), "/echo");
        let mut raw = open(&server, client(&[VERSIONS[1]]), "/echo");
        let stream = raw.stream().try_clone().expect("there is a descriptor");
        stream.set_nonblocking(true).expect("it can be");
        let (mut sent, mut refused) = (0_usize, 0);
        // Until the server reads no more, or has closed it.
        'flood: while refused < 50 {
            for _ in 0..10 {
                raw.tls().rustls().refresh_traffic_keys().expect("it is of 1.3");
            }
            let records = raw.tls().seal(&frame(BINARY, &[0; 100]).repeat(100));
            let mut left = &records[..];
            while !left.is_empty() && refused < 50 {
                match (&stream).write(left) {
                    Ok(len) => (sent, left, refused) = (sent + len, &left[len..], 0),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        refused += 1;
                        other.send_text("word");
                        assert_eq!(other.read_text(), "word");
                    }
                    Err(_) => break 'flood,
                }
            }
            assert!(sent < 200 << 20, "it is pushed back");
        }
        other.send_text("word");
        assert_eq!(other.read_text(), "word");
        // What it reads at last is in order.
        stream.set_nonblocking(false).expect("it can be");
        for _ in 0..1_000 {
            assert_eq!(raw.read_frame().first, 0x80 | BINARY);
        }
    });
}

/// Many connect again at once, as after a restart of a network, and none is refused.
#[test]
fn many_reconnect_beside_a_client_that_is_served() {
    on_each_thread(|thread| {
        let server = start(echo(thread, LIMITS), &tls(&["first"]));
        let mut quiet = open(&server, client(&VERSIONS), "/echo");
        let worst = storm(&server, &mut quiet, 100);
        println!("the worst wait beside 100 connections: {worst:?}");
        quiet.send_text("word");
        assert_eq!(quiet.read_text(), "word");
    });
}

/// Guarantee 6 beside handshakes.
#[test]
#[ignore = "a figure: `tests/run figures` checks it in a release build"]
fn figure_of_a_quiet_peer_beside_ten_thousand_handshakes() {
    on_each_thread(|thread| {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let server = start(echo(thread, LIMITS), &tls(&["first"]));
            let mut quiet = open(&server, client(&VERSIONS), "/echo");
            let worst = storm(&server, &mut quiet, 10_000);
            println!("the worst wait beside 10,000 handshakes: {worst:?}");
            best = best.min(worst);
            if best <= Duration::from_millis(250) {
                return;
            }
        }
        panic!("{best:?} in the best of 3 tries");
    });
}

/// So many full handshakes, 200 of them begun at a time. Returns the longest time of a ping of the
/// quiet peer meanwhile.
fn storm(server: &Running, quiet: &mut Raw, count: usize) -> Duration {
    let address = server.address();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| {
            for _ in 0..count / AT_A_TIME.min(count) {
                let mut begun: Vec<_> = (0..AT_A_TIME.min(count))
                    .map(|_| {
                        let mut raw = Raw::connect(address);
                        let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
                        raw.send(&sealed.records());
                        (raw, sealed)
                    })
                    .collect();
                for (raw, sealed) in &mut begun {
                    let mut stream = raw.stream().try_clone().expect("there is a descriptor");
                    while sealed.rustls().is_handshaking() {
                        assert!(sealed.read(&mut stream, &mut Vec::new()).expect("it goes on"));
                    }
                    raw.send(&sealed.records());
                }
            }
            ended.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut worst = Duration::ZERO;
        while !ended.load(std::sync::atomic::Ordering::SeqCst) && !storm.is_finished() {
            let begin = Instant::now();
            quiet.send(&frame(PING, b"?"));
            assert_eq!(quiet.read_frame().payload, b"?");
            worst = worst.max(begin.elapsed());
        }
        worst
    })
}

const AT_A_TIME: usize = 200;

/// A client that is gone in the middle of anything leaves nothing behind.
#[test]
fn connections_that_end_anywhere_keep_no_place() {
    let limits = Limits { sockets_max: 8, handshakes_max: 2, ..LIMITS };
    on_each_thread(|thread| {
        let server = start(echo(thread, limits), &tls(&["first"]));
        for version in VERSIONS {
            let mut sealed = Sealed::new(client(&[version]), "first.example");
            let hello = sealed.records();
            for cut in (0..=hello.len()).step_by(16) {
                let mut raw = server.raw();
                raw.send(&hello[..cut]);
                if cut % 32 == 0 {
                    raw.end_writing();
                    let _ = raw.stream().read(&mut [0]);
                }
            }
            // All of them have gone, or go: there is a place for one that behaves.
            crate::support::until("there is a place", || {
                let mut raw = server.raw();
                raw.secure(client(&[version]), "first.example").is_ok()
            });
        }
        let mut raws: Vec<Raw> = Vec::new();
        crate::support::until("there are all places", || {
            raws.clear();
            (0..8).all(|_| {
                let mut raw = server.raw();
                let is_open = raw.secure(client(&VERSIONS), "first.example").is_ok();
                raws.push(raw);
                is_open
            })
        });
    });
}
