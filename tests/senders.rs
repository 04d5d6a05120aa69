//! Other threads send to the sockets of a service: in order, bounded, over the ends of its runs and
//! up to the end of the host.

#![cfg(feature = "senders")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use switchboard::{
    Admission, Audience, CloseCode, Context, Handler, Host, Inbound, Limits, Message, Outbound,
    Peer, Request, SendError, Server, Service, ServiceSender, SocketId, Thread, Turn, Verdict,
    handler,
};

use support::raw::close;
use support::services::{Seen, mount_echo, mount_probe};
use support::{LIMITS, NEVER_MS, Raw, Running, logged, next, on_each_thread, server_on, tcp};

/// A service that has nothing to say.
struct Quiet;

impl Handler for Quiet {}

fn mount_quiet(server: &mut Server, path: &str) {
    server.mount(path, || handler(Quiet));
}

/// Mounts a service at `/sent` that does nothing by itself. Returns the host.
fn quiet_host(thread: Thread, limits: Limits) -> Host {
    let mut server = server_on(thread, limits);
    mount_quiet(&mut server, "/sent");
    server.bind("127.0.0.1:0").expect("a port is free")
}

fn sender_of(host: &Host) -> ServiceSender {
    host.sender("/sent").expect("a service is there")
}

/// Runs turns of a host until a client has read the answer to its upgrade.
fn open_by_turns(host: &mut Host, path: &str) -> Raw {
    let address = tcp(host);
    let path = path.to_owned();
    let opening = thread::spawn(move || {
        let mut raw = Raw::connect(address);
        raw.upgrade(&path);
        raw
    });
    while !opening.is_finished() {
        turn(host);
    }
    opening.join().expect("it is admitted")
}

/// A turn of a host that goes on.
fn turn(host: &mut Host) {
    let went = host.turn(Some(Duration::from_millis(1))).expect("it polls");
    assert_eq!(went, Turn::Another);
}

fn is_readable(host: &Host) -> bool {
    let mut watched = [PollFd::new(host, PollFlags::IN)];
    poll(&mut watched, Some(&Timespec::default())).expect("it polls") > 0
}

#[test]
fn a_sender_can_do_what_its_service_can() {
    on_each_thread(|thread| {
        let _lines = logged::keep(LevelFilter::Info);
        let mut server = server_on(thread, LIMITS);
        let seen = mount_probe(&mut server, "/sent", |peer, message| peer.send(message));
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let sender = sender_of(&host);
        // Nobody is there, and the service has not started: this reaches nobody, now and later.
        sender.send(Audience::all(), "early").expect("it is sent");
        let server = Running::run(host);
        let mut raws: Vec<_> = (0..3).map(|_| server.open("/sent")).collect();
        let mut ids = Vec::new();
        while ids.len() < 3 {
            if let Seen::Open(id, ..) = next(&seen) {
                ids.push(id);
            }
        }
        // Which socket has which id.
        for (raw, name) in raws.iter_mut().zip(["0", "1", "2"]) {
            raw.send_text(name);
            assert_eq!(raw.read_text(), name);
        }
        let mut of_name = vec![ids[0]; 3];
        for _ in 0..3 {
            if let Seen::Message(id, message) = next(&seen) {
                let name: usize = message.as_text().expect("text").parse().expect("a number");
                of_name[name] = id;
            }
        }
        let ids = of_name;
        sender.send(Audience::all(), "all").expect("it is sent");
        sender.subscribe(ids[0], "news").expect("it is sent");
        sender.subscribe(ids[1], "news").expect("it is sent");
        sender.send(Audience::topic("news"), "news").expect("it is sent");
        sender.unsubscribe(ids[0], "news").expect("it is sent");
        sender.try_send(Audience::topic("news").but(ids[0]), "more").expect("it is sent");
        sender.send(ids[2], "one").expect("it is sent");
        sender.send(vec![ids[0], ids[2]], "two").expect("it is sent");
        sender.label(ids[2], "user", "carol").expect("it is sent");
        sender.close(ids[2], CloseCode::new(4_001).expect("it may be sent"), "enough").expect("");
        for (raw, texts) in raws.iter_mut().zip([
            vec!["all", "news", "two"],
            vec!["all", "news", "more"],
            vec!["all", "one", "two"],
        ]) {
            for text in texts {
                assert_eq!(raw.read_text(), text);
            }
        }
        assert_eq!(raws[2].read_close(), (4_001, "enough".to_owned()));
        // A socket that is paused is not read until it is resumed.
        sender.pause(ids[0]).expect("it is sent");
        sender.send(ids[0], "paused").expect("it is sent");
        assert_eq!(raws[0].read_text(), "paused");
        raws[0].send_text("late");
        sender.send(ids[0], "still paused").expect("it is sent");
        assert_eq!(raws[0].read_text(), "still paused");
        sender.resume(ids[0]).expect("it is sent");
        assert_eq!(raws[0].read_text(), "late");
        raws[2].send(&close(4_001, ""));
        raws[2].expect_closed();
        let line = logged::line_with("reason=\"4001");
        assert!(line.text.ends_with("user=\"carol\""), "{line:?}");
        drop(raws);
        server.stop();
    });
}

