//! `Peer`: one socket during a callback.

#[cfg(not(feature = "state"))]
use std::marker::PhantomData;

#[cfg(feature = "state")]
use crate::service::SocketStates;
use crate::service::{Audience, Context, SocketId};
#[cfg(doc)]
use crate::service::{Handler, Outbound};
use crate::ws::{CloseCode, Message};

/// One socket during a callback, and with [`Peer::context`] all others. To keep a socket for later,
/// keep its [`Peer::id`]: [`Context`] has each of these methods for an id. None returns an error.
/// `S` is the state of a socket of a `SocketHandler`.
///
/// A service that does one job of a socket at a time:
///
/// ```
/// use std::collections::VecDeque;
/// use std::time::Duration;
///
/// use switchboard::{Context, Handler, Message, Peer, Request, SocketId};
///
/// #[derive(Default)]
/// struct Jobs(VecDeque<(SocketId, Message)>);
///
/// impl Handler for Jobs {
///     fn open(&mut self, peer: &mut Peer, request: &Request) {
///         // The log line about the end of this socket has `client=...`.
///         peer.label("client", request.header("User-Agent").unwrap_or("unknown"));
///     }
///
///     fn message(&mut self, peer: &mut Peer, message: Message) {
///         // The next message is not read before this job is done. What was read before still
///         // comes, so there is a queue.
///         peer.pause();
///         self.0.push_back((peer.id(), message));
///     }
///
///     fn tick(&mut self, context: &mut Context) {
///         if let Some((id, message)) = self.0.pop_front() {
///             context.send(id, message);
///             if self.0.iter().all(|(other, _)| *other != id) {
///                 context.resume(id);
///             }
///         }
///     }
///
///     fn tick_interval(&self) -> Option<Duration> {
///         (!self.0.is_empty()).then_some(Duration::from_millis(10))
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Peer<'a, 'host, S = ()> {
    id: SocketId,
    context: &'a mut Context<'host>,
    #[cfg(feature = "state")]
    others: SocketStates<'a, S>,
    #[cfg(not(feature = "state"))]
    others: PhantomData<S>,
    /// What waited for the peer when the host called this callback, if it has said so.
    #[cfg(feature = "state")]
    waited: Option<usize>,
}

impl<'a, 'host> Peer<'a, 'host> {
    pub(super) fn new(id: SocketId, context: &'a mut Context<'host>) -> Self {
        #[cfg(feature = "state")]
        let others = SocketStates::none();
        #[cfg(not(feature = "state"))]
        let others = PhantomData;
        Self {
            id,
            context,
            others,
            #[cfg(feature = "state")]
            waited: None,
        }
    }
}

/// With the feature `state`, in a callback of a [`SocketHandler`](crate::SocketHandler).
#[cfg(feature = "state")]
impl<'a, 'host, S> Peer<'a, 'host, S> {
    /// A socket with the states of all others.
    pub(super) const fn among(
        id: SocketId,
        context: &'a mut Context<'host>,
        others: SocketStates<'a, S>,
    ) -> Self {
        Self { id, context, others, waited: None }
    }

    /// So many bytes waited for the peer when the host said that it is full.
    pub(super) const fn note_waited(&mut self, bytes: usize) {
        self.waited = Some(bytes);
    }

    /// How many bytes wait for the peer: those that the host has and the system has not taken. What
    /// the system holds besides is not known. Needs the feature `state`, also in callbacks of a
    /// [`Handler`].
    ///
    /// On the loop it is the number of this moment, with what this callback has sent. A service on
    /// a thread of its own knows it in [`Handler::full`] only, as it was when the host found the
    /// socket full, and gets `None` otherwise: [`Handler::full`] and [`Handler::drained`] are its
    /// flow control.
    #[must_use]
    pub fn waiting_bytes(&self) -> Option<usize> {
        self.context.unsent_len(self.id).or(self.waited)
    }

    /// The states of all other sockets of the service.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use switchboard::{Message, Peer, SocketHandler};
    ///
    /// struct Names;
    ///
    /// impl SocketHandler for Names {
    ///     type Socket = String;
    ///     type Error = Infallible;
    ///
    ///     /// Each message is a name, and the answer has those of all others.
    ///     fn message(
    ///         &mut self,
    ///         peer: &mut Peer<String>,
    ///         name: &mut String,
    ///         message: Message,
    ///     ) -> Result<(), Infallible> {
    ///         *name = message.as_text().unwrap_or_default().to_owned();
    ///         let names: Vec<_> = peer.others().iter().map(|(_, name)| name.as_str()).collect();
    ///         peer.send(names.join(", "));
    ///         Ok(())
    ///     }
    /// }
    /// ```
    #[must_use]
    pub const fn others(&self) -> &SocketStates<'a, S> {
        &self.others
    }

    /// The states of all other sockets, to be changed.
    pub const fn others_mut(&mut self) -> &mut SocketStates<'a, S> {
        &mut self.others
    }
}

impl<'host, S> Peer<'_, 'host, S> {
    /// Sends the socket a message: text from a `&str` or a `String`, binary from bytes. The limits
    /// are those of [`Context::send`].
    pub fn send(&mut self, message: impl Into<Message>) {
        self.context.send_one(self.id, message.into());
    }

    /// Sends a message to an [`Audience`]: one socket, several, all, or a topic. See
    /// [`Context::send`].
    pub fn send_to(&mut self, to: impl Into<Audience>, message: impl Into<Message>) {
        self.context.send(to, message);
    }

    /// Closes the socket, after what was sent to it before. [`Handler::close`] follows. See
    /// [`Context::close`] for what code and reason may be.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.context.close(self.id, code, reason);
    }

    /// Subscribes the socket to a topic. The limits are those of [`Context::subscribe`]: a socket
    /// that exceeds one is closed with 1013.
    pub fn subscribe(&mut self, topic: impl Into<String>) {
        self.context.subscribe(self.id, topic);
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&mut self, topic: impl Into<String>) {
        self.context.unsubscribe(self.id, topic);
    }

    /// Stops reading the socket until [`Peer::resume`]; TCP then makes its peer wait. What still
    /// comes, and for how long a socket may be paused: see [`Context::pause`].
    pub fn pause(&mut self) {
        self.context.pause(self.id);
    }

    /// Reads the socket again. Within a callback about another socket, it is [`Context::resume`].
    pub fn resume(&mut self) {
        self.context.resume(self.id);
    }

    /// Adds `key=value` to the log line about the end of the socket, such as its user's name. An
    /// empty value removes the label. [`Outbound::Label`] has the limits, and the keys that are
    /// taken.
    pub fn label(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.context.label(self.id, key, value);
    }

    /// The socket's id, which stays valid after the callback.
    #[must_use]
    pub const fn id(&self) -> SocketId {
        self.id
    }

    /// The context, for other sockets.
    pub const fn context(&mut self) -> &mut Context<'host> {
        self.context
    }
}
