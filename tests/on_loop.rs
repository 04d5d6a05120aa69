//! Services on the loop: what is theirs alone. What holds wherever a service runs is tested for
//! both, where it is tested.

#![cfg(feature = "host")]

mod support;

use std::cell::Cell;
use std::io::Read;
use std::panic::resume_unwind;
use std::process::Command;
use std::rc::Rc;
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use switchboard::server::BindError;
use switchboard::{
    Audience, Context, Handler, Host, Limits, Message, Peer, Request, Server, Service, Thread,
    Turn, handler,
};

use support::binary::{Binary, patience};
use support::process::{threads, wait_for_rest};
use support::raw::{PING, PONG, TEXT, close, frame};
use support::services::{Echo, mount_echo};
use support::{
    DEADLINE, LIMITS, NEVER_MS, Raw, Running, next, on_each_thread, server_on, tcp,
    until_quick_enough,
};

/// The lines of the log, of all tests of this file.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let mut lines = self.0.lock().expect("nobody panics with it");
        lines.push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// The lines of the log so far that begin like this.
fn logged(beginning: &str) -> Vec<String> {
    let lines = LINES.0.lock().expect("nobody panics with it");
    lines.iter().filter(|line| line.starts_with(beginning)).cloned().collect()
}

fn listen_to_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&LINES).expect("there is no other");
        log::set_max_level(LevelFilter::Warn);
    });
}

/// A share of a turn that does not end by time, which may pass without a callback at work.
const WHOLE: Limits = Limits { callback_ms_max: NEVER_MS, ..LIMITS };

/// A host in the hands of the test, with one service on the loop.
fn host<S: Service>(limits: Limits, factory: impl Fn() -> S + Send + Sync + 'static) -> Host {
    let mut server = server_on(Thread::Loop, limits);
    server.mount("/here", factory);
    server.bind("127.0.0.1:0").expect("a port is free")
}

/// An open socket of a host that is in the hands of this thread, too.
fn open(host: &mut Host) -> Raw {
    let address = tcp(host);
    let client = thread::spawn(move || {
        let mut raw = Raw::connect(address);
        raw.upgrade("/here");
        raw
    });
    while !client.is_finished() {
        turn(host, Duration::from_millis(1));
    }
    client.join().expect("it is admitted")
}

/// One turn, for which something is to be done if it may sleep for as long as nobody waits.
fn turn(host: &mut Host, timeout: Duration) {
    let begun = Instant::now();
    assert_eq!(host.turn(Some(timeout)).expect("it polls"), Turn::Another);
    assert!(begun.elapsed() < DEADLINE, "it has slept");
}

fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn a_message_is_answered_in_the_turn_that_reads_it() {
    let mut host = host(WHOLE, || handler(Echo));
    let mut raw = open(&mut host);
    for number in 0..100 {
        let text = number.to_string();
        raw.send(&[frame(PING, b"?"), frame(TEXT, text.as_bytes())].concat());
        turn(&mut host, DEADLINE);
        assert_eq!(raw.read_frame().first, 0x80 | PONG);
        assert_eq!(raw.read_text(), text);
    }
}

#[test]
fn no_thread_is_started_for_it() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("on_loop");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    for (word, more) in [("own", 1), ("loop", 0)] {
        let conf = folder.join(word);
        std::fs::write(&conf, format!("[server]\nthread: {word}\n{}", patience(&[])))
            .expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        let mut binary = Binary::run(command.arg("--config").arg(conf));
        wait_for_rest(&binary.pid());
        let idle = threads(&binary.pid());
        let mut raw = Raw::connect(binary.address());
        raw.upgrade("/echo");
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        assert_eq!(threads(&binary.pid()), idle + more, "thread: {word}");
        binary.signal("TERM");
        assert_eq!(raw.read_close().0, 1001);
        raw.send(&close(1001, ""));
        raw.expect_end();
        assert_eq!(binary.exit_code(), Some(0));
    }
}

/// A service with a loop of its own.
struct Loop;

impl Service for Loop {
    fn run(&mut self, context: &mut Context) {
        while context.receive().is_some() {}
    }
}

