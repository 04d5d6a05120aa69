//! What a program that embeds the server relies on, beyond what any client sees.

#![cfg(feature = "host")]

mod support;

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use switchboard::{
    CloseCode, Context, Handler, Host, Inbound, Limits, Message, Peer, Request, Server, Service,
    SocketId, Thread, Turn, handler,
};

use support::http::upgrade;
use support::raw::{PING, PONG, TEXT, close, frame};
use support::services::{Seen, mount_echo, mount_probe};
use support::{
    DEADLINE, LIMITS, Raw, Running, logged, next, on_each_thread, server_on, tcp, until,
};

/// The first socket is under the commands of all: it is paused, read again and labeled.
#[derive(Default)]
struct First(Option<SocketId>);

impl Handler for First {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        self.0.get_or_insert(peer.id());
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        match (message.as_text(), self.0) {
            (Some("pause"), _) => peer.pause(),
            (Some("briefly"), _) => {
                peer.pause();
                peer.resume();
            }
            (Some("resume"), Some(first)) => peer.context().resume(first),
            (text, _) => {
                if let Some((key, value)) = text.and_then(|text| text.split_once('=')) {
                    peer.label(key, value);
                }
            }
        }
        peer.send(message);
    }
}

#[test]
fn a_peer_is_paused_and_labeled_in_its_own_callbacks() {
    on_each_thread(|thread| {
        let _lines = logged::keep(LevelFilter::Info);
        let mut server = server_on(thread, LIMITS);
        server.mount("/first", || handler(First::default()));
        let running = Running::start(server);
        let (mut first, mut other) = (running.open("/first"), running.open("/first"));
        for text in ["user=ida", "gone=soon", "gone=", "user=otto", "briefly", "pause"] {
            first.send_text(text);
            assert_eq!(first.read_text(), text);
        }
        first.send_text("late");
        // The host has turns in which it would read the first one.
        for number in 0..5 {
            other.send_text(&number.to_string());
            assert_eq!(other.read_text(), number.to_string());
        }
        first.stream().set_nonblocking(true).expect("it can be");
        let nothing = first.stream().peek(&mut [0]).expect_err("it is not read");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        first.stream().set_nonblocking(false).expect("it can be");
        other.send_text("resume");
        assert_eq!(first.read_text(), "late");
        first.send(&close(1000, ""));
        assert_eq!(first.read_close().0, 1000);
        let line = logged::line_with("user=\"otto\"");
        assert!(!line.text.contains("gone"), "{line:?}");
    });
}

/// A running echo with these limits.
fn echo(thread: Thread, limits: Limits) -> Running {
    assert_eq!(limits.check(), Ok(()));
    let mut server = server_on(thread, limits);
    mount_echo(&mut server, "/echo");
    Running::start(server)
}

