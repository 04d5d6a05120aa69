//! What authors of services see. A service has no sockets: it exchanges transactions with
//! the host, keyed by socket id, over a [`Context`]. It knows nothing of frames and sessions.
//!
//! In reading order:
//!
//! - `id`: [`SocketId`]
//! - `request`: [`Request`], the opening handshake of a peer; `peer_info`: [`PeerInfo`], who it is
//! - `transaction`: [`Inbound`] and [`Outbound`], one enum per direction
//! - `audience`: [`Audience`], the sockets that a message is for; `audience_text`: as a text
//! - `link`: what joins a context to the host
//! - `context`: the [`Context`]
//! - `taken`: how much mail a service has taken
//! - `sender`, with the feature `senders`: `ServiceSender`, the way of other threads; its
//!   `sender_queue`, with `no_senders` in the place of that; `wake_senders`: how it wakes the loop;
//!   `send_error`: why nothing was sent
//! - `callbacks`: [`Callbacks`], a service as the loop calls it, and [`Thread`]
//! - `run`: [`Service`], a loop over a context
//! - `origin`: [`OriginRule`], which pages may open sockets to it
//! - `page`: [`Page`], what a plain GET of its path shows; `talk.html`: a page to try a service
//!   with; `page_maker`: what makes a page for each request
//! - `options`: [`ServiceOptions`], what holds for a service; [`Compression`]; [`Start`]
//! - `peer`: [`Peer`], one socket during a callback
//! - `share`, with the feature `processes`: `Share`, which messages other processes get
//! - `workers`, with the feature of that name: `Workers`, how many workers a service has
//! - `handler`: [`Handler`], callbacks laid over a context; `run_callbacks`: on a thread of their
//!   own
//! - `json`, with the feature `json`: `JsonError`, and values as messages
//! - with the feature `state`:
//!   - `task_queue`: what other threads have a service do
//!   - `socket_handler`: `SocketHandler`, a handler with a state for each socket
//!   - `socket_states`: `SocketStates`, for callbacks; `state_table`: keeps them;
//!     `state_places`: where it has each
//!   - `close_error`: `CloseError`; `failure`: the log lines about errors; `line_limit`: how many
//!   - `ask`: `Ask`, a request that waits for an answer; `socket_gate`: `SocketGate`
//!   - `socket_service`: all of them as a service
//! - with the feature `database`, `work`: `Work`, what is answered later; `socket_waits`: the
//!   sockets that wait for it
//! - `shared_values`: what a host has for its services; `thread_mark`: what a thread may wait for
//! - `subscribable`: [`Subscribable`], a source of events within a service

#[cfg(feature = "state")]
mod ask;
pub(crate) mod audience;
#[cfg(any(feature = "admin", feature = "programs"))]
pub(crate) mod audience_text;
pub(crate) mod callbacks;
#[cfg(feature = "state")]
mod close_error;
pub(crate) mod context;
#[cfg(feature = "state")]
mod failure;
mod handler;
mod id;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "processes", feature = "state"))]
pub(crate) mod line_limit;
pub(crate) mod link;
mod options;
mod origin;
mod page;
mod page_maker;
mod peer;
mod peer_info;
mod request;
mod run;
mod run_callbacks;
#[cfg(feature = "senders")]
mod send_error;
#[cfg(feature = "senders")]
mod sender;
#[cfg(feature = "senders")]
pub(crate) mod sender_queue;
#[cfg(not(feature = "senders"))]
#[path = "no_senders.rs"]
pub(crate) mod sender_queue;
#[cfg(feature = "processes")]
mod share;
pub(crate) mod shared_values;
#[cfg(feature = "state")]
mod socket_gate;
#[cfg(feature = "state")]
mod socket_handler;
#[cfg(feature = "state")]
mod socket_service;
#[cfg(feature = "state")]
mod socket_states;
#[cfg(feature = "database")]
mod socket_waits;
#[cfg(feature = "state")]
mod state_places;
#[cfg(feature = "state")]
mod state_table;
mod subscribable;
mod taken;
#[cfg(feature = "state")]
pub(crate) mod task_queue;
pub(crate) mod thread_mark;
mod transaction;
pub(crate) mod wake_senders;
#[cfg(feature = "database")]
mod work;
#[cfg(feature = "workers")]
mod workers;

#[cfg(feature = "state")]
pub use ask::Ask;
pub use audience::Audience;
// Part of an error about a line of a program.
#[cfg(any(feature = "admin", feature = "programs"))]
#[doc(hidden)]
pub use audience_text::AudienceError;
pub use callbacks::{Callbacks, Thread};
#[cfg(feature = "state")]
pub use close_error::CloseError;
#[cfg(feature = "database")]
pub(crate) use close_error::chain_text;
pub use context::Context;
#[cfg(feature = "state")]
#[doc(hidden)]
pub use context::TaskTarget;
#[cfg(feature = "testing")]
pub(crate) use failure::recording_failures;
pub use handler::{Gate, Handler, gated, handler};
pub use id::SocketId;
#[cfg(feature = "json")]
pub use json::JsonError;
pub use link::Received;
pub use options::{Compression, ServiceOptions, Start};
pub use origin::{OriginRule, Origins};
pub use page::Page;
pub(crate) use page_maker::PageCall;
#[cfg(feature = "pages")]
pub(crate) use page_maker::{MadePage, MakePage, PageMaker};
pub use peer::Peer;
pub use peer_info::{ClientCertificate, PeerInfo, TlsInfo, TlsVersion};
pub use request::Request;
pub(crate) use request::UNIX_NAME;
pub use run::Service;
#[cfg(feature = "senders")]
pub use send_error::SendError;
#[cfg(feature = "senders")]
pub use sender::ServiceSender;
#[cfg(feature = "senders")]
#[doc(hidden)]
pub use sender_queue::SenderQueue;
// The engine and the simulation take from them.
#[doc(hidden)]
pub use sender_queue::{SenderSource, SenderTable};
#[cfg(feature = "database")]
#[doc(hidden)]
pub use socket_waits::{AfterAdding, BeginJob, Released, SocketWaits};
pub use subscribable::{Event, Subscribable};
#[cfg(feature = "state")]
#[doc(hidden)]
pub use task_queue::{TaskQueue, TaskSender};
#[doc(hidden)]
pub use wake_senders::WakeForSenders;
#[cfg(feature = "state")]
pub use {
    socket_gate::SocketGate,
    socket_handler::SocketHandler,
    socket_service::{gated_socket_handler, socket_handler},
    socket_states::SocketStates,
};
// The simulation counts with it, too.
#[cfg(feature = "processes")]
pub use share::Share;
#[doc(hidden)]
pub use taken::TakenMail;
pub use transaction::{Admission, Inbound, Outbound, Verdict};
pub(crate) use transaction::{LIFE_FIELDS, label_keys_taken};
#[cfg(feature = "database")]
pub use work::Work;
#[cfg(feature = "workers")]
pub use workers::{WorkerKey, Workers};
