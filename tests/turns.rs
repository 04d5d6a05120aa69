//! Turns of a host, one by one in the hands of the test: what ends its sleep, what a turn leaves to
//! the next, and what is left when there is no other.

#![cfg(feature = "host")]

mod support;

use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{
    Context, Handler, Host, Inbound, Limits, Message, Peer, Request, Server, Service, Thread, Turn,
    handler,
};

use support::raw::{BINARY, PING, TEXT, close, frame};
use support::services::{Seen, mount_echo, mount_probe};
use support::{
    DEADLINE, LIMITS, NEVER_MS, Raw, Running, SOON, next, on_each_thread, server_on, tcp,
};

fn bind(server: Server) -> Host {
    server.bind("127.0.0.1:0").expect("a port is free")
}

/// One turn, for which something has come or is about to come.
fn turn(host: &mut Host) -> Turn {
    let begun = Instant::now();
    let turn = host.turn(Some(DEADLINE)).expect("it polls");
    assert!(begun.elapsed() < DEADLINE, "it has slept");
    turn
}

/// Turns while a client does something.
fn turn_beside<T: Send + 'static>(
    host: &mut Host,
    act: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let address = tcp(host);
    let client = thread::spawn(move || act(address));
    while !client.is_finished() {
        let turn = host.turn(Some(Duration::from_millis(1))).expect("it polls");
        assert_eq!(turn, Turn::Another);
    }
    client.join().expect("the client is served")
}

/// An open socket.
fn open(host: &mut Host, path: &'static str) -> Raw {
    turn_beside(host, move |address| {
        let mut raw = Raw::connect(address);
        raw.upgrade(path);
        raw
    })
}

/// Waits for the test with its first message.
struct Gated {
    gate: Arc<Mutex<Receiver<()>>>,
    told: Sender<Message>,
}

impl Gated {
    /// Mounts one. Returns what opens the gate, and the messages that have passed it.
    fn mount(server: &mut Server, path: &str) -> (Sender<()>, Receiver<Message>) {
        let ((open, gate), (told, messages)) = (mpsc::channel(), mpsc::channel());
        let gate = Arc::new(Mutex::new(gate));
        server.mount(path, move || handler(Self { gate: gate.clone(), told: told.clone() }));
        (open, messages)
    }
}

impl Handler for Gated {
    fn message(&mut self, _: &mut Peer, message: Message) {
        // Once it is open it stays so.
        let _ = self.gate.lock().expect("one service has it").recv();
        let _ = self.told.send(message);
    }
}

/// An idle host sleeps, for as long as it may.
#[test]
fn a_host_without_anything_to_do_sleeps() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let mut host = bind(server);
        let _raw = open(&mut host, "/echo");
        let time = Duration::from_millis(100);
        let sleeps = (0..50).any(|_| {
            let begun = Instant::now();
            host.turn(Some(time)).expect("it polls");
            begun.elapsed() >= time
        });
        assert!(sleeps, "each of its turns is over at once");
    });
}

/// One event tells of all connections that have come.
#[test]
fn connections_that_come_together_are_accepted_without_another_event() {
    let mut server = Server::new(Limits { turn_accepts_max: 3, ..LIMITS });
    mount_echo(&mut server, "/echo");
    let mut host = bind(server);
    let connect = |_| TcpStream::connect(tcp(&host)).expect("it listens");
    let streams: Vec<_> = (0..20).map(connect).collect();
    while host.sockets_len() < streams.len() {
        turn(&mut host);
    }
}

/// Tells from where its sockets come.
struct Whence(Sender<SocketAddr>);

impl Handler for Whence {
    fn open(&mut self, _: &mut Peer, request: &Request) {
        let address = request.peer_address().expect("it is no Unix socket");
        self.0.send(address).expect("the test listens");
    }
}

#[test]
fn a_client_of_ipv4_is_one_on_the_wildcard_of_ipv6_too() {
    let mut server = Server::new(LIMITS);
    let (tell, told) = mpsc::channel();
    server.mount("/whence", move || handler(Whence(tell.clone())));
    let Ok(host) = server.bind("[::]:0") else {
        return println!("skipped: this machine has no IPv6");
    };
    let (port, stopper) = (tcp(&host).port(), host.stopper());
    let thread = thread::spawn(move || host.run());
    let mut raw = Raw::connect(([127, 0, 0, 1], port).into());
    raw.upgrade("/whence");
    let own = raw.stream().local_addr().expect("it is connected");
    assert_eq!(next(&told), own);
    stopper.stop_now();
    thread.join().expect("it does not panic").expect("it ends without an error");
}

