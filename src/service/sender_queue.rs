//! `SenderQueue`: what other threads have sent for one service and the loop has not applied.
//! `SenderTable` has one for each service that has senders. Without the feature `senders`,
//! `no_senders` stands for this file.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::limits::Limits;
use crate::service::Outbound;
use crate::service::send_error::SendError;
use crate::service::thread_mark::{ThreadMark, thread_mark};
use crate::service::wake_senders::WakeForSenders;

/// A bounded queue from any number of threads to the loop. It has no other order than that of its
/// lock, so what one thread sends stays in order.
pub struct SenderQueue {
    worker: usize,
    waker: Arc<dyn WakeForSenders>,
    state: Mutex<QueueState>,
    /// Signalled when there is capacity again, or never will be.
    change: Condvar,
}

struct QueueState {
    entries: VecDeque<Outbound>,
    /// Those that the loop has taken and not applied count as well.
    bytes: usize,
    bytes_max: usize,
    /// Whether the loop was woken, and has not looked since.
    is_announced: bool,
    is_closed: bool,
    /// How many threads wait for capacity.
    waiting: usize,
}

impl SenderQueue {
    /// Adds a transaction. It waits while the queue is full, unless this thread must not wait.
    pub(super) fn push(&self, transaction: Outbound) -> Result<(), SendError> {
        let mut state = self.lock();
        if thread_mark() == ThreadMark::Other {
            while state.is_full() && !state.is_closed {
                state.waiting += 1;
                state = self.change.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
            }
        }
        self.add(state, transaction)
    }

    /// Adds a transaction without waiting.
    pub(super) fn try_push(&self, transaction: Outbound) -> Result<(), SendError> {
        self.add(self.lock(), transaction)
    }

    fn add(
        &self,
        mut state: MutexGuard<'_, QueueState>,
        transaction: Outbound,
    ) -> Result<(), SendError> {
        if state.is_closed {
            return Err(SendError::Closed(transaction));
        }
        if state.is_full() {
            return Err(SendError::Full(transaction));
        }
        state.bytes += transaction.batch_bytes();
        state.entries.push_back(transaction);
        if !std::mem::replace(&mut state.is_announced, true) {
            drop(state);
            self.waker.wake_for_senders(self.worker);
        }
        Ok(())
    }

    /// Moves all that is there behind what was `taken` before. It still counts, until it is
    /// released. What is added after this wakes the loop again.
    pub fn take(&self, taken: &mut VecDeque<Outbound>) {
        let mut state = self.lock();
        state.is_announced = false;
        if taken.is_empty() {
            // Both sides use the same memory again and again, but not that of a rush.
            if taken.capacity() > SPARE_LEN_MAX {
                *taken = VecDeque::new();
            }
            std::mem::swap(taken, &mut state.entries);
        } else {
            taken.append(&mut state.entries);
        }
    }

    /// So many bytes of what was taken have been applied. `bytes_max` is the current bound.
    pub fn release(&self, bytes: usize, bytes_max: usize) {
        let mut state = self.lock();
        state.bytes -= bytes;
        state.bytes_max = bytes_max;
        // Not for each transaction: a thread that waits then has something to do.
        if state.waiting > 0 && state.bytes <= bytes_max / 2 {
            self.change.notify_all();
        }
    }

    /// Whether there is anything that was not taken.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.lock().is_announced
    }

    /// The index of the worker that it is for.
    #[must_use]
    pub const fn worker(&self) -> usize {
        self.worker
    }

    /// How many transactions there are that were not taken.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nothing asks for that")]
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// How many bytes wait, those included that were taken and not released.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Nothing is taken any more.
    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        self.change.notify_all();
        drop(entries);
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // Nothing panics with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    /// It may exceed its bound by the transaction that fills it, however long that is.
    const fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }
}

/// The queues of all services of a host that have senders.
#[derive(Clone)]
pub struct SenderTable(Arc<Table>);

struct Table {
    waker: Arc<dyn WakeForSenders>,
    /// Whether there is any queue: the loop looks at this only, as long as there is none.
    is_used: AtomicBool,
    queues: Mutex<Queues>,
}

struct Queues {
    /// By the index of the worker.
    list: Vec<Option<Arc<SenderQueue>>>,
    is_closed: bool,
}

impl SenderTable {
    /// A table without queues. `waker` makes what wakes the loop.
    pub fn new(waker: impl FnOnce() -> Arc<dyn WakeForSenders>) -> Self {
        let queues = Mutex::new(Queues { list: Vec::new(), is_closed: false });
        Self(Arc::new(Table { waker: waker(), is_used: AtomicBool::new(false), queues }))
    }

