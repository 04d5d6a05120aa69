//! No socket waits for another: while one peer or service does something in excess, the others are
//! served. `tests/run figures` checks in a release build how soon they are served.

#![cfg(feature = "host")]

mod support;

use std::io::Write;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use switchboard::{Context, Handler, Limits, Message as Text, Peer, Server, Thread, handler};
use tungstenite::Message;

use support::http::{get, upgrade};
use support::raw::{BINARY, TEXT, close, frame};
use support::services::mount_echo;
use support::{
    Client, DEADLINE, LIMITS, NEVER_MS, Raw, Running, SOON, next, on_each_thread, server_on, tcp,
};

/// Counts messages.
struct Counting(Arc<AtomicUsize>);

impl Handler for Counting {
    fn message(&mut self, _: &mut Peer, _: Text) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The peer that has sent most is not read to the end before others are.
#[test]
fn a_peer_is_answered_before_a_flood_has_been_read() {
    let limits = Limits {
        mail_messages_max: Limits::OFF_COUNT,
        mail_bytes_max: Limits::OFF_COUNT,
        turn_deliveries_max: Limits::OFF_COUNT,
        callback_ms_max: NEVER_MS,
        ..LIMITS
    };
    let mut server = server_on(Thread::Loop, limits);
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    server.mount("/count", move || handler(Counting(counter.clone())));
    mount_echo(&mut server, "/echo");
    let mut host = server.bind("127.0.0.1:0").expect("a port is free");
    let address = tcp(&host);
    let client = thread::spawn(move || {
        ["/count", "/echo"].map(|path| {
            let mut raw = Raw::connect(address);
            raw.upgrade(path);
            raw
        })
    });
    while !client.is_finished() {
        host.turn(Some(Duration::from_millis(1))).expect("it polls");
    }
    let [flood, mut good] = client.join().expect("both are admitted");
    // As much as the system holds.
    flood.stream().set_nonblocking(true).expect("it can be");
    let messages = frame(TEXT, b"x").repeat(10_000);
    let mut sent = 0;
    while let Ok(len) = flood.stream().write(&messages[sent % messages.len()..]) {
        sent += len;
    }
    good.send_text("hello");
    good.stream().set_nonblocking(true).expect("it can be");
    let mut turns = 0;
    while good.stream().peek(&mut [0]).is_err() {
        host.turn(Some(DEADLINE)).expect("it polls");
        turns += 1;
        assert!(turns < 5, "no answer in so many turns");
    }
    good.stream().set_nonblocking(false).expect("it can be");
    assert_eq!(good.read_text(), "hello");
    let (read, max) = (7 * count.load(Ordering::SeqCst), turns * limits.read_buffer_bytes);
    println!("answered in {turns} turns; by then {read} bytes of {sent} were read of the flood");
    assert!(read <= max && 2 * max < sent, "{read} bytes of {sent} in {turns} turns");
}

/// Round trips of a well-behaved peer.
const ROUND_TRIPS: usize = 50;

#[test]
fn a_peer_that_floods_holds_up_nobody() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let over = Arc::new(AtomicBool::new(false));
        let floods: Vec<_> = (0..2)
            .map(|_| {
                let raw = server.open("/echo");
                let over = over.clone();
                thread::spawn(move || {
                    // Empty pongs: nothing is smaller, and nothing answers them.
                    let pongs = [0x8A, 0x80, 0, 0, 0, 0].repeat(10_000);
                    while !over.load(Ordering::Relaxed) && {
                        raw.stream().write_all(&pongs).is_ok()
                    } {}
                })
            })
            .collect();
        round_trips(&mut server.connect("/echo"));
        over.store(true, Ordering::Relaxed);
        floods.into_iter().for_each(|flood| flood.join().expect("it does not panic"));
        server.stop();
    });
}

/// Notes the order of messages. One of them has it wait for the test.
struct Noting(Arc<Mutex<Receiver<()>>>, Sender<String>);

impl Handler for Noting {
    fn message(&mut self, _: &mut Peer, message: Text) {
        let text = message.as_text().expect("it is text").to_owned();
        let waits = text == "wait";
        let _ = self.1.send(text);
        if waits {
            let _ = self.0.lock().expect("one service has it").recv();
        }
    }
}

