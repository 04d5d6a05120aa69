//! The promises about messages: none is lost or swapped, whichever side is slow; slowness costs
//! only the slow one; and a pause is never mistaken for death.

#![cfg(feature = "host")]

mod support;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{
    Audience, Close, Context, Handler, Limits, Message, Peer, Server, SocketId, handler,
};

use support::http::upgrade;
use support::raw::{CLOSE, PING, PONG, TEXT, frame};
use support::services::{Seen, mount_echo, mount_probe};
use support::{
    DEADLINE, LIMITS, Raw, Running, next, on_each_thread, server_on, until_quick_enough,
};

/// Sends numbered messages of this length on request; reports which sockets it has lost, and why.
#[derive(Clone)]
struct Source {
    len: usize,
    lost: Sender<u16>,
}

impl Source {
    fn mount(server: &mut Server, path: &str, len: usize) -> Receiver<u16> {
        let (lost, told) = mpsc::channel();
        let source = Self { len, lost };
        server.mount(path, move || handler(Sourcing { source: source.clone(), number: 0 }));
        told
    }
}

struct Sourcing {
    source: Source,
    number: usize,
}

impl Handler for Sourcing {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text() {
            Some("flood") => {
                for _ in 0..5_000 {
                    peer.send_to(Audience::all(), numbered(self.number, self.source.len));
                    self.number += 1;
                }
            }
            Some(_) => {
                peer.send_to(
                    Audience::all().but(peer.id()),
                    numbered(self.number, self.source.len),
                );
                self.number += 1;
                peer.send("ok");
            }
            None => peer.send(message),
        }
    }

    fn close(&mut self, _: &mut Context, _: SocketId, close: &Close) {
        // The test may be over.
        let _ = self.source.lost.send(close.code.number());
    }
}

/// A text that begins with its number.
fn numbered(number: usize, len: usize) -> String {
    let text = number.to_string();
    let blanks = " ".repeat(len.saturating_sub(text.len()));
    text + &blanks
}

fn number(text: &[u8]) -> usize {
    let text = str::from_utf8(text).expect("it is text");
    text.trim_end().parse().expect("it begins with its number")
}

#[test]
fn a_peer_that_does_not_read_is_closed_with_1013_and_has_lost_nothing_before() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let lost = Source::mount(&mut server, "/source", 100_000);
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let mut readers: Vec<Raw> = (0..3).map(|_| server.open("/source")).collect();
        let mut victim = server.open("/source");
        let mut speaker = server.open("/source");
        let mut other = server.open("/echo");
        let mut sent = 0;
        let code = loop {
            if let Ok(code) = lost.try_recv() {
                break code;
            }
            assert!(sent < 10_000, "a peer that reads nothing is closed at last");
            speaker.send_text("more");
            assert_eq!(speaker.read_text(), "ok");
            for reader in &mut readers {
                assert_eq!(number(&reader.read_frame().payload), sent, "readers get all in order");
            }
            sent += 1;
            other.send_text("still served?");
            assert_eq!(other.read_text(), "still served?");
        };
        assert_eq!(code, 1013, "the service is notified");
        // What was not lost comes in order, and the last word says why it is the last.
        for expected in 0.. {
            let frame = victim.read_frame();
            if frame.first == 0x80 | CLOSE {
                assert_eq!(frame.payload[..2], 1013_u16.to_be_bytes());
                assert!(expected <= sent, "{expected} of {sent}");
                break;
            }
            assert_eq!(number(&frame.payload), expected);
        }
        victim.expect_end();
        drop(victim);
        // No other socket was closed.
        speaker.send_text("more");
        assert_eq!(speaker.read_text(), "ok");
        for reader in &mut readers {
            assert_eq!(number(&reader.read_frame().payload), sent);
        }
        assert!(lost.try_recv().is_err());
    });
}

#[test]
fn a_service_that_floods_holds_nobody_up() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let lost = Source::mount(&mut server, "/source", 10_000);
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        // None of these reads: 50 MB are sent to each of them.
        let mut victims: Vec<Raw> = (0..10).map(|_| server.open("/source")).collect();
        victims[0].send_text("flood");
        let mut other = server.open("/echo");
        let mut closed = 0;
        while closed < victims.len() {
            other.send_text("still served?");
            assert_eq!(other.read_text(), "still served?");
            while let Ok(code) = lost.try_recv() {
                assert_eq!(code, 1013);
                closed += 1;
            }
        }
    });
}

