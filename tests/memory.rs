//! Memory is bounded as `Limits` says, whatever peers and services do. A file of its own,
//! since it counts what its process allocates, clients included, which hardly allocate.

#![cfg(feature = "host")]
#![expect(unsafe_code, reason = "an allocator has no safe form")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};

use switchboard::{
    Audience, CloseCode, Handler, Limits, Message, Peer, Request, Server, SocketId, Thread, handler,
};
#[cfg(feature = "deflate")]
use switchboard::{Compression, session::Codec};

use support::http::{get, upgrade};
use support::raw::{BINARY, CLOSE, CONTINUATION, TEXT, frame, header, piece};
use support::services::mount_echo;
use support::{LIMITS, Raw, Running, next, patient, server_on, until};

/// Counts bytes. Growing counts the old place and the new one, as when both are there.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator with their own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One measurement at a time.
struct Measurement {
    start: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Measurement {
    fn start() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut measurement = Self { start: 0, _turn: turn };
        measurement.restart();
        measurement
    }

    /// Counts from what there is now.
    fn restart(&mut self) {
        self.start = NOW.load(Ordering::SeqCst);
        PEAK.store(self.start, Ordering::SeqCst);
    }

    /// The most bytes that there were at a time since the start.
    fn peak(&self) -> usize {
        PEAK.load(Ordering::SeqCst) - self.start
    }
}

/// Floods those that said "victim", fills the outboxes of those that said "stuff me", and blocks on
/// request.
struct Hostile {
    victims: Vec<SocketId>,
    stuffed: Vec<SocketId>,
    gate: Arc<Mutex<Receiver<()>>>,
    blocks: Sender<()>,
}

impl Handler for Hostile {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        // As many subscriptions as there may be, with the longest names.
        for topic in 0..8 {
            peer.subscribe(format!("{topic:>256}"));
        }
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text() {
            Some("victim") => self.victims.push(peer.id()),
            Some("stuff me") => self.stuffed.push(peer.id()),
            Some("stuff") => {
                let hungry = self.stuffed.iter().copied();
                hungry.for_each(|id| peer.send_to(id, vec![b'x'; 5_000]));
                peer.send(if self.stuffed.is_empty() { "all are full" } else { "go on" });
            }
            Some("flood") => {
                for number in 0..FLOOD_BYTES / 3_000 {
                    let victims = self.victims.iter().copied();
                    // Messages of their own, moved into the outbox or copied together.
                    let len = if number % 2 == 0 { 5_000 } else { 1_000 };
                    victims.for_each(|id| peer.send_to(id, vec![b'x'; len]));
                    peer.send_to(Audience::topic("nobody's"), "x");
                }
                peer.send("flooded");
            }
            Some("block") => {
                self.blocks.send(()).expect("the test listens");
                // A test that is over opens the gate for ever.
                let _ = self.gate.lock().expect("one service has it").recv();
            }
            _ => peer.close(CloseCode::POLICY, "what?"),
        }
    }

    fn full(&mut self, peer: &mut Peer) {
        let id = peer.id();
        if self.stuffed.contains(&id) {
            self.stuffed.retain(|stuffed| *stuffed != id);
            // To just below the limit.
            (0..2).for_each(|_| peer.send(vec![b'x'; 3_000]));
        }
    }
}