/// Peers that fill the mail each time it has capacity, from bytes that have been read already, have
/// their turns one after the other: none has all of its turns before another has one.
#[test]
fn peers_that_fill_the_mail_have_their_turns_one_after_the_other() {
    for mail_messages_max in [1, 4] {
        let ((open, gate), (note, notes)) = (mpsc::channel(), mpsc::channel());
        let gate = Arc::new(Mutex::new(gate));
        let mut server = Server::new(Limits { mail_messages_max, ..SOON });
        server.mount("/note", move || handler(Noting(gate.clone(), note.clone())));
        let server = Running::start(server);
        let mut raws = [(); 3].map(|()| server.open("/note"));
        raws[0].send_text("wait");
        assert_eq!(next(&notes), "wait");
        for (raw, text) in raws[1..].iter_mut().zip([b"a", b"b"]) {
            raw.send(&frame(TEXT, text).repeat(FLOOD_LEN));
        }
        // All of that has come when this is answered.
        assert_eq!(server.ask(&get("/", "")).status, 404);
        open.send(()).expect("the service waits");
        let order: Vec<_> = (0..2 * FLOOD_LEN).map(|_| next(&notes)).collect();
        let place_of_last = |text| order.iter().rposition(|other| other == text);
        let both = place_of_last("a").min(place_of_last("b")).expect("both are there");
        let runs = order[..both].chunk_by(|one, other| one == other);
        let longest = runs.map(<[_]>::len).max();
        println!("of {FLOOD_LEN} messages each, {longest:?} of one peer came in a row");
        assert!(longest <= Some(3 * mail_messages_max), "{longest:?} with {mail_messages_max}");
        server.stop();
    }
}

/// Fits one read.
const FLOOD_LEN: usize = 300;

/// Is busy with ticks all the time, and answers messages none the less.
struct Busy;

impl Handler for Busy {
    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_micros(100))
    }

    fn tick(&mut self, _line: &mut Context) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    }

    fn message(&mut self, peer: &mut Peer, message: Text) {
        peer.send(message);
    }
}

#[test]
fn ticks_that_take_too_long_leave_time_for_sockets_and_for_the_end() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/busy", || handler(Busy));
        let server = Running::start(server);
        round_trips(&mut server.connect("/busy"));
        server.stop();
    });
}

/// Sleeps over its first message until the test is over.
struct Asleep(Arc<Mutex<Receiver<()>>>);

impl Handler for Asleep {
    fn message(&mut self, _: &mut Peer, _: Text) {
        let _ = self.0.lock().expect("one service has it").recv();
    }
}

/// Dies of its first message.
struct Dying;

impl Handler for Dying {
    fn message(&mut self, _: &mut Peer, _: Text) {
        resume_unwind(Box::new("as a test wants it"))
    }
}

