//! `ServiceSender`: the way of other threads to the sockets of a service.

use std::sync::Arc;

#[cfg(doc)]
use crate::service::Context;
use crate::service::send_error::SendError;
use crate::service::sender_queue::{SenderQueue, SenderSource};
use crate::service::{Audience, Outbound, SocketId, Verdict};
use crate::ws::{Close, CloseCode, Message};

/// Sends to the sockets of one service, from any thread. A service gets one from
/// [`Context::sender`]. A program gets one from [`Host::sender`](crate::Host::sender), before the
/// host runs, also for a service that has not started.
///
/// ```
/// use std::thread;
///
/// use switchboard::{Audience, Handler, Limits, Server, handler};
///
/// struct Prices;
/// impl Handler for Prices {}
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/prices", || handler(Prices));
/// let host = server.bind("127.0.0.1:0")?;
/// let prices = host.sender("/prices")?;
/// # let stopper = host.stopper();
/// # let feed =
/// thread::spawn(move || {
///     for price in ["42", "43"] {
///         // An error: the host has ended.
///         prices.send(Audience::all(), price)?;
///     }
/// #   stopper.stop();
///     Ok::<_, switchboard::SendError>(())
/// });
/// host.run()?;
/// # feed.join().expect("it does not panic")?;
/// # Ok(())
/// # }
/// ```
///
/// It reaches what the service itself reaches: its open sockets, of whichever run. Sockets that
/// have gone, or that belong to another service, are left out. So it stays valid when the service
/// ends and starts again. While the service has no socket, what is sent reaches nobody, and is no
/// error.
///
/// # A bound
///
/// All senders of a service share one queue. It is full at [`Limits::sender_bytes_max`] bytes, each
/// transaction with about a hundred on top, and may exceed that by one. The loop takes from it in
/// each turn, at most what it would take of the service itself: so threads that send without a
/// pause delay no other service.
///
/// - `try_send` and `try_apply` return [`SendError::Full`] with the transaction.
/// - The other methods wait for capacity, as long as it takes: before the first turn of the host,
///   that is until another thread runs it.
/// - On the thread of a service, and on one that has run a turn of a host, no method waits. It
///   would delay all sockets of a service, or wait for itself.
///
/// `Ok` means that the loop will apply it, unless the host is dropped or stops at once
/// ([`Stopper::stop_now`](crate::Stopper::stop_now)). A clean stop begins to close sockets once all
/// is applied that was sent before. A socket whose peer reads too slowly is closed with 1013, as
/// for [`Context::send`]. A service with flow control in `full` and `drained` tells its threads
/// itself.
///
/// # Order
///
/// What one thread sends is applied in that order, also over several clones. What a service on a
/// thread of its own has sent is ahead of it if the service called [`Context::flush`] before the
/// thread began to send; on the loop, in any case. Other transactions have no order.
///
/// [`Limits::sender_bytes_max`]: crate::Limits::sender_bytes_max
#[derive(Clone, Debug)]
pub struct ServiceSender {
    queue: Arc<SenderQueue>,
}

impl ServiceSender {
    /// A sender of this service.
    #[doc(hidden)]
    #[must_use]
    pub fn of(source: &SenderSource) -> Self {
        Self { queue: source.queue() }
    }

    /// Sends a message to an [`Audience`]: one socket, several, all, or a topic. Waits for
    /// capacity.
    ///
    /// # Errors
    /// The host has ended; or the queue is full, on a thread that must not wait.
    pub fn send(
        &self,
        to: impl Into<Audience>,
        message: impl Into<Message>,
    ) -> Result<(), SendError> {
        self.apply(Outbound::Send { to: to.into(), message: message.into() })
    }

    /// Sends a message to an [`Audience`] without waiting.
    ///
    /// # Errors
    /// The queue is full, or the host has ended.
    pub fn try_send(
        &self,
        to: impl Into<Audience>,
        message: impl Into<Message>,
    ) -> Result<(), SendError> {
        self.try_apply(Outbound::Send { to: to.into(), message: message.into() })
    }

    /// Closes sockets, as [`Context::close`] does. Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn close(
        &self,
        to: impl Into<Audience>,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), SendError> {
        self.apply(Outbound::Close { to: to.into(), close: Close::new(code, reason) })
    }

    /// Subscribes a socket to a topic, as [`Context::subscribe`] does. Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn subscribe(&self, id: SocketId, topic: impl Into<String>) -> Result<(), SendError> {
        self.apply(Outbound::Subscribe { id, topic: topic.into() })
    }

    /// Ends a subscription, if there is one. Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn unsubscribe(&self, id: SocketId, topic: impl Into<String>) -> Result<(), SendError> {
        self.apply(Outbound::Unsubscribe { id, topic: topic.into() })
    }

    /// Stops reading a socket, as [`Context::pause`] does. Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn pause(&self, id: SocketId) -> Result<(), SendError> {
        self.apply(Outbound::Pause { id })
    }

    /// Reads a socket again, if it was paused. Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn resume(&self, id: SocketId) -> Result<(), SendError> {
        self.apply(Outbound::Resume { id })
    }

    /// Adds `key=value` to the log line about the end of a socket, as [`Context::label`] does.
    /// Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn label(
        &self,
        id: SocketId,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), SendError> {
        self.apply(Outbound::Label { id, key: key.into(), value: value.into() })
    }

    /// Answers an [`Inbound::Ask`](crate::Inbound::Ask) of the service, as [`Context::admit`] does.
    /// Waits for capacity.
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn admit(&self, id: SocketId, verdict: Verdict) -> Result<(), SendError> {
        self.apply(Outbound::Admit { id, verdict })
    }

    /// Sends a transaction: the other methods that wait call this one. Those that are about the
    /// service itself have no effect: [`Outbound::Ready`], [`Outbound::Reset`],
    /// [`Outbound::Taken`].
    ///
    /// # Errors
    /// As for [`ServiceSender::send`].
    pub fn apply(&self, transaction: Outbound) -> Result<(), SendError> {
        self.queue.push(transaction)
    }

    /// Sends a transaction without waiting, such as one that a [`SendError`] has returned.
    ///
    /// # Errors
    /// As for [`ServiceSender::try_send`].
    pub fn try_apply(&self, transaction: Outbound) -> Result<(), SendError> {
        self.queue.try_push(transaction)
    }
}