#[test]
fn a_small_server_keeps_to_its_documented_bound_under_attack() {
    let limits = patient(Limits::SMALL);
    let mut sockets: Vec<Raw> = Vec::with_capacity(limits.sockets_max);
    let measurement = Measurement::start();
    let (open_gate, gate) = mpsc::channel();
    let (tell, blocks) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let mut server = Server::new(limits);
    server.mount("/hostile", move || {
        let (gate, blocks) = (gate.clone(), tell.clone());
        handler(Hostile { victims: Vec::new(), stuffed: Vec::new(), gate, blocks })
    });
    let server = Running::start(server);
    let mut leader = server.open("/hostile");

    // Peers that read nothing of what they are sent, more than the system holds for them, and
    // are closed for it.
    for _ in 0..VICTIMS {
        let mut raw = server.open("/hostile");
        raw.send_text("victim");
        sockets.push(raw);
    }
    leader.send_text("flood");
    assert_eq!(leader.read_text(), "flooded");
    // Peers that read nothing either, of just so much that they are not closed, and whose
    // longest message comes byte by byte and never ends.
    let dribblers = sockets.len()..sockets.len() + DRIBBLERS;
    sockets.extend(dribblers.clone().map(|_| server.open("/hostile")));
    sockets[dribblers.clone()].iter_mut().for_each(|raw| raw.send_text("stuff me"));
    sync(&server);
    until("all outboxes are full", || {
        leader.send_text("stuff");
        leader.read_text() == "all are full"
    });
    dribble(&mut sockets[dribblers], &header(0x80 | BINARY, limits.message_bytes_max));
    // Peers whose head comes byte by byte and never ends.
    let heads = sockets.len()..sockets.len() + HEADS;
    sockets.extend(heads.clone().map(|_| server.raw()));
    let head = "X: y\r\n".repeat(limits.headers_max - 1);
    dribble_head(&mut sockets[heads], &get("/hostile", &head), limits.head_bytes_max);
    // A service that takes no more mail, and a peer that sends it whatever it takes.
    leader.send_text("block");
    next(&blocks);
    let mut sender = server.open("/hostile");
    let messages = frame(TEXT, &[b'x'; 600]).repeat(10);
    sender.fill(&messages, MAIL_BYTES, || sync(&server));
    // Peers with the longest head and early frames behind it, which wait before their 101.
    while sockets.len() < limits.sockets_max - 2 {
        let mut raw = server.raw();
        let more = format!("X: {}\r\n", "y".repeat(limits.head_bytes_max - 300));
        raw.send(&[upgrade("/hostile", &more), frame(BINARY, &[b'x'; 8_000])].concat());
        sockets.push(raw);
    }
    for _ in 0..20 {
        sync(&server);
    }
    let (peak, bound) = (measurement.peak(), limits.memory_bytes_max(1));
    println!("{peak} bytes at most, {bound} documented");
    assert!(peak > ATTACK_BYTES_MIN, "the attack has come through: {peak} bytes");
    assert!(peak as u64 <= bound, "{peak} bytes are above the documented {bound}");
    drop(open_gate);
    drop((sockets, leader, sender));
}

/// All in one callback, while nothing can be written: it fills outboxes, and no list beside them.
#[test]
fn a_callback_on_the_loop_holds_what_outboxes_do() {
    let limits = patient(Limits::SMALL);
    let measurement = Measurement::start();
    let (_open_gate, gate) = mpsc::channel();
    let (tell, _blocks) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let mut server = server_on(Thread::Loop, limits);
    server.mount("/hostile", move || {
        let (gate, blocks) = (gate.clone(), tell.clone());
        handler(Hostile { victims: Vec::new(), stuffed: Vec::new(), gate, blocks })
    });
    let server = Running::start(server);
    let mut leader = server.open("/hostile");
    let mut victims: Vec<Raw> = (0..VICTIMS).map(|_| server.open("/hostile")).collect();
    victims.iter_mut().for_each(|raw| raw.send_text("victim"));
    sync(&server);
    leader.send_text("flood");
    assert_eq!(leader.read_text(), "flooded");
    let (peak, sent) = (measurement.peak(), VICTIMS * FLOOD_BYTES);
    println!("{peak} bytes at most for a callback that sends {sent}");
    assert!(peak > VICTIMS * limits.outbox_bytes_max / 2, "outboxes were full: {peak} bytes");
    let outboxes = VICTIMS as u64 * limits.socket_memory_bytes_max();
    assert!(peak as u64 <= outboxes + CALLBACK_BYTES, "{peak} bytes");
    for raw in &mut victims {
        let mut frames = std::iter::repeat_with(|| raw.read_frame());
        let close = frames.find(|frame| frame.first == 0x80 | CLOSE);
        assert_eq!(close.expect("it is closed").payload[..2], 1013_u16.to_be_bytes());
    }
}

