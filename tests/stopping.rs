//! The clean stop: what peers, services and the port's next owner see of it, and what ends it when
//! a peer or service does not cooperate.

#![cfg(feature = "host")]

mod support;

use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(feature = "programs")]
use switchboard::programs::Mode;
#[cfg(feature = "programs")]
use switchboard::programs::ProgramOptions;
use switchboard::{
    Admission, Context, Handler, Inbound, Limits, ListenAddress, Message, Peer, Server, Service,
    Turn, handler,
};

use support::binary::Binary;
#[cfg(feature = "programs")]
use support::folder::programs;
use support::http::{get, upgrade};
use support::raw::{TEXT, close, frame};
use support::services::{Echo, Seen, mount_echo, mount_probe};
use support::{DEADLINE, LIMITS, Raw, Running, next, on_each_thread, server_on, tcp};

/// Waits for the test with each message in hand.
struct Gated(Sender<()>, Arc<Mutex<Receiver<()>>>);

impl Gated {
    /// Mounts one; returns what it waits for, and what reports that it waits.
    fn mount(server: &mut Server, path: &str) -> (Sender<()>, Receiver<()>) {
        let ((open, gate), (tell, waits)) = (mpsc::channel(), mpsc::channel());
        let gate = Arc::new(Mutex::new(gate));
        server.mount(path, move || handler(Self(tell.clone(), gate.clone())));
        (open, waits)
    }
}

impl Handler for Gated {
    fn message(&mut self, _: &mut Peer, _: Message) {
        self.0.send(()).expect("the test listens");
        // A test that is over opens it for ever.
        let _ = self.1.lock().expect("one service has it").recv();
    }
}

#[test]
fn the_port_is_free_while_sockets_are_still_closing() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
        let old = Running::start(server);
        let mut raw = old.open("/probe");
        assert_eq!(next(&told), Seen::Start);
        let Seen::Open(id) = next(&told) else { panic!("somebody comes") };
        old.stopper().stop();
        assert_eq!(raw.read_close(), (1001, "the server is stopping".to_owned()));
        // The old one waits for the answer, the new one is there already.
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let new = Running::start_at(server, old.address());
        let mut fresh = new.open("/echo");
        fresh.send_text("who is there?");
        assert_eq!(fresh.read_text(), "who is there?");
        // What is said before the answer still comes.
        raw.send_text("one more thing");
        assert_eq!(next(&told), Seen::Message(id, "one more thing".into()));
        assert!(old.is_running());
        raw.send(&close(1001, ""));
        raw.expect_end();
        old.join();
        assert_eq!(next(&told), Seen::Close(id, 1001));
        assert_eq!(next(&told), Seen::Stop);
        assert!(told.recv().is_err(), "the service has finished");
    });
}

#[test]
fn nobody_is_let_in_any_more() {
    let mut server = Server::new(LIMITS);
    let (gate, _waits) = Gated::mount(&mut server, "/gated");
    mount_echo(&mut server, "/echo");
    server.mount("/undecided", || Undecided);
    let server = Running::start(server);
    let mut open = server.open("/echo");
    let (mut half, mut silent) = (server.raw(), server.raw());
    half.send(&upgrade("/echo", "")[..50]);
    let mut undecided = server.raw();
    undecided.send(&upgrade("/undecided", ""));
    // Sockets that came before the first message was read are there, and their messages have been
    // read with the second.
    for word in ["hello", "again"] {
        open.send_text(word);
        assert_eq!(open.read_text(), word);
    }
    server.stopper().stop();
    assert_eq!(open.read_close().0, 1001);
    assert!(TcpStream::connect(server.address()).is_err(), "nobody listens");
    let answer = undecided.read_answer();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    // Connections without a request are closed.
    half.expect_end();
    silent.expect_end();
    open.send(&close(1001, ""));
    open.expect_end();
    drop((undecided, gate));
    server.join();
}

/// Never decides.
struct Undecided;

impl Service for Undecided {
    fn admission(&self) -> Admission {
        Admission::Asked
    }

    fn run(&mut self, context: &mut Context) {
        while let Some(transaction) = context.receive() {
            assert!(matches!(transaction, Inbound::Ask { .. }), "no socket is admitted");
        }
    }
}

