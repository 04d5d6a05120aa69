//! The harness for services: what it shows of the real rules, and how its expectations fail.

#![cfg(feature = "testing")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

#[cfg(feature = "workers")]
use switchboard::testing::TestClient;
use switchboard::testing::TestHost;
use switchboard::{
    Ask, Audience, Close, CloseCode, CloseError, Context, Handler, Limits, Message, Page, Peer,
    Request, Response, Server, Service, SocketGate, SocketHandler, SocketId, Status,
    gated_socket_handler, handler, socket_handler,
};
#[cfg(feature = "workers")]
use switchboard::{WorkerKey, Workers};

/// Does what messages say.
#[derive(Default)]
struct Told {
    ticks: u32,
}

impl Handler for Told {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        if let Some(topic) = request.query_value("topic") {
            peer.subscribe(topic);
        }
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or("binary").to_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match verb {
            "all" => peer.send_to(Audience::all(), rest),
            "topic" => peer.send_to(Audience::topic("red").but(peer.id()), rest),
            "close" => peer.close(CloseCode::POLICY, rest),
            "panic" => panic!("{rest}"),
            "ticks" => peer.send(self.ticks.to_string()),
            "flood" => peer.send(vec![b'x'; rest.parse().expect("a length")]),
            _ => peer.send(message),
        }
    }

    fn full(&mut self, peer: &mut Peer) {
        peer.send_to(Audience::topic("news"), "full");
    }

    fn drained(&mut self, peer: &mut Peer) {
        peer.send_to(Audience::topic("news"), "drained");
    }

    fn close(&mut self, context: &mut Context, _: SocketId, close: &Close) {
        context.send(Audience::topic("news"), format!("gone: {close}"));
    }

    fn tick(&mut self, context: &mut Context) {
        self.ticks += 1;
        context.send(Audience::topic("ticks"), self.ticks.to_string());
    }

    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_secs(10))
    }
}

fn told() -> TestHost {
    TestHost::of("/told", || handler(Told::default()))
}

#[test]
fn messages_arrive_in_order() {
    let host = told();
    let [ada, bob, eve] = [(); 3].map(|()| host.open("/told?topic=red"));
    for text in ["one", "two"] {
        ada.say(text);
    }
    ada.say(&b"\0\x01"[..]);
    ada.expect("one");
    ada.expect("two");
    ada.expect(&b"\0\x01"[..]);
    ada.say("topic hello");
    ada.expect_nothing();
    bob.say("all there");
    for client in [&bob, &eve] {
        client.expect("hello");
        client.expect("there");
    }
    assert_eq!(ada.message().as_text(), Some("there"));
    assert_eq!(host.subscribers("red"), [ada.id(), bob.id(), eve.id()]);
    assert_eq!((bob.topics(), host.subscribers("blue")), (vec!["red".to_owned()], vec![]));
}

/// A client answers pings, unless it reads nothing.
#[test]
fn deadlines_are_virtual() {
    let host = told();
    let [ada, watcher] = ["red", "news"].map(|topic| host.open(&format!("/told?topic={topic}")));
    host.advance(Duration::from_secs(3_600));
    watcher.expect_nothing();
    ada.stop_reading();
    let limits = Limits::SERVER;
    host.advance(Duration::from_millis(limits.ping_interval_ms + limits.pong_ms_max + 1));
    let gone = watcher.message();
    assert!(gone.as_text().is_some_and(|text| text.starts_with("gone: ")), "{gone:?}");
}

/// A day passes at once, and ticks come in their time.
#[test]
fn time_is_virtual() {
    let host = told();
    let ada = host.open("/told?topic=ticks");
    host.advance(Duration::from_millis(9_999));
    ada.expect_nothing();
    host.advance(Duration::from_millis(1));
    ada.expect("1");
    host.advance(Duration::from_secs(25));
    ada.expect("2");
    ada.expect("3");
    ada.expect_nothing();
    host.advance(Duration::from_secs(24 * 60 * 60));
    ada.say("ticks");
    for tick in 4..=8_643 {
        ada.expect(tick.to_string());
    }
    ada.expect("8643");
}