/// Waits for the end of a connection of which nothing more is read.
fn expect_drop(raw: &mut Raw) {
    match raw.stream().read(&mut [0]) {
        Ok(len) => assert_eq!(len, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// Each row of the table in `limits/fields.md`.
#[test]
fn time_limits_of_zero_are_over_at_once() {
    on_each_thread(|thread| {
        let running = echo(thread, Limits { handshake_ms_max: 0, ..LIMITS });
        until("a head without an end gets a 408", || {
            // A connection on which nothing comes within the step is closed without an answer.
            let (mut raw, mut answer) = (running.raw(), Vec::new());
            let is_sent = raw.try_send(b"GET /echo HTTP/1.1\r\n");
            let _ = raw.stream().read_to_end(&mut answer);
            is_sent && answer.starts_with(b"HTTP/1.1 408 ")
        });

        let running = echo(thread, Limits { ping_interval_ms: 0, ..LIMITS });
        let mut raw = running.open("/echo");
        for _ in 0..3 {
            let ping = raw.read_frame();
            assert_eq!(ping.first, 0x80 | PING);
            raw.send(&frame(PONG, &ping.payload));
        }

        let running = echo(thread, Limits { ping_interval_ms: 0, pong_ms_max: 0, ..LIMITS });
        let mut raw = running.open("/echo");
        assert_eq!(raw.read_frame().first, 0x80 | PING);
        expect_drop(&mut raw);

        let running = echo(thread, Limits { idle_ms_max: 0, ..LIMITS });
        assert_eq!(running.open("/echo").read_close().0, 1001);

        let running = echo(thread, Limits { callback_ms_max: 0, ..LIMITS });
        let mut raw = running.open("/echo");
        let numbers = || (0..100).map(|number| number.to_string());
        raw.send(&numbers().flat_map(|text| frame(TEXT, text.as_bytes())).collect::<Vec<_>>());
        numbers().for_each(|text| assert_eq!(raw.read_text(), text));

        let running = echo(thread, Limits { drain_ms_max: 0, ..LIMITS });
        let _raw = running.open("/echo");
        running.stop();

        let running = echo(thread, Limits { drain_spread_ms: 0, ..LIMITS });
        let raws = [(); 3].map(|()| running.open("/echo"));
        running.stopper().stop();
        // Each gets its close although no other has answered.
        let mut raws = raws.map(|mut raw| (raw.read_close().0, raw));
        for (code, raw) in &mut raws {
            raw.send(&close(*code, ""));
            assert_eq!(*code, 1001);
        }
        running.join();
    });
}

#[test]
fn peers_have_no_time_to_take_or_to_close_with_limits_of_zero() {
    on_each_thread(|thread| {
        for (limits, message_len, code) in [
            (Limits { write_ms_max: 0, ..LIMITS }, 64 << 20, None),
            (Limits { close_ms_max: 0, ..LIMITS }, 0, Some(CloseCode::NORMAL)),
        ] {
            let mut server = server_on(thread, Limits { outbox_bytes_max: 128 << 20, ..limits });
            let seen = mount_probe(&mut server, "/probe", move |peer, _| match code {
                Some(code) => peer.close(code, ""),
                None => peer.send(vec![0; message_len]),
            });
            let running = Running::start(server);
            let mut raw = running.open("/probe");
            raw.send_text("go");
            if code.is_some() {
                assert_eq!(raw.read_close().0, 1000);
                expect_drop(&mut raw);
            }
            while !matches!(next(&seen), Seen::Close(_, 1000 | 1006)) {}
        }
    });
}

/// A service on a thread takes as long as it takes to start, and nobody waits.
#[test]
fn services_have_no_time_to_start_with_a_limit_of_zero() {
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let mut server = Server::new(Limits { admission_ms_max: 0, ..LIMITS });
    server.mount("/late", move || {
        // The test has ended if nothing comes.
        let _ = gate.lock().expect("one service is made").recv();
        handler(First::default())
    });
    let running = Running::start(server);
    assert_eq!(running.ask(&upgrade("/late", "")).status, 500);
    drop(go_on);
}

/// Waits for a host as a loop of the program's own does. Returns whether it is readable.
fn wait(host: &Host, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).expect("it is short");
    loop {
        match poll(&mut [PollFd::new(host, PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            found => return found.expect("it polls") == 1,
        }
    }
}

/// One round of such a loop, which something is about to wake.
fn round(host: &mut Host) -> Turn {
    let timeout = host.poll_timeout().unwrap_or(DEADLINE);
    assert!(wait(host, timeout.min(DEADLINE)) || timeout < DEADLINE, "nothing wakes it");
    host.turn(Some(Duration::ZERO)).expect("it polls")
}

/// A handler on the loop, with ticks.
struct Ticking(Sender<()>);

impl Handler for Ticking {
    fn tick(&mut self, _: &mut Context) {
        let _ = self.0.send(());
    }

    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(10))
    }
}

#[test]
fn a_loop_of_its_own_serves_sockets_with_the_timeout_of_its_host() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let (tell, ticks) = mpsc::channel();
        server.mount("/ticking", move || handler(Ticking(tell.clone())));
        let mut host = server.bind("127.0.0.1:0").expect("a port is free");
        assert_eq!(host.as_fd().as_raw_fd(), host.as_raw_fd());
        let (address, stopper) = (tcp(&host), host.stopper());
        let client = thread::spawn(move || {
            let mut raw = Raw::connect(address);
            raw.upgrade("/echo");
            for number in 0..20 {
                raw.send_text(&number.to_string());
                assert_eq!(raw.read_text(), number.to_string());
            }
            Raw::connect(address).upgrade("/ticking");
            (0..3).for_each(|_| next(&ticks));
            stopper.stop();
            assert_eq!(raw.read_close().0, 1001);
            raw.send(&close(1001, ""));
            raw.expect_end();
        });
        while round(&mut host) == Turn::Another {}
        client.join().expect("it is served");
    });
}