/// Sends as many numbers as the message says, all in one callback.
struct Counter;

impl Handler for Counter {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let len = message.as_text().and_then(|text| text.parse().ok()).expect("a number");
        (0..len).for_each(|number: usize| peer.send(number.to_string()));
    }
}

/// What a service sends at once takes many turns, in the middle of its batches and between them.
/// The second row has more batches behind the one that is cut short, the third has none.
#[test]
fn what_a_turn_cuts_short_goes_on_in_the_next() {
    let some = [(5, 1, 40), (7, 100, 2_000), (7, 100, 100_000), (1_000, 1, 40)];
    for (turn_deliveries_max, turn_batches_max, batch_bytes_max) in some {
        let limits = Limits { turn_deliveries_max, turn_batches_max, batch_bytes_max, ..LIMITS };
        on_each_thread(|thread| {
            let mut server = server_on(thread, limits);
            server.mount("/counter", || handler(Counter));
            let server = Running::start(server);
            let mut raw = server.open("/counter");
            for len in [1, 100, 300] {
                raw.send_text(&len.to_string());
                for number in 0..len {
                    assert_eq!(raw.read_text(), number.to_string(), "{limits:?}");
                }
            }
        });
    }
}

/// Answers once the test lets it, and tells when it has.
struct Prompted {
    gate: Arc<Mutex<Receiver<()>>>,
    told: Sender<&'static str>,
}

impl Service for Prompted {
    fn run(&mut self, context: &mut Context) {
        while let Some(inbound) = context.receive() {
            let Inbound::Data { id, message } = inbound else { continue };
            let _ = self.told.send("asked");
            let _ = self.gate.lock().expect("no service panics").recv();
            context.send(id, message);
            context.flush();
            let _ = self.told.send("answered");
        }
    }
}

/// Services that have sent something in the same moment are all heard, though a turn has time for
/// one delivery only.
#[test]
fn a_service_for_which_a_turn_has_no_time_is_heard_in_the_next() {
    let mut server = Server::new(Limits { turn_work_max: 1, ..LIMITS });
    let ((open_gate, gate), (tell, told)) = (mpsc::channel(), mpsc::channel());
    let gate = Arc::new(Mutex::new(gate));
    let paths = ["/a", "/b", "/c"];
    for path in paths {
        let (gate, told) = (gate.clone(), tell.clone());
        server.mount(path, move || Prompted { gate: gate.clone(), told: told.clone() });
    }
    let mut host = bind(server);
    let mut raws = paths.map(|path| open(&mut host, path));
    raws.iter_mut().for_each(|raw| raw.send_text("word"));
    let mut asked = 0;
    while asked < paths.len() {
        host.turn(Some(Duration::from_millis(1))).expect("it polls");
        asked += told.try_iter().count();
    }
    drop(open_gate);
    paths.iter().for_each(|_| assert_eq!(next(&told), "answered"));
    turn_beside(&mut host, move |_| {
        for mut raw in raws {
            assert_eq!(raw.read_text(), "word");
        }
    });
}

/// What is read straight into a message takes as much of a turn as what is copied there.
#[test]
fn long_messages_share_the_time_of_a_turn() {
    // Time for 80 kB, and to the end of the last read.
    let limits = Limits { turn_work_max: 60_000, callback_ms_max: NEVER_MS, ..LIMITS };
    let mut server = server_on(Thread::Loop, limits);
    let told = mount_probe(&mut server, "/probe", |_, _| {});
    let mut host = bind(server);
    let mut raws: Vec<_> = (0..20).map(|_| open(&mut host, "/probe")).collect();
    let message = frame(BINARY, &[b'x'; 2 * HALF_LEN]);
    let (begin, rest) = message.split_at(message.len() - HALF_LEN);
    raws.iter_mut().for_each(|raw| raw.send(begin));
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    raws.iter_mut().for_each(|raw| raw.send(rest));
    let mut messages = 0;
    while messages < raws.len() {
        turn(&mut host);
        let seen = told.try_iter().filter(|seen| matches!(seen, Seen::Message(..))).count();
        assert!(seen <= 5, "{seen} messages are read in one turn");
        messages += seen;
    }
}

