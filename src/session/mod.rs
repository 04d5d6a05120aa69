//! One conversation with one peer, sans-I/O: the request head, the opening handshake, the
//! messages, the closing handshake, and the outbox of what is still to be written. It has no
//! socket and no clock: bytes, and `now`, are arguments; what happened is returned.
//!
//! In reading order:
//!
//! - `phase`: the phases of a conversation and the ways between them
//! - `conversation`: [`Session`], which the hub drives; `input`: what the peer does;
//!   `output`: what is to be written
//! - `clock`: its deadlines; `expiry`: what they demand
//! - `reader`: frames become messages, whose payloads grow in a `body`
//! - `outbox`: messages become bytes that wait for the peer
//! - `buffers`: what large messages leave to those after them
//! - `deflate` and `codec`, with the feature `deflate`: compression

mod body;
mod buffers;
mod clock;
#[cfg(feature = "deflate")]
mod codec;
mod conversation;
#[cfg(feature = "deflate")]
mod deflate;
mod expiry;
mod input;
mod outbox;
mod output;
mod phase;
mod reader;
#[cfg(test)]
pub(crate) mod tests;

pub use buffers::Buffers;
#[cfg(feature = "deflate")]
pub use codec::Codec;
pub use conversation::{Event, Next, Overflow, Refused, Session};
#[cfg(feature = "deflate")]
pub use deflate::Compressed;
pub use outbox::{Frame, Outbox};