#[test]
fn a_loop_of_its_own_is_woken_by_other_threads() {
    let mut host = Server::new(LIMITS).bind("127.0.0.1:0").expect("a port is free");
    assert_ne!(host.poll_timeout(), Some(Duration::ZERO));
    assert!(!wait(&host, Duration::ZERO));
    host.stopper().stop();
    assert!(wait(&host, Duration::ZERO), "it was announced that it sleeps");
    assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Last);

    // What comes before the announcement is there as work.
    let mut host = Server::new(LIMITS).bind("127.0.0.1:0").expect("a port is free");
    host.stopper().stop();
    assert_eq!(host.poll_timeout(), Some(Duration::ZERO));
    assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Last);
}

/// Sends what comes through a channel to its first socket.
struct Relay(Arc<Mutex<Receiver<&'static str>>>, Sender<()>);

impl Service for Relay {
    fn run(&mut self, context: &mut Context) {
        let Some(Inbound::Open { id, .. }) = context.receive() else { return };
        while let Ok(text) = self.0.lock().expect("no service panics").recv() {
            context.send(id, text);
            context.flush();
            let _ = self.1.send(());
        }
        while context.receive().is_some() {}
    }
}

#[test]
fn a_loop_of_its_own_is_woken_by_services_on_threads() {
    let mut server = Server::new(LIMITS);
    let ((text, texts), (tell, sent)) = (mpsc::channel(), mpsc::channel());
    let texts = Arc::new(Mutex::new(texts));
    server.mount("/relay", move || Relay(texts.clone(), tell.clone()));
    let mut host = server.bind("127.0.0.1:0").expect("a port is free");
    let address = tcp(&host);
    let client = thread::spawn(move || {
        let mut raw = Raw::connect(address);
        raw.upgrade("/relay");
        raw
    });
    while !client.is_finished() {
        host.turn(Some(Duration::from_millis(1))).expect("it polls");
    }
    let mut raw = client.join().expect("it is open");
    for expected in ["a", "b", "c"] {
        while host.poll_timeout() == Some(Duration::ZERO) || wait(&host, Duration::ZERO) {
            host.turn(Some(Duration::ZERO)).expect("it polls");
        }
        text.send(expected).expect("the service listens");
        next(&sent);
        assert!(wait(&host, DEADLINE), "{expected} wakes it");
        host.turn(Some(Duration::ZERO)).expect("it polls");
        assert_eq!(raw.read_text(), expected);
    }
}

#[test]
fn a_waker_ends_the_wait_of_a_host() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let mut host = server.bind("127.0.0.1:0").expect("a port is free");
    let waker = host.waker();
    // One that comes before the wait ends it as well.
    waker.wake().expect("it can be woken");
    waker.wake().expect("it can be woken");
    assert_eq!(host.turn(None).expect("it polls"), Turn::Another);
    while host.poll_timeout() == Some(Duration::ZERO) || wait(&host, Duration::ZERO) {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    let wakes = thread::spawn({
        let waker = waker.clone();
        move || waker.wake()
    });
    assert_eq!(host.turn(None).expect("it polls"), Turn::Another);
    wakes.join().expect("it does not panic").expect("it can be woken");
    waker.wake().expect("it can be woken");
    assert!(wait(&host, Duration::ZERO), "its descriptor is readable");
    drop(host);
    waker.wake().expect("it has no effect");
}
