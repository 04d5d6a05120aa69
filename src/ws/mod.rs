//! Bytes and values of the WebSocket protocol (RFC 6455) and its HTTP upgrade (RFC 9110,
//! 9112). Everything here is a function from bytes to values or back: no I/O, no threads,
//! no logging, and no allocation by a length that a peer merely declares.
//!
//! In reading order:
//!
//! - `head_reader`: reads a request head in any pieces; `head`: one that is whole; `syntax`: its
//!   characters; `head_error`: its errors
//! - `target`: the request target and the path that names a service; `form`: names and values in a
//!   query
//! - `cookie`: cookies; `credentials`: what an `Authorization` says, and how secrets are compared
//! - `upgrade`: a valid opening handshake, and its 101
//! - `extension`, with the feature `deflate`: the negotiation of compression
//! - `origin`: whose page it comes from; `authority`: the hosts in it and in `Host`
//! - `trusted`, `forwarded`, `proxy`: proxies, and what they say about their clients
//! - `response`: every other answer; `http_date`: the moments of HTTP; `range`: parts of
//!   content
//! - `frame`, `mask`: the frame header and the masking of payloads
//! - `utf8`: text that arrives in pieces
//! - `close_code`, `close`: close codes, and with reasons
//! - `message`: whole messages; `short_message`: the fastest path of short ones
//! - `protocol_error`: the broken rules, each with its close code and section
//! - `work`: what all this costs, counted in tests

#[doc(hidden)]
pub mod authority;
pub(crate) mod close;
pub(crate) mod close_code;
#[doc(hidden)]
pub mod cookie;
#[doc(hidden)]
pub mod credentials;
#[cfg(feature = "deflate")]
pub(crate) mod extension;
#[doc(hidden)]
pub mod form;
#[doc(hidden)]
pub mod forwarded;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod head_error;
pub(crate) mod head_reader;
#[doc(hidden)]
pub mod http_date;
#[doc(hidden)]
pub mod mask;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod protocol_error;
#[doc(hidden)]
pub mod proxy;
#[doc(hidden)]
pub mod range;
pub(crate) mod response;
#[cfg(feature = "host")]
pub(crate) mod short_message;
#[doc(hidden)]
pub mod syntax;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod trusted;
pub(crate) mod upgrade;
#[doc(hidden)]
pub mod utf8;
pub(crate) mod work;

// Bytes with several owners. Targets without atomic pointers have no threads, so `Rc` is enough.
#[cfg(not(target_has_atomic = "ptr"))]
pub(crate) use alloc::rc::Rc as Arc;
#[cfg(target_has_atomic = "ptr")]
pub(crate) use alloc::sync::Arc;

pub use authority::UriHost;
pub use close::Close;
pub use close_code::CloseCode;
pub use credentials::{BasicCredentials, constant_time_eq};
#[cfg(feature = "deflate")]
pub use extension::{Agreement, ContextTakeover, Offer, Side};
pub use forwarded::{Forwarded, ForwardedPeer};
pub use frame::{Header, HeaderBytes, Opcode, Payload};
pub use head::Head;
pub use head_error::HeadError;
pub use head_reader::HeadReader;
pub use http_date::DateField;
pub use message::Message;
pub use origin::{Origin, OriginError, Transport};
pub use protocol_error::ProtocolError;
pub use response::{Response, Status};
pub use target::{Target, TargetError};
pub use trusted::{TrustedProxies, TrustedProxiesError};
#[cfg(feature = "workers")]
pub(crate) use upgrade::number_of;
pub use upgrade::{Upgrade, UpgradeError};
// Used by other modules; unused in a build without them.
#[doc(hidden)]
pub use {
    origin::names,
    target::{encode_path, is_canonical},
};
