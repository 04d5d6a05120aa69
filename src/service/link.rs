//! The channels between a context and the host: batches in both directions, and which side wakes
//! the other.

use std::collections::VecDeque;
use std::sync::Arc;
#[cfg(feature = "admin")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

#[cfg(doc)]
use crate::service::Context;
use crate::service::sender_queue::{SenderSource, SenderWay};
use crate::service::{Inbound, Outbound, SocketId};
use crate::ws::Message;

/// Wakes the host when a batch is there for it.
pub(crate) trait WakeHost: Send + Sync {
    /// Wakes the host, unless it is awake.
    fn wake(&self);
}

/// How mail wakes a service that does not wait in its context.
pub(crate) trait WakeService: Send + Sync {
    /// What wakes the service. The first one counts.
    fn connect(&self, wake: Wake);

    /// The service is about to sleep: new mail wakes it after this call. The caller has to look for
    /// mail once more before it sleeps, since earlier mail did not wake it.
    fn begin_sleep(&self);

    /// The service is awake.
    fn end_sleep(&self);
}

/// What wakes a service.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// A batch in one direction, and an empty list for the other direction, which goes back to the
/// sender of those batches. So both sides reuse the same memory. Both channels have the same type,
/// since each type of a channel is some kilobytes of code.
#[derive(Debug)]
pub(crate) struct Batch {
    /// For the service.
    pub(crate) inbound: Vec<Inbound>,
    /// For the host.
    pub(crate) outbound: Vec<Outbound>,
    /// What a batch for the host counts, in bytes.
    pub(crate) bytes: usize,
}

/// How many bytes a service has ever sent in batches. Its thread alone adds to it, so that this
/// costs as little as with a plain number. Without the feature `admin`, nothing is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentBytes(#[cfg(feature = "admin")] Arc<AtomicUsize>);

impl SentBytes {
    /// So many more are about to be sent.
    #[cfg(feature = "admin")]
    pub(crate) fn add(&self, bytes: usize) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(bytes);
        self.0.store(sum, Ordering::Relaxed);
    }

    /// How many are not among those that were `received`.
    #[cfg_attr(
        not(feature = "admin"),
        expect(unused_variables, clippy::unused_self, reason = "nothing is counted")
    )]
    pub(crate) fn under_way(&self, received: usize) -> usize {
        #[cfg(feature = "admin")]
        return self.0.load(Ordering::Relaxed).wrapping_sub(received);
        #[cfg(not(feature = "admin"))]
        0
    }
}

/// Takes the memory of a list that has been used up, unless it has grown long in a rush.
pub(crate) fn take_spare<T>(list: &mut VecDeque<T>) -> Vec<T> {
    if !list.is_empty() {
        return Vec::new();
    }
    let used = std::mem::take(list);
    if used.capacity() > SPARE_LEN_MAX { Vec::new() } else { used.into() }
}

/// What knows the outboxes of sockets.
#[cfg_attr(not(feature = "state"), expect(dead_code, reason = "no service asks"))]
pub(crate) trait KnowOutboxes {
    /// How many bytes wait for the peer of a socket.
    fn unsent_len(&self, id: SocketId) -> usize;
}

// Without services that ask, the table of methods of `Apply` has no entry for it.
#[cfg(feature = "state")]
use KnowOutboxes as MayKnowOutboxes;
#[cfg(not(feature = "state"))]
use Send as MayKnowOutboxes;

/// What applies transactions at once: the host, to a service on its own thread.
pub(crate) trait Apply: Send + MayKnowOutboxes {
    /// Applies a transaction.
    fn apply(&mut self, transaction: Outbound);

    /// Applies what is sent most often: a message to one socket.
    fn send(&mut self, to: SocketId, message: Message);

    /// Whether the service has sent all that one turn allows.
    fn is_spent(&self) -> bool;
}