    /// Whether any service has senders.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.0.is_used.load(Ordering::Acquire)
    }

    /// Finds the queue of a worker, when it is asked for.
    #[must_use]
    pub fn source(&self, worker: usize, limits: &Limits) -> SenderSource {
        SenderSource { table: self.clone(), worker, bytes_max: limits.sender_bytes_max() }
    }

    /// The queue of a worker, if it has senders.
    #[must_use]
    pub fn find(&self, worker: usize) -> Option<Arc<SenderQueue>> {
        self.lock().list.get(worker)?.clone()
    }

    /// The queues so far.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<SenderQueue>> {
        self.lock().list.iter().flatten().cloned().collect()
    }

    /// The host has ended: each sender gets an error from now on.
    pub fn close(&self) {
        self.lock().is_closed = true;
        for queue in self.all() {
            queue.close();
        }
    }

    /// The queue of a worker, which is made if there is none. One that is there keeps its bound.
    fn queue(&self, worker: usize, bytes_max: usize) -> Arc<SenderQueue> {
        let mut queues = self.lock();
        self.0.is_used.store(true, Ordering::Release);
        if queues.list.len() <= worker {
            queues.list.resize(worker + 1, None);
        }
        let is_closed = queues.is_closed;
        let make = || {
            let state = QueueState {
                entries: VecDeque::new(),
                bytes: 0,
                bytes_max,
                is_announced: false,
                is_closed,
                waiting: 0,
            };
            let (waker, state) = (self.0.waker.clone(), Mutex::new(state));
            Arc::new(SenderQueue { worker, waker, state, change: Condvar::new() })
        };
        queues.list[worker].get_or_insert_with(make).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to the queue of a service.
#[derive(Clone, Debug)]
pub struct SenderSource {
    table: SenderTable,
    worker: usize,
    bytes_max: usize,
}

/// The same, lent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderWay<'a>(&'a SenderSource);

impl SenderSource {
    /// Lends it.
    pub(crate) const fn lend(&self) -> SenderWay<'_> {
        SenderWay(self)
    }

    /// The queue of the service, which is made if there is none.
    pub(super) fn queue(&self) -> Arc<SenderQueue> {
        self.table.queue(self.worker, self.bytes_max)
    }
}

impl SenderWay<'_> {
    /// What it was lent by.
    pub(super) const fn source(&self) -> &SenderSource {
        self.0
    }
}

impl fmt::Debug for SenderQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderQueue").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl fmt::Debug for SenderTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderTable").finish_non_exhaustive()
    }
}

/// A list that has grown longer is dropped after use.
const SPARE_LEN_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::service::Audience;

    /// Counts how often it wakes.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl WakeForSenders for Wakes {
        fn wake_for_senders(&self, worker: usize) {
            assert_eq!(worker, 3);
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn say(text: &str) -> Outbound {
        Outbound::Send { to: Audience::all(), message: text.into() }
    }

    /// A queue of so many bytes, and its wakes.
    fn queue(bytes_max: usize) -> (SenderTable, Arc<SenderQueue>, Arc<Wakes>) {
        let wakes = Arc::new(Wakes::default());
        let table = SenderTable::new(|| wakes.clone());
        assert!(!table.is_used());
        let queue = table.queue(3, bytes_max);
        assert!(table.is_used() && Arc::ptr_eq(&queue, &table.queue(3, 0)), "there is one");
        (table, queue, wakes)
    }

    #[test]
    fn a_burst_wakes_once_after_each_look() {
        let (_table, queue, wakes) = queue(usize::MAX);
        let mut taken = VecDeque::new();
        for looks in 1..4 {
            for _ in 0..1_000 {
                queue.try_push(say("x")).expect("there is capacity");
            }
            assert_eq!(wakes.0.load(Ordering::SeqCst), looks);
            assert!(queue.is_announced());
            queue.take(&mut taken);
            assert!(!queue.is_announced());
            assert_eq!(taken.len(), looks * 1_000, "it is put behind what is there");
        }
    }

    #[test]
    fn what_is_taken_counts_until_it_is_released() {
        let bytes = say("x").batch_bytes();
        let (_table, queue, _) = queue(2 * bytes - 1);
        queue.try_push(say("x")).expect("it is empty");
        queue.try_push(say("x")).expect("it may exceed the bound by one");
        let mut taken = VecDeque::new();
        queue.take(&mut taken);
        assert_eq!((taken.len(), queue.bytes()), (2, 2 * bytes));
        assert!(matches!(queue.try_push(say("x")), Err(SendError::Full(_))));
        queue.release(bytes, 2 * bytes - 1);
        queue.try_push(say("x")).expect("one is released");
        queue.release(bytes, bytes);
        assert!(matches!(queue.try_push(say("x")), Err(SendError::Full(_))), "the bound is new");
    }

    #[test]
    fn a_full_queue_is_within_the_formula() {
        let limits = Limits::SMALL;
        for text in ["", &"x".repeat(limits.message_bytes_max)] {
            let (_table, queue, _) = queue(limits.sender_bytes_max());
            let mut taken = VecDeque::new();
            while queue.try_push(say(text)).is_ok() {
                if taken.is_empty() {
                    queue.take(&mut taken);
                }
            }
            let lists = taken.capacity() + queue.lock().entries.capacity();
            let texts = (taken.len() + queue.lock().entries.len()) * text.len();
            let bytes = lists * size_of::<Outbound>() + texts + size_of::<SenderQueue>();
            assert!(bytes as u64 <= limits.senders_memory_bytes_max(), "{bytes}");
        }
    }

    #[test]
    fn a_closed_table_takes_nothing() {
        let (table, queue, wakes) = queue(1 << 20);
        queue.try_push(say("x")).expect("there is capacity");
        table.close();
        for queue in [queue, table.queue(3, 1), table.queue(4, 1)] {
            match queue.push(say("late")) {
                Err(SendError::Closed(Outbound::Send { message, .. })) => {
                    assert_eq!(message.as_text(), Some("late"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    }
}
