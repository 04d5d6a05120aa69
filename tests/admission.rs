//! How services let sockets in: verdicts before the 101, and subprotocols.

#![cfg(feature = "host")]

mod support;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use switchboard::ws::Status;
use switchboard::{
    Admission, Close, Context, Gate, Handler, Inbound, Limits, Message, Peer, Request, Response,
    Server, Service, SocketId, Thread, Verdict, gated, handler,
};

use support::http::{Answer, upgrade};
use support::raw::{PONG, TEXT, close, frame};
use support::services::{Seen, mount_echo, mount_probe};
use support::{LIMITS, Raw, Running, next, on_each_thread, server_on};

/// Decides by the query.
struct Door(Sender<&'static str>);

impl Handler for Door {
    fn open(&mut self, _: &mut Peer, _: &Request) {
        self.0.send("open").expect("the test listens");
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send(message);
    }

    fn close(&mut self, _: &mut Context, _: SocketId, _: &Close) {
        // The test may be over.
        let _ = self.0.send("close");
    }
}

impl Gate for Door {
    fn admit(&mut self, request: &Request) -> Verdict {
        self.0.send("admit").expect("the test listens");
        match request.query() {
            "no" => Verdict::Refuse(
                Response::text(Status::UNAUTHORIZED, "members only")
                    .header("WWW-Authenticate", "Basic realm=\"chat\"")
                    .header("X-Trick", "a\r\nSet-Cookie: b"),
            ),
            "busy" => Verdict::Refuse(Response::empty(Status::UNAVAILABLE)),
            "choose" => {
                let last = request.protocols().last().expect("some are offered").clone();
                Verdict::AcceptProtocol(last)
            }
            "invent" => Verdict::AcceptProtocol("nobody's".to_owned()),
            _ => Verdict::Accept,
        }
    }
}

fn door(thread: Thread) -> (Running, Receiver<&'static str>) {
    let (tell, told) = mpsc::channel();
    let mut server = server_on(thread, LIMITS);
    server.mount("/door", move || gated(Door(tell.clone())));
    (Running::start(server), told)
}

fn let_in(server: &Running, path: &str, more: &str) -> (Raw, Answer) {
    let mut raw = server.raw();
    raw.send(&upgrade(path, more));
    let answer = raw.read_101();
    (raw, answer)
}

#[test]
fn a_service_refuses_before_the_101() {
    on_each_thread(|thread| {
        let (server, told) = door(thread);
        for _ in 0..3 {
            let answer = server.ask(&upgrade("/door?no", ""));
            assert_eq!((answer.status, answer.text()), (401, "members only\n"));
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"chat\""));
            assert_eq!(answer.header("x-trick"), Some("a  Set-Cookie: b"));
            assert_eq!(answer.header("set-cookie"), None);
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(next(&told), "admit");
        }
        let answer = server.ask(&upgrade("/door?busy", ""));
        assert_eq!((answer.status, answer.header("content-length")), (503, Some("0")));
        assert_eq!(next(&told), "admit");
        let (raw, _) = let_in(&server, "/door?yes", "");
        assert_eq!((next(&told), next(&told)), ("admit", "open"));
        drop(raw);
        assert_eq!(next(&told), "close", "a refused socket was never open");
    });
}

#[test]
fn a_service_that_decides_chooses_the_subprotocol() {
    on_each_thread(|thread| {
        let (server, _told) = door(thread);
        let offer = "Sec-WebSocket-Protocol: one, two\r\nsec-websocket-protocol: three\r\n";
        let (_, answer) = let_in(&server, "/door?choose", offer);
        assert_eq!(answer.header("sec-websocket-protocol"), Some("three"));
        for query in ["yes", "invent"] {
            let (_, answer) = let_in(&server, &format!("/door?{query}"), offer);
            assert_eq!(answer.header("sec-websocket-protocol"), None);
        }
    });
}

/// Speaks two subprotocols.
struct Polyglot;

impl Handler for Polyglot {
    fn protocols(&self) -> Vec<String> {
        vec!["chat.v2".to_owned(), "chat.v1".to_owned()]
    }
}

