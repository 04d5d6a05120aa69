//! Services start and end: on demand, by a panic wherever it happens, by returning, too often; and
//! only their own sockets notice.

#![cfg(feature = "host")]

mod support;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use log::LevelFilter;
use switchboard::{
    Audience, Close, Context, Gate, Handler, Inbound, Limits, Message, Peer, Request, Server,
    Service, SocketId, Verdict, gated, handler,
};

use support::http::{get, upgrade};
use support::raw::{CLOSE, TEXT, close, frame};
use support::services::{Echo, Seen, mount_echo, mount_probe};
use support::{LIMITS, Raw, Running, logged, next, on_each_thread, server_on};

/// A panic like any other, but for the noise.
fn panic_quietly() -> ! {
    resume_unwind(Box::new("as a test wants it"))
}

/// Panics in the callback of this name. Counts its messages.
struct Fragile {
    at: &'static str,
    count: usize,
}

impl Fragile {
    fn reach(&self, place: &str) {
        if self.at == place {
            panic_quietly();
        }
    }
}

impl Handler for Fragile {
    fn start(&mut self, _: &mut Context) {
        self.reach("start");
    }

    fn protocols(&self) -> Vec<String> {
        self.reach("protocols");
        Vec::new()
    }

    fn open(&mut self, _: &mut Peer, _: &Request) {
        self.reach("open");
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.count += 1;
        peer.send(self.count.to_string());
        match message.as_text() {
            Some("die") => panic_quietly(),
            // More than the system holds for a peer that has never read much.
            Some("fill") => (0..200).for_each(|_| peer.send(vec![b'x'; 100_000])),
            _ => {}
        }
    }

    fn full(&mut self, _: &mut Peer) {
        self.reach("full");
    }

    fn drained(&mut self, _: &mut Peer) {
        self.reach("drained");
    }

    fn close(&mut self, _: &mut Context, _: SocketId, _: &Close) {
        self.reach("close");
    }

    fn tick(&mut self, _: &mut Context) {
        self.reach("tick");
    }

    fn tick_interval(&self) -> Option<Duration> {
        (self.at == "tick").then_some(Duration::from_millis(1))
    }
}

impl Gate for Fragile {
    fn admit(&mut self, _: &Request) -> Verdict {
        panic_quietly()
    }
}

fn mount_fragile(server: &mut Server, path: &str, at: &'static str) {
    server.mount(path, move || handler(Fragile { at, count: 0 }));
}

#[test]
fn a_service_starts_with_its_first_socket() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/lazy", |_, _| {});
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        // Neither a plain GET, nor what is refused, nor another service's socket starts it.
        assert_eq!(server.ask(&get("/lazy", "")).status, 426);
        assert_eq!(server.ask(b"POST /lazy HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
        assert_eq!(server.ask(&upgrade("/lazy", "Host: y\r\n")).status, 400);
        assert_eq!(server.ask(&upgrade("/lazy", "Origin: http://evil.net\r\n")).status, 403);
        assert_eq!(server.ask(&upgrade("/lazy/", "")).status, 404);
        drop(server.open("/echo"));
        assert!(told.try_recv().is_err(), "nobody has asked for it");
        let first = server.open("/lazy");
        assert_eq!(next(&told), Seen::Start);
        assert!(matches!(next(&told), Seen::Open(_)));
        drop(first);
        assert!(matches!(next(&told), Seen::Close(..)));
        // It stays when its last socket has left.
        drop(server.open("/lazy.rs"));
        assert!(matches!(next(&told), Seen::Open(_)));
    });
}

#[test]
fn a_panic_takes_its_own_sockets_along_and_nobody_else() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_fragile(&mut server, "/fragile", "nowhere");
        mount_fragile(&mut server, "/other", "nowhere");
        let server = Running::start(server);
        let mut others: Vec<Raw> = (0..10).map(|_| server.open("/other")).collect();
        let mut own: Vec<Raw> = (0..50).map(|_| server.open("/fragile")).collect();
        own[7].send_text("live");
        assert_eq!(own[7].read_text(), "1");
        own[7].send_text("die");
        // What was sent before the panic still comes.
        assert_eq!(own[7].read_text(), "2");
        for raw in &mut own {
            assert_eq!(raw.read_close(), (1012, "the service has ended".to_owned()));
        }
        for (count, raw) in (1..).zip(&mut others) {
            raw.send_text("still there?");
            assert_eq!(raw.read_text(), count.to_string());
        }
        // The next socket starts it again, with a fresh state; those of the last run are over.
        let mut fresh = server.open("/fragile");
        own[3].send_text("still there?");
        own[3].send(&close(1012, ""));
        own[3].expect_end();
        fresh.send_text("how many?");
        assert_eq!(fresh.read_text(), "1");
    });
}