/// Twice as much fits into the buffers of the system.
const HALF_LEN: usize = 16 << 10;

/// Services on the loop share what a turn may deliver: one that uses it up puts the others off.
#[test]
fn services_on_the_loop_share_a_turn() {
    // Three reads, and fourteen deliveries.
    let limits = Limits { turn_work_max: 6_300, callback_ms_max: NEVER_MS, ..LIMITS };
    let mut server = server_on(Thread::Loop, limits);
    let paths = ["/a", "/b", "/c"];
    let told = paths.map(|path| {
        let act = |peer: &mut Peer, _| (0..20).for_each(|_| peer.send("word"));
        mount_probe(&mut server, path, act)
    });
    let mut host = bind(server);
    let mut raws = paths.map(|path| open(&mut host, path));
    raws.iter_mut().for_each(|raw| raw.send_text("word"));
    let mut messages = 0;
    while messages < paths.len() {
        turn(&mut host);
        let seen = told.iter().flat_map(Receiver::try_iter);
        let seen = seen.filter(|seen| matches!(seen, Seen::Message(..))).count();
        assert!(seen <= 1, "{seen} services are called in one turn");
        messages += seen;
    }
}

/// What a service has taken frees capacity, wherever it runs.
#[test]
fn more_messages_come_than_the_mail_holds() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, Limits { mail_messages_max: 16, ..LIMITS });
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let mut raw = server.open("/echo");
        for _ in 0..10 {
            raw.send(&frame(TEXT, b"word").repeat(10));
            assert!((0..10).all(|_| raw.read_text() == "word"));
        }
    });
}

/// A socket that is not read since its service is behind, at the moment in which its peer goes.
fn held(write_ms_max: u64) -> (Host, Raw, Sender<()>) {
    let mut server = Server::new(Limits { mail_messages_max: 16, write_ms_max, ..LIMITS });
    let (gate, _) = Gated::mount(&mut server, "/gated");
    let mut host = bind(server);
    let mut raw = open(&mut host, "/gated");
    raw.send(&frame(PING, b""));
    // More than one read, so that the end is behind what is read, and no more than fits.
    raw.send(&frame(TEXT, b"word").repeat(8_000));
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    assert_eq!(host.sockets_len(), 1);
    (host, raw, gate)
}

#[test]
fn a_peer_that_ends_its_half_while_it_is_not_read_is_let_go_in_time() {
    let (mut host, raw, gate) = held(50);
    raw.end_writing();
    while host.sockets_len() > 0 {
        turn(&mut host);
    }
    drop(gate);
}

#[test]
fn a_connection_that_is_reset_while_it_is_not_read_is_dropped_at_once() {
    let (mut host, raw, gate) = held(LIMITS.write_ms_max);
    // The pong is unread.
    raw.reset();
    while host.sockets_len() > 0 {
        turn(&mut host);
    }
    drop(gate);
}

/// The last turn comes when services on threads of their own have finished, and not before.
#[test]
fn no_turn_is_the_last_while_a_service_has_mail() {
    let mut server = Server::new(LIMITS);
    let (gate, told) = Gated::mount(&mut server, "/gated");
    let mut host = bind(server);
    let mut raw = open(&mut host, "/gated");
    raw.send(&[frame(TEXT, b"word").repeat(5), frame(PING, b"")].concat());
    turn_beside(&mut host, move |_| raw.reset());
    // It has been read up to the ping.
    while host.sockets_len() > 0 {
        turn(&mut host);
    }
    host.stopper().stop();
    for _ in 0..50 {
        assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Another);
    }
    drop(gate);
    while turn(&mut host) == Turn::Another {}
    assert_eq!(told.try_iter().count(), 5);
}

