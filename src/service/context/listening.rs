//! What the same service in other processes sends to this one.

use crate::service::Outbound;
use crate::service::context::Context;

impl Context<'_> {
    /// Has the service hear what other processes send to a topic: see
    /// [`Handler::heard`](crate::service::Handler::heard). It never hears what it has sent itself.
    /// So the same service in several processes can talk to itself, over topics without sockets:
    ///
    /// ```
    /// use switchboard::{Audience, Context, Handler, Message, Peer};
    ///
    /// /// How many messages all processes have got.
    /// #[derive(Default)]
    /// struct Count(u64);
    ///
    /// impl Handler for Count {
    ///     fn start(&mut self, context: &mut Context) {
    ///         context.listen("count");
    ///     }
    ///
    ///     fn message(&mut self, peer: &mut Peer, _message: Message) {
    ///         self.0 += 1;
    ///         peer.send_to(Audience::topic("count"), "one more");
    ///     }
    ///
    ///     fn heard(&mut self, _: &mut Context, _topic: &str, _message: Message) {
    ///         self.0 += 1;
    ///     }
    /// }
    /// ```
    ///
    /// It needs [`Share`](crate::service::Share); without that, it has no effect. First comes
    /// a [`Handler::gap`](crate::service::Handler::gap) of the topic: what was sent
    /// before is missing. A second time changes nothing. Each worker of a service listens for
    /// itself. A worker whose mail is full misses what comes, and learns that by a gap. More than
    /// [`Limits::topics_max`](crate::Limits::topics_max) topics, and names longer than
    /// [`Limits::TOPIC_NAME_BYTES_MAX`](crate::Limits::TOPIC_NAME_BYTES_MAX), are ignored with a
    /// warning in the log.
    pub fn listen(&mut self, topic: impl Into<String>) {
        self.apply(Outbound::Listen { topic: topic.into() });
    }

    /// Ends [`Context::listen`] for a topic. The end of the service ends it for all.
    pub fn unlisten(&mut self, topic: impl Into<String>) {
        self.apply(Outbound::Unlisten { topic: topic.into() });
    }
}