#[test]
fn a_panic_in_any_callback_is_1012_or_500_or_503() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        for at in ["start", "protocols", "open", "close", "tick"] {
            mount_fragile(&mut server, &format!("/{at}"), at);
        }
        server.mount("/admit", || gated(Fragile { at: "admit", count: 0 }));
        server.mount("/factory", || handler(never()));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let mut other = server.open("/echo");
        for path in ["/factory", "/protocols"] {
            let answer = server.ask(&upgrade(path, ""));
            assert_eq!((answer.status, answer.text()), (500, "the service does not start\n"));
        }
        let answer = server.ask(&upgrade("/admit", ""));
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
        for path in ["/start", "/open", "/tick"] {
            assert_eq!(server.open(path).read_close().0, 1012, "{path}");
        }
        let mut first = server.open("/close");
        drop(server.open("/close"));
        assert_eq!(first.read_close().0, 1012);
        other.send_text("still there?");
        assert_eq!(other.read_text(), "still there?");
    });
}

/// Fails to make a service.
fn never() -> Echo {
    panic_quietly()
}

#[test]
fn a_service_that_keeps_dying_is_503_for_a_while() {
    on_each_thread(|thread| {
        let starts = Arc::new(AtomicUsize::new(0));
        let counter = starts.clone();
        let mut server = server_on(thread, LIMITS);
        server.mount("/dying", move || {
            counter.fetch_add(1, Ordering::SeqCst);
            handler(never())
        });
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        // The first end is forgiven.
        assert_eq!(server.ask(&upgrade("/dying", "")).status, 500);
        assert_eq!(server.ask(&upgrade("/dying", "")).status, 500);
        let (mut failures, mut refusals) = (2, 0);
        support::until("it is tried again after a pause", || {
            let answer = server.ask(&upgrade("/dying", ""));
            if answer.status == 500 {
                failures += 1;
                return refusals > 0;
            }
            assert_eq!(answer.status, 503, "{answer:?}");
            let retry = answer.header("retry-after").expect("it says when to come back");
            assert!(retry.parse().is_ok_and(|seconds: u32| (1..=64).contains(&seconds)), "{retry}");
            refusals += 1;
            false
        });
        assert_eq!(starts.load(Ordering::SeqCst), failures, "a refused socket starts nothing");
        server.open("/echo");
    });
}

/// Returns after its first message.
struct Brief;

impl Service for Brief {
    fn run(&mut self, context: &mut Context) {
        while let Some(transaction) = context.receive() {
            if let Inbound::Data { id, .. } = transaction {
                context.send(id, "enough");
                context.send(Audience::all(), "good bye");
                return;
            }
        }
    }
}

#[test]
fn a_service_that_returns_has_its_last_lines() {
    let mut server = Server::new(LIMITS);
    server.mount("/brief", || Brief);
    let server = Running::start(server);
    let mut idle = server.open("/brief");
    let mut raw = server.open("/brief");
    raw.send(&[frame(TEXT, b"one"), frame(TEXT, b"two"), frame(TEXT, b"three")].concat());
    assert_eq!((raw.read_text(), raw.read_text()), ("enough".into(), "good bye".into()));
    assert_eq!(raw.read_close().0, 1012);
    assert_eq!(idle.read_text(), "good bye");
    assert_eq!(idle.read_close().0, 1012);
    let mut next = server.open("/brief");
    next.send_text("again");
    assert_eq!((next.read_text(), next.read_text()), ("enough".into(), "good bye".into()));
}

/// Waits for the test with its first message in hand, then panics.
struct Stuck(Arc<std::sync::Mutex<Receiver<()>>>);

impl Handler for Stuck {
    fn message(&mut self, _: &mut Peer, _: Message) {
        let gate = self.0.lock().expect("one service has it");
        gate.recv().expect("the test opens the gate");
        drop(gate);
        panic_quietly();
    }
}

#[test]
fn sockets_held_back_by_full_mail_end_with_their_service() {
    let (open_gate, gate) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let mut server = Server::new(Limits { mail_messages_max: 10, ..LIMITS });
    server.mount("/stuck", move || handler(Stuck(gate.clone())));
    let server = Running::start(server);
    let mut sockets: Vec<Raw> = (0..20).map(|_| server.raw()).collect();
    let messages = frame(TEXT, &[b'x'; 1_000]).repeat(100);
    for raw in &mut sockets {
        raw.send(&upgrade("/stuck", ""));
        raw.send(&messages);
    }
    // Those that fit into the mail are in, the others wait before their 101.
    open_gate.send(()).expect("the service waits");
    let mut closed = 0;
    for raw in &mut sockets {
        let head = raw.read_head();
        if head.status == 101 {
            assert_eq!(raw.read_close().0, 1012);
            closed += 1;
        } else {
            assert_eq!(head.status, 503, "{head:?}");
        }
        raw.try_send(&close(1012, ""));
        raw.read_to_end();
    }
    assert!(closed > 0, "somebody was in");
}

/// Returns at the word "return" and panics at any other; and panics when it is dropped.
struct Falling;

impl Service for Falling {
    fn run(&mut self, context: &mut Context) {
        while let Some(transaction) = context.receive() {
            let Inbound::Data { message, .. } = transaction else { continue };
            if message.as_text() == Some("return") {
                return;
            }
            panic_quietly();
        }
    }
}

