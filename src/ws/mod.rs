//! Bytes and values of the WebSocket protocol (RFC 6455) and its HTTP upgrade (RFC 9110,
//! 9112). Everything here is a function from bytes to values or back: no I/O, no threads,
//! no logging, and no allocation by a length that a peer merely declares.
//!
//! In reading order:
//!
//! - [`head`]: a request head, read in whatever pieces it comes; [`syntax`]: its characters;
//!   [`head_error`]: what can be wrong with it
//! - [`target`]: the request target and the path that names a service
//! - [`upgrade`]: a valid opening handshake, and its 101
//! - `extension`, with the feature `deflate`: the negotiation of compression
//! - [`origin`]: whose page it comes from; [`authority`]: the hosts in it and in `Host`
//! - [`response`]: every other answer; [`http_date`]: the moments of HTTP; [`range`]: parts of
//!   content
//! - [`frame`], [`mask`]: the frame header and the masking of payloads
//! - [`utf8`]: text that arrives in pieces
//! - [`close_code`], [`close`]: close codes, and with reasons
//! - [`message`]: whole messages
//! - [`fault`]: the broken rules, each with its close code and section
//! - `work`: what all this costs, counted in tests

pub mod authority;
pub mod close;
pub mod close_code;
#[cfg(feature = "deflate")]
pub mod extension;
pub mod fault;
pub mod frame;
pub mod head;
pub mod head_error;
pub mod http_date;
pub mod mask;
pub mod message;
pub mod origin;
pub mod range;
pub mod response;
pub mod syntax;
pub mod target;
#[cfg(test)]
pub(crate) mod tests;
pub mod upgrade;
pub mod utf8;
pub(crate) mod work;

// Bytes with several owners. A target without atomic pointers has no threads to share them with.
#[cfg(not(target_has_atomic = "ptr"))]
pub(crate) use alloc::rc::Rc as Arc;
#[cfg(target_has_atomic = "ptr")]
pub(crate) use alloc::sync::Arc;

pub use authority::Host;
pub use close::Close;
pub use close_code::CloseCode;
pub use fault::Fault;
pub use frame::{Header, Opcode};
pub use head::{Head, HeadReader};
pub use head_error::HeadError;
pub use http_date::Stamp;
pub use message::Message;
pub use origin::{Origin, OriginError};
pub use response::{Response, Status};
pub use target::{Target, encode_path, is_canonical};
pub use upgrade::Upgrade;
