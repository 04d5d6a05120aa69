//! Handlers with a state for each socket: their errors, and gates that answer later.

#![cfg(feature = "state")]

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier};
use std::thread;

use log::{Level, LevelFilter};
use switchboard::{
    Admission, Ask, Close, CloseCode, CloseError, Context, Limits, Message, Peer, Request,
    Response, Server, Service, SocketGate, SocketHandler, SocketId, SocketStates, Status, Thread,
    gated_socket_handler, socket_handler,
};

use support::http::upgrade;
use support::logged;
use support::raw::{TEXT, frame};
use support::{LIMITS, Raw, Running, next, on_each_thread, server_on};

/// What a service did.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Open,
    Message(String),
    /// A socket has gone with this code; so many messages came.
    Close(u16, u32),
    /// A state is dropped.
    Drop,
}

/// The state of a socket, whose end the test sees.
struct State {
    messages: u32,
    seen: Sender<Seen>,
    /// A request that is accepted when the state is dropped.
    last: Option<Ask<Self>>,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(ask) = self.last.take() {
            ask.accept(Self { messages: 0, seen: self.seen.clone(), last: None });
        }
        // The test may be over.
        let _ = self.seen.send(Seen::Drop);
    }
}

/// An error with a source.
#[derive(Debug)]
struct Outer(Box<dyn Error>);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outer one")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// Does what messages say, once its gate has given the request to the test.
struct Told {
    seen: Sender<Seen>,
    asks: Sender<Ask<State>>,
    /// Where it waits for the test.
    gate: Arc<Barrier>,
}

impl SocketHandler for Told {
    type Socket = State;
    type Error = Box<dyn Error>;

    fn open(
        &mut self,
        _: &mut Peer<State>,
        _: &mut State,
        request: &Request,
    ) -> Result<(), Box<dyn Error>> {
        self.tell(Seen::Open);
        if request.query().contains("fail") {
            return Err("open fails".into());
        }
        Ok(())
    }

    fn message(
        &mut self,
        peer: &mut Peer<State>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Box<dyn Error>> {
        state.messages += 1;
        let text = message.as_text().unwrap_or_default().to_owned();
        self.tell(Seen::Message(text.clone()));
        match text.as_str() {
            "number" => drop("x".parse::<u8>()?),
            "outer" => return Err(Outer("the inner one".into()).into()),
            "code" => Err(CloseError::new(CloseCode::POLICY, "not so"))?,
            "deep" => {
                let inner = CloseError::new(CloseCode::TOO_BIG, "so long");
                return Err(Outer(inner.into()).into());
            }
            "panic" => panic!("as asked"),
            "wait" => drop(self.gate.wait()),
            "count" => peer.send(state.messages.to_string()),
            "others" => {
                let sum: u32 = peer.others().iter().map(|(_, other)| other.messages).sum();
                peer.send(format!("{} others, {sum} messages", peer.others().iter().count()));
            }
            "reset" => peer.others_mut().iter_mut().for_each(|(_, other)| other.messages = 0),
            _ => {}
        }
        Ok(())
    }

    fn close(
        &mut self,
        _: &mut Peer<State>,
        state: State,
        close: &Close,
    ) -> Result<(), Box<dyn Error>> {
        self.tell(Seen::Close(close.code.number(), state.messages));
        Ok(())
    }
}

impl SocketGate for Told {
    fn admit(&mut self, ask: Ask<State>) {
        if ask.request().query().contains("later") {
            self.asks.send(ask).expect("the test listens");
        } else if ask.request().query().contains("never") {
            drop(ask);
        } else {
            ask.accept(State { messages: 0, seen: self.seen.clone(), last: None });
        }
    }
}

impl Told {
    fn tell(&self, seen: Seen) {
        // The test may be over.
        let _ = self.seen.send(seen);
    }
}

/// A server with this service, and the ends of the test.
struct Rig {
    server: Running,
    seen: Receiver<Seen>,
    asks: Receiver<Ask<State>>,
    /// For states that the test makes.
    tell: Sender<Seen>,
    gate: Arc<Barrier>,
}

impl Rig {
    fn new(thread: Thread, limits: Limits) -> Self {
        let (tell, seen) = mpsc::channel();
        let (ask, asks) = mpsc::channel();
        let mut server = server_on(thread, limits);
        let gate = Arc::new(Barrier::new(2));
        let (told, at) = (tell.clone(), gate.clone());
        server.mount("/told", move || {
            gated_socket_handler(Told { seen: told.clone(), asks: ask.clone(), gate: at.clone() })
        });
        Self { server: Running::start(server), seen, asks, tell, gate }
    }