impl Drop for Falling {
    fn drop(&mut self) {
        panic_quietly();
    }
}

#[test]
fn a_panic_in_a_drop_is_one_more_end_of_its_service() {
    let mut server = Server::new(LIMITS);
    let _log = logged::keep(LevelFilter::Warn);
    server.mount("/returns", || Falling);
    server.mount("/panics", || Falling);
    server.mount("/stays", || Falling);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut other = server.open("/echo");
    for (path, word) in [("/returns", "return"), ("/panics", "panic")] {
        let mut crowd: Vec<Raw> = (0..3).map(|_| server.open(path)).collect();
        crowd[1].send_text(word);
        for raw in &mut crowd {
            assert_eq!(raw.read_close().0, 1012, "{path}");
        }
        other.send_text(path);
        assert_eq!(other.read_text(), path);
        // It starts again.
        server.open(path);
    }
    logged::line_with("service /returns: it has ended: it panicked: as a test wants it");
    // Neither does it hold up a stop.
    server.open("/stays");
    drop(other);
    server.stop();
}

#[test]
fn a_panic_over_flow_control_is_1012() {
    on_each_thread(|thread| {
        let limits = Limits { outbox_bytes_max: 50 << 20, ..LIMITS };
        let mut server = server_on(thread, limits);
        for at in ["full", "drained"] {
            mount_fragile(&mut server, &format!("/{at}"), at);
        }
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let mut other = server.open("/echo");
        for path in ["/full", "/drained"] {
            let mut witness = server.open(path);
            let mut raw = server.open(path);
            raw.send_text("fill");
            let mut frames = std::iter::repeat_with(|| raw.read_frame());
            let last = frames.find(|frame| frame.first == 0x80 | CLOSE).expect("it is closed");
            assert_eq!(last.payload[..2], 1012_u16.to_be_bytes(), "{path}");
            assert_eq!(witness.read_close().0, 1012, "{path}");
            other.send_text("still there?");
            assert_eq!(other.read_text(), "still there?");
        }
    });
}

/// Sends its number to all, now and then.
struct Clock(u64);

impl Handler for Clock {
    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(5))
    }

    fn tick(&mut self, context: &mut Context) {
        self.0 += 1;
        context.send(Audience::all(), self.0.to_string());
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send(message);
    }
}

#[test]
fn ticks_come_whether_or_not_there_is_mail() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/clock", || handler(Clock(0)));
        let server = Running::start(server);
        let mut raw = server.open("/clock");
        let first: u64 = raw.read_text().parse().expect("a number comes");
        for number in first + 1..first + 10 {
            assert_eq!(raw.read_text(), number.to_string());
        }
        // Mail without an end does not keep them from coming.
        let (mut echoes, mut ticks) = (0, 0);
        while ticks < 10 {
            raw.send_text("echo");
            loop {
                match raw.read_text().as_str() {
                    "echo" => break echoes += 1,
                    _ => ticks += 1,
                }
            }
        }
        assert!(echoes > 0);
    });
}

/// Sends how many ticks are left of those that a message asked for, with each of them.
struct Countdown(u32);

impl Handler for Countdown {
    fn tick_interval(&self) -> Option<Duration> {
        (self.0 > 0).then_some(Duration::from_millis(1))
    }

    fn tick(&mut self, context: &mut Context) {
        self.0 = self.0.checked_sub(1).expect("no tick comes that was not asked for");
        context.send(Audience::all(), self.0.to_string());
    }

    fn message(&mut self, _: &mut Peer, message: Message) {
        let ticks = message.as_text().expect("a text was sent");
        self.0 = ticks.parse().expect("it is a number");
    }
}

#[test]
fn ticks_come_while_they_are_asked_for() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/countdown", || handler(Countdown(0)));
        server.mount("/clock", || handler(Clock(0)));
        let server = Running::start(server);
        let (mut raw, mut clock) = (server.open("/countdown"), server.open("/clock"));
        for ticks in [3, 1, 2] {
            raw.send_text(&ticks.to_string());
            for left in (0..ticks).rev() {
                assert_eq!(raw.read_text(), left.to_string());
            }
            // One too many would end the service by now.
            (0..5).for_each(|_| drop(clock.read_text()));
        }
    });
}

#[test]
fn one_service_among_many_dies_again_and_again() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/echo", || handler(Echo));
        for number in 0..10 {
            mount_fragile(&mut server, &format!("/{number}"), "nowhere");
        }
        let server = Running::start(server);
        let mut other = server.open("/echo");
        for number in 0..10 {
            let path = format!("/{number}");
            // Two ends in a row are as many as there are without a pause.
            for _ in 0..2 {
                let mut crowd: Vec<Raw> = (0..10).map(|_| server.open(&path)).collect();
                crowd[number].send_text("die");
                assert_eq!(crowd[number].read_text(), "1");
                for raw in &mut crowd {
                    assert_eq!(raw.read_close().0, 1012);
                }
                other.send_text(&path);
                assert_eq!(other.read_text(), path);
            }
        }
    });
}