/// The server that the troublemakers have in common, and whether their time is over.
#[derive(Clone)]
struct Scene {
    server: Arc<Running>,
    /// How many have begun.
    begun: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Scene {
    /// Makes trouble again and again on a thread of its own.
    fn trouble(&self, mut once: impl FnMut(&Self) + Send + 'static) -> JoinHandle<()> {
        let scene = self.clone();
        thread::spawn(move || {
            scene.begun.fetch_add(1, Ordering::SeqCst);
            while !scene.is_over() {
                once(&scene);
            }
        })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Sends the same again and again, for as long as it is taken.
    fn pour(&self, raw: &Raw, bytes: &[u8]) {
        while !self.is_over() && raw.stream().write_all(bytes).is_ok() {}
    }

    /// All kinds of trouble at once, each with its name.
    fn troubles(&self, ticks: Receiver<()>) -> Vec<(&'static str, JoinHandle<()>)> {
        // Empty pongs: nothing is smaller, and nothing answers them.
        let pongs = [0x8A, 0x80, 0, 0, 0, 0].repeat(10_000);
        let megabyte = frame(BINARY, &[b'x'; 1 << 20]);
        let dribble = [upgrade("/echo", ""), frame(TEXT, &[b'x'; 10_000])].concat();
        let mut dribbled = dribble.into_iter().cycle();
        let mut dribbler = self.server.raw();
        vec![
            ("floods", self.trouble(move |it| it.pour(&it.server.open("/flooded"), &pongs))),
            (
                "never reads",
                self.trouble(move |it| {
                    let raw = it.server.open("/echo");
                    // Once its outbox is half full it is not read, and it goes.
                    let patience = Some(Duration::from_millis(100));
                    raw.stream().set_write_timeout(patience).expect("it can be set");
                    it.pour(&raw, &megabyte);
                }),
            ),
            (
                "its service sleeps",
                self.trouble(|it| {
                    let mut raw = it.server.raw();
                    raw.send(&upgrade("/asleep", ""));
                    // Once the mail is full it is not read, and it goes.
                    let patience = Some(Duration::from_millis(100));
                    raw.stream().set_write_timeout(patience).expect("it can be set");
                    it.pour(&raw, &frame(TEXT, b"more"));
                }),
            ),
            (
                "its service dies",
                self.trouble(|it| {
                    let mut raw = it.server.raw();
                    raw.send(&upgrade("/dying", ""));
                    if raw.read_head().status == 101 {
                        raw.send_text("die");
                        assert_eq!(raw.read_close().0, 1012);
                        raw.send(&close(1012, ""));
                    }
                    raw.read_to_end();
                }),
            ),
            (
                "dribbles",
                self.trouble(move |_| {
                    // A byte for each round of the others, which end it by going.
                    if ticks.recv().is_ok() {
                        let byte = dribbled.next().expect("it goes round");
                        dribbler.try_send(&[byte]);
                    }
                }),
            ),
        ]
    }
}

#[test]
fn twenty_sockets_wait_on_no_troublemaker() {
    among_troublemakers();
}

/// The worst of all echoes. A machine that is busy with something else makes some tries slow; what
/// holds a peer up makes all of them slow.
#[test]
#[ignore = "a figure: `tests/run figures` checks it in a release build"]
fn figure_of_isolation() {
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        best = best.min(among_troublemakers());
        if best < WORST_MAX {
            return;
        }
    }
    panic!("in the best of {TRIES} tries, the worst echo took {best:?}; allowed are {WORST_MAX:?}");
}

/// The time of the worst of the echoes of twenty sockets, with all kinds of trouble beside them,
/// which go on until all are answered.
fn among_troublemakers() -> Duration {
    let mut server = Server::new(Limits { mail_messages_max: 100, ..LIMITS });
    let (wake, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    mount_echo(&mut server, "/echo");
    mount_echo(&mut server, "/flooded");
    server.mount("/asleep", move || handler(Asleep(gate.clone())));
    server.mount("/dying", || handler(Dying));
    let server = Arc::new(Running::start(server));
    let scene = Scene { server, begun: Arc::default(), over: Arc::default() };
    let mut good: Vec<Raw> = (0..20).map(|_| scene.server.open("/echo")).collect();
    let alone = times_of(&mut good, || {});
    let (tick, ticks) = mpsc::channel();
    let troubles = scene.troubles(ticks);
    let mut times = Vec::new();
    // Some may begin late, on a machine that is busy.
    while times.is_empty() || scene.begun.load(Ordering::SeqCst) < troubles.len() {
        times = times_of(&mut good, || tick.send(()).expect("it dribbles"));
    }
    scene.over.store(true, Ordering::SeqCst);
    drop((tick, wake));
    for (name, trouble) in troubles {
        trouble.join().unwrap_or_else(|_| panic!("{name} only makes trouble"));
    }
    for (name, times) in [("alone", &alone), ("among troublemakers", &times)] {
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{} echoes {name}: median {median:?}, worst {worst:?}", times.len());
    }
    times[times.len() - 1]
}

/// The times of echoes in their order, of each socket in each round, all of them on their way
/// together.
fn times_of(sockets: &mut [Raw], mut before: impl FnMut()) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        before();
        let mut begun = Vec::new();
        for raw in &mut *sockets {
            begun.push(Instant::now());
            raw.send_text(&round.to_string());
        }
        for (raw, begun) in sockets.iter_mut().zip(begun) {
            assert_eq!(raw.read_text(), round.to_string());
            times.push(begun.elapsed());
        }
    }
    times.sort_unstable();
    times
}

fn round_trips(client: &mut Client) {
    for number in 0..ROUND_TRIPS {
        let message = Message::text(number.to_string());
        client.send(message.clone()).expect("it is open");
        assert_eq!(client.read().expect("it answers"), message);
    }
}

const ROUNDS: usize = 20;
/// An echo that takes longer is delayed by another peer.
const WORST_MAX: Duration = Duration::from_millis(250);
const TRIES: usize = 5;