#[test]
fn services_finish_what_they_have_been_told() {
    let mut server = Server::new(LIMITS);
    let gate = Arc::new(Mutex::new(()));
    let held = gate.clone();
    let told = mount_probe(&mut server, "/probe", move |_, _| {
        drop(held.lock().expect("nobody panics with it"));
    });
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let closed_gate = gate.lock().expect("nobody panics with it");
    let mut raw = server.open("/probe");
    raw.send(&frame(TEXT, b"word").repeat(200));
    assert_eq!(next(&told), Seen::Start);
    let Seen::Open(id) = next(&told) else { panic!("somebody comes") };
    assert_eq!(next(&told), Seen::Message(id, "word".into()));
    // By now all of them have been read.
    let mut other = server.open("/echo");
    other.send_text("have they?");
    assert_eq!(other.read_text(), "have they?");
    drop(other);
    server.stopper().stop();
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    raw.expect_end();
    assert!(server.is_running(), "the service has not finished");
    drop(closed_gate);
    server.join();
    // It has now, so that there is nothing to wait for.
    for _ in 1..200 {
        assert_eq!(told.try_recv(), Ok(Seen::Message(id, "word".into())));
    }
    assert_eq!(told.try_recv(), Ok(Seen::Close(id, 1001)));
    assert_eq!(told.try_recv(), Ok(Seen::Stop));
}

#[test]
fn an_answer_on_its_way_still_arrives() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("stopping");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let content = b"0123456789abcdef".repeat(1 << 20);
    std::fs::write(folder.join("big.bin"), &content).expect("a file can be written");
    let mut server = Server::new(LIMITS);
    server.static_root(&folder);
    let server = Running::start(server);
    let mut raw = server.raw();
    raw.send(&get("/big.bin", ""));
    assert_eq!(raw.read_head().status, 200);
    server.stopper().stop();
    while TcpStream::connect(server.address()).is_ok() {}
    assert!(raw.read_to_end() == content, "the file is whole");
    drop(raw);
    server.join();
}

/// A load balancer that has connected before the stop gets a 503.
#[test]
fn the_health_path_tells_of_the_stop() {
    // It has a second for its request, which may pass on a busy machine.
    support::until("it was asked in time", || {
        let mut server = Server::new(LIMITS);
        server.health_path("/health");
        let server = Running::start(server);
        let mut raw = server.raw();
        raw.send(b"GET /hea");
        // The other has been accepted before this one.
        assert_eq!(server.ask(&get("/health", "")).text(), "ok\n");
        let head = server.ask(b"HEAD /health HTTP/1.0\r\n\r\n");
        assert_eq!((head.status, head.body.len()), (200, 0));
        server.stopper().stop();
        raw.try_send(b"lth HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = String::new();
        let _ = raw.stream().read_to_string(&mut answer);
        drop(raw);
        server.join();
        let told = answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("is stopping\n");
        assert!(told || answer.is_empty(), "{answer}");
        told
    });
}

#[test]
fn a_stop_that_waits_for_nothing_ends_at_once() {
    // Nothing else ends this within the time that the test waits.
    let mut server = Server::new(LIMITS);
    let (gate, waits) = Gated::mount(&mut server, "/gated");
    let server = Running::start(server);
    let mut stubborn: Vec<Raw> = (0..10).map(|_| server.open("/gated")).collect();
    stubborn[0].send_text("block");
    next(&waits);
    server.stopper().stop();
    for raw in &mut stubborn {
        assert_eq!(raw.read_close().0, 1001);
    }
    // As often as it is asked for, a clean stop is one. It has been seen when these two are gone.
    server.stopper().stop();
    for mut raw in stubborn.drain(8..) {
        raw.send(&close(1001, ""));
        raw.expect_end();
    }
    assert!(server.is_running());
    server.stopper().stop_now();
    server.join();
    for raw in &mut stubborn {
        raw.expect_end();
    }
    drop(gate);
}

#[test]
fn a_service_that_does_not_finish_is_left_behind() {
    let limits = Limits { drain_ms_max: 300, ..LIMITS };
    let mut server = Server::new(limits);
    let (gate, waits) = Gated::mount(&mut server, "/gated");
    let (finish, never) = mpsc::channel::<()>();
    let never = Mutex::new(never);
    server.mount("/starting", move || {
        let _ = never.lock().expect("it starts once").recv();
        handler(Echo)
    });
    let server = Running::start(server);
    let mut blocking = server.open("/gated");
    blocking.send_text("block");
    next(&waits);
    // One that never answers, one that never reads, one that waits for a service to start.
    let mut silent = server.open("/gated");
    let mut waiting = server.raw();
    waiting.send(&upgrade("/starting", ""));
    // All of that has been read when this is answered.
    assert_eq!(server.ask(&get("/", "")).status, 404);
    let start = Instant::now();
    server.stopper().stop();
    assert_eq!(blocking.read_close().0, 1001);
    assert_eq!(silent.read_close().0, 1001);
    assert_eq!(waiting.read_answer().status, 503);
    server.join();
    assert!(start.elapsed() >= Duration::from_millis(300), "they had their time");
    silent.expect_end();
    drop((gate, finish));
}

#[test]
fn the_closing_is_spread_over_a_window() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, Limits { drain_spread_ms: 500, ..LIMITS });
        let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
        let server = Running::start(server);
        let mut sockets: Vec<Raw> = (0..400).map(|_| server.open("/probe")).collect();
        let start = Instant::now();
        server.stopper().stop();
        // Those that come last are still served while the first ones are gone.
        assert_eq!(sockets[0].read_close().0, 1001);
        for raw in &mut sockets[1..] {
            assert_eq!(raw.read_close(), (1001, "the server is stopping".to_owned()));
        }
        assert!(start.elapsed() >= Duration::from_millis(300), "not all of them at once");
        for raw in &mut sockets {
            raw.send(&close(1001, ""));
            raw.expect_end();
        }
        server.join();
        let seen: Vec<_> = told.iter().collect();
        let closes = seen.iter().filter(|seen| matches!(seen, Seen::Close(_, 1001))).count();
        assert_eq!((closes, seen.last()), (400, Some(&Seen::Stop)));
    });
}

