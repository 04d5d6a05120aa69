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
//! - `callbacks`: [`Callbacks`], a service as the loop calls it, and [`Thread`]
//! - `run`: [`Service`], a loop over a context
//! - `origin`: [`OriginRule`], which pages may open sockets to it
//! - `options`: [`ServiceOptions`], what holds for a service; [`Compression`]; [`Start`]
//! - `peer`: [`Peer`], one socket during a callback
//! - `handler`: [`Handler`], callbacks laid over a context
//! - `subscribable`: [`Subscribable`], a source of events within a service

pub(crate) mod audience;
#[cfg(any(feature = "admin", feature = "programs"))]
pub(crate) mod audience_text;
pub(crate) mod callbacks;
mod context;
mod handler;
mod id;
pub(crate) mod link;
mod options;
mod origin;
mod peer;
mod peer_info;
mod request;
mod run;
mod subscribable;
mod taken;
mod transaction;

pub use audience::Audience;
// Part of an error about a line of a program.
#[cfg(any(feature = "admin", feature = "programs"))]
#[doc(hidden)]
pub use audience_text::AudienceError;
pub use callbacks::{Callbacks, Thread};
pub use context::Context;
pub use handler::{Gate, Handler, gated, handler};
pub use id::SocketId;
pub use link::Received;
pub use options::{Compression, ServiceOptions, Start};
pub use origin::{OriginRule, Origins};
pub use peer::Peer;
pub use peer_info::{ClientCertificate, PeerInfo, TlsInfo, TlsVersion};
pub use request::Request;
pub(crate) use request::UNIX_NAME;
pub use run::Service;
pub use subscribable::{Event, Subscribable};
// The simulation counts with it, too.
#[doc(hidden)]
pub use taken::TakenMail;
pub use transaction::{Admission, Inbound, Outbound, Verdict};
pub(crate) use transaction::{LIFE_FIELDS, label_keys_taken};
