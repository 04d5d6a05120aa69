//! Switchboard is a WebSocket server (RFC 6455) that a program embeds: services share one port, and
//! the path of a URL names one of them.
//!
//! It is not a web framework and not an HTTP client. It answers plain HTTP with the pages of its
//! services and with static files. It does TLS with the feature `tls`; a proxy
//! in front of it may do that as well.
//!
//! # A first server
//!
//! ```
//! # #[cfg(feature = "host")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use switchboard::{Handler, Limits, Message, Peer, Server, handler};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn message(&mut self, peer: &mut Peer, message: Message) {
//!         peer.send(message);
//!     }
//! }
//!
//! let mut server = Server::new(Limits::SERVER);
//! server.mount("/echo", || handler(Echo));
//! let host = server.bind("127.0.0.1:0")?;
//! println!("ws://{}/echo", host.address());
//! # host.stopper().stop();
//! host.run()?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "host"))]
//! # fn main() {}
//! ```
//!
//! # Services
//!
//! There are four ways to write one:
//!
//! - A [`Handler`] has callbacks: `open`, `message`, `close`, `tick`, and `full` with `drained` for
//!   flow control. They are called one at a time, so its state needs no locks. [`handler`] makes it
//!   a service.
//! - A [`Gate`] is a handler that also decides about each request before the 101, and may refuse it
//!   with any [`Response`]. [`gated`] makes it a service.
//! - A `SocketHandler` has a state for each socket, and its callbacks return errors, which close
//!   that socket only. `socket_handler` makes it a service. With a `SocketGate`, which makes the
//!   state of what it learns of a request, `gated_socket_handler` does.
//! - A [`Service`] has a loop of its own: it receives [`Inbound`] transactions from a [`Context`].
//!
//! A message goes to one socket, or to an [`Audience`]: a list, a topic, or all, with or without
//! one. It is encoded once:
//!
//! ```
//! # #[cfg(feature = "host")] {
//! use switchboard::{Audience, Handler, Message, Peer, Request};
//!
//! struct News;
//!
//! impl Handler for News {
//!     fn open(&mut self, peer: &mut Peer, request: &Request) {
//!         peer.send(format!("this is {}", request.path()));
//!         peer.subscribe("news");
//!     }
//!
//!     fn message(&mut self, peer: &mut Peer, message: Message) {
//!         peer.send_to(Audience::topic("news").but(peer.id()), message);
//!     }
//! }
//! # }
//! ```
//!
//! The first socket starts a service. Each service has a thread of its own, so it may block.
//! [`Thread::Loop`] places it on the thread that polls the sockets, for services that never block.
//! A service that panics ends alone: its sockets are closed with 1012, and the next socket starts
//! it again.
//!
//! Other threads of the program send to the sockets of a service with a `ServiceSender`, which
//! `Host::sender` and `Context::sender` make. It is bounded, and wakes the loop once for a burst.
//!
//! # Options and limits
//!
//! [`ServiceOptions`] hold for one service: its limits, the [`OriginRule`] for pages of other
//! sites, its [`Thread`], its [`Page`], and [`Compression`]. [`Server`] sets them for the services
//! that are mounted afterwards, and [`Mounted`] for one of them.
//!
//! Every queue, buffer and waiting time has its bound in [`Limits`], with unit, default and memory.
//! [`Limits::SERVER`] and [`Limits::SMALL`] are presets, and
//! [`memory_bytes_max`](Limits::memory_bytes_max) is the worst case in bytes:
//!
//! ```
//! use switchboard::Limits;
//!
//! let limits = Limits { message_bytes_max: 4 * 1024, ..Limits::SMALL };
//! assert!(limits.check().is_ok());
//! assert!(limits.memory_bytes_max(1) < 10 * 1024 * 1024);
//! ```
//!
//! # Embedding
//!
//! [`Host::run`] blocks until the host is stopped. A program with a loop of its own calls
//! [`Host::turn`] instead; [`Host::poll_timeout`] tells a loop that waits for other descriptors
//! when. A [`HostWaker`] ends its wait and a [`Stopper`] stops it, from any thread, and
//! [`Host::stop_on_signals`] handles SIGINT and SIGTERM:
//!
//! ```
//! # #[cfg(feature = "host")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use switchboard::{Limits, Server, Turn};
//!
//! let mut host = Server::new(Limits::SMALL).bind("127.0.0.1:0")?;
//! let stopper = host.stopper();
//! std::thread::spawn(move || stopper.stop());
//! while host.turn(Some(Duration::from_millis(10)))? == Turn::Another {
//!     // What else the program does.
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "host"))]
//! # fn main() {}
//! ```
//!
//! The host logs through the `log` crate: one line for each socket and each refused request, and
//! warnings. These texts, refusals and errors name keys of `server.conf`, which the binary reads,
//! such as `max-per-ip`: [`Limits`] has a table of the keys and its fields.
//!
//! # The core without std
//!
//! Without the feature `host` the crate is `no_std` with `alloc`. It then consists of [`ws`] (bytes
//! and values), [`session`] (one conversation without I/O), [`limits`] and [`time`], for a TCP
//! stack of your own:
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
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `host` | yes | the server: poll loop, service threads, pages and files |
//! | `programs` | yes | executables of a folder as services (`Server::document_root`) |
//! | `proxy` | yes | proxies that say who their clients are (`Server::trusted_proxies`) |
//! | `unix` | yes | the binary listens on Unix sockets and those of systemd, and reports to it |
//! | `admin` | yes | for operators: listeners (`Server::admin`), metrics, a log in a file |
//! | `pages` | yes | pages of services that a closure makes for each request (`Page::of`) |
//! | `json` | yes | values of serde as messages (`Message::json`); brings serde and serde_json |
//! | `senders` | yes | other threads send to sockets (`ServiceSender`) |
//! | `state` | yes | a state for each socket, errors, gates that answer later (`SocketHandler`) |
//! | `database` | no | jobs of databases (`Database`), and one of one's own (`Connector`) |
//! | `sqlite` | no | files of SQLite (`database::sqlite::Sqlite`) |
//! | `postgres` | no | servers of PostgreSQL (`database::postgres::Postgres`); it has `tls` |
//! | `workers` | yes | services with several threads, programs with several processes (`Workers`) |
//! | `processes` | yes | the binary is several processes on one port |
//! | `redis` | no | services share with other hosts (`backplane::RedisBackplane`); it has `tls` |
//! | `chatroom` | yes | the demo chat of the binary; brings `json` |
//! | `simd` | yes | faster UTF-8 validation of long texts; brings simdutf8 |
//! | `testing` | no | a host in memory for the tests of services (`testing::TestHost`) |
//! | `tls` | no | TLS on the listeners of the server (`Server::tls`) |
//! | `deflate` | no | permessage-deflate (RFC 7692), off until a service asks for it |
//!
//! # Examples
//!
//! | file in `examples/` | what it shows |
//! |---|---|
//! | `embed.rs` | the shortest program: a service with state, and a stop by signals |
//! | `lobby.rs` | players: a gate that makes states, rooms as topics, JSON, news of a thread |
//! | `guarded.rs` | the shortest gate, subprotocols, and turns with the limits for small hosts |
//! | `token.rs` | a gate for tokens of programs and of pages, with a label for the log |
//! | `flow.rs` | flow control from a slow receiver back to its sender |
//! | `jobs.rs` | asynchronous work on a runtime of tokio, in a service with a loop of its own |
//! | `users.rs` | a table of users in a file of SQLite |
//! | `visits.rs` | a database of one's own, which a service on the loop asks |
//! | `own_loop.rs` | a host in a loop over `poll`, with standard input and a fixed step |
//! | `core_tcp.rs` | the core over a plain TCP stream, without any feature |
//! | `small.rs` | measures the memory of a host under attack against its bound |
#![cfg_attr(not(any(feature = "host", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Services contain `pub fn service` and `&mut Peer`, so these lints are not for all crates of the
// package.
#![warn(elided_lifetimes_in_paths, unreachable_pub)]
// Without the feature `host`, links to its types lead to the section about such builds.
#![cfg_attr(
    not(feature = "host"),
    doc = "

