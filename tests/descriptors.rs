//! When the system gives no more descriptors: open sockets are served, and waiting connections are
//! accepted as soon as others leave.

#![cfg(feature = "host")]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use switchboard::host::raise_descriptor_limit;

use support::binary::{Binary, patience};
use support::process::{cpu, descriptors};
use support::raw::{CLOSE, PING, PONG, TEXT, close, frame};
use support::{Raw, until};

#[test]
fn without_descriptors_connections_wait_for_their_turn() {
    assert!(raise_descriptor_limit() > ROOM, "the clients need descriptors as well");
    let folder = env!("CARGO_TARGET_TMPDIR");
    let config = format!("{folder}/descriptors.conf");
    // More than there can be, so that the system says no before the server does; and pings, by
    // which this test knows that time passes.
    let text = patience(&[("max-connections", "1000"), ("ping-interval", "100ms")]);
    let text = format!("[server]\ndumpable: yes\n{text}");
    std::fs::write(&config, &text).expect("it can be written");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_switchboard")]);
    command.args(["--config", &config]);
    let server = Binary::run(&mut command);
    let pid = server.pid();
    // The first ones are accepted, until there are no more descriptors.
    let mut waiting: Vec<Raw> = (0..300).map(|_| ask(&server)).collect();
    // It may have inherited one that is beyond the limit.
    until("all descriptors are in use", || descriptors(&pid) >= 250);
    // It tries again from time to time, and rests in between: open sockets are served meanwhile.
    waiting[0].read_101();
    let (start, before) = (Instant::now(), cpu(&pid));
    while start.elapsed() < Duration::from_secs(1) {
        answer_ping(&mut waiting[0]);
    }
    let (busy, passed) = (cpu(&pid) - before, start.elapsed());
    println!("without descriptors it is busy for {busy:?} of {passed:?}");
    assert!(busy < passed / 10, "it is busy for {busy:?} of {passed:?}");
    waiting[0].send_text("hello");
    assert_eq!(read_text(&mut waiting[0]), "hello");
    drop(waiting.remove(0));
    // The client that came first is open, or opens next.
    for mut raw in waiting {
        raw.read_101();
        raw.send_text("hello");
        assert_eq!(read_text(&mut raw), "hello");
        raw.send(&close(1000, ""));
        let mut frames = std::iter::repeat_with(|| raw.read_frame());
        let last = frames.find(|frame| frame.first != 0x80 | PING).expect("a frame comes");
        assert_eq!((last.first, &last.payload[..]), (0x80 | CLOSE, &1000_u16.to_be_bytes()[..]));
        raw.expect_end();
    }
    // Now there is capacity again.
    let mut raw = ask(&server);
    raw.read_101();
    raw.send_text("hello");
    assert_eq!(read_text(&mut raw), "hello");
}

fn answer_ping(raw: &mut Raw) {
    let ping = raw.read_frame();
    assert_eq!(ping.first, 0x80 | PING, "{ping:?}");
    raw.send(&frame(PONG, &ping.payload));
}

/// The next text, behind pings.
fn read_text(raw: &mut Raw) -> String {
    loop {
        let frame = raw.read_frame();
        if frame.first != 0x80 | PING {
            assert_eq!(frame.first, 0x80 | TEXT, "{frame:?}");
            return String::from_utf8(frame.payload).expect("it is UTF-8");
        }
    }
}

fn ask(server: &Binary) -> Raw {
    let mut raw = Raw::connect(server.address());
    raw.send(&support::http::upgrade("/echo", ""));
    raw
}

/// What this process needs for its clients.
const ROOM: usize = 500;