#[test]
fn a_stop_may_come_before_the_start_and_after_the_end() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let stopper = host.stopper();
    let again = stopper.clone();
    stopper.stop();
    host.run().expect("it ends at once");
    stopper.stop();
    again.stop();
}

#[test]
fn a_host_runs_within_a_loop_of_its_embedder() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let mut host = server.bind("127.0.0.1:0").expect("a port is free");
        let (address, stopper) = (tcp(&host), host.stopper());
        assert_eq!(host.addresses().collect::<Vec<_>>(), [&ListenAddress::Tcp(address)]);
        // Nothing to do: it returns.
        for _ in 0..3 {
            assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Another);
        }
        let client = thread::spawn(move || {
            let mut raw = Raw::connect(address);
            raw.upgrade("/echo");
            raw.send_text("hello");
            assert_eq!(raw.read_text(), "hello");
            raw
        });
        let (mut turns, mut most) = (0, 0);
        while !client.is_finished() {
            assert_eq!(host.turn(Some(Duration::from_millis(1))).expect("it polls"), Turn::Another);
            most = most.max(host.sockets_len());
            turns += 1;
        }
        let mut raw = client.join().expect("it is served");
        assert!(turns > 0 && most == 1, "{turns} turns, {most} sockets");
        stopper.stop();
        assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Another);
        assert_eq!(host.addresses().count(), 0, "it no longer listens");
        assert_eq!(raw.read_close().0, 1001);
        raw.send(&close(1001, ""));
        while host.turn(Some(DEADLINE)).expect("it polls") == Turn::Another {}
        raw.expect_end();
        assert_eq!(host.sockets_len(), 0);
    });
}

#[test]
fn signals_stop_the_binary_with_exit_code_0() {
    for signal in ["TERM", "INT"] {
        let mut binary = Binary::start();
        let mut raw = Raw::connect(binary.address());
        raw.upgrade("/echo");
        binary.signal(signal);
        assert_eq!(raw.read_close().0, 1001);
        raw.send(&close(1001, ""));
        raw.expect_end();
        assert_eq!(binary.exit_code(), Some(0));
        // Asked twice, it waits for nothing.
        let mut binary = Binary::start();
        let mut raw = Raw::connect(binary.address());
        raw.upgrade("/echo");
        binary.signal(signal);
        assert_eq!(raw.read_close().0, 1001);
        binary.signal("TERM");
        assert_eq!(binary.exit_code(), Some(0));
        let mut rest = Vec::new();
        raw.stream().read_to_end(&mut rest).expect("it ends");
        assert_eq!(rest, [0; 0]);
    }
}

/// A process that is being started when the stop begins is not waited for: its peer gets a 503, or
/// is admitted and closed.
#[test]
#[cfg(feature = "programs")]
fn starting_processes_of_refused_sockets_are_not_waited_for() {
    let options = ProgramOptions { mode: Mode::Lines, processes_max: 48, ..ProgramOptions::SHARED };
    let mut server = Server::new(LIMITS);
    let root = programs("services", &[("cat", "#!/bin/sh\nexec cat\n")]);
    server.document_root(root).program_options(options);
    let server = Running::start(server);
    let mut raws: Vec<_> = (0..48).map(|_| server.raw()).collect();
    for raw in &mut raws {
        raw.send(&upgrade("/cat", ""));
    }
    // When this is answered the others have been read, and most processes are not there yet.
    assert_eq!(server.ask(&get("/nothing", "")).status, 404);
    server.stopper().stop();
    for mut raw in raws {
        if raw.read_head().status == 101 {
            assert_eq!(raw.read_close().0, 1001);
            raw.send(&close(1001, ""));
        }
        raw.read_to_end();
    }
    // It would wait for as long as `LIMITS` lets a service take to admit a socket.
    server.join();
}
