//! Services that ask a database: in order for each socket, and without a wait for all others.

#![cfg(feature = "database")]

mod support;

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use log::LevelFilter;
use switchboard::database::{ConnectionPlan, Step};
use switchboard::{
    Close, CloseCode, Connector, Context, Database, DatabaseError, DatabaseOptions, Handler,
    JobResult, Limits, Message, Peer, Server, Service, SocketHandler, SocketId, Start, Thread,
    handler, socket_handler,
};

use support::raw::{TEXT, close, frame};
use support::{
    DEADLINE, LIMITS, Raw, Running, SOON, logged, next, on_each_thread, server_on, until,
};

/// A database whose jobs end when the test wants it.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<HashMap<String, Gate>>>);

/// The end of jobs with one name. A message in the channel ends one of them.
struct Gate {
    ends: Receiver<()>,
    begun: Sender<()>,
}

/// What a test holds of a gate.
struct Held {
    end: Sender<()>,
    begins: Receiver<()>,
}

/// A connection.
struct Line(Gates);

impl Connector for Gates {
    type Connection = Line;

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Line> {
        Ok(Line(self.clone()))
    }

    fn transact(&self, _: &mut Line, _: Step) -> JobResult<()> {
        Ok(())
    }

    fn check(&self, _: &mut Line) -> JobResult<()> {
        Ok(())
    }
}

impl Gates {
    fn open(&self, options: DatabaseOptions) -> Database<Line> {
        Database::open("gates", self.clone(), options).expect("there are threads")
    }

    /// Holds the next job of this name.
    fn hold(&self, name: &str) -> Held {
        let (end, ends) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        self.0.lock().expect("nothing panics").insert(name.to_owned(), Gate { ends, begun });
        Held { end, begins }
    }
}

impl Line {
    /// Answers a question, once the test wants it if it holds that one.
    fn ask(&mut self, question: &str) -> String {
        let gate = self.0.0.lock().expect("nothing panics").remove(question);
        if let Some(Gate { ends, begun }) = gate {
            begun.send(()).expect("the test waits");
            // It also ends with the test, which drops the sender.
            ends.recv().unwrap_or_default();
        }
        format!("answer to {question}")
    }
}

impl Held {
    fn await_begin(&self) {
        next(&self.begins);
    }

    fn end(self) {
        self.end.send(()).expect("the job waits");
    }
}

/// What a service did.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Answered(String),
    Closed(u16),
    Stopped,
}

/// Questions go to the database. What begins with `!` is answered at once, with `?` it is answered
/// by a thread that waits for the database, and with `*` it is a question of no socket.
struct Asks {
    database: Database<Line>,
    seen: Sender<Seen>,
}

impl Asks {
    /// Asks a question, and then as many others as it has `+` behind it.
    fn ask(&self, peer: &mut Peer, question: String) {
        let asked = question.clone();
        peer.later(
            self.database.reading(move |line| Ok(line.ask(&asked))),
            move |own: &mut Self, peer: &mut Peer, answer| {
                let text = text_of(answer);
                own.tell(Seen::Answered(text.clone()));
                peer.send(text);
                if let Some(more) = question.strip_suffix('+') {
                    own.ask(peer, more.to_owned());
                }
            },
        );
    }

    fn tell(&self, seen: Seen) {
        // The test may be over.
        let _ = self.seen.send(seen);
    }
}

fn text_of(answer: Result<String, DatabaseError>) -> String {
    answer.unwrap_or_else(|error| format!("{error:?}"))
}

impl Handler for Asks {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or_default().to_owned();
        match text.split_at_checked(1) {
            Some(("!", now)) => peer.send(now),
            Some(("?", asked)) => {
                let asked = asked.to_owned();
                let answer = self.database.read(move |line| Ok(line.ask(&asked)));
                peer.send(text_of(answer));
            }
            Some(("*", asked)) => {
                let (id, asked) = (peer.id(), asked.to_owned());
                peer.context().later(
                    self.database.writing(move |line| Ok(line.ask(&asked))),
                    move |_: &mut Self, context: &mut Context, answer| {
                        context.send(id, text_of(answer));
                    },
                );
            }
            Some(("2", twice)) => {
                self.ask(peer, twice.to_owned());
                self.ask(peer, twice.to_owned());
            }
            _ => self.ask(peer, text),
        }
    }

    fn close(&mut self, _: &mut Context, _: SocketId, close: &Close) {
        self.tell(Seen::Closed(close.code.number()));
    }

    fn stop(&mut self, _: &mut Context) {
        self.tell(Seen::Stopped);
    }
}