/// The two ends that a context has towards the host.
pub(crate) struct ThreadLink {
    /// The thread that is unparked after each batch for the service, and after the last one.
    pub(crate) thread: ThreadId,
    /// Batches for the service. The sender wakes the service after each batch, and after it has
    /// dropped the channel.
    pub(crate) mail: Receiver<Batch>,
    /// Notified when the service sleeps outside the context.
    pub(crate) mail_waker: Arc<dyn WakeService>,
    /// Batches of the service; bounded, so that a service cannot run ahead of the host.
    pub(crate) batches: Sender<Batch>,
    /// What was sent in batches.
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "nothing is counted"))]
    pub(crate) sent: SentBytes,
    /// Wakes the loop for each batch.
    pub(crate) host_waker: Arc<dyn WakeHost>,
    /// The time, as cheap as can be, in steps of some milliseconds.
    pub(crate) tick: fn() -> Duration,
    /// The queue of its senders.
    #[cfg_attr(not(feature = "senders"), expect(dead_code, reason = "there are none"))]
    pub(crate) senders: SenderSource,
}

impl ThreadLink {
    /// Returns the next batch; waits for it as long as `wait` allows.
    pub(super) fn receive(&self, patience: Wait) -> Result<Batch, RecvTimeoutError> {
        // A service may lend its context to another thread, which is not the one that is unparked.
        if thread::current().id() != self.thread {
            return match patience {
                Wait::None => self.mail.recv_timeout(Duration::ZERO),
                Wait::Until(deadline) => self.mail.recv_deadline(deadline),
                Wait::Endless => self.mail.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
        }
        loop {
            match self.mail.try_recv() {
                Ok(batch) => return Ok(batch),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            // The thread parks. The channel's own wait spins and yields first: that takes longer
            // than a turn of the loop, on a CPU that the loop may need. If the thread was unparked
            // before, this returns at once.
            match patience {
                Wait::None => return Err(RecvTimeoutError::Timeout),
                Wait::Endless => thread::park(),
                Wait::Until(deadline) => match deadline.saturating_duration_since(Instant::now()) {
                    Duration::ZERO => return Err(RecvTimeoutError::Timeout),
                    left => thread::park_timeout(left),
                },
            }
        }
    }
}

/// Waiting for two things: mail, and what else unparks the thread.
#[cfg(feature = "state")]
impl ThreadLink {
    /// Whether this is another thread than the one that mail unparks.
    pub(super) fn is_lent(&self) -> bool {
        thread::current().id() != self.thread
    }

    /// The next batch, if there is one. If there is none, this thread may park: mail unparks it.
    pub(super) fn begin_wait(&self) -> Waited {
        let is_lent = self.is_lent();
        if is_lent {
            self.mail_waker.begin_sleep();
        }
        match self.mail.try_recv() {
            Err(TryRecvError::Empty) => Waited::Nothing,
            Err(TryRecvError::Disconnected) => Waited::End,
            Ok(batch) => {
                if is_lent {
                    self.mail_waker.end_sleep();
                }
                Waited::Batch(batch)
            }
        }
    }
}

/// What there is for a service that looks for mail.
#[cfg(feature = "state")]
pub(super) enum Waited {
    /// A batch.
    Batch(Batch),
    /// Nothing.
    Nothing,
    /// The host stops.
    End,
}

/// Parks this thread until it is unparked, until `deadline` at most.
#[cfg(feature = "state")]
pub(super) fn park(deadline: Option<Instant>) {
    match deadline {
        None => thread::park(),
        Some(deadline) => thread::park_timeout(deadline.saturating_duration_since(Instant::now())),
    }
}

/// What unparks this thread.
#[cfg(feature = "state")]
pub(super) fn unparker() -> impl Fn() + Send + Sync + 'static {
    let thread = thread::current();
    move || thread.unpark()
}

/// The result of [`Context::receive_until`] and [`Context::try_receive`].
#[derive(Debug)]
pub enum Received {
    /// A transaction.
    Transaction(Inbound),
    /// The deadline has passed; from [`Context::try_receive`]: there is no transaction now.
    Time,
    /// The host stops, and the service has to finish.
    End,
}

/// How long a context waits for mail.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    None,
    Until(Instant),
    Endless,
}

/// The way from a context to the host.
pub(super) enum ServiceLink<'host> {
    /// From another thread.
    Ends(ThreadLink),
    /// From the host's own, with the way to the queue of its senders.
    Loop(&'host mut dyn Apply, SenderWay<'host>),
}

/// A list that has grown longer is dropped after use.
const SPARE_LEN_MAX: usize = 128;