    /// An open socket.
    fn open(&self) -> Raw {
        let raw = self.server.open("/told");
        assert_eq!(next(&self.seen), Seen::Open);
        raw
    }

    /// A request that waits for the test.
    fn request(&self) -> (Raw, Ask<State>) {
        let mut raw = self.server.raw();
        raw.send(&upgrade("/told?later", "Sec-WebSocket-Protocol: one, two\r\n"));
        (raw, next(&self.asks))
    }

    /// Sends a text, and waits until the service has it.
    fn say(&self, raw: &mut Raw, text: &str) {
        raw.send_text(text);
        assert_eq!(next(&self.seen), Seen::Message(text.to_owned()));
    }

    /// Sends a text, and reads the answer.
    fn ask(&self, raw: &mut Raw, text: &str) -> String {
        self.say(raw, text);
        raw.read_text()
    }

    fn state(&self, messages: u32) -> State {
        State { messages, seen: self.tell.clone(), last: None }
    }

    /// Closes a socket, and waits for the end of its state.
    fn leave(&self, mut raw: Raw, messages: u32) {
        raw.send(&support::raw::close(1000, ""));
        assert_eq!(raw.read_close().0, 1000);
        assert_eq!(next(&self.seen), Seen::Close(1000, messages));
        assert_eq!(next(&self.seen), Seen::Drop);
    }
}

#[test]
fn each_socket_has_its_state_until_its_close() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let (mut first, mut second) = (rig.open(), rig.open());
        for count in 1..=3 {
            assert_eq!(rig.ask(&mut first, "count"), count.to_string());
        }
        assert_eq!(rig.ask(&mut second, "count"), "1");
        assert_eq!(rig.ask(&mut second, "others"), "1 others, 3 messages");
        rig.say(&mut second, "reset");
        assert_eq!(rig.ask(&mut first, "count"), "1");
        // The next socket has the place of this one in the tables of the host, and not its state.
        rig.leave(first, 1);
        let mut third = rig.open();
        assert_eq!(rig.ask(&mut third, "count"), "1");
        assert_eq!(rig.ask(&mut third, "others"), "1 others, 3 messages");
        rig.leave(third, 2);
        rig.leave(second, 3);
    });
}

#[test]
fn an_error_closes_its_socket_and_no_other() {
    let _lines = logged::keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let mut witness = rig.open();
        let rows = [
            ("number", 1011, "", Level::Warn, "invalid digit found in string"),
            ("outer", 1011, "", Level::Warn, "the outer one: the inner one"),
            ("code", 1008, "not so", Level::Info, "1008 not so"),
            ("deep", 1009, "so long", Level::Info, "the outer one: 1009 so long"),
        ];
        for (text, code, reason, level, error) in rows {
            logged::forget();
            let mut raw = rig.open();
            // What came with it is not read by a handler that has failed.
            let [bad, good] = [text, "count"].map(|text| frame(TEXT, text.as_bytes()));
            raw.send(&[bad, good].concat());
            assert_eq!(next(&rig.seen), Seen::Message(text.to_owned()));
            assert_eq!(raw.read_close(), (code, reason.to_owned()));
            raw.send(&support::raw::close(code, ""));
            assert_eq!(next(&rig.seen), Seen::Close(code, 1));
            assert_eq!(next(&rig.seen), Seen::Drop);
            let line = logged::line_with(error);
            assert!(line.text.starts_with("service /told: socket "), "{line:?}");
            assert!(line.fields.contains("service=/told;socket="), "{line:?}");
            assert_eq!((line.level, line.target.as_str()), (level, "switchboard::service"));
            assert_eq!(logged::lines_with(error).len(), 1);
        }
        assert_eq!(rig.ask(&mut witness, "count"), "1");
        assert_eq!(rig.ask(&mut witness, "others"), "0 others, 0 messages");
    });
}

#[test]
fn a_socket_whose_open_fails_has_a_close() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let mut raw = rig.server.open("/told?fail");
        assert_eq!(raw.read_close(), (1011, String::new()));
        raw.send(&support::raw::close(1011, ""));
        let seen: Vec<_> = (0..3).map(|_| next(&rig.seen)).collect();
        assert_eq!(seen, [Seen::Open, Seen::Close(1011, 0), Seen::Drop]);
    });
}