/// Asks nobody itself: another thread decides.
struct Later(Mutex<Option<Sender<(SocketId, ServiceSender)>>>);

impl Service for Later {
    fn admission(&self) -> Admission {
        Admission::Asked
    }

    fn run(&mut self, context: &mut Context) {
        let asked = self.0.lock().expect("nobody panics with it").take().expect("it runs once");
        while let Some(transaction) = context.receive() {
            if let Inbound::Ask { id, .. } = transaction {
                asked.send((id, context.sender())).expect("the test listens");
            }
        }
    }
}

#[test]
fn a_verdict_comes_from_another_thread() {
    let (asked, questions) = mpsc::channel();
    let mut server = Server::new(LIMITS);
    let asked = Mutex::new(Some(asked));
    server.mount("/later", move || {
        Later(Mutex::new(asked.lock().expect("nobody panics with it").take()))
    });
    let server = Running::start(server);
    let decides = thread::spawn(move || {
        let (id, sender) = next(&questions);
        sender.admit(id, Verdict::Accept).expect("it is sent");
        sender.send(id, "welcome").expect("it is sent");
    });
    let mut raw = server.open("/later");
    assert_eq!(raw.read_text(), "welcome");
    decides.join().expect("it does not panic");
    drop(raw);
    server.stop();
}

#[test]
fn four_threads_send_in_order_and_nothing_is_lost() {
    on_each_thread(|thread| {
        let host = quiet_host(thread, LIMITS);
        let sender = sender_of(&host);
        let server = Running::run(host);
        let mut raws = [server.open("/sent"), server.open("/sent")];
        let threads: Vec<_> = (0..SENDERS)
            .map(|number| {
                let sender = sender.clone();
                thread::spawn(move || {
                    for serial in 0..MESSAGES {
                        sender.send(Audience::all(), format!("{number} {serial}")).expect("sent");
                    }
                })
            })
            .collect();
        thread::scope(|scope| {
            for raw in &mut raws {
                scope.spawn(|| {
                    let mut expected = [0; SENDERS];
                    for _ in 0..SENDERS * MESSAGES {
                        let text = raw.read_text();
                        let (number, serial) = text.split_once(' ').expect("two numbers");
                        let number: usize = number.parse().expect("a number");
                        assert_eq!(serial, expected[number].to_string(), "sender {number}");
                        expected[number] += 1;
                    }
                });
            }
        });
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        drop(raws);
        server.stop();
    });
}