/// A server with such a service at `/ask`, and another one at `/other`.
fn asking(
    thread: Thread,
    limits: Limits,
    options: DatabaseOptions,
) -> (Running, Gates, Receiver<Seen>) {
    let gates = Gates::default();
    let database = gates.open(options);
    let (seen, all) = mpsc::channel();
    let mut server = server_on(thread, limits);
    let made = Arc::new(Mutex::new(Asks { database, seen }));
    for path in ["/ask", "/other"] {
        let made = made.clone();
        server.mount(path, move || {
            let Asks { database, seen } = &*made.lock().expect("nothing panics");
            handler(Asks { database: database.clone(), seen: seen.clone() })
        });
    }
    (Running::start(server), gates, all)
}

/// Says that something is answered at once.
fn now(raw: &mut Raw) {
    raw.send_text("!now");
    assert_eq!(raw.read_text(), "now");
}

#[test]
fn a_socket_waits_for_its_answer_and_others_do_not() {
    on_each_thread(|thread| {
        let (server, gates, _seen) = asking(thread, SOON, DatabaseOptions::new());
        let (mut waits, mut other) = (server.open("/ask"), server.open("/ask"));
        let held = gates.hold("first");
        for text in ["first", "!at once", "second", "!at last"] {
            waits.send_text(text);
        }
        held.await_begin();
        for _ in 0..100 {
            now(&mut other);
        }
        other.send_text("third");
        assert_eq!(other.read_text(), "answer to third");
        held.end();
        for answer in ["answer to first", "at once", "answer to second", "at last"] {
            assert_eq!(waits.read_text(), answer);
        }
        server.stop();
    });
}

#[test]
fn answers_come_in_the_order_of_questions() {
    on_each_thread(|thread| {
        let (server, _gates, _seen) = asking(thread, SOON, DatabaseOptions::new());
        let mut sockets: Vec<_> = (0..20).map(|_| server.open("/ask")).collect();
        let ways: &[&str] =
            if thread == Thread::Own { &["", "!", "?", "2"] } else { &["", "!", "2"] };
        let question = |number: usize| format!("{}{number}", ways[number % 7 % ways.len()]);
        for (at, raw) in sockets.iter_mut().enumerate() {
            let questions = (0..100).map(|number| question(at + number));
            let bytes = questions.flat_map(|text| frame(TEXT, text.as_bytes()));
            raw.send(&bytes.chain(close(1000, "")).collect::<Vec<_>>());
        }
        for (at, raw) in sockets.iter_mut().enumerate() {
            for number in 0..100 {
                let text = question(at + number);
                let (way, asked) = match text.split_at_checked(1) {
                    Some((way @ ("!" | "?" | "2"), asked)) if ways.contains(&way) => (way, asked),
                    _ => ("", text.as_str()),
                };
                let answer = match way {
                    "!" => asked.to_owned(),
                    _ => format!("answer to {asked}"),
                };
                assert_eq!(raw.read_text(), answer);
                if way == "2" {
                    assert_eq!(raw.read_text(), answer);
                }
            }
            assert_eq!(raw.read_close().0, 1000);
        }
        server.stop();
    });
}

#[test]
fn our_close_frame_follows_answers_that_come_later() {
    on_each_thread(|thread| {
        let (server, gates, seen) = asking(thread, SOON, DatabaseOptions::new());
        let (mut waits, mut other) = (server.open("/ask"), server.open("/ask"));
        let held = gates.hold("first");
        let texts = ["first", "second", "!third"];
        let bytes = texts.iter().flat_map(|text| frame(TEXT, text.as_bytes()));
        waits.send(&bytes.chain(close(1001, "bye")).collect::<Vec<_>>());
        held.await_begin();
        // The service takes much more than it had before, and more than one's share of its mail.
        for _ in 0..300 {
            now(&mut other);
        }
        // It has answered all of another one, though not all that came before.
        other.send(&close(1001, ""));
        assert_eq!(other.read_close().0, 1001);
        assert_eq!(next(&seen), Seen::Closed(1001));
        held.end();
        for answer in ["answer to first", "answer to second", "third"] {
            assert_eq!(waits.read_text(), answer);
        }
        assert_eq!(waits.read_close().0, 1001);
        let seen: Vec<_> = (0..3).map(|_| next(&seen)).collect();
        let answered = |text: &str| Seen::Answered(format!("answer to {text}"));
        assert_eq!(seen, [answered("first"), answered("second"), Seen::Closed(1001)]);
        server.stop();
    });
}

