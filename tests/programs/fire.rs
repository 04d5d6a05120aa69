//! A stop under fire: the binary ends in time, and in order, whatever peers do meanwhile.

use std::fs::File;
use std::io::Write;
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::bench::is_alive;
use crate::keep::TELLS;
use crate::support::binary::{Binary, patience};
use crate::support::folder::{programs, write};
use crate::support::http::{get, upgrade};
use crate::support::process::children;
use crate::support::raw::{BINARY, PING, TEXT, close, decode_close, frame, piece};
use crate::support::{Raw, until};

/// Each attack as the path of its socket, if it opens one, and what it sends without end.
fn attacks() -> Vec<(Option<&'static str>, Vec<u8>)> {
    let storm = [upgrade("/unknown", ""), get("/huge.bin", ""), upgrade("/echo", "")];
    let mut attacks = vec![
        // Unread echoes, the smallest frames, pings, and a message without an end.
        (Some("/echo"), frame(BINARY, &[b'x'; 1 << 18])),
        (Some("/echo"), frame(TEXT, b"").repeat(5_000)),
        (Some("/echo"), frame(PING, &[b'x'; 125]).repeat(1_000)),
        (Some("/echo"), [piece(TEXT, b""), piece(0, b"x").repeat(5_000)].concat()),
        (Some("/tells"), frame(TEXT, &[b'x'; 1_000]).repeat(20)),
        (Some("/cat"), frame(TEXT, &[b'x'; 1_000]).repeat(100)),
        // A head without an end.
        (None, b"X: y\r\n".repeat(1_000)),
    ];
    // Peers that come, ask, and leave their answer unread.
    attacks.extend(storm.map(|request| (None, request)));
    attacks
}

/// Attacks until the server is no more, and comes again whenever it is thrown out or has to wait.
fn attack(address: SocketAddr, path: Option<&str>, bytes: &[u8], sent: &AtomicUsize) {
    let head = path.map(|path| upgrade(path, "")).unwrap_or_default();
    let is_request = bytes.starts_with(b"GET ");
    while let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_write_timeout(Some(Duration::from_millis(100))).expect("it can be set");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("it can be set");
        let mut is_open = stream.write_all(&head).is_ok();
        while is_open {
            let is_sent = stream.write_all(bytes).is_ok();
            sent.fetch_add(usize::from(is_sent), Ordering::SeqCst);
            is_open = is_sent && !is_request;
        }
        // As fast as the server answers, so that others find a place in the system's queue.
        let _ = stream.peek(&mut [0]);
    }
}

/// What was said before the stop has its answer, each honest peer hears of the stop, and neither
/// the server nor one of its programs outlives it. A second signal ends at once what would last.
#[test]
fn a_stop_under_fire_is_clean() {
    let cat = "#!/bin/sh\nexec cat\n";
    let folder = programs("fire", &[("tells.py", TELLS), ("cat", cat)]);
    write(&folder, "_files/x.txt", "inside", "644");
    let huge = File::create(folder.join("_files/huge.bin")).expect("it can be made");
    huge.set_len(1 << 30).expect("it takes no space");
    for (drain, signals) in [("200ms", 1), ("3600s", 2)] {
        let server = format!(
            "[server]\ndumpable: yes\nstop-timeout: 500ms\nstatic-root: {}\n\
             document-root: {}\n\
             [service /cat]\nmode: per-socket\n{}",
            folder.join("_files").display(),
            folder.display(),
            patience(&[("drain-timeout", drain)])
        );
        write(&folder, "_conf", &server, "644");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        let server = Binary::run(command.arg("--config").arg(folder.join("_conf")));
        is_stopped(server, signals);
    }
}

fn is_stopped(server: Binary, signals: usize) {
    let attacks = attacks();
    let sent: Vec<_> = attacks.iter().map(|_| AtomicUsize::new(0)).collect();
    let programs = thread::scope(|scope| {
        // It ends with this, also by a failure, and with it the attacks.
        let mut server = server;
        let mut honest = ["/echo", "/tells", "/cat"].map(|path| {
            let mut raw = Raw::connect(server.address());
            raw.upgrade(path);
            raw
        });
        for ((path, bytes), sent) in attacks.iter().zip(&sent) {
            let address = server.address();
            scope.spawn(move || attack(address, *path, bytes, sent));
        }
        until("each attack is under way", || {
            sent.iter().all(|sent| sent.load(Ordering::SeqCst) > 0)
        });
        for raw in &mut honest {
            for number in 0..10 {
                let text = format!("number {number}");
                raw.send_text(&text);
                while !raw.read_text().ends_with(&text) {}
            }
        }
        let programs = children(&server.pid());
        server.signal("TERM");
        for raw in &mut honest {
            let frame = iter::repeat_with(|| raw.read_frame()).find(|frame| frame.first == 0x88);
            let payload = frame.map(|frame| frame.payload).unwrap_or_default();
            assert_eq!(decode_close(&payload).0, 1001);
            raw.try_send(&close(1001, ""));
        }
        (1..signals).for_each(|_| server.signal("TERM"));
        assert_eq!(server.exit_code(), Some(0));
        programs
    });
    println!("{} programs, {sent:?}", programs.len());
    assert!(programs.len() >= 2, "{programs:?}");
    for program in programs {
        let number = program.parse().expect("it is a number");
        until("each program has gone", || !is_alive(number));
    }
}