#[test]
fn a_burst_wakes_the_loop_once() {
    on_each_thread(|thread| {
        let mut host = quiet_host(thread, LIMITS);
        let sender = sender_of(&host);
        let mut raw = open_by_turns(&mut host, "/sent");
        // Until nothing is left to be done.
        while host.poll_timeout() == Some(Duration::ZERO) || is_readable(&host) {
            turn(&mut host);
        }
        let burst = thread::spawn(move || {
            for number in 0..1_000 {
                sender.send(Audience::all(), number.to_string()).expect("it is sent");
            }
        });
        burst.join().expect("it does not panic");
        assert!(is_readable(&host), "the burst wakes it");
        turn(&mut host);
        assert_ne!(host.poll_timeout(), Some(Duration::ZERO), "one turn takes it");
        assert!(!is_readable(&host), "no second wake-up is left");
        for number in 0..1_000 {
            assert_eq!(raw.read_text(), number.to_string());
        }
    });
}

/// Sends by its own sender, from a callback, until that fails.
struct Overdoes(Mutex<Sender<Result<usize, SendError>>>);

impl Handler for Overdoes {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        let sender = peer.context().sender();
        let mut sent = 0;
        let end = loop {
            match sender.send(Audience::topic("nobody"), "x".repeat(100)) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        let told = self.0.lock().expect("nobody panics with it");
        told.send(Ok(sent)).expect("the test listens");
        told.send(Err(end)).expect("the test listens");
    }
}

/// Checks what such a service has reported.
fn check_overdone(ends: &Receiver<Result<usize, SendError>>) {
    let Ok(sent) = next(ends) else { panic!("how many come first") };
    assert!(sent >= 20, "{sent} of 8,000 bytes");
    match next(ends) {
        Err(SendError::Full(Outbound::Send { message, .. })) => assert_eq!(message.len(), 100),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_callback_never_waits_for_a_full_queue() {
    on_each_thread(|thread| {
        let (end, ends) = mpsc::channel();
        let mut server = server_on(thread, LIMITS);
        let limits = Limits { batch_bytes_max: 4_000, batches_max: 2, ..LIMITS };
        server.mount("/sent", move || handler(Overdoes(Mutex::new(end.clone())))).limits(limits);
        let mut host = server.bind("127.0.0.1:0").expect("a port is free");
        if thread == Thread::Loop {
            let server = Running::run(host);
            let raw = server.open("/sent");
            check_overdone(&ends);
            drop(raw);
            return server.stop();
        }
        // The service may still run after this. No turn takes what it sends then.
        let raw = open_by_turns(&mut host, "/sent");
        check_overdone(&ends);
        drop(raw);
    });
}

#[test]
fn a_thread_that_runs_turns_never_waits_for_itself() {
    let (tell, told) = mpsc::channel();
    let turns = thread::spawn(move || {
        let mut host = quiet_host(Thread::Loop, Limits { batch_bytes_max: 1_000, ..LIMITS });
        let sender = sender_of(&host);
        turn(&mut host);
        let full = loop {
            match sender.send(Audience::all(), "x") {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        tell.send(full.to_string()).expect("the test listens");
        turn(&mut host);
        sender.apply(full.into_transaction()).expect("the loop has taken some");
    });
    assert!(next(&told).starts_with("the queue of the service's senders is full"));
    turns.join().expect("it does not panic");
}

#[test]
fn a_sender_waits_until_the_loop_takes_some() {
    on_each_thread(|thread| {
        let host = quiet_host(thread, LIMITS);
        let sender = sender_of(&host);
        let fill = loop {
            match sender.try_send(Audience::all(), "x".repeat(1_000)) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(fill, SendError::Full(_)), "{fill}");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            tell.send("it waits").expect("the test listens");
            sender.send(Audience::all(), "late").expect("it is sent");
            tell.send("it was sent").expect("the test listens");
        });
        assert_eq!(next(&told), "it waits");
        assert_eq!(told.try_recv(), Err(TryRecvError::Empty), "nothing has taken any");
        let server = Running::run(host);
        assert_eq!(next(&told), "it was sent");
        server.stop();
    });
}

#[test]
fn an_ended_host_closes_its_senders() {
    on_each_thread(|thread| {
        let host = quiet_host(thread, LIMITS);
        let sender = sender_of(&host);
        let server = Running::run(host);
        server.stop();
        for error in [sender.send(Audience::all(), "x"), sender.try_send(Audience::all(), "x")] {
            match error {
                Err(SendError::Closed(Outbound::Send { message, .. })) => {
                    assert_eq!(message.as_text(), Some("x"));
                }
                other => panic!("{other:?}"),
            }
        }
        // One that waits, at a host that is dropped before it ran.
        let host = quiet_host(thread, LIMITS);
        let sender = sender_of(&host);
        while sender.try_send(Audience::all(), "x".repeat(1_000)).is_ok() {}
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            tell.send(None).expect("the test listens");
            tell.send(Some(sender.send(Audience::all(), "late"))).expect("the test listens");
        });
        assert!(next(&told).is_none(), "it begins");
        drop(host);
        let end = next(&told).expect("it is the last");
        assert!(matches!(end, Err(SendError::Closed(_))), "{end:?}");
    });
}