/// A peer that sends without an end has its share of the mail, and no more.
#[test]
fn a_socket_that_waits_does_not_fill_the_mail() {
    on_each_thread(|thread| {
        let limits = Limits { mail_messages_max: 64, ..SOON };
        let (server, gates, _seen) = asking(thread, limits, DatabaseOptions::new());
        let (mut floods, mut other) = (server.open("/ask"), server.open("/ask"));
        let held = gates.hold("first");
        // The loop reads these together, so that the service keeps as many as the share of a
        // socket.
        floods.send(&[frame(TEXT, b"first"), frame(TEXT, b"!more").repeat(1_000)].concat());
        held.await_begin();
        floods.fill(&frame(TEXT, b"!more").repeat(100), 64 << 20, || now(&mut other));
        held.end();
        assert_eq!(floods.read_text(), "answer to first");
        for _ in 0..1_000 {
            assert_eq!(floods.read_text(), "more");
        }
        server.stop();
    });
}

#[test]
fn a_peer_that_goes_is_answered_before_its_close() {
    on_each_thread(|thread| {
        let (server, gates, seen) = asking(thread, SOON, DatabaseOptions::new());
        let (mut waits, mut other) = (server.open("/ask"), server.open("/ask"));
        let held = gates.hold("first");
        waits.send_text("!what it does not read");
        waits.send_text("first");
        held.await_begin();
        waits.reset();
        now(&mut other);
        // Others get its place, and do not wait for its answer.
        for text in ["then", "later"] {
            let mut next_one = server.open("/ask");
            next_one.send(&[frame(TEXT, format!("!{text}").as_bytes()), close(1001, "")].concat());
            assert_eq!((next_one.read_text(), next_one.read_close().0), (text.to_owned(), 1001));
            assert_eq!(next(&seen), Seen::Closed(1001));
        }
        for _ in 0..300 {
            now(&mut other);
        }
        held.end();
        let answered = Seen::Answered("answer to first".to_owned());
        assert_eq!([next(&seen), next(&seen)], [answered, Seen::Closed(1006)]);
        server.stop();
    });
}

#[test]
fn answers_may_ask_more() {
    on_each_thread(|thread| {
        let (server, _gates, _seen) = asking(thread, SOON, DatabaseOptions::new());
        let mut raw = server.open("/ask");
        for text in ["a++", "!b", "*c"] {
            raw.send_text(text);
        }
        for answer in ["answer to a++", "answer to a+", "answer to a", "b", "answer to c"] {
            assert_eq!(raw.read_text(), answer);
        }
        server.stop();
    });
}

#[test]
fn a_stop_waits_for_answers() {
    on_each_thread(|thread| {
        let (server, gates, seen) = asking(thread, LIMITS, DatabaseOptions::new());
        let (mut raw, mut other) = (server.open("/ask"), server.open("/other"));
        let held = gates.hold("first");
        raw.send_text("first");
        held.await_begin();
        server.stopper().stop();
        assert_eq!(other.read_close().0, 1001);
        other.send(&close(1001, ""));
        // With the last socket, the services are asked to finish. The other one has nothing to do.
        raw.reset();
        assert_eq!([next(&seen), next(&seen)], [Seen::Closed(1001), Seen::Stopped]);
        held.end();
        let seen: Vec<_> = (0..3).map(|_| next(&seen)).collect();
        let answered = Seen::Answered("answer to first".to_owned());
        assert_eq!(seen, [answered, Seen::Closed(1006), Seen::Stopped]);
        server.join();
    });
}

