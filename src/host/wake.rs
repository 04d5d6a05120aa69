//! How other threads wake the loop, and how the loop wakes a service that waits in a poll of its
//! own. A thread is woken only if it may sleep, and only once for all that came since its last
//! look.
//!
//! Flags change only by swaps. Of two swaps of one flag, the later one reads what the earlier one
//! wrote, and sees everything that was done before it; stores would not guarantee that. So if a
//! wake and a sleep begin at the same time, at least one sees the other. `tests/model.rs` runs this
//! file in every order of its threads.

use std::io;

use crate::host::panic::catch_panic;
use crate::host::sync::{Arc, AtomicBool, OnceLock, Ordering, Receiver, Sender, Waker, unbounded};
use crate::hub::WorkerId;
use crate::service::link::{Wake, WakeHost, WakeService};

/// The loop's side: which services have sent something.
#[derive(Debug)]
pub(super) struct WakeQueue {
    shared: Arc<WakeState>,
    senders: Receiver<WorkerId>,
}

#[derive(Debug)]
struct WakeState {
    waker: Waker,
    sleep: Sleep,
    /// Each service is in the queue at most once for itself and twice for its senders, so that its
    /// length is bounded by their number.
    add_sender: Sender<WorkerId>,
}

/// Wakes the loop, for any reason.
#[derive(Clone, Debug)]
pub(super) struct LoopWaker(Arc<WakeState>);

/// Wakes the loop for one service.
#[derive(Debug)]
pub(super) struct ServiceWaker {
    loop_waker: LoopWaker,
    worker: WorkerId,
    /// Whether the service has sent something since the loop last looked.
    has_sent: WakeFlag,
}

/// Whether a service has sent something since the loop last looked.
#[derive(Clone, Debug)]
pub(super) struct WakeFlag(Arc<AtomicBool>);

/// Wakes a service after the loop has put mail into its channel. Only a service that waits in a
/// poll of its own uses this flag; one that waits in its context is parked there.
pub(super) struct MailWaker {
    sleep: Sleep,
    /// Unset until the service has a poll. Always set when the service sleeps.
    wake: OnceLock<Wake>,
}

/// Whether a thread may sleep and has to be woken.
#[derive(Debug)]
struct Sleep(AtomicBool);

impl WakeQueue {
    /// An empty queue, which wakes this waker's poll.
    #[must_use]
    pub(super) fn new(waker: Waker) -> Self {
        let (add_sender, senders) = unbounded();
        let shared = WakeState { waker, sleep: Sleep::new(), add_sender };
        Self { shared: Arc::new(shared), senders }
    }

    /// Wakes the loop, for any reason.
    #[must_use]
    pub(super) fn loop_waker(&self) -> LoopWaker {
        LoopWaker(self.shared.clone())
    }

    /// Wakes the loop for a service, and the flag that the loop clears.
    #[must_use]
    pub(super) fn service_waker(&self, worker: WorkerId) -> (ServiceWaker, WakeFlag) {
        let has_sent = WakeFlag(Arc::new(AtomicBool::new(false)));
        let loop_waker = self.loop_waker();
        (ServiceWaker { loop_waker, worker, has_sent: has_sent.clone() }, has_sent)
    }

    /// The loop is about to sleep: events that come after this call wake it. The loop has to look
    /// for events once more before it sleeps, since earlier ones did not wake it.
    pub(super) fn begin_sleep(&self) {
        self.shared.sleep.begin();
    }

    /// The loop is awake.
    pub(super) fn end_sleep(&self) {
        self.shared.sleep.end();
    }

    /// The next service that has sent something.
    #[must_use]
    pub(super) fn next(&self) -> Option<WorkerId> {
        self.senders.try_recv().ok()
    }

    /// How many services have sent something.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }

    /// Queues a service again whose senders have sent more than one turn takes.
    pub(super) fn again_for_senders(&self, worker: WorkerId) {
        let _ = self.shared.add_sender.try_send(worker);
    }

    /// Queues a service again that has sent more than one turn takes.
    pub(super) fn again(&self, worker: WorkerId, has_sent: &WakeFlag) {
        if has_sent.set() {
            // The loop holds the other end, so this cannot fail.
            let _ = self.shared.add_sender.try_send(worker);
        }
    }
}

impl LoopWaker {
    /// Wakes the loop, unless it is awake and will look before it sleeps.
    pub(super) fn wake(&self) {
        if self.0.sleep.end()
            && let Err(error) = self.0.waker.wake()
        {
            log::error!(target: "switchboard::server", "cannot wake the loop: {error}");
        }
    }
}

impl LoopWaker {
    /// Wakes the loop even if it is awake: it does not look for what the caller has done.
    pub(super) fn wake_anyway(&self) -> io::Result<()> {
        self.0.waker.wake()
    }

    /// Queues a service whose senders have sent something, and wakes the loop.
    pub(super) fn wake_for(&self, worker: WorkerId) {
        if self.0.add_sender.try_send(worker).is_ok() {
            self.wake();
        }
    }
}

impl WakeFlag {
    /// Returns true if it was clear.
    fn set(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The loop looks now: what is sent after this sets the flag again. What was sent before, by a
    /// service that found the flag set, is visible to the loop.
    pub(super) fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl WakeHost for ServiceWaker {
    fn wake(&self) {
        // A loop that has gone is not woken.
        if self.has_sent.set() && self.loop_waker.0.add_sender.try_send(self.worker).is_ok() {
            self.loop_waker.wake();
        }
    }
}

impl MailWaker {
    /// A waker for the mail of a service that is about to start.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { sleep: Sleep::new(), wake: OnceLock::new() }
    }

    /// There is mail, or the channel is closed: wakes the service if it sleeps in a poll of its
    /// own. Returns whether it sleeps there. Otherwise the service is awake and will look before it
    /// sleeps, or it is parked.
    pub(super) fn wake(&self) -> bool {
        if !self.sleep.end() {
            return false;
        }
        let Some(wake) = self.wake.get() else { return false };
        // It is code of the service, whose panic must not end the loop.
        if let Err(how) = catch_panic(wake) {
            log::error!(
                target: "switchboard::server",
                "cannot wake a service for its mail: {how}"
            );
        }
        true
    }
}

impl WakeService for MailWaker {
    fn connect(&self, wake: Wake) {
        // Only the first call counts: the loop may be calling that waker now.
        let _ = self.wake.set(wake);
    }

    fn begin_sleep(&self) {
        self.sleep.begin();
    }

    fn end_sleep(&self) {
        self.sleep.end();
    }
}

impl Sleep {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Sets the flag: the thread has to be woken.
    fn begin(&self) {
        self.0.swap(true, Ordering::AcqRel);
    }

    /// Clears the flag: the thread is awake, or is about to be woken. Returns whether it may have
    /// slept.
    fn end(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}