/// Panics at its first message, and passes on its senders.
struct Mortal(Mutex<Sender<(SocketId, ServiceSender)>>);

impl Handler for Mortal {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        let told = self.0.lock().expect("nobody panics with it");
        told.send((peer.id(), peer.context().sender())).expect("the test listens");
    }

    fn message(&mut self, _: &mut Peer, _: Message) {
        std::panic::resume_unwind(Box::new("it has a message"));
    }
}

#[test]
fn a_sender_outlives_a_run() {
    on_each_thread(|thread| {
        let (open, opens) = mpsc::channel();
        let mut server = server_on(thread, LIMITS);
        server.mount("/sent", move || handler(Mortal(Mutex::new(open.clone()))));
        let server = Running::start(server);
        let mut first = server.open("/sent");
        let (old, sender) = next(&opens);
        sender.send(old, "to the first").expect("it is sent");
        assert_eq!(first.read_text(), "to the first");
        first.send_text("die");
        assert_eq!(first.read_close().0, 1_012);
        first.send(&close(1_012, ""));
        first.expect_closed();
        // The service pauses after a panic.
        let mut second = loop {
            let mut raw = server.raw();
            raw.send(&support::http::upgrade("/sent", ""));
            if raw.read_head().status == 101 {
                break raw;
            }
        };
        let (new, _) = next(&opens);
        sender.send(old, "to nobody").expect("it is ignored");
        sender.close(old, CloseCode::NORMAL, "").expect("it is ignored");
        sender.send(new, "to the second").expect("it is sent");
        assert_eq!(second.read_text(), "to the second");
        drop((first, second));
        server.stop();
    });
}

#[test]
fn a_clean_stop_comes_behind_what_was_sent_before() {
    on_each_thread(|thread| {
        // One turn takes eight messages.
        let mut host = quiet_host(thread, Limits { turn_deliveries_max: 8, ..LIMITS });
        let sender = sender_of(&host);
        let mut raw = open_by_turns(&mut host, "/sent");
        // Some of these have been taken from the queue, and the others have not.
        for number in 0..500 {
            sender.try_send(Audience::all(), number.to_string()).expect("there is capacity");
            if number == 100 {
                turn(&mut host);
            }
        }
        host.stopper().stop();
        let reads = thread::spawn(move || {
            for number in 0..500 {
                assert_eq!(raw.read_text(), number.to_string());
            }
            assert_eq!(raw.read_close().0, 1_001);
            raw.send(&close(1_001, ""));
        });
        // What is sent during the stop does not delay it for ever: the queue is never empty.
        let mut turns_len = 0;
        while host.turn(Some(Duration::from_millis(1))).expect("it polls") == Turn::Another {
            while sender.try_send(Audience::topic("nobody"), "x").is_ok() {}
            turns_len += 1;
            assert!(turns_len < 1_000 || host.addresses().next().is_none(), "it never stops");
        }
        reads.join().expect("all of it came");
        assert!(matches!(sender.try_send(Audience::all(), ""), Err(SendError::Closed(_))));
    });
}

