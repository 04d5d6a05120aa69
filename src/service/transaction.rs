//! The transactions between host and service: one enum per direction, so that the two can
//! never be mixed up. Transactions of one socket keep their order both ways.

use std::sync::Arc;

use crate::limits::Limits;
use crate::service::{Audience, Request, SocketId};
use crate::ws::{Close, Message, Response};

/// From the host to a service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Inbound {
    /// A socket asks to come in; only if the service's [`Admission`] says that it decides.
    /// To be answered with an [`Outbound::Admit`], in whatever order and at any time within
    /// the admission time; the socket waits before its 101 and nobody else does.
    Ask {
        /// The socket.
        id: SocketId,
        /// What it asks for.
        request: Arc<Request>,
    },
    /// A socket is open. Always the first after an [`Inbound::Ask`].
    Open {
        /// The socket.
        id: SocketId,
        /// What it asked for.
        request: Arc<Request>,
    },
    /// A whole message came.
    Data {
        /// The socket.
        id: SocketId,
        /// The message.
        message: Message,
    },
    /// The socket's outbox has passed its high mark: the peer reads more slowly than the
    /// service sends. To go on regardless ends with close 1013 once the outbox is over its
    /// limit.
    Full {
        /// The socket.
        id: SocketId,
        /// The bytes that wait for the peer.
        bytes: usize,
    },
    /// The outbox has fallen to its low mark after an [`Inbound::Full`].
    Drained {
        /// The socket.
        id: SocketId,
    },
    /// The socket is gone. Always the last, and exactly one for each [`Inbound::Open`].
    Close {
        /// The socket.
        id: SocketId,
        /// Why: the code and reason of the side that closed first, be it the peer, the service or
        /// the host; 1006 if the connection was lost before both sides had closed.
        close: Close,
    },
}

impl Inbound {
    /// The socket that the transaction is about.
    #[must_use]
    pub const fn id(&self) -> SocketId {
        match self {
            Self::Ask { id, .. }
            | Self::Open { id, .. }
            | Self::Data { id, .. }
            | Self::Full { id, .. }
            | Self::Drained { id }
            | Self::Close { id, .. } => *id,
        }
    }

    /// What the transaction counts in the mail of its service, in bytes.
    #[must_use]
    pub fn mail_bytes(&self) -> usize {
        Limits::MAIL_ITEM_BYTES
            + match self {
                Self::Ask { request, .. } | Self::Open { request, .. } => request.capacity(),
                Self::Data { message, .. } => message.capacity(),
                Self::Close { close, .. } => close.reason.capacity(),
                Self::Full { .. } | Self::Drained { .. } => 0,
            }
    }
}

const _: () = assert!(size_of::<Inbound>() <= Limits::MAIL_ITEM_BYTES, "an entry counts in full");

/// From a service to the host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outbound {
    /// The service is up, and lets sockets in like this. Always the first, and what ends an
    /// [`Outbound::Reset`].
    Ready(Admission),
    /// The answer to an [`Inbound::Ask`].
    Admit {
        /// The socket.
        id: SocketId,
        /// The answer.
        verdict: Verdict,
    },
    /// Send a message.
    Send {
        /// To whom.
        to: Audience,
        /// What.
        message: Message,
    },
    /// Close sockets. For each of them an [`Inbound::Close`] follows.
    Close {
        /// Which.
        to: Audience,
        /// The code and reason for the peers.
        close: Close,
    },
    /// Subscribe a socket to a topic. A second time changes nothing.
    Subscribe {
        /// The socket.
        id: SocketId,
        /// The topic, which comes into being with its first subscriber.
        topic: String,
    },
    /// Take the subscription back.
    Unsubscribe {
        /// The socket.
        id: SocketId,
        /// The topic, which goes with its last subscriber.
        topic: String,
    },
    /// Read nothing more of a socket, whatever becomes of the mail. A second time changes
    /// nothing; what is on its way still comes.
    Pause {
        /// The socket.
        id: SocketId,
    },
    /// Read on, however often it was paused.
    Resume {
        /// The socket.
        id: SocketId,
    },
    /// A word about a socket for the log, such as its user's name. A key that it has already gets
    /// this value; an empty value takes the label away. All labels of a socket have
    /// [`Limits::LABELS_BYTES_MAX`] together, and those beyond are left out. So are those whose
    /// key is a name that the line has already: `socket`, `peer`, `path`, `reason`, `received`,
    /// `sent`, `ms`, and `service`, `event`, `time`, `level`, `target`, `message`, which loggers
    /// use for other values. The log has a warning of the first label of a socket that is left out.
    Label {
        /// The socket.
        id: SocketId,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// What serves the sockets has gone, and another takes its place under them, such as a new
    /// process of the same program. They stay open, and their mail is collected; subscriptions,
    /// pauses and labels are gone, and whoever waits to come in waits for the next
    /// [`Outbound::Ready`], and is asked about once more if the service had taken its
    /// [`Inbound::Ask`].
    Reset {
        /// For how many milliseconds those who wait or come are refused with a 503, since what
        /// serves keeps failing; 0 if they wait.
        pause_ms: u64,
    },
    /// So much of the mail has been taken by the service.
    Taken {
        /// How many transactions.
        messages: usize,
        /// What they counted, in bytes.
        bytes: usize,
    },
}

impl Outbound {
    /// About how much the transaction adds to a batch, in bytes.
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Send { to, message } => to.capacity() + message.capacity(),
                Self::Admit { verdict: Verdict::Refuse(response), .. } => response.capacity(),
                Self::Subscribe { topic, .. } | Self::Unsubscribe { topic, .. } => topic.capacity(),
                Self::Close { to, close } => to.capacity() + close.reason.capacity(),
                Self::Label { key, value, .. } => key.capacity() + value.capacity(),
                Self::Ready(_)
                | Self::Admit { .. }
                | Self::Pause { .. }
                | Self::Resume { .. }
                | Self::Reset { .. }
                | Self::Taken { .. } => 0,
            }
    }
}

/// How a service lets sockets in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Every socket that comes is let in at once.
    Everyone {
        /// The subprotocols that the service speaks. Of those that a peer offers, the first one
        /// listed here is agreed; none when there is no such one.
        protocols: Vec<String>,
    },
    /// Each socket waits for the service's verdict.
    Asked,
    /// The same, for a service that begins something for each socket before its verdict: a socket
    /// that goes while it waits is closed for the service, which has had no open of it.
    AskedAndClosed,
}

impl Default for Admission {
    fn default() -> Self {
        Self::Everyone { protocols: Vec::new() }
    }
}

/// A service's answer to a socket that asks to come in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It may, without a subprotocol.
    Accept,
    /// It may, with this subprotocol. One that the peer did not offer is left out.
    AcceptProtocol(String),
    /// It may not; this is the answer instead of the 101.
    Refuse(Response),
}

/// The fields of the log line that tells the life of a socket, before its labels.
pub(crate) const LIFE_FIELDS: [&str; 7] =
    ["socket", "peer", "path", "reason", "received", "sent", "ms"];

/// What no label is called: the line says it of each socket itself, or its logger of each line,
/// and an object in JSON would have two members of one name.
pub(crate) fn label_keys_taken() -> impl Iterator<Item = &'static str> {
    LIFE_FIELDS.into_iter().chain(["service", "event", "time", "level", "target", "message"])
}
