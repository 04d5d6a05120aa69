//! A host that has nothing to do rests, whatever state its sockets are in. Its turns are
//! counted: a busy loop makes thousands where some timers make a few.
#![cfg(feature = "host")]

mod support;

use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::host::Notifier;
use switchboard::{Gate, Handler, Host, Limits, Message, Peer, Request, Server, Turn, Verdict};
use switchboard::{gated, handler};

use support::http::{get, upgrade};
use support::raw::{PING, TEXT, frame};
use support::services::mount_echo;
use support::{DEADLINE, LIMITS, Raw, tcp};

/// Nothing but what is tested makes turns: whatever takes time takes longer than a test.
const QUIET: Limits =
    Limits { outbox_bytes_max: 50 << 20, mail_messages_max: 10, sockets_max: 100, ..LIMITS };

/// On request it sends a lot, or waits for the test. Otherwise it echoes.
struct Moody(Arc<Mutex<Receiver<()>>>, Sender<()>);

impl Handler for Moody {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text() {
            // More than the system holds for a peer that has never read much.
            Some("fill") => (0..200).for_each(|_| peer.send(vec![b'x'; 100_000])),
            Some("wait") => {
                self.1.send(()).expect("the test listens");
                // A test that is over opens it for ever.
                let _ = self.0.lock().expect("one service has it").recv();
            }
            _ => peer.send(message),
        }
    }
}

/// Waits for the test before it decides.
struct Slow(Arc<Mutex<Receiver<()>>>);

impl Handler for Slow {}

impl Gate for Slow {
    fn admit(&mut self, _: &Request) -> Verdict {
        let _ = self.0.lock().expect("one service has it").recv();
        Verdict::Accept
    }
}

/// A host in the hands of the test, and what its services wait for.
struct Stage {
    host: Host,
    address: SocketAddr,
    waits: Receiver<()>,
    _gates: [Sender<()>; 2],
}

impl Stage {
    fn new(limits: Limits) -> Self {
        let ((open, gate), (tell, waits)) = (mpsc::channel(), mpsc::channel());
        let (decide, undecided) = mpsc::channel();
        let (gate, undecided) = (Arc::new(Mutex::new(gate)), Arc::new(Mutex::new(undecided)));
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rest");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join("big.bin"), vec![b'x'; 20 << 20]).expect("it can be written");
        let mut server = Server::new(limits);
        server.static_root(&folder);
        server.mount("/moody", move || handler(Moody(gate.clone(), tell.clone())));
        server.mount("/slow", move || gated(Slow(undecided.clone())));
        mount_echo(&mut server, "/echo");
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let address = tcp(&host);
        Self { host, address, waits, _gates: [open, decide] }
    }

    /// Plays the part of clients on a thread of their own, with turns of the host beside it.
    fn play<T: Send + 'static>(
        &mut self,
        part: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        let address = self.address;
        let client = thread::spawn(move || part(address));
        while !client.is_finished() {
            self.turn(STEP);
        }
        client.join().expect("the part is played")
    }

    fn turn(&mut self, timeout: Duration) {
        assert_eq!(self.host.turn(Some(timeout)).expect("it polls"), Turn::Another);
    }

    /// Goes on until a service reports that it waits for the test.
    fn turn_until_told(&mut self) {
        let begun = Instant::now();
        while self.waits.try_recv().is_err() {
            self.turn(STEP);
            assert!(begun.elapsed() < DEADLINE, "no service waits");
        }
    }

    /// Lets the host come to rest, and counts its turns from then on. Where peers and services are
    /// slow to take their part there are some more before; a busy loop never comes to rest.
    fn assert_rests(&mut self, state: &str) {
        let begun = Instant::now();
        let mut turns = usize::MAX;
        while turns > TURNS_MAX {
            assert!(begun.elapsed() < DEADLINE, "{turns} turns in {PERIOD:?}: {state}");
            turns = self.turns_of_a_period();
        }
        println!("{state}: {turns} turns in {PERIOD:?}");
    }

    fn turns_of_a_period(&mut self) -> usize {
        let end = Instant::now() + PERIOD;
        let mut turns = 0;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left);
            turns += 1;
        }
        turns
    }
}

fn open(address: SocketAddr, path: &str) -> Raw {
    let mut raw = Raw::connect(address);
    raw.upgrade(path);
    raw
}