/// The rest of `limits`' longest message but its last byte, to each of them bit by bit.
fn dribble(sockets: &mut [Raw], header: &[u8]) {
    sockets.iter_mut().for_each(|raw| raw.send(header));
    for len in [1; 100].into_iter().chain([89; (8_191 - 100) / 89]) {
        sockets.iter_mut().for_each(|raw| raw.send(&[b'x'; 89][..len]));
    }
}

/// The longest head without its end, to each of them bit by bit.
fn dribble_head(sockets: &mut [Raw], head: &[u8], max: usize) {
    let beginning = &head[..head.len() - 2];
    sockets.iter_mut().for_each(|raw| raw.send(beginning));
    sockets.iter_mut().for_each(|raw| raw.send(b"Y: "));
    for _ in 0..(max - beginning.len() - 3) / 16 {
        sockets.iter_mut().for_each(|raw| raw.send(&[b'z'; 16]));
    }
}

/// Waits for an answer, so that what was sent before has been read as far as it will be.
fn sync(server: &Running) {
    assert!([404, 503].contains(&server.ask(&get("/", "")).status));
}

#[test]
fn a_million_fragments_cost_twice_their_bytes() {
    let mut measurement = Measurement::start();
    let limits = Limits { fragments_max: 2_000_000, message_bytes_max: 2 << 20, ..LIMITS };
    let mut server = Server::new(limits);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let fragments = piece(CONTINUATION, b"x").repeat(1_000);
    for opcode in [TEXT, BINARY] {
        let mut raw = server.open("/echo");
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        measurement.restart();
        raw.send(&piece(opcode, b""));
        for _ in 0..1_000 {
            raw.send(&fragments);
        }
        // Once the ping behind them is answered, they have been read.
        raw.send(&frame(support::raw::PING, b""));
        assert_eq!(raw.read_frame().first, 0x80 | support::raw::PONG);
        let peak = measurement.peak();
        println!("{peak} bytes for a million fragments of one byte");
        assert!((1_000_000..2_000_000 + CONSTANT_BYTES).contains(&peak), "{peak} bytes");
        raw.send(&frame(CONTINUATION, b""));
        assert_eq!(raw.read_frame().payload.len(), 1_000_000);
    }
}

#[test]
fn lengths_that_are_only_declared_cost_nothing() {
    let mut measurement = Measurement::start();
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut sockets: Vec<Raw> = (0..SOCKETS).map(|_| server.open("/echo")).collect();
    measurement.restart();
    let declared = header(0x80 | BINARY, LIMITS.message_bytes_max);
    for raw in &mut sockets {
        raw.send(&declared);
        raw.send(b"x");
    }
    sync(&server);
    let peak = measurement.peak();
    println!("{peak} bytes for {SOCKETS} unfinished messages of a declared mebibyte");
    assert!(peak < SOCKETS * 1_024, "{peak} bytes");
}

#[test]
fn idle_sockets_hold_no_buffer() {
    let mut sockets: Vec<Raw> = Vec::with_capacity(SOCKETS);
    let message = vec![b'x'; 100_000];
    let bytes = frame(BINARY, &message);
    let mut measurement = Measurement::start();
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let _first = server.open("/echo");
    measurement.restart();
    for _ in 0..SOCKETS {
        let mut raw = server.open("/echo");
        raw.send(&bytes);
        assert_eq!(raw.read_frame().payload.len(), message.len());
        raw.shrink();
        sockets.push(raw);
    }
    sync(&server);
    let held = NOW.load(Ordering::SeqCst).saturating_sub(measurement.start);
    println!("{held} bytes for {SOCKETS} idle sockets, at most {}", measurement.peak());
    // Their entries are in tables that are there from the start; lists of them have grown; and
    // the one buffer that all messages had, one after the other, is kept for the next.
    assert!(held < SOCKETS * 64 + message.len() + 1_024, "{held} bytes are held");
    assert!(measurement.peak() < 2_000_000, "not more than one message at a time is held");
}

