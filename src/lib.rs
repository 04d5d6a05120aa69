//! Switchboard hosts WebSocket services on one port: the path of an address names a service.
//!
//! # The tour, in 60 seconds
//!
//! A service is a [`Handler`]: callbacks for the events of its sockets.
//!
//! ```
//! # #[cfg(feature = "host")] {
//! use switchboard::{Audience, Handler, Message, Peer, Request};
//!
//! #[derive(Default)]
//! struct News {
//!     told: u64,
//! }
//!
//! impl Handler for News {
//!     fn open(&mut self, peer: &mut Peer, request: &Request) {
//!         peer.send(format!("hello {}, {} so far", request.peer_address(), self.told));
//!         peer.subscribe("news");
//!     }
//!
//!     fn message(&mut self, peer: &mut Peer, message: Message) {
//!         self.told += 1;
//!         peer.send_to(Audience::topic("news").but(peer.id()), message);
//!     }
//! }
//! # }
//! ```
//!
//! A [`Server`] gives services their paths, and becomes a [`Host`], which runs:
//!
//! ```
//! # #[cfg(feature = "host")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use switchboard::{Handler, Limits, Server, handler};
//! # #[derive(Default)] struct News;
//! # impl Handler for News {}
//! let mut server = Server::new(Limits::SERVER);
//! server.mount("/news", || handler(News::default()));
//! let host = server.bind("127.0.0.1:0")?;
//! println!("ws://{}/news", host.address());
//! let stopper = host.stopper();
//! let thread = std::thread::spawn(move || host.run());
//! stopper.stop();
//! thread.join().expect("the host does not panic")?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "host"))]
//! # fn main() {}
//! ```
//!
//! One thread polls all sockets. Each service has a thread of its own, from its first socket on,
//! unless it runs on the loop ([`Thread::Loop`]). A service with a loop of its own is a [`Service`]
//! over a [`Context`]. All bounds are in [`Limits`]; [`memory_bytes_max`](Limits::memory_bytes_max)
//! is the worst case of memory. With the feature `programs`, the executables of a folder are
//! services, too (`Server::document_root`).
//!
//! # The protocol core
//!
//! Without the feature `host` the crate is `no_std` and consists of [`ws`] (bytes and values)
//! and [`session`] (one conversation, sans-I/O), for a TCP stack of your own:
//!
//! ```
//! use switchboard::session::{Session, SessionEvent};
//! use switchboard::{Limits, time::Time};
//!
//! let (limits, now) = (Limits::SMALL, Time::ZERO);
//! let mut session = Session::new(now);
//! let mut bytes = *b"GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\
//!     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
//! let (used, event) = session.receive(&mut bytes, &limits, now);
//! assert_eq!(used, bytes.len());
//! assert!(matches!(event, Some(SessionEvent::Request(head)) if head.target() == "/chat"));
//! session.accept(None, now);
//! let answer: Vec<u8> = session.unsent().flatten().copied().collect();
//! assert!(answer.starts_with(b"HTTP/1.1 101 "));
//! ```
#![cfg_attr(not(any(feature = "host", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Services contain `pub fn service` and `&mut Peer`, so these lints are not for all crates of the
// package.
#![warn(elided_lifetimes_in_paths, unreachable_pub)]
// Without the feature `host`, links to its types lead to the section about such builds.
#![cfg_attr(
    not(feature = "host"),
    doc = "
[`Handler`]: #the-protocol-core
[`Host`]: #the-protocol-core
[`Context`]: #the-protocol-core
[`Server`]: #the-protocol-core
[`Service`]: #the-protocol-core
[`Thread::Loop`]: #the-protocol-core"
)]

extern crate alloc;

pub mod limits;
pub mod time;

pub mod ws;

pub mod session;

// Hidden items are no part of the API: the binary, tests and fuzz targets of this package use them.
#[cfg(feature = "host")]
#[doc(hidden)]
pub mod config;
#[cfg(feature = "host")]
#[doc(hidden)]
pub mod engine;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "host")]
#[doc(hidden)]
pub mod hub;
#[cfg(feature = "host")]
mod net;
#[cfg(feature = "host")]
pub mod pages;
#[cfg(feature = "programs")]
#[doc(hidden)]
pub mod process;
#[cfg(feature = "programs")]
pub mod programs;
#[cfg(feature = "host")]
pub mod server;
#[cfg(feature = "host")]
pub mod service;
#[cfg(feature = "host")]
mod sys;

pub use limits::Limits;
pub use ws::{Close, CloseCode, Message, Origin, Response, Status};

#[cfg(feature = "host")]
pub use {
    host::{Host, Stopper, Turn},
    hub::{AccessLog, AllowedHosts, HostNames, HostNamesError, PathError, Spellings},
    pages::Page,
    server::{BindError, Mounted, Server},
    service::{
        Admission, Audience, Callbacks, Compression, Context, Gate, Handler, Inbound, OriginRule,
        Outbound, Peer, Received, Request, Service, ServiceOptions, SocketId, Subscribable, Thread,
        Verdict, gated, handler,
    },
};

#[cfg(feature = "programs")]
pub use {
    process::{LookupError, Recording, RecordingError, Reloader},
    programs::ProgramOptions,
};

/// The programs in the README are compiled.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../README.md")]
struct Readme;
