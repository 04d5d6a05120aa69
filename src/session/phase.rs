//! The phases of a conversation. It begins at the top and only ever moves down.
//!
//! ```text
//!   Connecting      the request head is being read
//!       | head                  \ a bad head, a time-out
//!   Waiting         the hub decides; frames may already have come
//!       | accept     | respond    \ refuse
//!     Open --.   Responding        |     the body is on its way
//!       |     \      |             |
//!       |  Settling  |             |     the peer is done; the service may still answer
//!     Closing |      |             |     our close frame is out, theirs is awaited
//!       |     |      |             |
//!   Flushing -'---> Lingering <----'     what is queued still leaves; input is dropped
//!        \          /
//!          Finished
//! ```
//!
//! From `Open`, a close frame of the peer, or its fault, leads to `Settling`: what it sent
//! before may still be with its service, whose answers go out before our close frame. A close
//! frame leads on to `Flushing`: both sides know, and the server ends the connection (RFC
//! 6455, 7.1.1). A fault leads on to `Lingering`: the peer may still be sending, and a
//! connection that is ended with unread input would be reset, which could destroy our last
//! bytes before the peer reads them. So only our half is ended, and input is read and dropped
//! until the peer's end or the deadline.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ws::{Close, HeadReader, Upgrade};

/// Where a conversation stands.
#[derive(Debug)]
pub enum Phase {
    /// The request head is being read.
    Connecting(Box<HeadReader>),
    /// The request is whole; the hub has not decided yet.
    Waiting(Box<Waiting>),
    /// Messages go both ways.
    Open,
    /// The peer is done; our close frame follows the answers to what it sent.
    Settling(Box<Settling>),
    /// The head of an answer is queued, and its body is still coming.
    Responding,
    /// Our close frame is queued or sent; the peer's is awaited.
    Closing,
    /// What is queued still leaves, then the connection ends.
    Flushing,
    /// What is queued still leaves, then our half ends; the peer ends the other.
    Lingering,
    /// There is nothing left to do.
    Finished,
}

/// A request that waits for the hub's decision.
#[derive(Debug)]
pub struct Waiting {
    /// The opening handshake; `None` when the request is for a page.
    pub upgrade: Option<Upgrade>,
    /// What came behind the head: frames, which must not be lost.
    pub early: Vec<u8>,
}

/// How a conversation goes on once its service has had its say.
#[derive(Debug)]
pub struct Settling {
    /// What our close frame says.
    pub close: Close,
    /// [`Phase::Flushing`] or [`Phase::Lingering`].
    pub then: Phase,
}
