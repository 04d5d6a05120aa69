//! A server with a chat.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use switchboard::{Server, Thread};

use crate::client::{Client, NEW_ROOMS_MAX, create};
use crate::demo_chatroom;
use crate::support::{SOON, server_on, tcp};

/// A server with a chat of its own.
pub(crate) struct Chat {
    address: SocketAddr,
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

impl Chat {
    pub(crate) fn start() -> Self {
        Self::start_on(Thread::Own)
    }

    pub(crate) fn start_on(thread: Thread) -> Self {
        // Clients that are still there in the end are closed at once.
        Self::run(server_on(thread, SOON))
    }

    /// Runs a server.
    pub(crate) fn run(mut server: Server) -> Self {
        server.mount("/demo_chatroom", demo_chatroom::service);
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let address = tcp(&host);
        let stopper = host.stopper();
        let thread = thread::spawn(move || host.run().expect("the host runs"));
        let stop: Box<dyn FnOnce()> = Box::new(move || stopper.stop());
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is.
    #[cfg(feature = "sqlite")]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Somebody in no room.
    pub(crate) fn named(&self, user: &str) -> Client {
        Client::named(self.address, user)
    }

    /// Makes these rooms, with as many clients as needed, which leave.
    pub(crate) fn make_rooms(&self, rooms: &[String]) {
        for some in rooms.chunks(NEW_ROOMS_MAX) {
            let mut maker = self.named("Maker");
            for room in some {
                maker.send(create(room));
            }
            maker.expect_silence_after(some.len());
        }
    }

    /// Somebody in a room, which is made if it is not there.
    pub(crate) fn in_room(&self, user: &str, room: &str) -> Client {
        Client::in_room(self.address, user, room)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server stops cleanly");
    }
}
