//! The transactions between host and service: one enum per direction, so that the two can
//! never be mixed up. Transactions of one socket keep their order both ways.

use std::sync::Arc;

use crate::limits::Limits;
use crate::service::{Audience, Request, SocketId};
use crate::ws::{Close, Message, Response};

/// A transaction from the host to a service. Those of one socket come in order: an
/// [`Inbound::Ask`] if the service decides, [`Inbound::Open`], any of the others, and exactly one
/// [`Inbound::Close`] at the end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Inbound {
    /// A request asks for a socket: only if the service's [`Admission`] says that it decides. The
    /// answer is an [`Outbound::Admit`], in any order, within [`Limits::admission_ms_max`]; after
    /// that the request gets a 503. No other socket waits for it.
    Ask {
        /// The socket.
        id: SocketId,
        /// What it asks for.
        request: Arc<Request>,
    },
    /// A socket is open: its first transaction, or the first after [`Inbound::Ask`].
    Open {
        /// The socket.
        id: SocketId,
        /// What it asked for.
        request: Arc<Request>,
    },
    /// A whole message came, of up to [`Limits::message_bytes_max`] bytes.
    Data {
        /// The socket.
        id: SocketId,
        /// The message.
        message: Message,
    },
    /// More than [`Limits::outbox_high_bytes`] wait for the peer, which reads more slowly than the
    /// service sends. Above [`Limits::outbox_bytes_max`] the socket is closed with 1013.
    Full {
        /// The socket.
        id: SocketId,
        /// How many bytes wait for the peer.
        bytes: usize,
    },
    /// After an [`Inbound::Full`]: no more than [`Limits::outbox_low_bytes`] wait for the peer.
    Drained {
        /// The socket.
        id: SocketId,
    },
    /// Messages that other processes have sent may be missing: those to a topic, or to any. It
    /// comes only if the service shares ([`Share`](crate::service::Share)), and is about no socket.
    #[cfg(feature = "processes")]
    Gap {
        /// The topic; `None`: any topic, and all sockets.
        topic: Option<String>,
    },
    /// Another process has sent a message to a topic to which this service listens
    /// ([`Outbound::Listen`]). It is about no socket.
    #[cfg(feature = "processes")]
    Heard {
        /// The topic.
        topic: String,
        /// The message.
        message: Message,
    },
    /// The socket has gone: its last transaction, and exactly one for each [`Inbound::Open`].
    Close {
        /// The socket.
        id: SocketId,
        /// Why: the code and reason of the side that closed first, which is the peer, the service
        /// or the host; 1006 if the connection was lost before both sides had closed.
        close: Close,
    },
}

impl Inbound {
    /// The socket that the transaction is about. What is about none has an id that no
    /// socket has.
    #[must_use]
    pub const fn id(&self) -> SocketId {
        match self {
            Self::Ask { id, .. }
            | Self::Open { id, .. }
            | Self::Data { id, .. }
            | Self::Full { id, .. }
            | Self::Drained { id }
            | Self::Close { id, .. } => *id,
            #[cfg(feature = "processes")]
            Self::Gap { .. } | Self::Heard { .. } => Audience::NOBODY,
        }
    }

    /// What the transaction counts in the mail of its service, in bytes: its memory, and
    /// [`Limits::MAIL_ITEM_BYTES`]. [`Limits::mail_bytes_max`] bounds the sum.
    #[must_use]
    #[inline]
    pub fn mail_bytes(&self) -> usize {
        Limits::MAIL_ITEM_BYTES
            + match self {
                Self::Ask { request, .. } | Self::Open { request, .. } => request.capacity(),
                Self::Data { message, .. } => message.capacity(),
                Self::Close { close, .. } => close.reason.capacity(),
                Self::Full { .. } | Self::Drained { .. } => 0,
                #[cfg(feature = "processes")]
                Self::Gap { topic } => topic.as_ref().map_or(0, String::capacity),
                #[cfg(feature = "processes")]
                Self::Heard { topic, message } => topic.capacity() + message.capacity(),
            }
    }
}

const _: () = assert!(size_of::<Inbound>() <= Limits::MAIL_ITEM_BYTES, "an entry counts in full");