/// What inflates to far too much costs what the longest message does, wherever it comes from:
/// one message, or many that one read brings to a service that takes none.
#[cfg(feature = "deflate")]
#[test]
fn bombs_cost_what_the_longest_messages_do() {
    let mut measurement = Measurement::start();
    let [bomb, longest] = [10 << 20, 1 << 20].map(|len| piece(0xC2, &deflated_zeros(len)));
    let many = longest.repeat(60);
    assert!(bomb.len() < 12_000 && many.len() < 64_000);
    let mut server = Server::new(LIMITS);
    let (open_gate, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let blocked = move || handler(Blocked(gate.clone()));
    server.mount("/blocked", blocked).compression(Compression::On);
    let server = Running::start(server);
    let open = || {
        let mut raw = server.raw();
        raw.send(&upgrade("/blocked", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
        assert!(raw.read_head().header("sec-websocket-extensions").is_some());
        raw
    };
    let (mut bomber, mut sender) = (open(), open());
    measurement.restart();
    bomber.send(&bomb);
    // It waits for the service's say, which has taken the open.
    assert_eq!(bomber.read_close().0, 1009);
    let peak = measurement.peak();
    println!("{peak} bytes at most for a message of ten mebibytes");
    assert!(peak < 2 << 20, "{peak} bytes");
    measurement.restart();
    sender.send(&many);
    for _ in 0..20 {
        sync(&server);
    }
    let peak = measurement.peak();
    println!("{peak} bytes at most for sixty messages of a mebibyte");
    // One of them is the share of the socket in the mail.
    let one = LIMITS.message_bytes_max;
    assert!((one..3 * one).contains(&peak), "{peak} bytes");
    drop(open_gate);
}

/// What the formula of `Limits` has for them.
#[cfg(feature = "deflate")]
#[test]
fn the_states_of_compression_fit_a_mebibyte() {
    let measurement = Measurement::start();
    let mut codec = Codec::new();
    for bits in [8, 9, 12, 15] {
        assert!(codec.deflate(&[b'x'; 2_000], &[b'x'; 200], bits).is_some());
    }
    let peak = measurement.peak();
    println!("{peak} bytes for the states of compression");
    assert!((200_000..1 << 20).contains(&peak), "{peak} bytes");
}

/// Takes no message until the test lets it.
#[cfg(feature = "deflate")]
struct Blocked(Arc<Mutex<Receiver<()>>>);

#[cfg(feature = "deflate")]
impl Handler for Blocked {
    fn message(&mut self, _: &mut Peer, _: Message) {
        // A test that is over opens the gate for ever.
        let _ = self.0.lock().expect("one service has it").recv();
    }
}

/// So many zeros as RFC 7692, 7.2.1 says.
#[cfg(feature = "deflate")]
fn deflated_zeros(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len / 500);
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let zeros = vec![0; len];
    compress.compress_vec(&zeros, &mut out, flate2::FlushCompress::Sync).expect("it is deflated");
    out.truncate(out.len() - 4);
    out
}

/// As many as are opened where one would do.
const SOCKETS: usize = 100;
const VICTIMS: usize = 20;
const DRIBBLERS: usize = 39;
const HEADS: usize = 20;
/// To each victim: more than the system holds for a socket that is not read.
const FLOOD_BYTES: usize = 12 << 20;
/// To the service that takes no mail: more than the system holds for it, and the bound.
const MAIL_BYTES: usize = 20 << 20;
/// What the attack brings at least: most of the buffers that it fills.
const ATTACK_BYTES_MIN: usize = 1_000_000;
/// Beside the outboxes that a callback fills: the loop, its tables, and the test.
const CALLBACK_BYTES: u64 = 500_000;
/// Beside the buffer of a message: the batches and buffers that are around it.
const CONSTANT_BYTES: usize = 64 * 1_024;

/// What programs hold, in a build that has them.
#[cfg(feature = "programs")]
mod programs {
    use std::fs;
    use std::process::Command;

    use switchboard::programs::{OnDeath, ProgramOptions};

    use super::support::folder;
    use super::*;

    /// A program that reads nothing, and stops in the middle of the longest message that it may
    /// send: its peers send whatever is taken, and the host stops, so that it gets all that is
    /// left.
    #[test]
    fn a_program_keeps_to_its_documented_bound() {
        let limits = Limits { drain_ms_max: 500, ..patient(Limits::SMALL) };
        let half = limits.outbox_bytes_max / 2 + 1;
        let script = format!(
            "#!/bin/sh\necho READY 1\nhead -c 16000 /dev/zero | tr '\\0' x >&2\n\
             printf 'TEXT * +{}\\n'\nhead -c {half} /dev/zero\nexec sleep 1000\n",
            limits.outbox_bytes_max
        );
        let folder = folder::programs("deaf", &[("deaf", &script)]);
        let mut measurement = Measurement::start();
        let mut server = Server::new(limits);
        server.document_root(&folder);
        server.program_options(ProgramOptions { stop_ms: 100, ..ProgramOptions::SHARED });
        let server = Running::start(server);
        let mut sockets: Vec<Raw> = (0..SENDERS).map(|_| server.open("/deaf")).collect();
        sync(&server);
        measurement.restart();
        fill_mail(&server, &mut sockets);
        sync(&server);
        let unread = measurement.peak();
        server.stop();
        let peak = measurement.peak();
        let service = limits.memory_bytes_max(1) - limits.memory_bytes_max(0);
        let program = limits.program_memory_bytes_max();
        let bound = service + program + SENDERS as u64 * limits.socket_memory_bytes_max();
        println!(
            "{unread} bytes unread, {peak} at most; of {service} and {program} bytes documented"
        );
        assert!(unread > limits.mail_bytes_max, "the mail is full: {unread} bytes");
        assert!(peak as u64 <= bound, "{peak} bytes are above the documented {bound}");
        drop(sockets);
    }

    /// The same of one whose sockets outlive it, and which is killed again and again.
    #[test]
    fn a_kept_program_keeps_to_its_documented_bound() {
        let limits = Limits { drain_ms_max: 500, ..patient(Limits::SMALL) };
        let script = "#!/bin/sh\necho $$ >> ${0%/*}/pids\necho READY 1\nexec sleep 1000\n";
        let folder = folder::programs("kept", &[("deaf", script)]);
        let pids = folder.join("pids");
        let mut measurement = Measurement::start();
        let mut server = Server::new(limits);
        server.document_root(&folder);
        let options =
            ProgramOptions { stop_ms: 100, on_death: OnDeath::Keep, ..ProgramOptions::SHARED };
        server.program_options(options);
        let server = Running::start(server);
        let cookie = format!("Cookie: {}\r\n", "x".repeat(limits.head_bytes_max - 300));
        measurement.restart();
        let mut sockets: Vec<Raw> = (0..SENDERS).map(|_| server.raw()).collect();
        for raw in &mut sockets {
            raw.send(&upgrade("/deaf", &cookie));
            raw.read_101();
        }
        fill_mail(&server, &mut sockets);
        for run in 1..=3 {
            let mut all = String::new();
            until("the next process runs", || {
                all = fs::read_to_string(&pids).unwrap_or_default();
                all.lines().count() == run
            });
            let killed =
                Command::new("kill").args(["-9", all.lines().last().unwrap_or("0")]).status();
            assert!(killed.expect("there is a kill").success());
            sync(&server);
        }
        let peak = measurement.peak();
        let service = limits.memory_bytes_max(1) - limits.memory_bytes_max(0);
        let program = limits.program_memory_bytes_max() + limits.kept_memory_bytes_max();
        let bound = service + program + SENDERS as u64 * limits.socket_memory_bytes_max();
        println!("{peak} bytes at most; of {service} and {program} bytes documented");
        assert!(peak > limits.mail_bytes_max, "the mail is full: {peak} bytes");
        assert!(peak as u64 <= bound, "{peak} bytes are above the documented {bound}");
        drop(sockets);
    }

    /// All of them send until they are pushed back.
    fn fill_mail(server: &Running, sockets: &mut [Raw]) {
        let message = frame(BINARY, &[b'x'; 8_000]);
        sockets.iter_mut().for_each(|raw| raw.fill(&message, MAIL_BYTES, || sync(server)));
    }

    const SENDERS: usize = 4;
}