#[test]
fn a_service_with_a_loop_of_its_own_is_refused() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    server.mount("/own", || Loop).thread(Thread::Loop);
    let Err(error) = server.bind("127.0.0.1:0") else { panic!("it is mounted") };
    assert!(matches!(&error, BindError::Thread(path) if path == "/own"), "{error}");
    let text = "the service /own is to run on the loop, allowed is a thread of its own: it has a \
                loop of its own, and only what handler or gated makes has callbacks instead";
    assert_eq!(error.to_string(), text);
    // Beside others on the loop it may have its thread.
    let mut server = server_on(Thread::Loop, LIMITS);
    server.mount("/own", || Loop).thread(Thread::Own);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let (_own, mut echo) = (server.open("/own"), server.open("/echo"));
    echo.send_text("hello");
    assert_eq!(echo.read_text(), "hello");
}

/// Is busy for as many milliseconds as the message says.
struct Slow;

impl Handler for Slow {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let ms = message.as_text().and_then(|text| text.parse().ok()).expect("a number");
        spin(Duration::from_millis(ms));
        peer.send(message);
    }
}

#[test]
fn a_slow_callback_is_told_once_in_a_while() {
    listen_to_the_log();
    let mut server = server_on(Thread::Loop, Limits { callback_ms_max: 20, ..LIMITS });
    server.mount("/slow", || handler(Slow));
    server.mount("/patient", || handler(Slow)).limits(WHOLE);
    let server = Running::start(server);
    let begun = Instant::now();
    for path in ["/slow", "/patient"] {
        let mut raw = server.open(path);
        for ms in ["0", "30", "40", "50"] {
            raw.send_text(ms);
            assert_eq!(raw.read_text(), ms);
        }
    }
    let lines = logged("service /slow: ");
    // One, and on a machine that takes so long, another one for each ten seconds.
    let lines_max = 1 + usize::try_from(begun.elapsed().as_secs() / 10).expect("it is little");
    assert!((1..=lines_max).contains(&lines.len()), "{lines:?}");
    assert!(lines[0].contains("callback") && lines[0].contains(" on the loop took "), "{lines:?}");
    assert!(lines[0].contains(" ms, while everybody waited; allowed are 20 ms (max-callback)"));
    let took = lines[0].split(' ').find_map(|word| word.parse().ok());
    assert!(took.is_some_and(|ms: u64| ms >= 20), "{lines:?}");
    assert_eq!(logged("service /patient"), [""; 0]);
}

/// How many turns it takes until all of these messages are answered, none of which may sleep.
fn turns_for(host: &mut Host, messages: &[u8], answers: usize) -> usize {
    let mut raw = open(host);
    raw.send(messages);
    let client = thread::spawn(move || (0..answers).for_each(|_| drop(raw.read_text())));
    let mut turns = 0;
    while !client.is_finished() {
        // Once they have been read nothing more comes: a turn that slept would not end.
        turn(host, if turns < 2 { DEADLINE } else { Duration::from_millis(1) });
        turns += 1;
    }
    client.join().expect("all are answered");
    turns
}

#[test]
fn a_share_of_a_turn_ends_by_deliveries_and_by_time() {
    let messages = frame(TEXT, b"0").repeat(100);
    let mut plenty = host(WHOLE, || handler(Slow));
    let few = Limits { turn_deliveries_max: 5, ..WHOLE };
    let mut few = host(few, || handler(Slow));
    assert!(turns_for(&mut few, &messages, 100) >= 20);
    let mut raw = open(&mut plenty);
    raw.send(&messages);
    turn(&mut plenty, DEADLINE);
    assert!((0..100).all(|_| raw.read_text() == "0"), "one turn is enough for all");
    let short = Limits { callback_ms_max: 1, ..LIMITS };
    let mut short = host(short, || handler(Slow));
    // Longer than the longest tick of a system's clock, so that each is found to be too slow.
    assert!(turns_for(&mut short, &frame(TEXT, b"11").repeat(20), 20) >= 20);
}

/// Mail that comes while some is left from the turn before stands behind it.
#[test]
fn mail_keeps_its_order_over_the_ends_of_turns() {
    let mut host = host(Limits { turn_deliveries_max: 5, ..WHOLE }, || handler(Echo));
    let mut raw = open(&mut host);
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for some in texts.chunks(10) {
        raw.send(
            &some.iter().map(|text| frame(TEXT, text.as_bytes())).collect::<Vec<_>>().concat(),
        );
        turn(&mut host, DEADLINE);
    }
    let client = thread::spawn(move || {
        let answers: Vec<_> = texts.iter().map(|_| raw.read_text()).collect();
        assert_eq!(answers, texts);
    });
    while !client.is_finished() {
        turn(&mut host, Duration::from_millis(1));
    }
    client.join().expect("they are answered in their order");
}