#[test]
fn idle_and_half_closed() {
    let mut stage = Stage::new(QUIET);
    stage.assert_rests("nobody is there");
    let idle = stage.play(|address| {
        let silent = Raw::connect(address);
        let mut half = Raw::connect(address);
        half.send(&upgrade("/echo", "")[..50]);
        let mut message = open(address, "/echo");
        message.send(&frame(TEXT, b"whole")[..7]);
        (silent, half, message, open(address, "/echo"))
    });
    stage.assert_rests("idle, with half a head and half a frame");
    // After a fault our half has ended, and the peer's has not; it goes on talking.
    let faulty = stage.play(|address| {
        let mut faulty = open(address, "/echo");
        faulty.send(&frame(0x3, b""));
        assert_eq!(faulty.read_close().0, 1002);
        faulty.expect_end();
        faulty.send(&frame(PING, b"").repeat(100));
        let mut refused = Raw::connect(address);
        refused.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n");
        refused.read_answer();
        (faulty, refused)
    });
    stage.assert_rests("our half is closed");
    // A plain request may be half-closed while its answer flows and is not read.
    let reader = stage.play(|address| {
        let mut reader = Raw::connect(address);
        reader.send(&get("/big.bin", ""));
        reader.end_writing();
        reader.wait();
        reader
    });
    stage.assert_rests("the peer's half is closed, and it does not read");
    drop((idle, faulty, reader));
    stage.assert_rests("all have gone");
    assert_eq!(stage.host.sockets_len(), 0);
}

#[test]
fn stalled_writers_and_full_mail() {
    let mut stage = Stage::new(QUIET);
    let stalled = stage.play(|address| {
        let mut stalled = open(address, "/moody");
        stalled.send_text("fill");
        stalled.wait();
        // Pongs would have to wait, and are not written either.
        stalled.send(&frame(PING, b"").repeat(10));
        let mut leaving = open(address, "/moody");
        leaving.send_text("fill");
        leaving.wait();
        (stalled, leaving)
    });
    stage.assert_rests("peers that do not read");
    let crowd = stage.play(|address| {
        let mut crowd: Vec<Raw> = (0..5).map(|_| open(address, "/moody")).collect();
        crowd[0].send_text("wait");
        crowd
    });
    stage.turn_until_told();
    let crowd = stage.play(move |address| {
        let mut crowd = crowd;
        for raw in &mut crowd[1..] {
            raw.send(&frame(TEXT, b"more").repeat(1_000));
        }
        // Neither the end of a peer that is not read, nor its reset, wakes for ever.
        crowd[1].end_writing();
        let mut waiting = Raw::connect(address);
        waiting.send(&upgrade("/moody", ""));
        waiting.send(&frame(TEXT, b"early").repeat(1_000));
        crowd.push(waiting);
        crowd
    });
    stage.assert_rests("mail is full");
    drop(stalled);
    stage.assert_rests("mail is full, and two have gone");
    drop(crowd);
}

#[test]
fn held_requests() {
    let mut stage = Stage::new(QUIET);
    let held = stage.play(|address| {
        let held = || {
            let mut raw = Raw::connect(address);
            raw.send(&upgrade("/slow", ""));
            raw
        };
        let (first, mut second, third) = (held(), held(), held());
        second.send(&frame(TEXT, &[b'x'; 1_000]).repeat(1_000));
        third.end_writing();
        (first, second, third)
    });
    stage.assert_rests("requests are held");
    drop(held);
}

#[test]
fn a_full_house() {
    let mut stage = Stage::new(Limits { sockets_max: 5, ..QUIET });
    let guests = stage.play(|address| {
        let guests: Vec<Raw> = (0..5).map(|_| open(address, "/echo")).collect();
        let mut others: Vec<Raw> = (0..50).map(|_| Raw::connect(address)).collect();
        for raw in &mut others {
            raw.try_send(&upgrade("/echo", ""));
        }
        (guests, others)
    });
    stage.assert_rests("there is a place for nobody");
    drop(guests);
}

/// Without a watchdog, what has been reported is not reported again.
#[test]
fn reports_to_a_service_manager() {
    let name = format!("switchboard-rest-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).expect("it is short");
    let _manager = UnixDatagram::bind_addr(&address).expect("no other test has it");
    let notifier = Notifier::new(format!("@{name}").as_ref(), None);
    let mut stage = Stage::new(QUIET);
    stage.host.report_by(notifier.expect("it is an address"));
    stage.assert_rests("it is ready");
    let idle = stage.play(|address| open(address, "/echo"));
    stage.assert_rests("a status is due in some seconds");
    drop(idle);
}

#[test]
fn draining() {
    let mut stage = Stage::new(QUIET);
    let stubborn = stage.play(|address| {
        let idle = open(address, "/echo");
        let mut stalled = open(address, "/moody");
        stalled.send_text("fill");
        stalled.wait();
        let mut reader = Raw::connect(address);
        reader.send(&get("/big.bin", ""));
        reader.wait();
        (idle, stalled, reader)
    });
    stage.host.stopper().stop();
    stage.assert_rests("draining");
    drop(stubborn);
    while stage.host.turn(Some(DEADLINE)).expect("it polls") == Turn::Another {}
}

const STEP: Duration = Duration::from_millis(20);
const PERIOD: Duration = Duration::from_millis(300);
/// Deadlines that were put off are looked at now and then.
const TURNS_MAX: usize = 15;
