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
    pub(crate) who: Who,
    pub(crate) but: Option<SocketId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
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
        Self { who: Who::All, but: None }
    }

    /// The sockets that are subscribed to `topic`.
    #[must_use]
    pub fn topic(topic: impl Into<String>) -> Self {
        Self { who: Who::Topic(topic.into()), but: None }
    }

    /// The same audience without one socket; a second call replaces the first.
    #[must_use]
    pub fn but(self, id: SocketId) -> Self {
        Self { but: Some(id), ..self }
    }
}

impl Audience {
    /// The bytes of memory that the list, or the topic's name, occupies.
    pub(crate) const fn capacity(&self) -> usize {
        match &self.who {
            Who::Many(ids) => ids.capacity() * size_of::<SocketId>(),
            Who::Topic(name) => name.capacity(),
            Who::One(_) | Who::All => 0,
        }
    }
}

impl From<SocketId> for Audience {
    fn from(id: SocketId) -> Self {
        Self { who: Who::One(id), but: None }
    }
}

impl From<Vec<SocketId>> for Audience {
    fn from(ids: Vec<SocketId>) -> Self {
        Self { who: Who::Many(ids), but: None }
    }
}

impl From<&[SocketId]> for Audience {
    fn from(ids: &[SocketId]) -> Self {
        ids.to_vec().into()
    }
}