/// Those on the loop have finished by then as well, however little a turn allows, and with all
/// their mail.
#[test]
fn services_on_the_loop_finish_behind_their_mail_in_the_last_turn() {
    let mut server = server_on(Thread::Loop, Limits { turn_deliveries_max: 1, ..LIMITS });
    let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
    let mut host = bind(server);
    let mut raw = open(&mut host, "/probe");
    raw.send(&[frame(PING, b""), frame(TEXT, b"word").repeat(15)].concat());
    // With the first message, all of them have been read.
    while !told.try_iter().any(|seen| matches!(seen, Seen::Message(..))) {
        turn(&mut host);
    }
    raw.reset();
    host.stopper().stop();
    while turn(&mut host) == Turn::Another {}
    let seen: Vec<_> = told.try_iter().collect();
    let [words @ .., Seen::Close(_, 1006), Seen::Stop] = &seen[..] else { panic!("{seen:?}") };
    assert!(words.len() == 14, "{seen:?}");
}

thread_local! {
    static KEPT: RefCell<Option<Slow>> = const { RefCell::new(None) };
}

/// Takes its time to be dropped, behind a gate if there is one.
struct Slow {
    gate: Option<Receiver<()>>,
    is_dropped: Arc<AtomicBool>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = self.gate.as_ref().map(Receiver::recv);
        (0..10_000).for_each(|_| thread::yield_now());
        self.is_dropped.store(true, Ordering::SeqCst);
    }
}

/// Keeps something for its thread.
struct Keeper(Arc<AtomicBool>);

impl Handler for Keeper {
    fn start(&mut self, _: &mut Context) {
        KEPT.set(Some(Slow { gate: None, is_dropped: self.0.clone() }));
    }
}

/// What a service keeps for its thread is dropped when the host has ended, and not some time later.
#[test]
fn a_host_that_has_ended_has_waited_for_its_threads() {
    let is_dropped = Arc::new(AtomicBool::new(false));
    let mut server = Server::new(LIMITS);
    let kept = is_dropped.clone();
    server.mount("/keeper", move || handler(Keeper(kept.clone())));
    let mut host = bind(server);
    let raw = open(&mut host, "/keeper");
    // The last turn waits for the client, which is gone by then.
    let (stopper, client) = (host.stopper(), thread::spawn(move || answer_stop(raw)));
    stopper.stop();
    while turn(&mut host) == Turn::Another {}
    client.join().expect("it sees the stop");
    assert!(is_dropped.load(Ordering::SeqCst), "its thread is still there");
}

/// Keeps something for its thread, and returns after its first message.
struct Brief(Option<Slow>);

impl Service for Brief {
    fn run(&mut self, context: &mut Context) {
        KEPT.set(self.0.take());
        while !matches!(context.receive(), None | Some(Inbound::Data { .. })) {}
    }
}

/// A thread that takes its time is waited for as well if its service has ended long before, and
/// others since.
#[test]
fn a_host_that_has_ended_has_waited_for_the_threads_of_earlier_runs() {
    let (is_dropped, (open_gate, gate)) = (Arc::default(), mpsc::channel());
    let kept = Mutex::new(Some(Slow { gate: Some(gate), is_dropped: Arc::clone(&is_dropped) }));
    let mut server = Server::new(LIMITS);
    server.mount("/slow", move || Brief(kept.lock().expect("it starts once").take()));
    server.mount("/quick", || Brief(None));
    mount_echo(&mut server, "/echo");
    let mut host = bind(server);
    let echo = open(&mut host, "/echo");
    for path in ["/slow", "/quick"] {
        let mut raw = open(&mut host, path);
        turn_beside(&mut host, move |_| {
            raw.send_text("return");
            assert_eq!(raw.read_close().0, 1012);
        });
    }
    let (stopper, client) = (host.stopper(), thread::spawn(move || answer_stop(echo)));
    stopper.stop();
    // With its last socket the host has nothing else to wait for.
    let opener = thread::spawn(move || client.join().map(|()| drop(open_gate)));
    while turn(&mut host) == Turn::Another {}
    assert!(is_dropped.load(Ordering::SeqCst), "its thread is still there");
    opener.join().expect("it does not panic").expect("it sees the stop");
}

/// A stop that waits for nothing stays one, whatever is asked for after it.
#[test]
fn a_clean_stop_that_comes_after_a_stop_at_once_changes_nothing() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let mut host = bind(server);
    let _raw = open(&mut host, "/echo");
    let stopper = host.stopper();
    stopper.stop_now();
    stopper.stop();
    assert_eq!(turn(&mut host), Turn::Last);
}

