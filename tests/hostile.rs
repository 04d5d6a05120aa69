//! Peers that break off, send nonsense or never end: each open has one close, they lose their own
//! connection in the end, and all others are served.

#![cfg(feature = "host")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use switchboard::{
    Close, CloseCode, Context, Handler, Limits, Message, Peer, Request, Server, SocketId, handler,
};

use support::binary::Binary;
use support::http::{get, upgrade};
use support::raw::{BINARY, CLOSE, PING, TEXT, close, frame, header, piece};
use support::services::mount_echo;
use support::{LIMITS, Raw, Running, on_each_thread, server_on, until};

/// An echo that keeps the books: what opens closes once, and is silent before and after.
struct Books {
    open: BTreeSet<SocketId>,
    totals: Arc<Totals>,
}

#[derive(Default)]
struct Totals {
    opens: AtomicUsize,
    closes: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Books {
    fn check(&self, holds: bool, fault: &str) {
        if !holds {
            self.totals.faults.lock().expect("nobody panics with it").push(fault.to_owned());
        }
    }
}

impl Handler for Books {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        let is_new = self.open.insert(peer.id());
        self.check(is_new, "a second open");
        self.totals.opens.fetch_add(1, Ordering::SeqCst);
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.check(self.open.contains(&peer.id()), "a message outside of open and close");
        if message.as_text() == Some("close me") {
            return peer.close(CloseCode::NORMAL, "as you wish");
        }
        peer.send(message);
    }

