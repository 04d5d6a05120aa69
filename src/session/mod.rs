//! One conversation with one peer, sans-I/O: the request head, the opening handshake, the
//! messages, the closing handshake, and the outbox of what is still to be written. It has no
//! socket and no clock: bytes, and `now`, are arguments; what happened is returned.
//!
//! In reading order:
//!
//! - `phase`: the phases of a conversation and the ways between them
//! - `conversation`: [`Session`], which the hub drives; `input`: what the peer does;
//!   `output`: what is to be written
//! - `deadlines`: when they come; `expiry`: what they demand
//! - `reader`: frames become messages (`item`), whose payloads grow in a `body`
//! - `outbox`: messages become bytes that wait for the peer; `unsent`: how long they may
//! - `buffer_pool`: what large messages leave to those after them
//! - `deflate`, `compressed` and `codec`, with the feature `deflate`: compression

mod body;
mod buffer_pool;
#[cfg(feature = "deflate")]
mod codec;
#[cfg(feature = "deflate")]
mod compressed;
mod conversation;
mod deadlines;
#[cfg(feature = "deflate")]
mod deflate;
mod expiry;
mod input;
mod item;
mod outbox;
mod output;
mod phase;
mod reader;
#[cfg(test)]
pub(crate) mod tests;
mod unsent;

#[cfg(feature = "deflate")]
pub use codec::Codec;
#[cfg(feature = "deflate")]
pub use compressed::Compressed;
pub use conversation::{Next, Overflow, Refused, Session, SessionEvent};
pub use unsent::SpareMemory;
// What tests of this package measure and compare.
#[doc(hidden)]
pub use {
    buffer_pool::BufferPool,
    outbox::{Frame, Outbox},
};