/// A stop that waits for nothing drops sockets, and services on the loop still get their closes and
/// their stop.
#[test]
fn services_on_the_loop_see_the_end_of_a_stop_at_once() {
    let mut server = server_on(Thread::Loop, LIMITS);
    let told = ["/a", "/b"].map(|path| mount_probe(&mut server, path, |_, _| {}));
    let mut host = bind(server);
    let _raws = ["/a", "/a", "/b"].map(|path| open(&mut host, path));
    host.stopper().stop_now();
    while turn(&mut host) == Turn::Another {}
    drop(host);
    for (told, sockets_len) in told.iter().zip([2, 1]) {
        let seen: Vec<_> = told.try_iter().collect();
        let closes = seen.iter().filter(|seen| matches!(seen, Seen::Close(_, 1006))).count();
        assert_eq!((closes, seen.last()), (sockets_len, Some(&Seen::Stop)), "{seen:?}");
    }
}

/// However long sockets have taken to close, their services have a moment to finish.
#[test]
fn the_last_socket_takes_no_time_from_services() {
    let mut server = Server::new(SOON);
    let _told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
    let mut host = bind(server);
    // It never answers.
    let _raw = open(&mut host, "/probe");
    host.stopper().stop();
    while host.sockets_len() > 0 {
        assert_eq!(turn(&mut host), Turn::Another);
    }
    while turn(&mut host) == Turn::Another {}
}

/// Closes as a client does after a close frame.
fn answer_stop(mut raw: Raw) {
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    raw.expect_end();
}

/// A host may be dropped at any moment: its services hear that their sockets are gone, and finish.
#[test]
fn a_host_that_is_dropped_tells_its_services() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
        let mut host = bind(server);
        let mut raw = open(&mut host, "/probe");
        assert_eq!(next(&told), Seen::Start);
        let Seen::Open(id) = next(&told) else { panic!("it is admitted") };
        drop(host);
        assert_eq!(next(&told), Seen::Close(id, 1006));
        assert_eq!(next(&told), Seen::Stop);
        assert!(told.recv().is_err(), "it has ended");
        assert!(raw.read_to_end().is_empty());
    });
}

/// A service that sleeps has no other reason to wake up than that it is asked to finish.
#[test]
fn a_host_that_is_dropped_wakes_its_services() {
    let mut server = Server::new(LIMITS);
    let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
    let mut host = bind(server);
    drop(open(&mut host, "/probe"));
    while !told.try_iter().any(|seen| matches!(seen, Seen::Close(..))) {
        host.turn(Some(Duration::from_millis(1))).expect("it polls");
    }
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    drop(host);
    assert_eq!(next(&told), Seen::Stop);
}

/// Says that it is ready, and is busy with something else than its mail.
struct Busy(Arc<Mutex<Receiver<()>>>);

impl Service for Busy {
    fn run(&mut self, context: &mut Context) {
        let _ = self.0.lock().expect("one service has it").recv();
        while context.receive().is_some() {}
    }
}

/// Sockets come in as soon as their service runs, whatever it does then.
#[test]
fn a_service_need_not_wait_for_mail_to_be_ready() {
    let mut server = Server::new(LIMITS);
    let (gate, gated) = mpsc::channel();
    let gated = Arc::new(Mutex::new(gated));
    server.mount("/busy", move || Busy(gated.clone()));
    let server = Running::start(server);
    server.open("/busy");
    drop(gate);
}

/// Memory that was freed is returned after a while, though nothing else happens then.
#[test]
fn a_trim_wakes_an_idle_host() {
    let mut server = server_on(Thread::Loop, LIMITS);
    server.mount("/sink", || handler(Sink));
    let mut host = bind(server);
    host.trim_by_itself();
    let raws: Vec<_> = (0..4).map(|_| open(&mut host, "/sink")).collect();
    turn_beside(&mut host, |_| {
        for mut raw in raws {
            raw.send(&frame(TEXT, &[b'x'; 900_000]));
            raw.send_text("done");
            assert_eq!(raw.read_text(), "done");
        }
    });
    while host.sockets_len() > 0 {
        turn(&mut host);
    }
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    // Nothing but the trim ends this.
    turn(&mut host);
}

/// Answers short messages only.
struct Sink;

impl Handler for Sink {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        if message.len() < 10 {
            peer.send(message);
        }
    }
}