#[test]
fn closes_come_from_either_side() {
    let host = told();
    let watcher = host.open("/told?topic=news");
    let [ada, bob, eve] = [(); 3].map(|()| host.open("/told"));
    ada.say("close not so");
    assert_eq!(ada.expect_close(CloseCode::POLICY), "not so");
    watcher.expect("gone: 1008 \"not so\"");
    bob.close(CloseCode::NORMAL, "enough");
    watcher.expect("gone: 1000 \"enough\"");
    eve.lose();
    assert!(watcher.message().as_text().is_some_and(|text| text.starts_with("gone: 1006")));
    host.stop();
    watcher.expect_close(CloseCode::GOING_AWAY);
}

/// A client that does not read fills its outbox, with the limits of the service.
#[test]
fn outboxes_have_their_limits() {
    let host = told();
    let watcher = host.open("/told?topic=news");
    let slow = host.open("/told");
    let flood = format!("flood {}", Limits::SERVER.outbox_high_bytes + 1);
    slow.stop_reading();
    slow.say(&*flood);
    watcher.expect("full");
    slow.read_on();
    watcher.expect("drained");
    assert_eq!(slow.message().len(), Limits::SERVER.outbox_high_bytes + 1);
    slow.stop_reading();
    let flood = format!("flood {}", Limits::SERVER.outbox_bytes_max + 1);
    slow.say(&*flood);
    slow.read_on();
    slow.expect_close(CloseCode::TRY_LATER);
}

#[test]
fn a_panic_ends_the_service_and_has_to_be_expected() {
    let host = told();
    let [ada, bob] = [(); 2].map(|()| host.open("/told?topic=red"));
    ada.say("panic as asked");
    for client in [&ada, &bob] {
        client.expect_close(CloseCode::RESTART);
    }
    assert_eq!(host.expect_failure(), "the service has ended: it panicked: as asked");
    assert_eq!(host.subscribers("red"), []);
    // The next socket starts it again.
    let eve = host.open("/told");
    eve.say("hello");
    eve.expect("hello");
    eve.say("panic once more");
    let fault = fault_of(|| drop(host));
    assert!(fault.contains("it panicked: once more"), "{fault}");
}

/// Fails in what messages say.
struct Sums;

impl SocketHandler for Sums {
    type Socket = u32;
    type Error = Box<dyn std::error::Error>;

    fn message(
        &mut self,
        peer: &mut Peer<u32>,
        sum: &mut u32,
        message: Message,
    ) -> Result<(), Self::Error> {
        match message.as_text() {
            Some("none") => Err(CloseError::new(CloseCode::UNSUPPORTED, "a number"))?,
            text => *sum += text.unwrap_or_default().parse::<u32>()?,
        }
        peer.send(sum.to_string());
        Ok(())
    }
}

#[test]
fn errors_of_callbacks_have_to_be_expected() {
    let host = TestHost::of("/sums", || socket_handler(Sums));
    let [ada, bob, eve] = [(); 3].map(|()| host.open("/sums"));
    ada.say("1");
    ada.say("41");
    ada.expect("1");
    ada.expect("42");
    bob.say("x");
    assert_eq!(bob.expect_close(CloseCode::INTERNAL), "");
    let failure = host.expect_failure();
    assert!(failure.ends_with("has failed: invalid digit found in string"), "{failure}");
    // A close that is meant is no failure.
    eve.say("none");
    assert_eq!(eve.expect_close(CloseCode::UNSUPPORTED), "a number");
    ada.say("0");
    ada.expect("42");
}

/// The text of the panic of an expectation.
fn fault_of(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).expect_err("it fails");
    let fixed = panic.downcast_ref::<&str>().copied();
    panic.downcast_ref().cloned().or_else(|| fixed.map(str::to_owned)).expect("it has a text")
}