#[test]
fn a_service_is_told_when_an_outbox_is_full_and_when_it_has_drained() {
    on_each_thread(|thread| {
        let limits = Limits {
            outbox_low_bytes: 100_000,
            outbox_high_bytes: 400_000,
            outbox_bytes_max: 50 << 20,
            ..LIMITS
        };
        let mut server = server_on(thread, limits);
        let told = mount_probe(&mut server, "/probe", |peer, message| {
            let count = message.as_text().and_then(|text| text.parse().ok()).expect("a number");
            (0..count).for_each(|_| peer.send(vec![b'x'; 100_000]));
        });
        let server = Running::start(server);
        let mut sockets = Vec::new();
        for round in 0..3 {
            let mut raw = server.open("/probe");
            assert!(round > 0 || next(&told) == Seen::Start);
            let Seen::Open(id) = next(&told) else { panic!("somebody comes") };
            // More than the system holds for a peer that has never read much.
            raw.send_text("200");
            assert!(matches!(next(&told), Seen::Message(..)));
            assert_eq!(next(&told), Seen::Full(id));
            for _ in 0..200 {
                assert_eq!(raw.read_frame().payload.len(), 100_000);
            }
            // What is read at once fills nothing.
            raw.send_text("0");
            raw.send_text("1");
            assert_eq!(raw.read_frame().payload.len(), 100_000);
            raw.send_text("0");
            // In turns, as often as the mark was passed; and drained in the end.
            let (mut is_full, mut words) = (true, 0);
            while words < 3 {
                match next(&told) {
                    Seen::Message(..) => words += 1,
                    Seen::Full(_) => assert!(words == 0 && !std::mem::replace(&mut is_full, true)),
                    Seen::Drained(_) => {
                        assert!(words == 0 && std::mem::replace(&mut is_full, false));
                    }
                    seen => panic!("not {seen:?}"),
                }
            }
            assert!(!is_full);
            sockets.push(raw);
        }
    });
}

/// Waits for the test with its first message in hand; from then on it answers nothing, but
/// notes whether the messages of each socket come in order.
struct Gated {
    gate: Arc<Mutex<Receiver<()>>>,
    is_open: bool,
    counts: BTreeMap<SocketId, usize>,
}

impl Gated {
    /// Mounts one; returns what opens the gate.
    fn mount(server: &mut Server, path: &str) -> Sender<()> {
        let (open, gate) = mpsc::channel();
        let gate = Arc::new(Mutex::new(gate));
        server.mount(path, move || {
            handler(Self { gate: gate.clone(), is_open: false, counts: BTreeMap::new() })
        });
        open
    }
}

impl Handler for Gated {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        if !self.is_open {
            let gate = self.gate.lock().expect("one service has it");
            gate.recv().expect("the test opens the gate");
            self.is_open = true;
        }
        let count = self.counts.entry(peer.id()).or_default();
        match message.as_text() {
            Some("how many?") => peer.send(count.to_string()),
            _ => {
                assert_eq!(number(message.as_bytes()), *count, "lost or swapped");
                *count += 1;
            }
        }
    }
}

#[test]
fn full_mail_pushes_back_and_loses_nothing() {
    let mut server = Server::new(Limits { mail_messages_max: 500, ..LIMITS });
    let open_gate = Gated::mount(&mut server, "/gated");
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let (stalled, stalls) = mpsc::channel();
    // All are in before the first of them fills the mail, and with it the way in.
    let sockets: Vec<Raw> = (0..SENDERS).map(|_| server.open("/gated")).collect();
    let senders: Vec<_> = (0..)
        .zip(sockets)
        .map(|(sender, mut raw)| {
            let stalled = stalled.clone();
            thread::spawn(move || {
                let mut noticed = false;
                let mut notice = || {
                    if !std::mem::replace(&mut noticed, true) {
                        stalled.send(sender).expect("the test listens");
                    }
                };
                for number in 0..MESSAGES {
                    let bytes = frame(TEXT, numbered(number, MESSAGE_BYTES).as_bytes());
                    write_patiently(raw.stream(), &bytes, &mut notice);
                }
                raw.send_text("how many?");
                assert_eq!(raw.read_text(), MESSAGES.to_string());
            })
        })
        .collect();
    // All senders are pushed back, which no amount of patience changes.
    let mut waiting: Vec<_> = (0..SENDERS).map(|_| next(&stalls)).collect();
    waiting.sort_unstable();
    assert_eq!(waiting, (0..SENDERS).collect::<Vec<_>>());
    // Others are served, and one more is admitted later, when there is capacity.
    let mut other = server.open("/echo");
    for number in 0..100 {
        other.send_text(&number.to_string());
        assert_eq!(other.read_text(), number.to_string());
    }
    let mut late = server.raw();
    late.send(&upgrade("/gated", ""));
    late.send_text("how many?");
    assert!(senders.iter().all(|sender| !sender.is_finished()), "they are held back");
    open_gate.send(()).expect("the service waits");
    late.read_101();
    assert_eq!(late.read_text(), "0");
    for sender in senders {
        sender.join().expect("all messages have come, in order");
    }
}

/// Writes all of it, however long that takes; notices when it takes long.
fn write_patiently(mut stream: &TcpStream, mut bytes: &[u8], notice: &mut impl FnMut()) {
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("it can be set");
    let mut start = Instant::now();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => (bytes, start) = (&bytes[written..], Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => notice(),
            Err(error) => panic!("the connection stands: {error}"),
        }
        assert!(start.elapsed() < DEADLINE, "it goes on at last");
    }
}