[`Audience`]: #the-core-without-std
[`Compression`]: #the-core-without-std
[`Context`]: #the-core-without-std
[`Gate`]: #the-core-without-std
[`Handler`]: #the-core-without-std
[`Host::poll_timeout`]: #the-core-without-std
[`Host::run`]: #the-core-without-std
[`Host::stop_on_signals`]: #the-core-without-std
[`Host::turn`]: #the-core-without-std
[`HostWaker`]: #the-core-without-std
[`Inbound`]: #the-core-without-std
[`Mounted`]: #the-core-without-std
[`OriginRule`]: #the-core-without-std
[`Page`]: #the-core-without-std
[`Server`]: #the-core-without-std
[`Service`]: #the-core-without-std
[`ServiceOptions`]: #the-core-without-std
[`Stopper`]: #the-core-without-std
[`Thread`]: #the-core-without-std
[`Thread::Loop`]: #the-core-without-std
[`gated`]: #the-core-without-std
[`handler`]: #the-core-without-std"
)]

extern crate alloc;

pub mod limits;
pub mod time;

pub mod ws;

pub mod session;

// Hidden items are no part of the API: the binary, tests and fuzz targets of this package use them.
#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "redis")]
pub mod backplane;
#[cfg(feature = "host")]
#[doc(hidden)]
pub mod config;
#[cfg(any(feature = "database", feature = "redis"))]
mod connecting;
#[cfg(feature = "database")]
pub mod database;
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
#[cfg(feature = "processes")]
#[doc(hidden)]
pub mod prefork;
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
#[cfg(feature = "testing")]
pub mod testing;