#[test]
fn failures_tell_what_came_instead() {
    let host = told();
    let ada = host.open("/told?topic=red");
    ada.say("hello");
    let fault = fault_of(|| ada.expect("good bye"));
    assert_eq!(
        fault,
        "client 1 (/told?topic=red) expects \"good bye\"\n  instead: \"hello\"\n  \
         its conversation (> it says, < it gets):\n    < open\n    > \"hello\"\n    < \"hello\""
    );
    let fault = fault_of(|| ada.expect("hello"));
    assert!(fault.contains("expects \"hello\"\n  instead: nothing\n"), "{fault}");
    ada.say("more");
    let fault = fault_of(|| ada.expect_nothing());
    assert!(fault.contains("expects nothing\n  instead: \"more\"\n"), "{fault}");
    let fault = fault_of(|| drop(ada.expect_close(CloseCode::NORMAL)));
    assert!(fault.contains("expects a close with 1000\n  instead: \"more\"\n"), "{fault}");
    ada.say(&b"\x01\xff"[..]);
    let fault = fault_of(|| ada.expect("\u{1}"));
    assert!(fault.contains("expects \"\\u0001\"\n  instead: binary, 2 bytes: 01 ff\n"), "{fault}");
    let long = "x".repeat(1_000);
    ada.say(format!("{long}a"));
    let fault = fault_of(|| ada.expect(format!("{long}b")));
    assert!(fault.contains("instead: they differ from byte 1000 on"), "{fault}");
    ada.say("panic as asked");
    let fault = fault_of(|| ada.expect("an answer"));
    assert!(
        fault.contains("instead: close 1012") && fault.contains("panicked: as asked"),
        "{fault}"
    );
    let fault = fault_of(|| ada.say("too late"));
    assert!(fault.contains("says \"too late\"\n  instead: its socket is not open\n"), "{fault}");
    let fault = fault_of(|| drop(host.open("/none")));
    assert!(fault.contains("expects to be open\n  instead: answer 404 Not Found"), "{fault}");
    let fault = fault_of(|| drop(host.expect_failure()));
    assert!(fault.contains("there is none"), "{fault}");
}

/// The rules of a server hold: here, how many sockets an address may have.
#[test]
fn a_server_is_tested_as_it_is() {
    let limits = Limits { sockets_per_ip_max: 1, ..Limits::SERVER };
    let mut server = Server::new(limits);
    server.mount("/told", || handler(Told::default()));
    let host = TestHost::new(server);
    let _first = host.request("/told").from(([192, 0, 2, 1], 1_000).into()).open();
    let second = host.request("/told").from(([192, 0, 2, 1], 1_001).into()).send();
    let answer = second.expect_refusal(Status::UNAVAILABLE);
    assert!(answer.text().contains("max-per-ip"), "{answer}");
    let other = host.request("/told").header("Origin", "http://else.example").send();
    other.expect_refusal(Status::FORBIDDEN);
}

/// Accepts a request that has a name, at once or, for `?later`, when the next one comes.
#[derive(Default)]
struct Doorman {
    waiting: Option<Ask<String>>,
    on_a_thread: Option<thread::JoinHandle<()>>,
    /// A thread answers after a word from here.
    words: Option<Receiver<()>>,
}

impl SocketHandler for Doorman {
    type Socket = String;
    type Error = CloseError;

    fn open(
        &mut self,
        peer: &mut Peer<String>,
        name: &mut String,
        _: &Request,
    ) -> Result<(), CloseError> {
        peer.send(format!("hello {name}, {:?} bytes wait", peer.waiting_bytes()));
        Ok(())
    }

