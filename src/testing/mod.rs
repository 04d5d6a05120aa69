//! Tests of services without sockets and threads, in virtual time.
//!
//! [`TestHost`] runs the engine of a host, with its sessions, gates, topics, limits and deadlines,
//! over connections in memory. So what a test sees is what a client of the server sees. It reads no
//! clock: [`TestHost::advance`] moves the time.
//!
//! ```
//! use switchboard::testing::TestHost;
//! use switchboard::{Audience, Handler, Message, Peer, Request, handler};
//!
//! struct Rooms;
//!
//! impl Handler for Rooms {
//!     fn open(&mut self, peer: &mut Peer, request: &Request) {
//!         peer.subscribe(request.query_value("room").unwrap_or_default());
//!     }
//!
//!     fn message(&mut self, peer: &mut Peer, message: Message) {
//!         peer.send_to(Audience::topic("red").but(peer.id()), message);
//!     }
//! }
//!
//! let host = TestHost::of("/rooms", || handler(Rooms));
//! let ada = host.open("/rooms?room=red");
//! let bob = host.open("/rooms?room=red");
//! assert_eq!(host.subscribers("red"), [ada.id(), bob.id()]);
//!
//! ada.say("hello");
//! bob.expect("hello");
//! ada.expect_nothing();
//! ```
//!
//! What differs from a server:
//!
//! - All services run on the thread of the test, as those of
//!   [`Thread::Loop`](crate::Thread::Loop) do. So a service needs callbacks: one with a loop of its
//!   own, and a program, need a real host.
//! - The workers of a service (`Workers`) are called on that thread as well, each with its own
//!   state, mail and failures.
//! - What a service asks a clock itself, such as `Instant::now`, is real time. Ticks, deadlines and
//!   limits of rates are virtual.
//! - There are no files, no TLS, no PROXY protocol, and no compression.
//!
//! In reading order:
//!
//! - `harness`: [`TestHost`]; `request`: [`TestRequest`]; `client`: [`TestClient`]; `json`: its
//!   methods for JSON; `answer`: [`TestAnswer`]
//! - `world`: an engine whose time a test moves; `io`: what it works with; `link`: a connection in
//!   memory
//! - `waits`: whether an answer is under way; `wire`: a client's end of the wire; `text`: what
//!   failures show of it

mod answer;
mod client;
mod harness;
mod io;
#[cfg(feature = "json")]
mod json;
mod link;
mod request;
mod text;
mod waits;
mod wire;
mod world;

pub use answer::TestAnswer;
pub use client::TestClient;
pub use harness::TestHost;
pub use request::TestRequest;
