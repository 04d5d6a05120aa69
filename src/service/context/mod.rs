//! `Context`, over which a service and the host exchange transactions. It joins what a service
//! sends into batches, so that the way to the host costs once per batch and not once
//! per message. `tasks`: what other threads have it do, or `no_tasks` in its place; `for_programs`:
//! for services whose processes come and go; `run_tasks`: all tasks of a run; `later`: mail that
//! waits for them, or `no_later` in its place; `worker`: which worker of its service it is;
//! `sender`: the way of other threads to its sockets; `listening`: what other processes send.

#[cfg(feature = "programs")]
mod for_programs;
#[cfg(feature = "database")]
mod later;
#[cfg(not(feature = "database"))]
#[path = "no_later.rs"]
mod later;
#[cfg(feature = "processes")]
mod listening;
#[cfg(feature = "state")]
mod run_tasks;
#[cfg(feature = "senders")]
mod sender;
#[cfg(feature = "state")]
mod tasks;
#[cfg(not(feature = "state"))]
#[path = "no_tasks.rs"]
mod tasks;
mod worker;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use crate::limits::Limits;
use crate::service::link::{Apply, Batch, Received, ServiceLink, ThreadLink, Wait, take_spare};
use crate::service::sender_queue::SenderWay;
use crate::service::{Audience, Inbound, Outbound, SocketId, TakenMail, Verdict};
use crate::ws::{Close, CloseCode, Message};

#[cfg(feature = "state")]
pub use run_tasks::TaskTarget;
#[cfg(feature = "state")]
pub(crate) use run_tasks::{RunTasks, Task};
#[cfg(feature = "state")]
pub(crate) use tasks::NextCall;
#[cfg(not(feature = "state"))]
pub(crate) use tasks::{RunTasks, Task};

/// A service's connection to its sockets: it receives [`Inbound`] transactions and sends
/// [`Outbound`] ones. None of the methods that send returns an error: what concerns a socket that
/// has gone, or one of another service, is ignored.
///
/// What a service on the loop sends is applied at once, and written after the callback. What other
/// services send leaves in batches, at the first of these moments:
///
/// - the service waits for its next transaction;
/// - the batch has [`Limits::batch_bytes_max`] bytes;
/// - the service calls a `receive` method after a tick of the system's coarse clock, which has one
///   every few milliseconds;
/// - the service calls [`Context::flush`], which is for work that takes long.
pub struct Context<'host> {
    way: ServiceLink<'host>,
    /// The rest of the batch that was received last.
    mail: VecDeque<Inbound>,
    batch: Vec<Outbound>,
    batch_bytes: usize,
    /// The tick at which the batch was begun, or the last one was sent off.
    batch_begun: Duration,
    taken: TakenMail,
    /// Whether new mail wakes the service, because it found none.
    dozing: bool,
    batch_bytes_max: usize,
    #[cfg(feature = "state")]
    tasks: tasks::TaskWay<'host>,
    /// How many tasks come before the next batch of mail.
    #[cfg(feature = "state")]
    tasks_left: usize,
    /// The number of this worker, and how many the service has.
    #[cfg(feature = "workers")]
    number: [usize; 2],
}

impl<'host> Context<'host> {
    /// A context over these ends.
    #[must_use]
    pub(crate) fn new(ends: ThreadLink, limits: &Limits) -> Self {
        Self::over(ServiceLink::Ends(ends), limits)
    }

    /// A context on the host's own thread.
    #[must_use]
    pub(crate) fn on_loop(
        host: &'host mut dyn Apply,
        senders: SenderWay<'host>,
        limits: &Limits,
    ) -> Self {
        Self::over(ServiceLink::Loop(host, senders), limits)
    }

    /// Waits for the next transaction, and returns it. `None`: the host stops, and the service has
    /// to finish.
    ///
    /// # Panics
    /// In a callback on the loop, which must not wait. The service ends, as after any panic.
    pub fn receive(&mut self) -> Option<Inbound> {
        match self.receive_by(Wait::Endless) {
            Received::Transaction(transaction) => Some(transaction),
            Received::Time | Received::End => None,
        }
    }

    /// Waits for the next transaction until `deadline` at most. Once that has passed, it returns
    /// [`Received::Time`], even if there is mail.
    ///
    /// # Panics
    /// In a callback on the loop, like [`Context::receive`].
    pub fn receive_until(&mut self, deadline: Instant) -> Received {
        self.receive_by(Wait::Until(deadline))
    }