    fn stop(&mut self, _: &mut Context) {
        if let Some(thread) = self.on_a_thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}

impl SocketGate for Doorman {
    fn admit(&mut self, ask: Ask<String>) {
        if let Some(ask) = self.waiting.take() {
            ask.accept_protocol("v2", "late".to_owned());
        }
        match ask.request().query() {
            "later" => self.waiting = Some(ask),
            "drop" => drop(ask),
            "thread" => {
                let words = self.words.take().expect("one request is answered so");
                self.on_a_thread = Some(thread::spawn(move || {
                    words.recv().expect("the test waits");
                    ask.answer(Ok("a thread's".to_owned()));
                }));
            }
            _ => {
                let name = ask.request().cookie("name").map(str::to_owned);
                ask.answer(name.ok_or(Response::text(Status::FORBIDDEN, "no name")));
            }
        }
    }
}

#[test]
fn gates_answer_at_once_or_later() {
    let (go, words) = mpsc::channel();
    let words = Mutex::new(Some(words));
    let host = TestHost::of("/door", move || {
        let words = words.lock().expect("nothing panics").take();
        gated_socket_handler(Doorman { words, ..Doorman::default() })
    });
    let refused = host.request("/door").expect_refusal(Status::FORBIDDEN);
    assert_eq!((refused.text(), refused.header("content-length")), ("no name\n".into(), Some("8")));
    let late = host.request("/door?later").protocol("v1").protocol("v2").send();
    late.expect_nothing();
    let ada = host.request("/door").header("Cookie", "name=ada").open();
    ada.expect("hello ada, Some(0) bytes wait");
    assert_eq!(late.expect_open().as_deref(), Some("v2"));
    late.expect("hello late, Some(0) bytes wait");
    let threaded = host.request("/door?thread").send();
    go.send(()).expect("the thread waits");
    host.wait();
    threaded.expect_open();
    host.request("/door?drop").expect_refusal(Status::INTERNAL_ERROR);
    assert!(host.expect_failure().contains("dropped the request"));
    // Nobody answers this one in time.
    let forgotten = host.request("/door?later").send();
    host.advance(Duration::from_millis(2 * Limits::SERVER.admission_ms_max));
    forgotten.expect_refusal(Status::UNAVAILABLE);
    let fault = fault_of(|| drop(host.open("/door")));
    assert!(fault.contains("instead: answer 403 Forbidden: \"no name\\n\""), "{fault}");
}

#[test]
fn other_threads_send() {
    let host = told();
    let ada = host.open("/told");
    let sender = host.sender("/told");
    sender.try_send(Audience::all(), "from this thread").expect("there is capacity");
    ada.expect("from this thread");
    let thread = thread::spawn(move || sender.send(Audience::all(), "from another"));
    host.wait();
    ada.expect("from another");
    thread.join().expect("it does not panic").expect("the host is there");
}

/// What waits is known on the loop at any time.
struct Gauge;

impl Handler for Gauge {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        peer.send(message);
        let waiting = peer.waiting_bytes().expect("it is on the loop");
        peer.send_to(Audience::topic("gauge"), waiting.to_string());
    }

    fn open(&mut self, peer: &mut Peer, request: &Request) {
        peer.subscribe(request.query());
    }
}

