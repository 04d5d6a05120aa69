//! One conversation with one peer, sans-I/O: the request head, the opening handshake, the messages,
//! the closing handshake, and the outbox of bytes to be written. It has no socket and no clock:
//! bytes and `now` are arguments, and events are returned.
//!
//! In reading order:
//!
//! - `phase`: the phases of a conversation and their transitions
//! - `conversation`: [`Session`], which the hub drives; `input`: what the peer does;
//!   `output`: what is to be written
//! - `deadlines`: when they come; `expiry`: what happens then
//! - `reader`: frames become messages (`item`), whose payloads grow in a `body`
//! - `outbox`: messages become bytes that wait for the peer; `unsent`: how long they may wait
//! - `buffer_pool`: buffers of messages and outboxes, to be used again
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
pub use conversation::{NO_REQUEST, Next, Overflow, Refused, Session, SessionEvent};
pub use unsent::SpareMemory;
// For tests of this package, which measure and compare.
#[doc(hidden)]
pub use {
    buffer_pool::BufferPool,
    outbox::{Frame, Outbox},
};
