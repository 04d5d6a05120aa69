//! How other threads wake the loop, and how the loop wakes a service that waits in a poll of its
//! own. A thread is woken only if it may sleep, and once for all that came since it last looked.
//!
//! Flags change by swaps alone. Of two swaps of one flag the later one reads what the earlier one
//! wrote, and sees all that was done before it; stores would promise that to nobody. So of a
//! wake and a sleep that begin at the same time, at least one sees the other. `tests/model.rs`
//! holds this file against every order in which its threads can meet.

use std::panic::{AssertUnwindSafe, catch_unwind};

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
    /// A service is in here at most once, so that it never holds more than there are services.
    add_sender: Sender<WorkerId>,
}

/// What wakes the loop for whatever reason.
#[derive(Clone, Debug)]
pub(super) struct LoopWaker(Arc<WakeState>);

/// What wakes the loop for one service.
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

/// What wakes a service once the loop has put mail into its channel. Only a service that waits in a
/// poll of its own ever sleeps in its sense; one that waits in its context is parked there.
pub(super) struct MailWaker {
    sleep: Sleep,
    /// Not known before the service has a poll. It is there whenever the service sleeps.
    wake: OnceLock<Wake>,
}

/// Whether a thread may sleep, so that it has to be woken.
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

    /// What wakes the loop for whatever reason.
    #[must_use]
    pub(super) fn loop_waker(&self) -> LoopWaker {
        LoopWaker(self.shared.clone())
    }

    /// What wakes the loop for a service, and the flag that the loop clears.
    #[must_use]
    pub(super) fn service_waker(&self, worker: WorkerId) -> (ServiceWaker, WakeFlag) {
        let has_sent = WakeFlag(Arc::new(AtomicBool::new(false)));
        let loop_waker = self.loop_waker();
        (ServiceWaker { loop_waker, worker, has_sent: has_sent.clone() }, has_sent)
    }

    /// The loop is about to sleep: what comes for it from now on wakes it. What
    /// came before has to be looked for after this, and before the loop does sleep.
    pub(super) fn begin_sleep(&self) {
        self.shared.sleep.begin();
    }

    /// The loop is awake.
    pub(super) fn end_sleep(&self) {
        self.shared.sleep.end();
    }

    /// A service that has sent something.
    #[must_use]
    pub(super) fn next(&self) -> Option<WorkerId> {
        self.senders.try_recv().ok()
    }

    /// How many services have sent something.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }

    /// Puts a service back in line that has sent more than one turn takes.
    pub(super) fn again(&self, worker: WorkerId, has_sent: &WakeFlag) {
        if has_sent.set() {
            // The loop holds the other end, so that this cannot fail.
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

impl WakeFlag {
    /// Returns whether it was clear.
    fn set(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The loop looks now: what is sent after this sets it again. What was sent before, by a
    /// service that found it set, is there to be seen.
    pub(super) fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl WakeHost for ServiceWaker {
    fn wake(&self) {
        // A loop that has gone hears nothing.
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

    /// Mail is there, or none follows: wakes the service if it sleeps in a poll of its own, and
    /// returns whether it does. Otherwise it is awake and will look before it sleeps there, or
    /// is parked.
    pub(super) fn wake(&self) -> bool {
        if !self.sleep.end() {
            return false;
        }
        let Some(wake) = self.wake.get() else { return false };
        // It is code of the service, which may not take the loop along.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(wake)) {
            log::error!(
                target: "switchboard::server",
                "a service panicked when it was woken for its mail"
            );
            // Dropping it runs code of the service, which may panic again; only that is left.
            catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(std::mem::forget);
        }
        true
    }
}

impl WakeService for MailWaker {
    fn connect(&self, wake: Wake) {
        // The first one stays: the loop may be calling it.
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

    /// From here on the thread has to be woken.
    fn begin(&self) {
        self.0.swap(true, Ordering::AcqRel);
    }

    /// The thread is awake, or is about to be woken; returns whether it could have slept.
    fn end(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}