/// Sends a word to all from time to time.
struct Clock(Duration);

impl Handler for Clock {
    fn tick_interval(&self) -> Option<Duration> {
        Some(self.0)
    }

    fn tick(&mut self, context: &mut Context) {
        context.send(Audience::all(), "tick");
    }
}

#[test]
fn a_socket_that_is_not_read_owes_no_pong() {
    // Before and after the pause it owes one, which may come too late on a slow machine.
    until_quick_enough("a peer that is not read is not closed", |pong_ms| {
        let limits = Limits { ping_interval_ms: 64, pong_ms_max: pong_ms, ..LIMITS };
        let mut server = Server::new(Limits { mail_messages_max: 10, ..limits });
        let open_gate = Gated::mount(&mut server, "/gated");
        let tick = Duration::from_millis(pong_ms);
        server.mount("/clock", move || handler(Clock(tick))).limits(LIMITS);
        let server = Running::start(server);
        let mut paused = server.open("/gated");
        for number in 0..20 {
            paused.try_send(&frame(TEXT, number.to_string().as_bytes()));
        }
        let mut clock = server.open("/clock");
        // They have been read, and so the mail is full; this one is not read.
        paused.try_send(&frame(TEXT, b"20"));
        // The paused one is silent for longer than a pong may take.
        (0..3).for_each(|_| assert_eq!(clock.read_text(), "tick"));
        open_gate.send(()).expect("the service waits");
        paused.try_send(&frame(TEXT, b"how many?"));
        while paused.stands() {
            let Some(frame) = paused.next_frame() else { break };
            if frame.first == 0x80 | TEXT {
                assert_eq!(frame.payload, b"21", "nothing is lost");
                return true;
            }
            assert_eq!(frame.first, 0x80 | PING, "{frame:?}");
            // Some clients take an empty control frame for the end.
            assert!(!frame.payload.is_empty() && frame.payload.is_ascii(), "{frame:?}");
            paused.try_send(&support::raw::frame(PONG, &frame.payload));
        }
        false
    });
}

#[test]
fn a_socket_that_is_read_and_stays_silent_is_dropped() {
    let mut server = Server::new(Limits { ping_interval_ms: 64, pong_ms_max: 100, ..LIMITS });
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut silent = server.open("/echo");
    assert_eq!(silent.read_frame().first, 0x80 | PING);
    silent.expect_end();
}

#[test]
fn a_peer_that_pings_and_does_not_read_costs_one_pong() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/echo", |peer, message| peer.send(message));
        let server = Running::start(server);
        let mut raw = server.open("/echo");
        let payload = |number: usize| format!("{number:<125}");
        for hundred in 0..PINGS / 100 {
            let pings = (0..100).map(|n| frame(PING, payload(100 * hundred + n).as_bytes()));
            raw.send(&pings.collect::<Vec<_>>().concat());
        }
        raw.send_text("and now?");
        // The message has passed all pings, whose answers have not been read.
        while !matches!(next(&told), Seen::Message(..)) {}
        let (mut pongs, mut last) = (0, None);
        loop {
            let frame = raw.read_frame();
            if frame.first == 0x80 | TEXT {
                assert_eq!(frame.payload, b"and now?");
                break;
            }
            assert_eq!(frame.first, 0x80 | PONG);
            let seen = number(&frame.payload);
            assert!(last.is_none_or(|last| last < seen), "in order");
            last = Some(seen);
            pongs += 1;
        }
        // RFC 6455, 5.5.3: the latest ping is the one to be answered.
        if last != Some(PINGS - 1) {
            assert_eq!(raw.read_frame().payload, payload(PINGS - 1).into_bytes());
        }
        assert!(pongs < PINGS - 1, "not all pings are answered: {pongs}");
        raw.send_text("still here?");
        assert_eq!(raw.read_text(), "still here?");
    });
}

#[test]
fn one_service_is_blocked_and_fifty_others_answer() {
    let mut server = Server::new(LIMITS);
    let gate = Gated::mount(&mut server, "/gated");
    for number in 0..50 {
        mount_echo(&mut server, &format!("/{number}"));
    }
    let server = Running::start(server);
    let mut blocked = server.open("/gated");
    blocked.send_text("how many?");
    for number in 0..50 {
        let mut raw = server.open(&format!("/{number}"));
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
    }
    // A ping is the session's business, whatever the service does.
    blocked.send(&frame(PING, b"?"));
    assert_eq!(blocked.read_frame().payload, b"?");
    gate.send(()).expect("the service waits");
    assert_eq!(blocked.read_text(), "0");
}

const SENDERS: usize = 3;
/// Of each sender. All of them together, 13 MB, are more than the system holds for a socket
/// that is not read.
const MESSAGES: usize = 33_334;
const MESSAGE_BYTES: usize = 400;
const PINGS: usize = 100_000;