    fn close(&mut self, _: &mut Context, id: SocketId, _: &Close) {
        let was_open = self.open.remove(&id);
        self.check(was_open, "a close without an open");
        self.totals.closes.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a peer does that comes and goes. Returns whether it has seen its 101, if that is known.
fn visit(server: &Running, kind: usize) -> Option<bool> {
    let hello = frame(TEXT, b"hello");
    let mut raw = server.raw();
    match kind {
        // Before it is open.
        0 => return Some(false),
        1 => raw.send(&upgrade("/books", "")[..40]),
        2 => {
            raw.send(&get("/books", ""));
            assert_eq!(raw.read_answer().status, 426);
        }
        3 => raw.send(b"\x16\x03\x01\x02\0\x01\0"),
        // It may have been open or not when it goes.
        4 => {
            raw.send(&[upgrade("/books", ""), hello].concat());
            return None;
        }
        5 => {
            raw.send(&upgrade("/books", ""));
            raw.end_writing();
            return None;
        }
        _ => {
            raw.upgrade("/books");
            leave(raw, kind, &hello);
            return Some(true);
        }
    }
    Some(false)
}

/// How a peer leaves that is open.
fn leave(mut raw: Raw, kind: usize, hello: &[u8]) {
    match kind {
        6 => {
            raw.send(&[hello, &close(1000, "")].concat());
            assert_eq!(raw.read_text(), "hello");
            assert_eq!(raw.read_close().0, 1000);
            raw.expect_end();
        }
        7 => {
            raw.send(hello);
            raw.reset();
        }
        8 => raw.end_writing(),
        9 => {
            raw.send(hello);
            raw.end_writing();
        }
        10 => raw.send(&header(0x80 | BINARY, 100_000)),
        11 => raw.send(&[piece(TEXT, b"never "), header(0x80, 50)].concat()),
        12 => {
            raw.send(&[hello, &frame(0x3, b"")].concat());
            assert_eq!(raw.read_text(), "hello");
            assert_eq!(raw.read_close().0, 1002);
        }
        13 => {
            raw.send(&frame(TEXT, b"close me"));
            assert_eq!(raw.read_close().0, 1000);
            raw.send(&close(1000, ""));
            raw.expect_end();
        }
        14 => {
            raw.send(&[frame(TEXT, b"close me"), frame(PING, b""), hello.to_vec()].concat());
            raw.reset();
        }
        // Both close at the same time.
        15 => raw.send(&[frame(TEXT, b"close me"), close(4000, "")].concat()),
        16 => raw.send(&[hello, &frame(CLOSE, b""), hello].concat()),
        _ => raw.send(hello),
    }
}

#[test]
fn each_open_has_one_close_however_peers_come_and_go() {
    on_each_thread(|thread| {
        let totals = Arc::new(Totals::default());
        let books = totals.clone();
        let mut server = server_on(thread, LIMITS);
        server.mount("/books", move || {
            handler(Books { open: BTreeSet::new(), totals: books.clone() })
        });
        mount_echo(&mut server, "/echo");
        let server = Arc::new(Running::start(server));
        let visitors: Vec<_> = (0..VISITORS)
            .map(|seed| {
                let server = server.clone();
                thread::spawn(move || {
                    let (mut random, mut sure, mut unsure) = (seed as u64, 0, 0);
                    for _ in 0..VISITS / VISITORS {
                        random = random
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        let kind = usize::try_from((random >> 33) % 18).expect("it is small");
                        match visit(&server, kind) {
                            Some(opened) => sure += usize::from(opened),
                            None => unsure += 1,
                        }
                    }
                    (sure, unsure)
                })
            })
            .collect();
        let mut other = server.open("/echo");
        while !visitors.iter().all(thread::JoinHandle::is_finished) {
            other.send_text("still served?");
            assert_eq!(other.read_text(), "still served?");
        }
        let visited =
            visitors.into_iter().map(|visitor| visitor.join().expect("all go as planned"));
        let (sure, unsure) = visited.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        until("all have left", || {
            let opens = totals.opens.load(Ordering::SeqCst);
            opens >= sure && totals.closes.load(Ordering::SeqCst) == opens
        });
        // A clean stop ends those that are not known to have gone, too.
        let server = Arc::into_inner(server).expect("all visitors have gone");
        drop(other);
        server.stop();
        let (opens, closes) =
            (totals.opens.load(Ordering::SeqCst), totals.closes.load(Ordering::SeqCst));
        assert_eq!(opens, closes);
        assert!((sure..=sure + unsure).contains(&opens), "{opens} opens, {sure} to {unsure} more");
        let faults = totals.faults.lock().expect("nobody panics with it");
        assert!(faults.is_empty(), "{} faults, such as {:?}", faults.len(), faults[0]);
    });
}

/// Sends bytes again and again until the server lets it go; in between others are served.
fn drip(server: &Running, mut raw: Raw, bytes: &[u8]) {
    let mut other = server.open("/echo");
    until("it is let go", || {
        other.send_text("still served?");
        assert_eq!(other.read_text(), "still served?");
        !raw.try_send(bytes)
    });
}

#[test]
fn a_peer_that_goes_on_after_the_end_is_let_go() {
    let limits = Limits { close_ms_max: 200, ..LIMITS };
    let mut server = Server::new(limits);
    let books = Arc::new(Totals::default());
    let totals = books.clone();
    server.mount("/books", move || handler(Books { open: BTreeSet::new(), totals: books.clone() }));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    // After a refusal.
    let mut raw = server.raw();
    raw.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(raw.read_head().status, 405);
    drip(&server, raw, b"x");
    // After a fault.
    let mut raw = server.open("/books");
    raw.send(&frame(0x3, b""));
    assert_eq!(raw.read_close().0, 1002);
    drip(&server, raw, &frame(PING, b""));
    // After the service has closed it, whose close frame it never answers.
    let mut raw = server.open("/books");
    raw.send_text("close me");
    assert_eq!(raw.read_close().0, 1000);
    drip(&server, raw, &frame(PING, b""));
    let mut raw = server.open("/books");
    raw.send_text("close me");
    assert_eq!(raw.read_close().0, 1000);
    drip(&server, raw, &frame(TEXT, b"not yet"));
    until("all have left", || totals.closes.load(Ordering::SeqCst) == 3);
    assert_eq!(totals.opens.load(Ordering::SeqCst), 3);
}

#[test]
fn floods_hold_nobody_up() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/flooded");
        mount_echo(&mut server, "/echo");
        let server = Arc::new(Running::start(server));
        let over = Arc::new(AtomicBool::new(false));
        // Unread echoes, the smallest frames, pings, unfinished fragments, and heads without an
        // end; peers that are closed come again.
        let floods: [(bool, Vec<u8>); 5] = [
            (true, frame(BINARY, &[b'x'; 1 << 20])),
            (true, frame(TEXT, b"").repeat(10_000)),
            (true, frame(PING, &[b'x'; 125]).repeat(1_000)),
            (true, [piece(TEXT, b""), piece(0, b"x").repeat(10_000)].concat()),
            (false, b"X: y\r\n".repeat(1_000)),
        ];
        let floods: Vec<_> = floods
            .into_iter()
            .map(|(is_open, bytes)| {
                let (server, over) = (server.clone(), over.clone());
                thread::spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        let mut raw = server.raw();
                        if is_open {
                            raw.upgrade("/flooded");
                        }
                        let patience = Some(Duration::from_millis(200));
                        raw.stream().set_write_timeout(patience).expect("it can be set");
                        while !over.load(Ordering::SeqCst) && raw.stream().write_all(&bytes).is_ok()
                        {
                        }
                    }
                })
            })
            .collect();
        let mut other = server.open("/echo");
        for number in 0..40 {
            other.send_text(&number.to_string());
            assert_eq!(other.read_text(), number.to_string());
        }
        over.store(true, Ordering::SeqCst);
        for flood in floods {
            flood.join().expect("a flood only ends");
        }
    });
}

