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
    /// A socket asks to open; only with [`Admission::Asked`] and [`Admission::AskedAndClosed`].
    /// Answer with an [`Outbound::Admit`] within the admission time, in any order. The socket waits
    /// for its 101; no other socket waits.
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
    /// The socket's outbox has passed its high mark: the peer reads more slowly than the service
    /// sends. If the service goes on sending, the socket is closed with 1013 once the outbox
    /// exceeds its limit.
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
    /// The service is ready, with the way it admits sockets. Always the first transaction, and the
    /// end of an [`Outbound::Reset`].
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
    /// Subscribe a socket to a topic. A second subscription has no effect.
    Subscribe {
        /// The socket.
        id: SocketId,
        /// The topic. It is created with its first subscriber.
        topic: String,
    },
    /// Remove the subscription.
    Unsubscribe {
        /// The socket.
        id: SocketId,
        /// The topic. It is removed with its last subscriber.
        topic: String,
    },
    /// Stop reading a socket, however empty the mail is. Messages that have been read already are
    /// still delivered. A second pause has no effect.
    Pause {
        /// The socket.
        id: SocketId,
    },
    /// Read the socket again, however often it was paused.
    Resume {
        /// The socket.
        id: SocketId,
    },
    /// A label of a socket for the log, such as its user's name. It replaces the label with the
    /// same key; an empty value removes it. All labels of a socket together have
    /// [`Limits::LABELS_BYTES_MAX`] bytes; labels beyond that are left out. So are labels whose key
    /// is a field of the line already: `socket`, `peer`, `path`, `reason`, `received`, `sent`,
    /// `ms`, and `service`, `event`, `time`, `level`, `target`, `message`, which loggers use for
    /// other values. The log has a warning of the first label of a socket that is left out.
    Label {
        /// The socket.
        id: SocketId,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The process behind the sockets has gone, and a new one of the same program takes its place.
    /// The sockets stay open, and their mail is collected. Subscriptions, pauses and labels are
    /// removed. Sockets that wait to open wait for the next [`Outbound::Ready`]; if the service had
    /// taken the [`Inbound::Ask`] of one, it is asked again.
    Reset {
        /// For how many milliseconds sockets that wait or come are refused with a 503, because the
        /// program keeps failing; 0 if they wait.
        pause_ms: u64,
    },
    /// The service has taken this much of its mail.
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
    /// Each socket is admitted at once.
    Everyone {
        /// The subprotocols that the service speaks, the best first. The first one that the peer
        /// offers is agreed; none if there is no match.
        protocols: Vec<String>,
    },
    /// Each socket waits for the service's verdict.
    Asked,
    /// The same, for a service that allocates something for each socket before its verdict: if a
    /// socket goes while it waits, the service gets its close, without an open.
    AskedAndClosed,
}

impl Default for Admission {
    fn default() -> Self {
        Self::Everyone { protocols: Vec::new() }
    }
}

/// A service's answer to a socket that asks to open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Admitted, without a subprotocol.
    Accept,
    /// Admitted, with this subprotocol. A subprotocol that the peer did not offer is left out.
    AcceptProtocol(String),
    /// Refused; this is the answer instead of the 101.
    Refuse(Response),
}

/// The fields of the log line about a socket, before its labels.
pub(crate) const LIFE_FIELDS: [&str; 7] =
    ["socket", "peer", "path", "reason", "received", "sent", "ms"];

/// Names that no label may have: fields of the line itself or of the logger. A JSON object would
/// otherwise have two members of one name.
pub(crate) fn label_keys_taken() -> impl Iterator<Item = &'static str> {
    LIFE_FIELDS.into_iter().chain(["service", "event", "time", "level", "target", "message"])
}