#[test]
fn a_list_of_subprotocols_decides_by_the_order_of_the_service() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/protocol", || handler(Polyglot));
        let server = Running::start(server);
        let rows = [
            ("chat.v1", Some("chat.v1")),
            ("chat.v1, chat.v2", Some("chat.v2")),
            ("nonsense,chat.v2 , chat.v1", Some("chat.v2")),
            ("nonsense", None),
            ("CHAT.V1", None),
            ("", None),
        ];
        for (offer, agreed) in rows {
            let offer = format!("Sec-WebSocket-Protocol: {offer}\r\n");
            let (_, answer) = let_in(&server, "/protocol", &offer);
            assert_eq!(answer.header("sec-websocket-protocol"), agreed, "{offer}");
        }
        let (_, answer) = let_in(&server, "/protocol", "");
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        // A client by other authors agrees.
        server.connect_offering("/protocol", "chat.v1");
    });
}

/// Passes on which sockets ask; decides about the socket, and at the time, that the test says.
struct Slow {
    asked: Sender<SocketId>,
    verdicts: Arc<Mutex<Receiver<(SocketId, Verdict)>>>,
}

impl Service for Slow {
    fn admission(&self) -> Admission {
        Admission::Asked
    }

    fn run(&mut self, context: &mut Context) {
        while let Some(transaction) = context.receive() {
            match transaction {
                Inbound::Ask { id, .. } => self.asked.send(id).expect("the test listens"),
                Inbound::Data { message, .. } if message.as_text() == Some("decide") => {
                    let verdicts = self.verdicts.lock().expect("one service has it");
                    let (id, verdict) = verdicts.recv().expect("the test decides");
                    context.admit(id, verdict);
                }
                Inbound::Data { id, message } => context.send(id, message),
                Inbound::Open { id, .. } => context.send(id, "welcome"),
                _ => {}
            }
        }
    }
}

/// A server whose slow service has admitted one socket, through which the test makes it decide.
struct Waiting {
    server: Running,
    asked: Receiver<SocketId>,
    decide: Sender<(SocketId, Verdict)>,
    first: Raw,
}

impl Waiting {
    fn start(limits: Limits) -> Self {
        let (asked, ids) = mpsc::channel();
        let (decide, verdicts) = mpsc::channel();
        let verdicts = Arc::new(Mutex::new(verdicts));
        let mut server = Server::new(limits);
        server.mount("/slow", move || Opening(asked.clone(), verdicts.clone()));
        mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        let mut first = server.raw();
        first.send(&upgrade("/slow", ""));
        first.read_101();
        assert_eq!(first.read_text(), "welcome");
        Self { server, asked: ids, decide, first }
    }

    fn ask(&self) -> (Raw, SocketId) {
        let mut raw = self.server.raw();
        raw.send(&upgrade("/slow", ""));
        (raw, next(&self.asked))
    }

    fn decide(&mut self, id: SocketId, verdict: Verdict) {
        self.decide.send((id, verdict)).expect("the service listens");
        self.first.send_text("decide");
    }
}

/// Lets the first socket in, and is slow from then on.
struct Opening(Sender<SocketId>, Arc<Mutex<Receiver<(SocketId, Verdict)>>>);

impl Service for Opening {
    fn admission(&self) -> Admission {
        Admission::Asked
    }

    fn run(&mut self, context: &mut Context) {
        if let Some(Inbound::Ask { id, .. }) = context.receive() {
            context.admit(id, Verdict::Accept);
        }
        Slow { asked: self.0.clone(), verdicts: self.1.clone() }.run(context);
    }
}

#[test]
fn slow_verdicts_hold_nobody_else_up() {
    let mut waiting = Waiting::start(LIMITS);
    let (mut early, early_id) = waiting.ask();
    let (mut refused, refused_id) = waiting.ask();
    let (gone, gone_id) = waiting.ask();
    let (mut late, late_id) = waiting.ask();
    drop(gone);
    // What comes before the verdict is not lost.
    early.send(&frame(TEXT, b"already here"));
    // Another service, and sockets that are open already.
    let mut other = waiting.server.open("/echo");
    other.send_text("anybody here?");
    assert_eq!(other.read_text(), "anybody here?");
    waiting.first.send_text("still there?");
    assert_eq!(waiting.first.read_text(), "still there?");
    // In whatever order.
    waiting.decide(late_id, Verdict::Accept);
    late.read_101();
    assert_eq!(late.read_text(), "welcome");
    waiting.decide(gone_id, Verdict::Accept);
    waiting.decide(refused_id, Verdict::Refuse(Response::text(Status::FORBIDDEN, "not you")));
    assert_eq!(refused.read_answer().status, 403);
    waiting.decide(early_id, Verdict::Accept);
    early.read_101();
    assert_eq!((early.read_text(), early.read_text()), ("welcome".into(), "already here".into()));
    // A second verdict is silence.
    waiting.decide(early_id, Verdict::Refuse(Response::empty(Status::FORBIDDEN)));
    early.send_text("still here");
    assert_eq!(early.read_text(), "still here");
}

