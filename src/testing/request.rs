//! `TestRequest`: a request of a client in a test.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::testing::answer::TestAnswer;
use crate::testing::client::TestClient;
use crate::testing::link::{Came, TestLink};
use crate::testing::world::World;
use crate::ws::Status;

/// A request before it is sent, from [`TestHost::request`](super::TestHost::request).
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest {
    world: Rc<RefCell<World>>,
    target: String,
    headers: String,
    has_host: bool,
    address: SocketAddr,
}

impl TestRequest {
    pub(super) fn new(world: &Rc<RefCell<World>>, target: &str) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
        let (target, headers) = (target.to_owned(), String::new());
        Self { world: world.clone(), target, headers, has_host: false, address }
    }

    /// Adds a header, such as a `Cookie`, or the `Origin` of a page. Without a `Host` of its own,
    /// the request has `localhost`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.has_host |= name.eq_ignore_ascii_case("Host");
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// Offers a subprotocol.
    pub fn protocol(self, name: &str) -> Self {
        self.header("Sec-WebSocket-Protocol", name)
    }

    /// Sets where the client comes from: 127.0.0.1 by default, which no limit counts.
    pub fn from(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sends the request and expects that the socket opens.
    ///
    /// # Panics
    /// It does not: the text has the answer.
    #[track_caller]
    pub fn open(self) -> TestClient {
        let client = self.send();
        client.expect_open();
        client
    }

    /// Sends the request. [`TestClient::expect_open`] or [`TestClient::expect_refusal`] has to
    /// follow: at once, or when a gate has answered.
    pub fn send(self) -> TestClient {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        self.connect(upgrade)
    }

    /// Sends the request and expects that it is refused with this status.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn expect_refusal(self, status: Status) -> TestAnswer {
        self.send().expect_refusal(status)
    }

    /// Sends it as a plain GET, such as that of a page.
    ///
    /// # Panics
    /// The connection ends without an answer.
    #[track_caller]
    #[must_use]
    pub fn get(self) -> TestAnswer {
        let client = self.connect("");
        let heard = client.world.borrow_mut().io.links[client.link].heard.pop_front();
        match heard {
            Some(Came::Answer(answer)) => answer,
            other => panic!("a plain GET has an answer, and not {other:?}"),
        }
    }

    fn connect(self, upgrade: &str) -> TestClient {
        let Self { world, target, headers, has_host, address } = self;
        let host = if has_host { "" } else { "Host: localhost\r\n" };
        let request = format!("GET {target} HTTP/1.1\r\n{host}{headers}{upgrade}\r\n");
        let number = world.borrow().io.links.len() + 1;
        let name = format!("client {number} ({target})");
        let link = world.borrow_mut().connect(TestLink::new(name, address, &request));
        TestClient { world, link }
    }
}