#[test]
fn a_peer_knows_how_much_waits() {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/gauge", || handler(Gauge)).page(Page::talk());
    let host = TestHost::new(server);
    let [slow, gauge] = ["slow", "gauge"].map(|name| host.open(&format!("/gauge?{name}")));
    slow.stop_reading();
    for waiting in [102, 204] {
        slow.say("x".repeat(100));
        gauge.expect(waiting.to_string());
    }
    slow.read_on();
    slow.say("x");
    gauge.expect("3");
    let page = host.request("/gauge").get();
    assert_eq!(
        (page.status(), page.header("Content-Type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(host.request("/none").get().status(), 404);
}

/// A service that needs a thread cannot be called.
struct Looping;

impl Service for Looping {
    fn run(&mut self, _: &mut Context) {}
}

/// Counts what its worker got, and knows the service for which it was made.
#[cfg(feature = "workers")]
struct Counts(u32, &'static str);

#[cfg(feature = "workers")]
impl Handler for Counts {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        peer.subscribe("all");
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.0 += 1;
        match message.as_text().unwrap_or_default() {
            "panic" => panic!("as asked"),
            "who" => {
                let context = peer.context();
                let [number, len] = [context.worker(), context.workers()];
                let text = format!("worker {number} of {len} at {}", self.1);
                peer.send(text);
            }
            "count" => peer.send(self.0.to_string()),
            _ => peer.send_to(Audience::topic("all").but(peer.id()), message),
        }
    }
}

#[test]
#[cfg(feature = "workers")]
fn workers_share_sockets_and_nothing_else() {
    let mut server = Server::new(Limits::SERVER);
    server.mount("/first", || handler(Counts(0, "/first")));
    let workers = Workers::new(3).by(WorkerKey::Query("room".into()));
    server.mount("/rooms", || handler(Counts(0, "/rooms"))).workers(workers);
    let host = TestHost::new(server);
    let first = host.open("/first");
    // Without the key, each gets the worker with the fewest sockets.
    let clients = [(); 3].map(|()| host.open("/rooms"));
    for (number, client) in clients.iter().enumerate() {
        client.say("who");
        client.expect(format!("worker {number} of 3 at /rooms").as_str());
    }
    let [ada, bob, eve] = &clients;
    // Topics and senders reach all, and no other service.
    ada.say("hello");
    host.sender("/rooms").send(Audience::all(), "to all").expect("the host goes on");
    bob.expect("hello");
    eve.expect("hello");
    for client in &clients {
        client.expect("to all");
    }
    first.say("who");
    first.expect("worker 0 of 1 at /first");
    // Those of one key have one worker, with one state.
    let [tea, more_tea] = [(); 2].map(|()| host.open("/rooms?room=tea"));
    for client in [&tea, &more_tea] {
        client.say("who");
    }
    let worker = tea.message();
    assert_eq!(more_tea.message(), worker);
    // The end of a worker takes its own sockets along, and the others go on.
    let ends = |client: &TestClient| {
        client.say("who");
        client.message() == worker
    };
    let (ending, others): (Vec<_>, Vec<_>) = clients.iter().partition(|client| ends(client));
    tea.say("panic");
    for client in ending.into_iter().chain([&tea, &more_tea]) {
        client.expect_close(CloseCode::RESTART);
    }
    assert_eq!(host.expect_failure(), "the service has ended: it panicked: as asked");
    assert_eq!(others.len(), 2);
    for client in others {
        client.say("who");
        assert_ne!(client.message(), worker);
    }
}

#[test]
#[cfg(feature = "workers")]
fn a_server_with_too_many_workers_is_refused() {
    let fault = fault_of(|| {
        let mut server = Server::new(Limits::SERVER);
        server.mount("/rooms", || handler(Counts(0, "/rooms"))).workers(Workers::new(65));
        drop(TestHost::new(server));
    });
    assert!(fault.contains("/rooms has 65 workers, allowed are 1 to 64"), "{fault}");
}

#[test]
fn a_service_with_a_loop_of_its_own_is_refused() {
    let fault = fault_of(|| drop(TestHost::of("/own", || Looping)));
    assert!(fault.contains("the server cannot be tested") && fault.contains("/own"), "{fault}");
}

#[cfg(feature = "json")]
#[test]
fn json_is_compared_by_its_value() {
    let host = told();
    let ada = host.open("/told");
    ada.say(r#"{"b": [1, 2], "a": "x"}"#);
    ada.expect_json(&serde_json::json!({ "a": "x", "b": [1, 2] }));
    ada.say_json(&[1, 2]);
    assert_eq!(ada.json::<[u8; 2]>(), [1, 2]);
    ada.say(r#"{"a": 1}"#);
    let fault = fault_of(|| ada.expect_json(&serde_json::json!({ "a": 2 })));
    assert!(fault.contains(r#"expects JSON "{\"a\":2}""#), "{fault}");
    ada.say("x");
    let fault = fault_of(|| assert_eq!(ada.json::<u8>(), 1));
    assert!(fault.contains("expects JSON of u8") && fault.contains("line 1"), "{fault}");
}
