//! Nobody waits on another: what one peer or one service does in excess leaves the others
//! served. The bounds are rough; what breaks them is slower by far.

#![cfg(feature = "host")]

mod support;

use std::io::Write;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use switchboard::{Handler, Limits, Line, Message as Text, Peer, Server, handler};
use tungstenite::Message;

use support::http::upgrade;
use support::raw::{BINARY, TEXT, close, frame};
use support::services::mount_echo;
use support::{Client, DEADLINE, LIMITS, Raw, Running, on_each_thread, server_on};

/// Round trips of a well-behaved peer, which take some milliseconds all together, and a second
/// each when a turn of the loop grows without bound.
const ROUND_TRIPS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Is busy with ticks all the time, and answers messages none the less.
struct Busy;

impl Handler for Busy {
    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_micros(100))
    }

    fn tick(&mut self, _line: &mut Line) {
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
        let _ = self.0.lock().expect("one service has it").recv_timeout(2 * DEADLINE);
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
            // Until it is closed for it.
            ("never reads", self.trouble(move |it| it.pour(&it.server.open("/echo"), &megabyte))),
            (
                "its service sleeps",
                self.trouble(|it| {
                    let mut raw = it.server.raw();
                    raw.send(&upgrade("/asleep", ""));
                    // Once the mail is full nobody reads it, and it goes.
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
                    // A byte for each round of the others, who end it by going.
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
    let mut alone = worst_of(&mut good, || {});
    alone.sort_unstable();
    let (tick, ticks) = mpsc::channel();
    let troubles = scene.troubles(ticks);
    let mut times = Vec::new();
    // Some may begin late, on a machine that is busy.
    while times.is_empty() || scene.begun.load(Ordering::SeqCst) < troubles.len() {
        times = worst_of(&mut good, || tick.send(()).expect("it dribbles"));
    }
    times.sort_unstable();
    scene.over.store(true, Ordering::SeqCst);
    drop((tick, wake));
    for (name, trouble) in troubles {
        trouble.join().unwrap_or_else(|_| panic!("{name} only makes trouble"));
    }
    for (name, times) in [("alone", alone), ("among troublemakers", times)] {
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{} echoes {name}: median {median:?}, worst {worst:?}", times.len());
        assert!(worst < WORST_MAX, "{worst:?} {name}");
    }
}

/// The times of echoes, of each socket in each round, all of them on their way together.
fn worst_of(sockets: &mut [Raw], mut before: impl FnMut()) -> Vec<Duration> {
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
    times
}

fn round_trips(client: &mut Client) {
    let begun = Instant::now();
    for number in 0..ROUND_TRIPS {
        let message = Message::text(number.to_string());
        client.send(message.clone()).expect("it is open");
        assert_eq!(client.read().expect("it answers"), message);
        assert!(begun.elapsed() < PATIENCE, "{number} round trips in {:?}", begun.elapsed());
    }
}

const ROUNDS: usize = 20;
/// What takes longer is held up by somebody, on however slow a machine. Without optimization
/// the smallest frames alone make turns of twenty milliseconds.
const WORST_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 250 });