/// A slow callback costs its service the rest of its turn, and nothing of the turns after it.
#[test]
fn a_share_of_a_turn_begins_anew_in_the_next() {
    until_quick_enough("a turn is enough for messages that take no time", |ms| {
        let mut host = host(Limits { callback_ms_max: ms, ..LIMITS }, || handler(Slow));
        let mut raw = open(&mut host);
        // With the longest tick of a system's clock.
        raw.send_text(&(ms + 20).to_string());
        turn(&mut host, DEADLINE);
        raw.read_text();
        raw.send(&frame(TEXT, b"0").repeat(20));
        // Its last answer is there if all are.
        turn(&mut host, DEADLINE);
        raw.stream().set_nonblocking(true).expect("it can be set");
        let mut answers = [0; 100];
        raw.stream().read(&mut answers).is_ok_and(|len| len == 20 * 3)
    });
}

/// Does in its callbacks what it cannot do.
struct Waiting;

impl Handler for Waiting {
    fn message(&mut self, peer: &mut Peer, _: Message) {
        peer.send("let us see");
        peer.context().flush();
        peer.context().receive();
    }
}

#[test]
fn a_callback_that_receives_ends_its_service() {
    listen_to_the_log();
    let mut server = server_on(Thread::Loop, LIMITS);
    server.mount("/waiting", || handler(Waiting));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let (mut raw, mut other) = (server.open("/waiting"), server.open("/echo"));
    raw.send_text("go");
    assert_eq!(raw.read_text(), "let us see");
    assert_eq!(raw.read_close().0, 1012);
    other.send_text("still there?");
    assert_eq!(other.read_text(), "still there?");
    let lines = logged(
        "service /waiting: it has ended: it panicked: a callback on the loop cannot receive",
    );
    assert_eq!(lines.len(), 1, "{lines:?}");
}

/// Panics at every message, and when it is dropped.
struct Falling;

impl Handler for Falling {
    fn message(&mut self, _: &mut Peer, _: Message) {
        resume_unwind(Box::new("as a test wants it"))
    }
}

impl Drop for Falling {
    fn drop(&mut self) {
        resume_unwind(Box::new("as a test wants it"))
    }
}

#[test]
fn a_panic_in_a_drop_is_one_more_end_of_its_service() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/falls", || handler(Falling));
        server.mount("/stays", || handler(Falling));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let (mut raw, mut other) = (server.open("/falls"), server.open("/echo"));
        raw.send_text("fall");
        assert_eq!(raw.read_close().0, 1012);
        other.send_text("still there?");
        assert_eq!(other.read_text(), "still there?");
        // It starts again, and does not hold up a stop.
        server.open("/falls");
        server.open("/stays");
        drop((raw, other));
        server.stop();
    });
}

/// Has what no other thread may have.
struct Local(Rc<Cell<usize>>);

impl Handler for Local {
    fn open(&mut self, _: &mut Peer, _: &Request) {
        self.0.set(self.0.get() + 1);
    }

    fn message(&mut self, peer: &mut Peer, _: Message) {
        peer.send_to(Audience::all(), self.0.get().to_string());
    }
}

#[test]
fn a_host_that_moves_leaves_its_services_behind() {
    let mut host = host(WHOLE, || handler(Local(Rc::default())));
    let (mut first, mut second) = (open(&mut host), open(&mut host));
    first.send_text("how many?");
    turn(&mut host, DEADLINE);
    assert_eq!((first.read_text(), second.read_text()), ("2".into(), "2".into()));
    let (address, stopper) = (tcp(&host), host.stopper());
    let (end, ended) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || end.send(host.run()).expect("the test listens"));
    first.send_text("how many?");
    for raw in [&mut first, &mut second] {
        assert_eq!(raw.read_close().0, 1012);
        raw.send(&close(1012, ""));
        raw.expect_end();
    }
    let mut third = Raw::connect(address);
    third.upgrade("/here");
    third.send_text("how many?");
    assert_eq!(third.read_text(), "1");
    drop(third);
    stopper.stop();
    next(&ended).expect("it ends without an error");
    thread.join().expect("it does not panic");
}