#[test]
fn the_loop_does_not_wait_for_a_database() {
    let _lines = logged::keep(LevelFilter::Info);
    let (server, _gates, _seen) = asking(Thread::Loop, SOON, DatabaseOptions::new());
    let mut raw = server.open("/ask");
    raw.send_text("?first");
    assert_eq!(raw.read_text(), "OnLoop");
    let line = logged::line_with("must not wait for a database");
    assert!(line.text.starts_with("database gates: "), "{}", line.text);
    server.stop();
}

#[test]
fn a_full_queue_is_busy_on_the_loop_and_waited_for_on_a_thread() {
    on_each_thread(|thread| {
        let options = DatabaseOptions { connections: 1, queue: 1, ..DatabaseOptions::new() };
        let options = DatabaseOptions { wait: DEADLINE, ..options };
        let (server, gates, _seen) = asking(thread, SOON, options);
        let mut sockets: Vec<_> = (0..3).map(|_| server.open("/ask")).collect();
        let held = gates.hold("first");
        for (at, raw) in sockets.iter_mut().enumerate() {
            raw.send_text(if at == 0 { "first" } else { "more" });
            if at == 0 {
                held.await_begin();
            }
        }
        if thread == Thread::Loop {
            // One of them waits in the queue.
            assert_eq!(sockets[2].read_text(), "Busy");
            held.end();
        } else {
            held.end();
            assert_eq!(sockets[2].read_text(), "answer to more");
        }
        assert_eq!(sockets[0].read_text(), "answer to first");
        assert_eq!(sockets[1].read_text(), "answer to more");
        server.stop();
    });
}

/// Counts the questions of each socket.
struct Counts(Database<Line>);

impl SocketHandler for Counts {
    type Socket = u32;
    type Error = String;

    fn message(
        &mut self,
        peer: &mut Peer<u32>,
        _: &mut u32,
        message: Message,
    ) -> Result<(), String> {
        let text = message.as_text().unwrap_or_default().to_owned();
        peer.later_with_state(
            self.0.writing(move |line| Ok(line.ask(&text))),
            |_: &mut Self, peer: &mut Peer<u32>, count: &mut u32, answer| {
                *count += 1;
                peer.send(format!("{}: {count}", answer.map_err(|error| error.to_string())?));
                if *count == 3 { Err("enough".to_owned()) } else { Ok(()) }
            },
        );
        Ok(())
    }
}

#[test]
fn later_answers_get_the_state_of_their_socket() {
    on_each_thread(|thread| {
        let database = Gates::default().open(DatabaseOptions::new());
        let mut server = server_on(thread, SOON);
        server.mount("/count", move || socket_handler(Counts(database.clone())));
        let server = Running::start(server);
        let (mut first, mut second) = (server.open("/count"), server.open("/count"));
        for number in 1..=3 {
            for raw in [&mut first, &mut second] {
                raw.send_text("a");
                assert_eq!(raw.read_text(), format!("answer to a: {number}"));
            }
        }
        for mut raw in [first, second] {
            assert_eq!(raw.read_close().0, 1011);
        }
        server.stop();
    });
}

/// Asks for its database when it starts.
struct Finds(Sender<String>);

impl Handler for Finds {
    fn start(&mut self, context: &mut Context) {
        let found = context.database::<Line>("main").map(|database| database.name().to_owned());
        let texts = [
            found.unwrap_or_else(|error| error.to_string()),
            format!("{:?}", context.database::<Line>("other").expect_err("there is none")),
            context.database::<u8>("main").expect_err("it is another type").to_string(),
        ];
        texts.into_iter().for_each(|text| self.0.send(text).expect("the test waits"));
    }
}

#[test]
fn services_find_their_databases_by_name() {
    on_each_thread(|thread| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let mut server = server_on(thread, SOON);
        server.database("main", Gates::default().open(DatabaseOptions::new()));
        server.mount("/find", move || handler(Finds(tell.lock().expect("it is sound").clone())));
        let server = Running::start(server);
        let _raw = server.open("/find");
        assert_eq!(next(&told), "gates");
        assert_eq!(next(&told), "there is no database other; there are: main");
        let text = next(&told);
        assert!(text.contains("the database main are of another type than u8"), "{text}");
        assert!(text.contains("Connector") && text.contains("[database main]"), "{text}");
        server.stop();
    });
}

