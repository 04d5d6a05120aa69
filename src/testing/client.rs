//! `TestClient`: a client of a test.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use crate::service::SocketId;
use crate::testing::answer::TestAnswer;
use crate::testing::link::{Came, TestLink};
use crate::testing::text::{first_difference, message_text};
use crate::testing::world::World;
use crate::ws::{Close, CloseCode, Message, Status};

/// A client in a test: it says something, and the test expects what it gets. What came and was not
/// expected yet waits, in its order. A client answers pings by itself, and close frames.
///
/// Where nothing has come, and a socket waits for an answer of its service that comes later
/// (`Peer::later`), a method that expects waits for that, in real time.
///
/// Each method that expects panics if something else came, or nothing. The text of the panic has
/// what came instead, the last lines of the conversation, and failures of the service.
#[derive(Debug)]
pub struct TestClient {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) link: usize,
}

impl TestClient {
    /// Sends a message: text from a `&str` or a `String`, binary from bytes.
    ///
    /// # Panics
    /// The socket is not open.
    #[track_caller]
    pub fn say(&self, message: impl Into<Message>) {
        let message = message.into();
        let is_open = self.with(|link| {
            let is_open = link.is_open();
            if is_open {
                link.say(&message);
            }
            is_open
        });
        assert!(is_open, "{}", self.fault(&format!("says {}", message_text(&message)), NOT_OPEN));
        self.settle();
    }

    /// Expects this message next.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    pub fn expect(&self, message: impl Into<Message>) {
        let expected = message.into();
        let goal = format!("expects {}", message_text(&expected));
        let found = self.take_message(&goal);
        if found != expected {
            let found_text = message_text(&found);
            let instead = first_difference(&expected, &found).unwrap_or(found_text);
            panic!("{}", self.fault(&goal, &instead));
        }
    }

    /// Takes the next message, for what [`TestClient::expect`] cannot say.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    #[must_use]
    pub fn message(&self) -> Message {
        self.take_message("expects a message")
    }

    /// Expects that nothing has come.
    ///
    /// # Panics
    /// Something has.
    #[track_caller]
    pub fn expect_nothing(&self) {
        self.settle();
        let found = self.with(|link| link.heard.front().map(ToString::to_string));
        if let Some(found) = found {
            panic!("{}", self.fault("expects nothing", &found));
        }
    }

    /// Expects that the service, or the host, closes the socket with this code. Returns the reason.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    pub fn expect_close(&self, code: CloseCode) -> String {
        let goal = format!("expects a close with {code}");
        match self.take(&goal) {
            Came::Close(close) if close.code == code => close.reason,
            other => panic!("{}", self.fault(&goal, &other.to_string())),
        }
    }

    /// Expects that a request that was sent by [`TestRequest::send`](super::TestRequest::send)
    /// opens its socket. Returns the subprotocol.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    pub fn expect_open(&self) -> Option<String> {
        match self.take(OPENS) {
            Came::Open(protocol) => protocol,
            other => panic!("{}", self.fault(OPENS, &other.to_string())),
        }
    }

    /// Expects that a request is refused with this status.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    pub fn expect_refusal(&self, status: Status) -> TestAnswer {
        let goal = format!("expects a refusal with {}", status.number());
        match self.take(&goal) {
            Came::Answer(answer) if answer.status() == status.number() => answer,
            other => panic!("{}", self.fault(&goal, &other.to_string())),
        }
    }

    /// Closes the socket with this code and reason. The service gets both. The host answers with
    /// a close, which need not be expected.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.with(|link| {
            if link.is_open() {
                link.close(&Close::new(code, reason));
            }
        });
        self.settle();
    }

    /// Loses the connection without a close: the service gets [`CloseCode::LOST`].
    pub fn lose(&self) {
        self.with(TestLink::lose);
        self.settle();
    }

    /// Reads nothing until [`TestClient::read_on`]: what the service sends waits in the outbox of
    /// the socket, whose limits hold.
    pub fn stop_reading(&self) {
        self.with(|link| link.is_stalled = true);
    }

    /// Reads again, after [`TestClient::stop_reading`].
    pub fn read_on(&self) {
        self.with(|link| (link.is_stalled, link.has_news) = (false, true));
        self.settle();
    }

    /// The id of its socket, which the service knows it by.
    ///
    /// # Panics
    /// The host has not accepted it, since it stops or has too many sockets.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.with(|link| link.id).expect("the host has accepted the connection")
    }

    /// The topics that its socket is subscribed to, sorted.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        self.settle();
        let id = self.id();
        self.world.borrow().topics_of(id)
    }

    #[track_caller]
    pub(super) fn take_message(&self, goal: &str) -> Message {
        match self.take(goal) {
            Came::Message(message) => message,
            other => panic!("{}", self.fault(goal, &other.to_string())),
        }
    }

    #[track_caller]
    fn take(&self, goal: &str) -> Came {
        loop {
            self.settle();
            if let Some(came) = self.with(|link| link.heard.pop_front()) {
                return came;
            }
            let has_come = self.world.borrow_mut().wait_for_answer();
            assert!(has_come, "{}", self.fault(goal, "nothing"));
        }
    }

    /// The text of a failure.
    pub(super) fn fault(&self, goal: &str, found: &str) -> String {
        let mut world = self.world.borrow_mut();
        let link = &world.io.links[self.link];
        let mut text = format!("{} {goal}\n  instead: {found}", link.name());
        let conversation = link.conversation();
        if !conversation.is_empty() {
            let _ = write!(text, "\n  its conversation (> it says, < it gets):{conversation}");
        }
        for failure in world.failures().drain(..) {
            let _ = write!(text, "\n  {failure}");
        }
        text
    }

    /// The engine goes on, since another thread may have sent something.
    fn settle(&self) {
        self.world.borrow_mut().settle();
    }

    fn with<T>(&self, act: impl FnOnce(&mut TestLink) -> T) -> T {
        act(&mut self.world.borrow_mut().io.links[self.link])
    }
}

const OPENS: &str = "expects to be open";
const NOT_OPEN: &str = "its socket is not open";
