//! Memory comes back: hostile sockets come in hundreds and go, beside quiet ones that stay, and the
//! binary returns to the system what they took. How much is left, and when, is a figure, which
//! `tests/run figures` checks in a release build. Alone in its file: it needs many descriptors.

#![cfg(feature = "host")]
// Only where memory is counted like this, and by an allocator that returns memory on request.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use switchboard::host::raise_descriptor_limit;

use support::binary::{Binary, patience};
use support::http::upgrade;
use support::process::resident_all;
use support::raw::{BINARY, TEXT, frame};
use support::{Raw, until};

/// Ten seconds after each of three storms at most twice what was resident at the start is left, and
/// 8 MiB.
#[test]
#[ignore = "a figure: `tests/run figures` checks it in a release build"]
fn figure_of_memory_that_comes_back() {
    assert!(raise_descriptor_limit() > 2 * SOCKETS, "there are descriptors for all");
    // Bytes that cannot be compressed, and a text likewise.
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let large: Vec<u8> = (0..1 << 20).map(|_| random()).collect();
    let text: Vec<u8> = (0..1 << 20).map(|_| b' ' + random() % 64).collect();
    let small = frame(BINARY, &large[..1_000]).repeat(64);
    let [large, text] = [frame(BINARY, &large), frame(TEXT, &text)];
    let own = ("thread: own\n", "");
    let on_loop = ("thread: loop\n", "");
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let compressed = ("compression: on\n", offer);
    let rows = [own, on_loop, compressed];
    for (keys, offer) in &rows[..if cfg!(feature = "deflate") { 3 } else { 2 }] {
        let server = start(keys);
        let mut quiet: Vec<Raw> = (0..QUIET).map(|_| open(&server, "")).collect();
        quiet.iter_mut().for_each(echo);
        let pid = server.pid();
        let start = resident_all(&pid);
        for _ in 0..3 {
            let mut sockets: Vec<Raw> = (0..SOCKETS).map(|_| open(&server, offer)).collect();
            let (unfinished, unread) = sockets.split_at_mut(SOCKETS / 2);
            for (number, raw) in unfinished.iter_mut().enumerate() {
                let message = if number % 2 == 0 { &large } else { &text };
                raw.send(&message[..message.len() - 1]);
            }
            let (of_large, of_small) = unread.split_at_mut(SOCKETS / 4);
            stuff(of_large, &large, &mut quiet[0]);
            stuff(of_small, &small, &mut quiet[0]);
            let height = resident_all(&pid);
            assert!(height > start + HEIGHT_MIN, "the storm has come through: {height} bytes");
            drop(sockets);
            let gone = Instant::now();
            let (mut now, mut lag, mut back) = (height, Duration::ZERO, None);
            until("what stays is little", || {
                let begun = Instant::now();
                echo(&mut quiet[0]);
                lag = lag.max(begun.elapsed());
                now = resident_all(&pid);
                if now <= 2 * start + (8 << 20) {
                    back.get_or_insert(gone.elapsed());
                }
                now <= start + STAYS_MAX
            });
            println!(
                "{keys:?}: {start} bytes at the start, {height}, {now} after {:?}; an echo beside \
                 that took {lag:?} at most",
                gone.elapsed()
            );
            assert!(back.is_some_and(|back| back <= BACK_AFTER), "memory is back after {back:?}");
            quiet.iter_mut().for_each(echo);
        }
    }
}

/// The same after a storm of sockets of which each holds little.
#[test]
#[ignore = "a figure: `tests/run figures` checks it in a release build"]
fn figure_of_memory_of_small_holdings_that_comes_back() {
    assert!(raise_descriptor_limit() > SMALL_SOCKETS + 100, "there are descriptors for all");
    let server = start("");
    let mut quiet = open(&server, "");
    let pid = server.pid();
    let start = resident_all(&pid);
    let unfinished = frame(BINARY, &[0; 4_000]);
    for _ in 0..3 {
        let mut sockets: Vec<_> = (0..SMALL_SOCKETS).map(|_| open(&server, "")).collect();
        sockets.iter_mut().for_each(|raw| raw.send(&unfinished[..3_500]));
        until("the storm has come through", || {
            echo(&mut quiet);
            resident_all(&pid) > start + SMALL_SOCKETS * 3_000
        });
        let height = resident_all(&pid);
        drop(sockets);
        let (gone, mut now) = (Instant::now(), height);
        until("what stays is little", || {
            echo(&mut quiet);
            now = resident_all(&pid);
            now <= 2 * start + (8 << 20)
        });
        let after = gone.elapsed();
        println!("{start} bytes at the start, {height}, {now} after {after:?}");
        assert!(after <= BACK_AFTER, "memory is back after {after:?}");
    }
}

fn start(keys: &str) -> Binary {
    let text = format!("[server]\n{keys}{}", patience(&[]));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("storms.conf");
    fs::write(&path, text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    Binary::run(command.arg("--config").arg(path))
}

fn open(server: &Binary, offer: &str) -> Raw {
    let mut raw = Raw::connect(server.address());
    // What the system holds for it is little.
    set_socket_recv_buffer_size(raw.stream(), 4_096).expect("it can be set");
    raw.send(&upgrade("/echo", offer));
    assert_eq!(raw.read_head().status, 101);
    raw
}

fn echo(raw: &mut Raw) {
    raw.send_text("still here");
    assert_eq!(raw.read_text(), "still here");
}

/// Sends the same again and again to be echoed, and reads nothing, until the server takes no more
/// or has taken so much: then the outboxes are full.
fn stuff(sockets: &mut [Raw], bytes: &[u8], other: &mut Raw) {
    let mut sent = vec![0; sockets.len()];
    let mut refused = 0;
    while refused < 50 && sent.iter().any(|&len| len < STUFFED_BYTES) {
        refused += 1;
        for (raw, sent) in sockets.iter().zip(&mut sent) {
            if *sent >= STUFFED_BYTES {
                continue;
            }
            raw.stream().set_nonblocking(true).expect("it can be");
            match raw.stream().write(&bytes[*sent % bytes.len()..]) {
                Ok(len) => (*sent, refused) = (*sent + len, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // It has been closed with 1013.
                Err(_) => *sent = STUFFED_BYTES,
            }
        }
        // The server has had a turn.
        echo(other);
    }
}

const QUIET: usize = 20;
const SOCKETS: usize = 400;
const SMALL_SOCKETS: usize = 9_000;
const BACK_AFTER: Duration = Duration::from_secs(10);
const STAYS_MAX: usize = 4 << 20;
const STUFFED_BYTES: usize = 5 << 20;
const HEIGHT_MIN: usize = SOCKETS << 19;