#[test]
fn a_stop_at_once_waits_for_nothing() {
    let mut host = quiet_host(Thread::Loop, Limits { turn_deliveries_max: 8, ..LIMITS });
    let sender = sender_of(&host);
    let raw = open_by_turns(&mut host, "/sent");
    for number in 0..500 {
        sender.try_send(Audience::all(), number.to_string()).expect("there is capacity");
    }
    host.stopper().stop();
    host.stopper().stop_now();
    assert_eq!(host.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Last);
    drop(raw);
}

#[test]
fn a_flood_of_one_service_does_not_delay_another() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, Limits { turn_deliveries_max: 16, ..LIMITS });
        mount_quiet(&mut server, "/sent");
        mount_echo(&mut server, "/echo");
        let mut host = server.bind("127.0.0.1:0").expect("a port is free");
        let sender = sender_of(&host);
        let mut flooded = open_by_turns(&mut host, "/sent");
        let mut echo = open_by_turns(&mut host, "/echo");
        for number in 0..4_000 {
            sender.try_send(Audience::all(), number.to_string()).expect("there is capacity");
        }
        let answers = Arc::new(AtomicUsize::new(0));
        let asks = {
            let answers = answers.clone();
            thread::spawn(move || {
                for number in 0..20 {
                    echo.send_text(&number.to_string());
                    assert_eq!(echo.read_text(), number.to_string());
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        // Each time it is empty, it is filled again: the flood never ends.
        while answers.load(Ordering::SeqCst) < 20 {
            turn(&mut host);
            while sender.try_send(Audience::topic("nobody"), "x").is_ok() {}
        }
        asks.join().expect("all are answered");
        assert_eq!(flooded.read_text(), "0");
    });
}

/// Sends, and has another thread send behind that.
struct Ahead(Mutex<Sender<ServiceSender>>);

impl Handler for Ahead {
    fn message(&mut self, peer: &mut Peer, _: Message) {
        for number in 0..100 {
            peer.send(number.to_string());
        }
        let context = peer.context();
        context.flush();
        let sender = context.sender();
        self.0.lock().expect("nobody panics with it").send(sender).expect("it listens");
    }
}

#[test]
fn what_a_service_has_flushed_is_ahead_of_what_others_send_later() {
    on_each_thread(|thread| {
        let (pass, senders) = mpsc::channel::<ServiceSender>();
        let other = thread::spawn(move || {
            for sender in senders {
                sender.send(Audience::all(), "behind").expect("it is sent");
            }
        });
        let mut server = server_on(thread, Limits { turn_deliveries_max: 7, ..LIMITS });
        server.mount("/sent", move || handler(Ahead(Mutex::new(pass.clone()))));
        let server = Running::start(server);
        let mut raw = server.open("/sent");
        for _ in 0..50 {
            raw.send_text("go");
            for number in 0..100 {
                assert_eq!(raw.read_text(), number.to_string());
            }
            assert_eq!(raw.read_text(), "behind");
        }
        drop(raw);
        server.stop();
        other.join().expect("it does not panic");
    });
}

#[test]
fn a_sender_does_not_speak_for_its_service() {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/sent");
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let sender = sender_of(&host);
    let server = Running::run(host);
    let mut first = server.open("/sent");
    sender.apply(Outbound::Taken { messages: 1_000, bytes: 1_000 }).expect("it is ignored");
    sender.apply(Outbound::Ready(Admission::Asked)).expect("it is ignored");
    // This would refuse further sockets.
    sender.apply(Outbound::Reset { pause_ms: NEVER_MS }).expect("it is ignored");
    sender.send(Audience::all(), "behind").expect("it is sent");
    assert_eq!(first.read_text(), "behind");
    let mut second = server.open("/sent");
    second.send_text("x");
    assert_eq!(second.read_text(), "x");
    drop((first, second));
    server.stop();
}

#[test]
fn a_path_without_a_service_has_no_sender() {
    let host = quiet_host(Thread::Own, LIMITS);
    let error = host.sender("/other").expect_err("no service is there");
    assert_eq!(error.path(), "/other");
    let text = "no service is mounted at \"/other\": give the path of a mount, as it is there";
    assert_eq!(error.to_string(), text);
}

const SENDERS: usize = 4;
const MESSAGES: usize = 10_000;
