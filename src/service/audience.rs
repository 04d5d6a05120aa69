//! `Audience`: the sockets that a message is for. A message crosses the channel once and is encoded
//! once, however many sockets get it.

use crate::service::SocketId;

/// The sockets that a message or a close is for. They are sockets of the sending service, never of
/// another one: ids of other services and of sockets that have gone are ignored.
///
/// One id, a list of ids and a slice of ids convert into it. A list that names a socket twice sends
/// to it twice. A message is encoded once, and the outboxes share its bytes.
///
/// ```
/// use switchboard::service::{Audience, SocketId};
/// let mover = SocketId::from_u64(17);
/// let others = Audience::topic("news").but(mover);
/// # let _ = others;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    pub(crate) who: Recipients,
    pub(crate) but: Option<SocketId>,
    /// The sender that it slows, or [`Audience::NOBODY`].
    pub(crate) slows: SocketId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recipients {
    One(SocketId),
    Many(Vec<SocketId>),
    All,
    Topic(String),
    /// Those of this process alone.
    #[cfg(feature = "processes")]
    LocalAll,
    #[cfg(feature = "processes")]
    LocalTopic(String),
}

impl Audience {
    /// All open sockets of the service. This includes those whose [`Inbound::Open`] the service has
    /// not received yet: if their first message must be another one, use a topic instead.
    ///
    /// [`Inbound::Open`]: crate::service::Inbound::Open
    #[must_use]
    pub const fn all() -> Self {
        Self::of(Recipients::All)
    }

    /// The sockets that are subscribed to `topic`; none if there is no such topic.
    #[must_use]
    pub fn topic(topic: impl Into<String>) -> Self {
        Self::of(Recipients::Topic(topic.into()))
    }

    /// The same audience without the socket `id`, such as the sender. A second call replaces the
    /// first: only one socket can be left out.
    #[must_use]
    pub fn but(self, id: SocketId) -> Self {
        Self { but: Some(id), ..self }
    }

    /// The same audience without sockets of other processes, if the service shares
    /// (`Share`, with the feature `processes`); otherwise the same audience.
    #[must_use]
    pub fn local(self) -> Self {
        #[cfg(feature = "processes")]
        let who = match self.who {
            Recipients::All => Recipients::LocalAll,
            Recipients::Topic(topic) => Recipients::LocalTopic(topic),
            who @ (Recipients::One(_)
            | Recipients::Many(_)
            | Recipients::LocalAll
            | Recipients::LocalTopic(_)) => who,
        };
        #[cfg(feature = "processes")]
        let this = Self { who, ..self };
        #[cfg(not(feature = "processes"))]
        let this = self;
        this
    }

    /// The same audience; `sender` is slowed while listeners are full. Once `sender` has sent more
    /// than `outbox_low_bytes` within a second and the outbox of another socket of the audience is
    /// full, `sender` is not read until those outboxes are drained or the second is over. The
    /// message is sent in any case. Without this, a peer that sends fast has its slower listeners
    /// closed with 1013. With it, a listener is closed only if senders have waited a second for it
    /// and it took less than `outbox_bytes_max` bytes in that time. A second call replaces the
    /// first. It has no effect on a close.
    ///
    /// Use it in services whose messages go to about the same sockets: a sender waits for all full
    /// listeners of the service, whichever sender found them full.
    #[must_use]
    pub fn slowing(self, sender: SocketId) -> Self {
        Self { slows: sender, ..self }
    }
}

impl Audience {
    /// In the place of a socket: no socket has this id.
    pub(crate) const NOBODY: SocketId = SocketId::from_u64(0);

    const fn of(who: Recipients) -> Self {
        Self { who, but: None, slows: Self::NOBODY }
    }

    /// The bytes of memory that the list, or the topic's name, occupies.
    pub(crate) const fn capacity(&self) -> usize {
        match &self.who {
            Recipients::Many(ids) => ids.capacity() * size_of::<SocketId>(),
            Recipients::Topic(name) => name.capacity(),
            Recipients::One(_) | Recipients::All => 0,
            #[cfg(feature = "processes")]
            Recipients::LocalTopic(name) => name.capacity(),
            #[cfg(feature = "processes")]
            Recipients::LocalAll => 0,
        }
    }
}

impl From<SocketId> for Audience {
    fn from(id: SocketId) -> Self {
        Self::of(Recipients::One(id))
    }
}

impl From<Vec<SocketId>> for Audience {
    fn from(ids: Vec<SocketId>) -> Self {
        Self::of(Recipients::Many(ids))
    }
}

impl From<&[SocketId]> for Audience {
    fn from(ids: &[SocketId]) -> Self {
        ids.to_vec().into()
    }
}