/// A service with a loop of its own gets no tasks.
struct OwnLoop(Database<Line>);

impl Service for OwnLoop {
    fn run(&mut self, context: &mut Context<'_>) {
        while context.receive().is_some() {
            let work = self.0.reading(|_| Ok(()));
            context.later(work, |_: &mut Self, _: &mut Context, _| {});
        }
    }
}

#[test]
fn a_service_with_a_loop_has_no_later() {
    let _lines = logged::keep(LevelFilter::Info);
    let database = Gates::default().open(DatabaseOptions::new());
    let mut server = Server::new(SOON);
    server.mount("/own", move || OwnLoop(database.clone()));
    let server = Running::start(server);
    let mut raw = server.open("/own");
    assert_eq!(raw.read_close().0, CloseCode::RESTART.number());
    let line = logged::line_with("service /own: it has ended");
    assert!(line.text.contains("only a service of handlers has a `later`"), "{}", line.text);
    server.stop();
}

/// Many sockets and few connections: the service and the database are never overwhelmed.
#[test]
fn many_sockets_share_four_connections() {
    on_each_thread(|thread| {
        let options = DatabaseOptions { wait: DEADLINE, ..DatabaseOptions::new() };
        let (server, _gates, _seen) = asking(thread, SOON, options);
        let mut sockets: Vec<_> = (0..200).map(|_| server.open("/ask")).collect();
        for round in 0..3 {
            for raw in &mut sockets {
                raw.send_text(&format!("round {round}"));
            }
            for raw in &mut sockets {
                assert_eq!(raw.read_text(), format!("answer to round {round}"));
            }
        }
        server.stop();
    });
}

/// Refuses connections while the test wants it.
#[derive(Clone, Default)]
struct Door(Arc<Mutex<Option<&'static str>>>);

impl Connector for Door {
    type Connection = ();

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<()> {
        match *self.0.lock().expect("nothing panics") {
            Some(text) => Err(text.into()),
            None => Ok(()),
        }
    }

    fn transact(&self, (): &mut (), _: Step) -> JobResult<()> {
        Ok(())
    }

    fn check(&self, (): &mut ()) -> JobResult<()> {
        Ok(())
    }

    fn address(&self) -> String {
        "door:7".to_owned()
    }
}

#[cfg(feature = "admin")]
#[test]
fn operators_see_databases() {
    let _lines = logged::keep(LevelFilter::Info);
    let door = Door(Arc::new(Mutex::new(Some("the door is shut"))));
    let open = |name: &str, start| {
        let options = DatabaseOptions { connections: 2, start, ..DatabaseOptions::new() };
        Database::open(name, door.clone(), options).expect("there are threads")
    };
    let (eager, lazy) = (open("eager", Start::Eager), open("lazy", Start::Lazy));
    let mut server = Server::new(SOON);
    server.database("eager", eager.clone()).database("lazy", lazy.clone());
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let (handle, server) = (host.metrics_handle(), Running::run(host));
    let ready = || handle.readiness(DEADLINE).expect("the host turns").to_string();
    assert_eq!(ready(), "database eager is down");
    let line = logged::line_with("database eager: it cannot be connected");
    assert!(line.text.contains("the door is shut; next try in "), "{}", line.text);
    *door.0.lock().expect("nothing panics") = None;
    until("it is connected", || ready() == "ready");
    logged::line_with("database eager: it is connected: door:7");
    until("both are there", || eager.metrics().connections == 2);
    lazy.write(|()| Ok(())).expect("it connects");
    assert!(lazy.read(|()| Err::<(), _>("no".into())).is_err());
    let metrics = handle.metrics(DEADLINE).expect("the host turns");
    let [first, second] = metrics.databases.as_slice() else { panic!("{metrics:?}") };
    assert_eq!((first.name.as_str(), first.address.as_str()), ("eager", "door:7"));
    assert_eq!((first.connections, first.is_up, first.is_required), (2, true, true));
    assert_eq!((second.writes, second.reads, second.queue), (1, 1, 0));
    assert!(second.errors.contains(&("query", 1)) && !second.is_required);
    server.stop();
}