#[test]
fn no_bytes_whatever_stop_the_server() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut random = 1_u64;
    let mut byte = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random.to_be_bytes()[0]
    };
    for round in 0..300 {
        let noise: Vec<u8> = (0..1 + round * 7 % 2_000).map(|_| byte()).collect();
        let mut raw = server.raw();
        match round % 3 {
            0 => raw.send(&noise),
            1 => {
                raw.upgrade("/echo");
                raw.try_send(&noise);
            }
            _ => {
                // A right frame with a wrong byte.
                raw.upgrade("/echo");
                let mut bytes = [frame(TEXT, b"hello"), close(1000, "bye")].concat();
                let at = usize::from(byte()) % bytes.len();
                bytes[at] ^= byte();
                raw.try_send(&bytes);
            }
        }
        // With its half ended there is nothing to wait for; some answers are a reset.
        if raw.stream().shutdown(std::net::Shutdown::Write).is_ok() {
            let mut sink = Vec::new();
            let _ = std::io::Read::read_to_end(&mut raw.stream(), &mut sink);
        }
    }
    assert!(server.is_running());
    let mut raw = server.open("/echo");
    raw.send_text("still there?");
    assert_eq!(raw.read_text(), "still there?");
}

const VISITORS: usize = 4;
const VISITS: usize = 5_000;
const TRIES: usize = 5;
/// More lines than the queue of the log holds.
const SOCKETS: usize = 12_000;
/// So many lines are read while it runs.
const READ_BEFORE_END: usize = 1_000;

/// A log that is not read delays no socket, and the number of lost lines is exact.
#[test]
fn a_log_that_nobody_reads() {
    // At its end the binary has a second for what is left of its log, which may be too short on a
    // slow machine; without any wait none is ever complete.
    assert!((0..TRIES).any(|_| is_log_complete()), "lines are missing each time");
}

fn is_log_complete() -> bool {
    // It also has the flag for less log.
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (mut binary, log) = Binary::run_unread(command.arg("-v"));
    // Refusals would be counted. Each of these is more than a hundred bytes, and a mebibyte waits.
    for _ in 0..SOCKETS {
        Raw::connect(binary.address()).upgrade("/echo");
    }
    let (mut told, mut lost) = (0, 0);
    for line in BufReader::new(log).lines() {
        let line = line.expect("it is text");
        let is_life = line.contains(" path=\"/echo\" reason=");
        told += usize::from(is_life);
        if told == READ_BEFORE_END && is_life {
            // The rest, which is far more than the pipe holds, is written before it ends.
            binary.signal("TERM");
            until("nobody listens", || TcpStream::connect(binary.address()).is_err());
        }
        if let Some((head, _)) = line.split_once(" lines of the log were dropped: ") {
            let count = head.rsplit(' ').next().expect("it has a last word");
            lost += count.parse::<usize>().expect("it is a number");
        }
    }
    assert_eq!(binary.exit_code(), Some(0));
    assert!(told + lost <= SOCKETS, "{told} lines and {lost} lost ones of {SOCKETS}");
    told + lost == SOCKETS
}