    /// Returns the next transaction without waiting; [`Received::Time`] says that there is none.
    ///
    /// It is for a service that waits elsewhere, for mail and for something else. After a
    /// `Received::Time` and until the next call, the function of [`Context::wake_by`] is called
    /// when there is more to receive. It may also be called when there is nothing.
    ///
    /// ```
    /// use std::thread;
    ///
    /// use switchboard::service::{Context, Inbound, Received, Service};
    ///
    /// struct Echo;
    ///
    /// impl Service for Echo {
    ///     fn run(&mut self, context: &mut Context) {
    ///         loop {
    ///             match context.try_receive() {
    ///                 Received::Transaction(Inbound::Data { id, message }) => {
    ///                     context.send(id, message);
    ///                 }
    ///                 Received::Transaction(_) => {}
    ///                 // Others who unpark this thread have something to be done here.
    ///                 Received::Time => thread::park(),
    ///                 Received::End => return,
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    /// In a callback on the loop, like [`Context::receive`].
    pub fn try_receive(&mut self) -> Received {
        match self.receive_by(Wait::None) {
            Received::Time => {}
            received @ (Received::Transaction(_) | Received::End) => return received,
        }
        if let ServiceLink::Ends(ends) = &self.way {
            ends.mail_waker.begin_sleep();
            self.dozing = true;
        }
        // Mail that came just before this call did not wake it, because the service was awake.
        self.next(Wait::None)
    }

    /// Sets what is called when there is something to receive after [`Context::try_receive`] found
    /// nothing. By default, the service's thread is unparked. Only the first call has an effect,
    /// and none on the loop.
    ///
    /// `wake` is called on the thread that polls all sockets, so it must not block. It may put a
    /// word into the channel in which the service waits for other threads: see
    /// [`Service`](crate::service::Service#sending-from-other-threads).
    pub fn wake_by(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        // A service on the loop never sleeps.
        if let ServiceLink::Ends(ends) = &self.way {
            ends.mail_waker.connect(Box::new(wake));
        }
    }

    /// Sends a message to an [`Audience`]: one socket, several, all, or a topic. Sockets that have
    /// gone, or that belong to another service, are left out.
    ///
    /// A socket for which more than [`Limits::outbox_bytes_max`] bytes wait is closed with 1013.
    /// [`Inbound::Full`] comes before that, at [`Limits::outbox_high_bytes`].
    pub fn send(&mut self, to: impl Into<Audience>, message: impl Into<Message>) {
        self.apply(Outbound::Send { to: to.into(), message: message.into() });
    }

    /// Sends a message to one socket, the most frequent case; on the loop it takes a shorter path.
    pub(crate) fn send_one(&mut self, to: SocketId, message: Message) {
        match &mut self.way {
            ServiceLink::Loop(host, _) => host.send(to, message),
            ServiceLink::Ends(_) => self.send(to, message),
        }
    }

    /// Closes the sockets of an [`Audience`], each after what was sent to it before. An
    /// [`Inbound::Close`] follows for each of them; until then its messages still come. A pause
    /// ends.
    ///
    /// The peer gets up to 123 bytes of the `reason`, cut at a character (RFC 6455, 5.5). A code
    /// that a frame must not carry, such as [`CloseCode::LOST`], sends a close frame without one.
    pub fn close(&mut self, to: impl Into<Audience>, code: CloseCode, reason: &str) {
        self.apply(Outbound::Close { to: to.into(), close: Close::new(code, reason) });
    }

    /// Subscribes a socket to a topic, which exists while it has subscribers. A second time changes
    /// nothing.
    ///
    /// The socket is closed with 1013 if a limit is reached: [`Limits::topics_per_socket_max`],
    /// [`Limits::topics_max`], or a name longer than [`Limits::TOPIC_NAME_BYTES_MAX`].
    pub fn subscribe(&mut self, id: SocketId, topic: impl Into<String>) {
        self.apply(Outbound::Subscribe { id, topic: topic.into() });
    }

    /// Ends a subscription, if there is one. A socket that goes loses all of its own.
    pub fn unsubscribe(&mut self, id: SocketId, topic: impl Into<String>) {
        self.apply(Outbound::Unsubscribe { id, topic: topic.into() });
    }

    /// Stops reading a socket until [`Context::resume`]; TCP then makes its peer wait. Messages
    /// that were read before still come: up to the mail of the service
    /// ([`Limits::mail_bytes_max`]). Messages may still be sent.
    ///
    /// A pause has no time limit. Once bytes of the peer wait to be read, it owes no pong, and
    /// [`Limits::idle_ms_max`] does not pass; before that, both hold as ever. A pause ends with
    /// [`Context::close`]. If the peer ends the connection meanwhile, the [`Inbound::Close`] comes
    /// up to [`Limits::write_ms_max`] later. A second call changes nothing.
    pub fn pause(&mut self, id: SocketId) {
        self.apply(Outbound::Pause { id });
    }

    /// Reads a socket again, if it was paused: one call is enough, however often. Its time limits
    /// start again.
    pub fn resume(&mut self, id: SocketId) {
        self.apply(Outbound::Resume { id });
    }

    /// Adds `key=value` to the log line about the end of a socket, such as its user's name. An
    /// empty value removes the label. [`Outbound::Label`] has the limits, and the keys that are
    /// taken.
    pub fn label(&mut self, id: SocketId, key: impl Into<String>, value: impl Into<String>) {
        self.apply(Outbound::Label { id, key: key.into(), value: value.into() });
    }