#[test]
fn a_gate_answers_later_from_another_thread() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let mut witness = rig.open();
        let (mut yes, first) = rig.request();
        let (mut no, second) = rig.request();
        // Nobody waits for the verdicts.
        assert_eq!(rig.ask(&mut witness, "count"), "1");
        assert_eq!(first.request().protocols(), ["one", "two"]);
        let state = rig.state(41);
        let other = thread::spawn(move || {
            second.refuse(Response::text(Status::FORBIDDEN, "not you"));
            first.accept_protocol("two", state);
        });
        other.join().expect("it does not panic");
        assert_eq!(no.read_answer().status, 403);
        assert_eq!(yes.read_101().header("sec-websocket-protocol"), Some("two"));
        assert_eq!(next(&rig.seen), Seen::Open);
        assert_eq!(rig.ask(&mut yes, "count"), "42");
        rig.leave(yes, 42);
    });
}

#[test]
fn many_answers_come_at_once() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let (mut raws, mut asks): (Vec<_>, Vec<_>) = (0..100).map(|_| rig.request()).unzip();
        asks.reverse();
        let states: Vec<_> = (0..100).map(|count| rig.state(count)).collect();
        thread::spawn(move || asks.into_iter().zip(states).for_each(|(ask, of)| ask.accept(of)))
            .join()
            .expect("it does not panic");
        for (raw, count) in raws.iter_mut().zip((0..100).rev()) {
            raw.read_101();
            raw.send_text("count");
            assert_eq!(raw.read_text(), (count + 1).to_string());
        }
        let opens = (0..200).filter(|_| next(&rig.seen) == Seen::Open).count();
        assert_eq!(opens, 100);
    });
}

#[test]
fn a_request_without_an_answer_is_refused() {
    let _lines = logged::keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        logged::forget();
        let answer = rig.server.ask(&upgrade("/told?never", ""));
        assert_eq!(answer.status, 500);
        logged::line_with("its gate has dropped the request without an answer");
        let (mut raw, ask) = rig.request();
        thread::spawn(move || drop(ask)).join().expect("it does not panic");
        assert_eq!(raw.read_answer().status, 500);
        rig.open();
    });
}

#[test]
fn the_answer_for_a_socket_that_has_gone_has_no_effect() {
    let _lines = logged::keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        logged::forget();
        let (raw, first) = rig.request();
        let peer = raw.stream().local_addr().expect("it is connected");
        drop(raw);
        logged::line_with(&format!("peer={peer} "));
        // The next socket has the same place in the tables of the host, and waits as well.
        let (mut raw, second) = rig.request();
        first.accept(rig.state(7));
        assert_eq!(next(&rig.seen), Seen::Drop);
        second.accept(rig.state(8));
        raw.read_101();
        assert_eq!(next(&rig.seen), Seen::Open);
        assert_eq!(rig.ask(&mut raw, "count"), "9");
        assert_eq!(rig.ask(&mut raw, "others"), "0 others, 0 messages");
        rig.leave(raw, 10);
    });
}

/// Nothing else may wake the service for the last answer: no mail comes after it.
#[test]
fn an_answer_that_comes_during_others_is_not_left() {
    let _lines = logged::keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        logged::forget();
        let (gone, first) = rig.request();
        let (_refused, second) = rig.request();
        let (mut last, third) = rig.request();
        let peer = gone.stream().local_addr().expect("it is connected");
        drop(gone);
        logged::line_with(&format!("peer={peer} "));
        let mut witness = rig.open();
        rig.say(&mut witness, "wait");
        first.accept(State { messages: 0, seen: rig.tell.clone(), last: Some(third) });
        second.refuse(Response::empty(Status::FORBIDDEN));
        rig.gate.wait();
        last.read_101();
    });
}

#[test]
fn an_answer_that_is_late_has_no_effect() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, Limits { admission_ms_max: 50, ..LIMITS });
        let (mut raw, ask) = rig.request();
        assert_eq!(raw.read_answer().status, 503);
        ask.accept(rig.state(7));
        assert_eq!(next(&rig.seen), Seen::Drop);
    });
}

#[test]
fn the_answer_of_an_earlier_run_has_no_effect() {
    on_each_thread(|thread| {
        let rig = Rig::new(thread, LIMITS);
        let (mut raw, ask) = rig.request();
        let mut bad = rig.open();
        rig.say(&mut bad, "panic");
        // The states of the run end with it, without a close.
        assert_eq!(next(&rig.seen), Seen::Drop);
        assert_eq!(bad.read_close().0, 1012);
        ask.accept(rig.state(7));
        assert_eq!(next(&rig.seen), Seen::Drop);
        assert_eq!(raw.read_answer().status, 503);
        let mut witness = rig.open();
        assert_eq!(rig.ask(&mut witness, "others"), "0 others, 0 messages");
    });
}