/// TLS on listeners of a server: the files of certificates, and those in use.
#[cfg(feature = "tls")]
pub mod tls {
    #[cfg(feature = "processes")]
    #[doc(hidden)]
    pub use crate::net::tls::TicketSecret;
    pub use crate::net::tls::{
        CertificateFiles, ClientCertificates, Tls, TlsError, TlsFiles, TlsRenewal,
    };
    #[doc(hidden)]
    pub use crate::net::tls::{
        Channel, ChannelState, Decrypted, MakeChannel, RecordChannel, Records, SealedStream,
        TlsSockets,
    };
}

pub use limits::Limits;
pub use ws::{
    BasicCredentials, Close, CloseCode, Forwarded, Message, Origin, Response, Status,
    TrustedProxies, TrustedProxiesError, constant_time_eq,
};

#[cfg(feature = "host")]
pub use {
    host::{Host, HostWaker, ListenAddress, ListenerSource, Reloader, Stopper, Turn},
    hub::{
        AccessLog, AllowedHosts, HostNames, HostNamesError, PathError, ProxyProtocol, Spellings,
    },
    server::{BindError, Mounted, Server},
    service::{
        Admission, Audience, Callbacks, ClientCertificate, Compression, Context, Gate, Handler,
        Inbound, OriginRule, Outbound, Page, Peer, PeerInfo, Received, Request, Service,
        ServiceOptions, SocketId, Start, Subscribable, Thread, TlsInfo, TlsVersion, Verdict, gated,
        handler,
    },
};

#[cfg(feature = "senders")]
pub use {
    server::NoService,
    service::{SendError, ServiceSender},
};

#[cfg(feature = "processes")]
pub use service::Share;

#[cfg(feature = "workers")]
pub use service::{WorkerKey, Workers};

#[cfg(feature = "state")]
pub use service::{
    Ask, CloseError, SocketGate, SocketHandler, SocketStates, gated_socket_handler, socket_handler,
};

#[cfg(feature = "database")]
pub use {
    database::{
        Connector, Database, DatabaseError, DatabaseOptions, JobError, JobResult, NoDatabase,
    },
    service::Work,
};

#[cfg(feature = "admin")]
pub use {
    admin::{MetricsError, MetricsHandle},
    pages::{
        BackplaneMetrics, DatabaseMetrics, Histogram, HostReadiness, Metrics, MetricsText,
        NotReady, ServiceMetrics, WorkerMetrics,
    },
};

#[cfg(feature = "json")]
pub use service::JsonError;

#[cfg(feature = "programs")]
pub use {
    process::{LookupError, Recording, RecordingError},
    programs::ProgramOptions,
};

/// The programs in the README are compiled, and those in other documents.
#[cfg(all(doctest, feature = "json", feature = "senders", feature = "state"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "json", feature = "state"))]
#[doc = include_str!("../docs/first-steps.md")]
struct FirstStepsPage;

#[cfg(all(doctest, feature = "sqlite", feature = "postgres"))]
#[doc = include_str!("../docs/databases.md")]
struct DatabasesPage;
