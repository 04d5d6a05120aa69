//! `Audience`: whom a message is for. However many they are, the message crosses the channel
//! once and is encoded once.

use crate::service::SocketId;

/// Whom a message, or a close, is for: sockets of the sending service, never another's.
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
}

impl Audience {
    /// All sockets of the service, those included whose [`Inbound::Open`] it has not looked at
    /// yet. A service whose newcomers must not hear news first keeps a topic for all.
    ///
    /// [`Inbound::Open`]: crate::service::Inbound::Open
    #[must_use]
    pub const fn all() -> Self {
        Self::of(Recipients::All)
    }

    /// The sockets that are subscribed to `topic`.
    #[must_use]
    pub fn topic(topic: impl Into<String>) -> Self {
        Self::of(Recipients::Topic(topic.into()))
    }

    /// The same audience without one socket; a second call replaces the first.
    #[must_use]
    pub fn but(self, id: SocketId) -> Self {
        Self { but: Some(id), ..self }
    }

    /// The same audience, which slows the socket whose message it gets: once `sender` has sent
    /// more than `outbox_low_bytes` within a second and the outbox of another socket of the
    /// audience is full, `sender` is not read until those are drained, or until the second is over.
    /// A message is sent in any case. Without this, a peer that sends fast has its slower listeners
    /// closed with 1013; with it, those only for which senders have waited for a second, while they
    /// took less than `outbox_bytes_max` bytes. A second call replaces the first, and for a close
    /// it means nothing.
    ///
    /// It is for services whose messages go to about the same sockets: a sender waits for all
    /// listeners of the service that any sender has found full.
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