/// Runs a service on another thread than its own.
struct Lent<S>(S);

impl<S: Service + Send> Service for Lent<S> {
    fn run(&mut self, context: &mut Context) {
        let service = &mut self.0;
        thread::scope(|scope| scope.spawn(|| service.run(context)).join().expect("it runs"));
    }

    fn admission(&self) -> Admission {
        self.0.admission()
    }
}

#[test]
fn answers_reach_a_context_that_was_lent() {
    let (tell, seen) = mpsc::channel();
    let (ask, asks) = mpsc::channel();
    let gate = Arc::new(Barrier::new(2));
    let (told, at) = (tell.clone(), gate.clone());
    let mut server = Server::new(LIMITS);
    server.mount("/told", move || {
        let told = Told { seen: told.clone(), asks: ask.clone(), gate: at.clone() };
        Lent(gated_socket_handler(told))
    });
    let rig = Rig { server: Running::start(server), seen, asks, tell, gate };
    for count in 0..10 {
        let (mut raw, ask) = rig.request();
        ask.accept(rig.state(count));
        raw.read_101();
        assert_eq!(next(&rig.seen), Seen::Open);
        assert_eq!(rig.ask(&mut raw, "count"), (count + 1).to_string());
        rig.leave(raw, count + 1);
    }
}

/// Knows all sockets by their default states.
struct Counts(Sender<usize>);

impl SocketHandler for Counts {
    type Socket = u32;
    type Error = Infallible;

    fn message(
        &mut self,
        peer: &mut Peer<u32>,
        count: &mut u32,
        message: Message,
    ) -> Result<(), Infallible> {
        *count += 1;
        match message.as_text().and_then(|text| text.parse().ok()).map(SocketId::from_u64) {
            Some(id) => peer.send(format!("{:?}", peer.others().get(id))),
            None => peer.send(peer.id().to_string()),
        }
        Ok(())
    }

    fn tick(&mut self, _: &mut Context, sockets: &mut SocketStates<u32>) {
        // The test may be over.
        let _ = self.0.send(sockets.iter().count());
    }

    fn tick_interval(&self) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_millis(1))
    }
}

#[test]
fn states_of_others_are_found_by_id() {
    on_each_thread(|thread| {
        let (count, counts) = mpsc::channel();
        let mut server = server_on(thread, LIMITS);
        server.mount("/counts", move || socket_handler(Counts(count.clone())));
        let server = Running::start(server);
        let mut raws: Vec<_> = (0..5).map(|_| server.open("/counts")).collect();
        let ids: Vec<_> = raws
            .iter_mut()
            .map(|raw| {
                raw.send_text("id");
                raw.read_text()
            })
            .collect();
        for (at, raw) in raws.iter_mut().enumerate() {
            for (of, id) in ids.iter().enumerate() {
                raw.send_text(id);
                let found = raw.read_text();
                // All before it have counted these messages, too.
                let expected = if of < at { Some(6) } else { Some(1) };
                assert_eq!(found, format!("{:?}", expected.filter(|_| of != at)));
            }
        }
        support::until("the tick has all states", || next(&counts) == 5);
        drop(raws);
        support::until("the tick has no state", || next(&counts) == 0);
        let mut raw = server.open("/counts");
        raw.send_text(&ids[0]);
        assert_eq!(raw.read_text(), "None", "the id is that of no socket now");
    });
}

/// A handler without states.
struct Stateless;

impl SocketHandler for Stateless {
    type Socket = ();
    type Error = std::num::ParseIntError;

    fn message(
        &mut self,
        peer: &mut Peer<()>,
        (): &mut (),
        message: Message,
    ) -> Result<(), std::num::ParseIntError> {
        let number: u32 = message.as_text().unwrap_or_default().parse()?;
        peer.send((number + 1).to_string());
        Ok(())
    }
}

#[test]
fn a_handler_without_states_has_errors_too() {
    on_each_thread(|thread| {
        let mut server: Server = server_on(thread, LIMITS);
        server.mount("/next", || socket_handler(Stateless));
        let server = Running::start(server);
        let (mut one, mut two) = (server.open("/next"), server.open("/next"));
        for raw in [&mut one, &mut two] {
            raw.send_text("41");
            assert_eq!(raw.read_text(), "42");
        }
        one.send_text("x");
        assert_eq!(one.read_close(), (1011, String::new()));
        one.send(&support::raw::close(1011, ""));
        two.send_text("1");
        assert_eq!(two.read_text(), "2");
    });
}
