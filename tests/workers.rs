//! Services with several workers: which one a socket gets, what they have in common, and what one
//! of them does not do to the others.

#![cfg(feature = "workers")]

mod support;

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use switchboard::{
    Audience, BindError, CloseCode, Context, Handler, Message, Peer, Request, Server, SocketId,
    Start, Thread, WorkerKey, Workers, handler,
};

use support::{LIMITS, Raw, Running, next, tcp, until};

/// A worker that does what its peers say.
struct Worker {
    number: usize,
    /// Where it says what has happened to it.
    says: Sender<(usize, &'static str)>,
    /// What it waits for after `wait`.
    gates: Receiver<()>,
}

impl Worker {
    fn say(&self, what: &'static str) {
        // A test that has failed no longer listens.
        let _ = self.says.send((self.number, what));
    }
}

impl Handler for Worker {
    fn start(&mut self, context: &mut Context) {
        self.number = context.worker();
        self.say(if context.workers() == 4 { "starts" } else { "counts wrong" });
    }

    fn open(&mut self, peer: &mut Peer, request: &Request) {
        if let Some(topic) = request.query_value("topic") {
            peer.subscribe(topic);
        }
        peer.send(format!("{} {}", self.number, thread_name()));
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text().unwrap_or_default() {
            "die" => panic!("as it was asked"),
            "wait" => {
                self.say("waits");
                let _ = self.gates.recv();
                peer.send("waited");
            }
            "all" => peer.context().send(Audience::all(), format!("all of {}", self.number)),
            "topic" => peer.context().send(Audience::topic("t"), "topic"),
            text => match text.parse() {
                Ok(id) => peer.context().send(SocketId::from_u64(id), "you"),
                Err(_) if text == "id" => {
                    let id = peer.id().as_u64().to_string();
                    peer.send(id);
                }
                Err(_) => peer.send(format!("{} {text}", self.number)),
            },
        }
    }

