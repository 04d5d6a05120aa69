//! The phases of a conversation. It begins at the top and only ever moves down.
//!
//! ```text
//! from         to           when
//! Connecting   Waiting      the request head is whole, or wrong, or late
//!              Lingering    the hub refuses before that
//! Waiting      Open         the hub accepts: the 101 is queued
//!              Responding   the hub answers with a head whose body follows
//!              Lingering    the hub answers with anything else, or refuses
//! Responding   Lingering    the body is whole
//! Open         Settling     a close frame came, or a fault: the service may still answer
//!              Closing      the service, or idleness, closes: our close frame is queued
//!              Lingering    the outbox is over its limit: our close frame is queued
//! Settling     Flushing     the service has finished, after a close frame
//!              Lingering    the service has finished, after a fault; or as from Open
//! Closing      Flushing     the peer's close frame came
//!              Lingering    a fault came
//! Flushing     -            what is queued leaves, then the connection is dropped
//! Lingering    -            what is queued leaves, then our half ends; the peer ends the other
//! any          Finished     the connection is lost, or a deadline has passed
//! ```
//!
//! From `Open`, a close frame or a fault of the peer leads to `Settling`. Its earlier messages may
//! still be with its service, whose answers are sent before our close frame. After a close frame,
//! `Flushing` follows: both sides know, and the server ends the connection (RFC 6455, 7.1.1). After
//! a fault, `Lingering` follows: the peer may still be sending, and ending a connection with unread
//! input would reset it, which could destroy our last bytes before the peer reads them. So only our
//! half is ended, and input is read and dropped until the peer's end or the deadline.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::session::reader::FrameReader;
use crate::ws::{Close, HeadReader, Upgrade};

/// The phase of a conversation, with the state that exists only in that phase.
#[derive(Debug)]
pub(super) enum Phase {
    /// The request head is being read; `None` before its first byte.
    Connecting(Option<Box<HeadReader>>),
    /// The request is whole; the hub has not decided yet.
    Waiting(Box<WaitingRequest>),
    /// Messages go both ways.
    Open(FrameReader),
    /// The peer is done; our close frame follows the answers to what it sent.
    Settling(Box<Settling>),
    /// The head of an answer is queued, and its body is still coming.
    Responding,
    /// Our close frame is queued or sent; the peer's is awaited, and messages before it.
    Closing(Box<Closing>),
    /// Queued bytes are written, then the connection ends.
    Flushing,
    /// Queued bytes are written, then our half ends; the peer ends the other.
    Lingering,
    /// There is nothing left to do.
    Finished,
}

/// A request that waits for the hub's decision.
#[derive(Debug)]
pub(super) struct WaitingRequest {
    /// The opening handshake; `None` when the request is for a page.
    pub upgrade: Option<Upgrade>,
    /// Whether it is a HEAD, whose answer has no content (RFC 9110, 9.3.2).
    pub is_head: bool,
    /// The bytes behind the head: frames, which must not be lost.
    pub early: Vec<u8>,
}

/// A conversation that this side has begun to close.
#[derive(Debug)]
pub(super) struct Closing {
    pub reader: FrameReader,
    /// The content of our close frame. It counts, whatever the peer answers.
    pub close: Close,
}

impl Phase {
    /// The reader of the peer's frames, while they count.
    pub(super) fn reader(&mut self) -> Option<&mut FrameReader> {
        match self {
            Self::Open(reader) => Some(reader),
            Self::Closing(closing) => Some(&mut closing.reader),
            Self::Connecting(_)
            | Self::Waiting(_)
            | Self::Settling(_)
            | Self::Responding
            | Self::Flushing
            | Self::Lingering
            | Self::Finished => None,
        }
    }

    /// The bytes of memory that the peer's unfinished message occupies.
    pub(super) fn message_bytes(&self) -> usize {
        match self {
            Self::Open(reader) => reader.capacity(),
            Self::Closing(closing) => closing.reader.capacity(),
            Self::Connecting(_)
            | Self::Waiting(_)
            | Self::Settling(_)
            | Self::Responding
            | Self::Flushing
            | Self::Lingering
            | Self::Finished => 0,
        }
    }
}

/// How a conversation ends after its service has answered.
#[derive(Debug)]
pub(super) struct Settling {
    /// What our close frame says.
    pub close: Close,
    /// [`Phase::Flushing`] or [`Phase::Lingering`].
    pub then: Phase,
}