/// A transaction from a service to the host. What concerns a socket that has gone, or one of
/// another service, is ignored. The methods of [`Context`](crate::service::Context) send these.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outbound {
    /// The service is ready, and admits sockets like this. The host's threads send it before
    /// [`Service::run`](crate::service::Service::run); it also ends an [`Outbound::Reset`].
    Ready(Admission),
    /// The answer to an [`Inbound::Ask`]. One that comes too late, or twice, is ignored.
    Admit {
        /// The socket.
        id: SocketId,
        /// The answer.
        verdict: Verdict,
    },
    /// Send a message. An outbox that would exceed [`Limits::outbox_bytes_max`] is closed with
    /// 1013.
    Send {
        /// The audience.
        to: Audience,
        /// What.
        message: Message,
    },
    /// Close sockets, each after what was sent to it before. For each of them an [`Inbound::Close`]
    /// follows.
    Close {
        /// Which.
        to: Audience,
        /// The code and reason for the peers. The reason is cut to 123 bytes.
        close: Close,
    },
    /// Subscribe a socket to a topic. A second time changes nothing. Above a limit
    /// ([`Limits::topics_max`], [`Limits::topics_per_socket_max`],
    /// [`Limits::TOPIC_NAME_BYTES_MAX`]) the socket is closed with 1013.
    Subscribe {
        /// The socket.
        id: SocketId,
        /// The topic, which exists from its first subscriber on.
        topic: String,
    },
    /// End a subscription, if there is one.
    Unsubscribe {
        /// The socket.
        id: SocketId,
        /// The topic, which ends with its last subscriber.
        topic: String,
    },
    /// Have the service hear what other processes send to a topic, if it shares: as
    /// [`Inbound::Heard`], until it ends or sends [`Outbound::Unlisten`]. The first transaction is
    /// an [`Inbound::Gap`] of the topic, since what was sent before is missing. A second time
    /// changes nothing. Above [`Limits::topics_max`] it is ignored, with a warning in the log.
    #[cfg(feature = "processes")]
    Listen {
        /// The topic, which needs no subscriber.
        topic: String,
    },
    /// End that, for one topic.
    #[cfg(feature = "processes")]
    Unlisten {
        /// The topic.
        topic: String,
    },
    /// Stop reading a socket, even if the mail has capacity. A second time changes nothing.
    /// Messages that were read before still come.
    Pause {
        /// The socket.
        id: SocketId,
    },
    /// Read a socket again, however often it was paused.
    Resume {
        /// The socket.
        id: SocketId,
    },
    /// Set a label in the log line about the end of a socket, such as its user's name. It stands
    /// behind the other fields, as `key=value`, and values are escaped. A key that is there gets
    /// the new value; an empty value removes the label. Peers never see labels.
    ///
    /// All labels of a socket have [`Limits::LABELS_BYTES_MAX`] together: each counts the bytes of
    /// its key and value, and 64 more. Those beyond are left out. So are those whose key the line
    /// has already (`socket`, `peer`, `path`, `reason`, `received`, `sent`, `ms`) or that loggers
    /// use (`service`, `event`, `time`, `level`, `target`, `message`). For the first label of a
    /// socket that is left out, the log has a warning.
    Label {
        /// The socket.
        id: SocketId,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// What serves the sockets has gone, and a successor takes over, such as a new process of the
    /// same program. The sockets stay open, and their mail is collected. Subscriptions, pauses and
    /// labels are removed. Requests that wait for an answer wait for the next [`Outbound::Ready`];
    /// if the service had received their [`Inbound::Ask`], another one follows.
    Reset {
        /// For how many milliseconds requests get a 503, because what serves keeps failing; 0 if
        /// they wait instead.
        pause_ms: u64,
    },
    /// The service answers a socket later, and keeps its other mail until then: the socket
    /// is not read, and its close frame waits. A context sends it by itself.
    #[cfg(feature = "database")]
    #[doc(hidden)]
    Later {
        /// The socket.
        id: SocketId,
    },
    /// The service has answered all that it had kept of a socket.
    #[cfg(feature = "database")]
    #[doc(hidden)]
    Answered {
        /// The socket.
        id: SocketId,
    },
    /// The service has taken this much of its mail, which frees capacity for more. A context sends
    /// it by itself.
    Taken {
        /// How many transactions.
        messages: usize,
        /// What they counted, in bytes.
        bytes: usize,
    },
}

impl Outbound {
    /// About how much the transaction adds to a batch, in bytes. [`Limits::batch_bytes_max`] bounds
    /// the sum.
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Send { to, message } => to.capacity() + message.capacity(),
                Self::Admit { verdict: Verdict::Refuse(response), .. } => response.capacity(),
                Self::Subscribe { topic, .. } | Self::Unsubscribe { topic, .. } => topic.capacity(),
                #[cfg(feature = "processes")]
                Self::Listen { topic } | Self::Unlisten { topic } => topic.capacity(),
                Self::Close { to, close } => to.capacity() + close.reason.capacity(),
                Self::Label { key, value, .. } => key.capacity() + value.capacity(),
                Self::Ready(_)
                | Self::Admit { .. }
                | Self::Pause { .. }
                | Self::Resume { .. }
                | Self::Reset { .. }
                | Self::Taken { .. } => 0,
                #[cfg(feature = "database")]
                Self::Later { .. } | Self::Answered { .. } => 0,
            }
    }
}

/// How a service admits sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Every socket is admitted at once. This is the default, without subprotocols.
    Everyone {
        /// The subprotocols that the service speaks, the best first. The first one here that the
        /// peer offers is agreed on; without such a one, none.
        protocols: Vec<String>,
    },
    /// Each socket waits for the service's [`Verdict`]: see [`Inbound::Ask`].
    Asked,
    /// The same, for a service that begins something for each socket before its verdict. A socket
    /// that goes while it waits has an [`Inbound::Close`], without an [`Inbound::Open`] before.
    AskedAndClosed,
}

impl Default for Admission {
    fn default() -> Self {
        Self::Everyone { protocols: Vec::new() }
    }
}

/// A service's answer to a request for a socket. Gates make verdicts, and only the host matches
/// them, so minor versions may add variants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The socket is opened, without a subprotocol.
    Accept,
    /// The socket is opened with this subprotocol. One that the peer did not offer is left out.
    AcceptProtocol(String),
    /// The socket is refused. This is the answer instead of the 101, with any status.
    Refuse(Response),
}

/// The fields of the log line about a socket, before its labels.
pub(crate) const LIFE_FIELDS: [&str; 7] =
    ["socket", "peer", "path", "reason", "received", "sent", "ms"];

/// Names that no label may have: fields of the line itself or of the logger. A JSON object would
/// otherwise have two members of one name.
pub(crate) fn label_keys_taken() -> impl Iterator<Item = &'static str> {
    let others = ["listener", "service", "event", "time", "level", "target", "message"];
    LIFE_FIELDS.into_iter().chain(others)
}