#[test]
fn a_callback_that_decides_slowly_holds_up_its_own_service_only() {
    let (asked, ids) = mpsc::channel();
    let (open_gate, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let mut server = Server::new(LIMITS);
    server.mount("/gate", move || gated(Guard(asked.clone(), gate.clone())));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let mut waiting: Vec<_> = (0..10)
        .map(|_| {
            let mut raw = server.raw();
            raw.send(&upgrade("/gate", ""));
            raw
        })
        .collect();
    next(&ids);
    let mut other = server.open("/echo");
    for number in 0..100 {
        other.send_text(&number.to_string());
        assert_eq!(other.read_text(), number.to_string());
    }
    for _ in &waiting {
        open_gate.send(()).expect("the service waits");
    }
    for raw in &mut waiting {
        raw.read_101();
    }
}

/// Waits for the test within the callback.
struct Guard(Sender<()>, Arc<Mutex<Receiver<()>>>);

impl Handler for Guard {}

impl Gate for Guard {
    fn admit(&mut self, _: &Request) -> Verdict {
        self.0.send(()).expect("the test listens");
        let gate = self.1.lock().expect("one service has it");
        gate.recv().expect("the test opens the gate");
        Verdict::Accept
    }
}

#[test]
fn no_verdict_in_time_is_503_and_no_start_in_time_is_500() {
    let limits = Limits { admission_ms_max: 200, ..LIMITS };
    let (asked, ids) = mpsc::channel();
    let (_verdict, verdicts) = mpsc::channel();
    let verdicts = Arc::new(Mutex::new(verdicts));
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let mut server = Server::new(LIMITS);
    let slow = move || Slow { asked: asked.clone(), verdicts: verdicts.clone() };
    server.mount("/slow", slow).limits(limits);
    let told = mount_probe(&mut server, "/quick", |_, _| {});
    let never = move || {
        let _ = gate.lock().expect("it starts once").recv();
        handler(support::services::Echo)
    };
    server.mount("/never", never).limits(limits);
    let server = Running::start(server);
    // It may start late. It never decides.
    support::until("a verdict is lacking", || {
        let answer = server.ask(&upgrade("/slow", ""));
        assert!(matches!(answer.status, 500 | 503), "{answer:?}");
        assert!(answer.status == 500 || answer.header("retry-after").is_some(), "{answer:?}");
        answer.status == 503
    });
    next(&ids);
    assert_eq!(server.ask(&upgrade("/never", "")).status, 500);
    drop(server.open("/quick"));
    assert_eq!(next(&told), Seen::Start);
    // Once it has started after all, it serves.
    drop(release);
    support::until("the service has started", || {
        let mut raw = server.raw();
        raw.send(&upgrade("/never", ""));
        raw.read_head().status == 101
    });
}

#[test]
fn a_peer_refused_after_sending_frames_is_let_go() {
    // No time limit helps: the end of the peer has to be read.
    let limits = Limits { sockets_max: 2, close_ms_max: Limits::OFF_MS, ..LIMITS };
    let mut waiting = Waiting::start(limits);
    for _ in 0..5 {
        let (mut raw, id) = waiting.ask();
        // One read is kept until the verdict; the rest, and the end, wait to be read.
        for _ in 0..3 {
            raw.send(&frame(PONG, &[0; 100]).repeat(500));
        }
        raw.end_writing();
        waiting.first.send_text("a word in between");
        assert_eq!(waiting.first.read_text(), "a word in between");
        waiting.decide(id, Verdict::Refuse(Response::text(Status::FORBIDDEN, "not you")));
        assert_eq!(raw.read_answer().status, 403);
        // There is capacity for one more only when the last one has gone. It holds its end open.
        support::until("there is a place again", || {
            let mut probe = waiting.server.raw();
            probe.send(&upgrade("/echo", ""));
            if probe.read_head().status != 101 {
                return false;
            }
            probe.send(&close(1000, ""));
            assert_eq!(probe.read_close().0, 1000);
            probe.expect_end();
            true
        });
        drop(raw);
    }
}