    fn stop(&mut self, _: &mut Context) {
        self.say("stops");
    }
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Four workers at `/w`, what they say, and what lets those go on that wait.
struct Four {
    server: Server,
    said: Receiver<(usize, &'static str)>,
    opens: Sender<()>,
}

fn four(key: WorkerKey) -> Four {
    let mut server = Server::new(LIMITS);
    let (says, said) = mpsc::channel();
    let (opens, gates) = mpsc::channel();
    let (says, gates) = (Mutex::new(says), Mutex::new(Some(gates)));
    let make = move || {
        // Only the first one that is made waits in the tests.
        let first = gates.lock().expect("no panic holds it").take();
        let gates = first.unwrap_or_else(|| mpsc::channel().1);
        let says = says.lock().expect("no panic holds it").clone();
        handler(Worker { number: usize::MAX, says, gates })
    };
    server.mount("/w", make).workers(Workers::new(4).by(key));
    Four { server, said, opens }
}

/// An open socket, and the number of its worker.
fn open(server: &Running, query: &str) -> (Raw, usize) {
    let mut raw = server.open(&format!("/w{query}"));
    let text = raw.read_text();
    let number = text.split(' ').next().and_then(|number| number.parse().ok());
    (raw, number.expect("it says its number"))
}

fn ask(raw: &mut Raw, text: &str) -> String {
    raw.send_text(text);
    raw.read_text()
}

#[test]
fn each_worker_is_one_thread_and_gets_its_share() {
    let Four { server, said, .. } = four(WorkerKey::Socket);
    let server = Running::start(server);
    let mut sockets: Vec<_> = (0..8).map(|_| open(&server, "")).collect();
    let numbers: Vec<_> = sockets.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 0, 1, 2, 3]);
    let started: Vec<_> = (0..4).map(|_| next(&said)).collect();
    assert_eq!(started, [(0, "starts"), (1, "starts"), (2, "starts"), (3, "starts")]);
    // All of a socket goes to its worker, in its order.
    for (raw, number) in &mut sockets {
        for text in ["a", "b", "c"] {
            raw.send_text(text);
        }
        for text in ["a", "b", "c"] {
            assert_eq!(raw.read_text(), format!("{number} {text}"));
        }
    }
    drop(sockets);
    server.stop();
    let mut stopped: Vec<_> = said.iter().collect();
    stopped.sort_unstable();
    assert_eq!(stopped, [(0, "stops"), (1, "stops"), (2, "stops"), (3, "stops")]);
}

#[test]
fn sockets_of_a_key_have_one_worker() {
    let Four { server, .. } = four(WorkerKey::Query("room".into()));
    let server = Running::start(server);
    let mut used = [false; 4];
    for room in 0..24 {
        let query = format!("?room={room}");
        let pair = [open(&server, &query), open(&server, &query)];
        assert_eq!(pair[0].1, pair[1].1, "room {room}");
        used[pair[0].1] = true;
    }
    // It takes one in two thousand million starts to leave one of four without a room.
    assert!(used.iter().filter(|used| **used).count() > 1, "{used:?}");
    server.stop();
}

#[test]
fn audiences_topics_and_ids_reach_all_workers() {
    let Four { server, .. } = four(WorkerKey::Socket);
    let server = Running::start(server);
    let mut sockets: Vec<_> = (0..4).map(|_| open(&server, "?topic=t").0).collect();
    let mut other = open(&server, "").0;
    sockets[1].send_text("all");
    for raw in sockets.iter_mut().chain([&mut other]) {
        assert_eq!(raw.read_text(), "all of 1");
    }
    other.send_text("topic");
    for raw in &mut sockets {
        assert_eq!(raw.read_text(), "topic");
    }
    let id = ask(&mut sockets[3], "id");
    other.send_text(&id);
    assert_eq!(sockets[3].read_text(), "you");
    assert_eq!(ask(&mut other, "x"), "0 x", "it was in no topic");
    drop((sockets, other));
    server.stop();
}

#[test]
fn a_worker_that_stalls_leaves_the_others_alone() {
    let Four { server, said, opens } = four(WorkerKey::Socket);
    let server = Running::start(server);
    let mut sockets: Vec<_> = (0..4).map(|_| open(&server, "").0).collect();
    sockets[0].send_text("wait");
    while next(&said) != (0, "waits") {}
    for round in 0..50 {
        for (number, raw) in sockets.iter_mut().enumerate().skip(1) {
            assert_eq!(ask(raw, &format!("r{round}")), format!("{number} r{round}"));
        }
    }
    // What it has been sent meanwhile waits for it.
    sockets[0].send_text("later");
    opens.send(()).expect("it waits");
    assert_eq!([sockets[0].read_text(), sockets[0].read_text()], ["waited", "0 later"]);
    drop(sockets);
    server.stop();
}

#[test]
fn a_worker_that_dies_takes_its_own_sockets_along() {
    let Four { server, said, .. } = four(WorkerKey::Socket);
    let server = Running::start(server);
    let mut sockets: Vec<_> = (0..8).map(|_| open(&server, "?topic=t").0).collect();
    (0..4).for_each(|_| _ = next(&said));
    sockets[5].send_text("die");
    for (place, raw) in sockets.iter_mut().enumerate() {
        if place % 4 == 1 {
            assert_eq!(raw.read_close().0, CloseCode::RESTART.number());
        } else {
            assert_eq!(ask(raw, "on"), format!("{} on", place % 4));
        }
    }
    // The next sockets start it again, since it has the fewest.
    let mut again = open(&server, "?topic=t");
    assert_eq!((again.1, next(&said)), (1, (1, "starts")));
    sockets[0].send_text("topic");
    assert_eq!(again.0.read_text(), "topic");
    drop((sockets, again));
    server.stop();
}

#[test]
fn eager_workers_all_start_with_the_host() {
    let mut server = Server::new(LIMITS);
    let (says, said) = mpsc::channel();
    let says = Mutex::new(says);
    let make = move || {
        let says = says.lock().expect("no panic holds it").clone();
        handler(Worker { number: usize::MAX, says, gates: mpsc::channel().1 })
    };
    server.mount("/w", make).workers(Workers::new(4)).start(Start::Eager);
    let server = Running::start(server);
    let mut started: Vec<_> = (0..4).map(|_| next(&said)).collect();
    started.sort_unstable();
    assert_eq!(started, [(0, "starts"), (1, "starts"), (2, "starts"), (3, "starts")]);
    server.stop();
}

#[test]
#[cfg(feature = "senders")]
fn other_threads_reach_all_workers() {
    let Four { server, .. } = four(WorkerKey::Socket);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let (sender, _) = (host.sender("/w").expect("it is mounted"), tcp(&host));
    let server = Running::run(host);
    let mut sockets: Vec<_> = (0..4).map(|_| open(&server, "").0).collect();
    // The first worker ends: the queue of the service is still that of all.
    sockets[0].send_text("die");
    assert_eq!(sockets[0].read_close().0, CloseCode::RESTART.number());
    sender.send(Audience::all(), "from outside").expect("the host runs");
    for raw in &mut sockets[1..] {
        assert_eq!(raw.read_text(), "from outside");
    }
    drop(sockets);
    server.stop();
}

#[test]
fn what_cannot_be_is_an_error_at_bind() {
    struct Quiet;
    impl Handler for Quiet {}
    let rows = [
        (Workers::new(2), Thread::Loop, "2 workers on the loop"),
        (Workers::new(0), Thread::Own, "has 0 workers, allowed are 1 to 64"),
        (Workers::new(65), Thread::Own, "has 65 workers, allowed are 1 to 64"),
    ];
    for (workers, thread, expected) in rows {
        let mut server = Server::new(LIMITS);
        server.mount("/q", || handler(Quiet)).thread(thread).workers(workers);
        let error = server.bind("127.0.0.1:0").expect_err("no service can have these");
        assert!(matches!(error, BindError::Workers(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let cores = Workers::cores().count();
    assert!((1..=Workers::MAX).contains(&cores));
    let mut server = Server::new(LIMITS);
    server.mount("/q", || handler(Quiet)).thread(Thread::Loop).workers(Workers::ONE);
    let _ = server.bind("127.0.0.1:0").expect("one worker may be on the loop");
}

/// The threads end with their workers.
#[test]
fn no_thread_is_left() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("there are some");
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            let path = task.ok()?.path().join("comm");
            std::fs::read_to_string(path).ok()
        };
        tasks.filter_map(name).filter(|name| name.starts_with("service /left")).count()
    };
    struct Quiet;
    impl Handler for Quiet {}
    let mut server = Server::new(LIMITS);
    server.mount("/left", || handler(Quiet)).workers(Workers::new(3)).start(Start::Eager);
    let server = Running::start(server);
    until("all run", || threads() == 3);
    server.stop();
    until("all have ended", || threads() == 0);
}
