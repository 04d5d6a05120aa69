//! `TestHost`: a host without sockets and threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::limits::Limits;
use crate::server::Server;
use crate::service::{Service, ServiceSender, SocketId};
use crate::testing::client::TestClient;
use crate::testing::request::TestRequest;
use crate::testing::world::World;

/// A host in memory, for a test of its services: see [`testing`](crate::testing).
///
/// A callback that fails, or a service that panics, has to be expected by
/// [`TestHost::expect_failure`]. Otherwise the test fails when the host is dropped. An error that
/// says how its socket is closed ([`CloseError`](crate::CloseError)) is no failure.
#[derive(Debug)]
pub struct TestHost {
    world: Rc<RefCell<World>>,
}

impl TestHost {
    /// A host with one service at this path, and with the limits of
    /// [`Limits::SERVER`](crate::Limits::SERVER).
    ///
    /// # Panics
    /// As [`TestHost::new`].
    #[track_caller]
    #[must_use]
    pub fn of<S, F>(path: &str, factory: F) -> Self
    where
        S: Service,
        F: Fn() -> S + Send + Sync + 'static,
    {
        let mut server = Server::new(Limits::SERVER);
        server.mount(path, factory);
        Self::new(server)
    }

    /// A host of a server, with its services, limits and rules.
    ///
    /// # Panics
    /// The server cannot be bound either, or a service has a loop of its own.
    #[track_caller]
    #[must_use]
    pub fn new(server: Server) -> Self {
        match server.into_test_plan() {
            Ok(plan) => Self { world: Rc::new(RefCell::new(World::new(plan))) },
            Err(error) => panic!("the server cannot be tested: {error}"),
        }
    }

    /// Opens a socket: the target is a path, maybe with a query.
    ///
    /// # Panics
    /// It does not open: the text has the answer.
    #[track_caller]
    #[must_use]
    pub fn open(&self, target: &str) -> TestClient {
        self.request(target).open()
    }

    /// A request with headers, from another address, that is refused, or for a page.
    pub fn request(&self, target: &str) -> TestRequest {
        TestRequest::new(&self.world, target)
    }

    /// Lets so much time pass, in whole milliseconds. Ticks, deadlines and limits of rates take
    /// place on the way, each at its time. As on a server, a deadline may be 64 ms late.
    pub fn advance(&self, time: Duration) {
        self.world.borrow_mut().advance(time);
    }

    /// The sockets that are subscribed to a topic of any service, in the order in which they were
    /// opened. [`TestClient::id`] is the id of each.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> Vec<SocketId> {
        let mut world = self.world.borrow_mut();
        world.settle();
        let all = world.subscribers(topic);
        let opened = world.io.links.iter().filter_map(|link| link.id);
        opened.filter(|id| all.contains(id)).collect()
    }

    /// A sender of the service at this path, as [`Host::sender`](crate::Host::sender) makes it.
    /// What it sends arrives with the next call of a method of the host or of a client.
    ///
    /// # Panics
    /// No service is mounted at this path.
    #[track_caller]
    #[must_use]
    pub fn sender(&self, path: &str) -> ServiceSender {
        let sender = self.world.borrow().sender(path);
        sender.unwrap_or_else(|| panic!("no service is mounted at {path:?}"))
    }

    /// Waits until another thread has sent something to a socket, or has answered a request that
    /// waits for a gate. It is for services that have threads. This takes real time.
    ///
    /// # Panics
    /// Nothing came within 20 seconds.
    #[track_caller]
    pub fn wait(&self) {
        if let Err(time) = self.world.borrow_mut().wait() {
            panic!("no other thread has sent anything within {} seconds", time.as_secs());
        }
    }

    /// Expects that a callback has failed, that a gate has dropped a request, or that a service has
    /// panicked. Returns its text. Several failures are expected one by one, in their order.
    ///
    /// # Panics
    /// There is no failure.
    #[track_caller]
    pub fn expect_failure(&self) -> String {
        let mut world = self.world.borrow_mut();
        world.settle();
        let failures = world.failures();
        assert!(!failures.is_empty(), "a failure of a service is expected, and there is none");
        failures.remove(0)
    }

    /// Stops the host cleanly: sockets are closed with 1001, and services finish. Clients can
    /// expect what came until then.
    pub fn stop(&self) {
        self.world.borrow_mut().stop();
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let failures = std::mem::take(self.world.borrow_mut().failures());
        assert!(
            failures.is_empty(),
            "a service has failed, and TestHost::expect_failure was not called:\n  {}",
            failures.join("\n  ")
        );
    }
}