    /// Answers an [`Inbound::Ask`], within [`Limits::admission_ms_max`]: after that the socket has
    /// got a 503, and the answer is ignored.
    pub fn admit(&mut self, id: SocketId, verdict: Verdict) {
        self.apply(Outbound::Admit { id, verdict });
    }

    /// Adds a transaction to the batch for the host. The other methods that send call this one.
    pub fn apply(&mut self, transaction: Outbound) {
        if let ServiceLink::Loop(host, _) = &mut self.way {
            return host.apply(transaction);
        }
        if self.batch.is_empty() {
            self.batch_begun = self.tick();
        }
        self.batch_bytes += transaction.batch_bytes();
        self.batch.push(transaction);
        if self.batch_bytes >= self.batch_bytes_max {
            self.flush();
        }
    }

    /// Whether a service on the loop has sent all that one turn allows.
    pub(crate) fn is_spent(&self) -> bool {
        match &self.way {
            ServiceLink::Ends(_) => false,
            ServiceLink::Loop(host, _) => host.is_spent(),
        }
    }

    /// Sends the batch to the host. It blocks while [`Limits::batches_max`] batches of the service
    /// wait there. On the loop it does nothing.
    pub fn flush(&mut self) {
        // Sockets may wait until what they have sent is taken.
        if self.batch.is_empty() && self.taken.is_empty() {
            return;
        }
        self.report();
        let bytes = std::mem::take(&mut self.batch_bytes);
        let outbound = std::mem::take(&mut self.batch);
        let inbound = take_spare(&mut self.mail);
        // A host that has gone takes nothing; the next call of `receive` returns that it has
        // stopped.
        let ServiceLink::Ends(ends) = &self.way else { return };
        #[cfg(feature = "admin")]
        ends.sent.add(bytes);
        if ends.batches.send(Batch { inbound, outbound, bytes }).is_ok() {
            ends.host_waker.wake();
        }
    }

    fn receive_by(&mut self, patience: Wait) -> Received {
        if std::mem::take(&mut self.dozing)
            && let ServiceLink::Ends(ends) = &self.way
        {
            ends.mail_waker.end_sleep();
        }
        self.next(patience)
    }

    /// Adds to the batch how much mail has been taken.
    fn report(&mut self) {
        if let Some((messages, bytes)) = self.taken.report() {
            self.batch.push(Outbound::Taken { messages, bytes });
        }
    }

    fn next(&mut self, patience: Wait) -> Received {
        self.taken.put_down();
        // A deadline has to be noticed even if mail never ends.
        if let Wait::Until(deadline) = patience
            && Instant::now() >= deadline
        {
            self.flush();
            return Received::Time;
        }
        loop {
            if let Some(transaction) = self.mail.pop_front() {
                self.taken.pick_up(&transaction);
                self.flush_by_tick();
                return Received::Transaction(transaction);
            }
            self.flush();
            let ServiceLink::Ends(ends) = &self.way else {
                panic!("a callback on the loop cannot receive: it is called with what comes")
            };
            match ends.receive(patience) {
                Ok(Batch { inbound, outbound, .. }) => {
                    self.mail = inbound.into();
                    // The last batch has been sent off, most often with its memory.
                    if self.batch.capacity() == 0 {
                        self.batch = outbound;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Received::Time,
                Err(RecvTimeoutError::Disconnected) => return Received::End,
            }
        }
    }

    /// Sends a batch that is older than a tick, although there is more mail.
    fn flush_by_tick(&mut self) {
        if self.batch.is_empty() && self.taken.is_empty() {
            return;
        }
        let tick = self.tick();
        if self.batch_begun != tick {
            self.flush();
            self.batch_begun = tick;
        }
    }

    fn tick(&self) -> Duration {
        match &self.way {
            ServiceLink::Ends(ends) => (ends.tick)(),
            ServiceLink::Loop(..) => Duration::ZERO,
        }
    }

    fn over(way: ServiceLink<'host>, limits: &Limits) -> Self {
        Self {
            way,
            mail: VecDeque::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            batch_begun: Duration::ZERO,
            taken: TakenMail::default(),
            dozing: false,
            batch_bytes_max: limits.batch_bytes_max,
            #[cfg(feature = "state")]
            tasks: tasks::TaskWay::None,
            #[cfg(feature = "state")]
            tasks_left: 0,
            #[cfg(feature = "workers")]
            number: [0, 1],
        }
    }
}

impl Drop for Context<'_> {
    /// Transactions that were sent before the service returned are still delivered.
    fn drop(&mut self) {
        self.flush();
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_on_loop = matches!(self.way, ServiceLink::Loop(..));
        f.debug_struct("Context").field("is_on_loop", &is_on_loop).finish_non_exhaustive()
    }
}
