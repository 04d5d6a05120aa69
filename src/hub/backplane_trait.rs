//! `Backplane`: takes what services share to other processes. `SharedEvent`: what comes from there.

use std::fmt;

use crate::ws::Message;

/// Takes what services share to others. No call waits: what cannot be sent is left out, and the
/// others get a [`SharedEvent::Gap`]. A backplane ends when it is dropped.
pub trait Backplane: fmt::Debug + Send {
    /// A topic of a service has its first socket here.
    fn subscribe(&mut self, service: &str, topic: &str);

    /// It has none any more.
    fn unsubscribe(&mut self, service: &str, topic: &str);

    /// A service sends to a topic, or to all of its sockets if there is none.
    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message);

    /// A turn is over: what was called in it may leave together. One that passes on each call has
    /// nothing to do.
    fn flush(&mut self) {}
}

/// What comes from others.
#[derive(Clone, Debug)]
pub enum SharedEvent {
    /// A message for the sockets of a service: those of a topic, or all.
    Message {
        /// The path of the service.
        service: String,
        /// The topic; `None` for all sockets.
        topic: Option<String>,
        /// The message.
        message: Message,
    },
    /// Messages of others may be missing here, of any service.
    Gap,
}
