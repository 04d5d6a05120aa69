//! How other threads wake the loop, and how the loop wakes a service that waits in a poll of its
//! own. A bell rings only if its listener may sleep, and once for everything that came since
//! the listener last looked.
//!
//! Flags change by swaps alone. Of two swaps of one flag the later one reads what the earlier one
//! wrote, and sees all that was done before it; stores would promise that to nobody. So of a
//! ring and a falling asleep at the same time, at least one sees the other. `tests/model.rs`
//! holds this file against every order in which its threads can meet.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::host::sync::{Arc, AtomicBool, OnceLock, Ordering, Receiver, Sender, Waker, unbounded};
use crate::hub::WorkerId;
use crate::service::way::{Bell, Doorbell, Wake};

/// The loop's side: which services have sent something.
#[derive(Debug)]
pub(super) struct Tower {
    shared: Arc<Shared>,
    rung: Receiver<WorkerId>,
}

#[derive(Debug)]
struct Shared {
    waker: Waker,
    sleep: Sleep,
    /// A service is in here at most once, so that it never holds more than there are services.
    ring: Sender<WorkerId>,
}

/// What wakes the loop for whatever reason.
#[derive(Clone, Debug)]
pub(super) struct Alarm(Arc<Shared>);

/// The bell of one service.
#[derive(Debug)]
pub(super) struct ServiceBell {
    alarm: Alarm,
    worker: WorkerId,
    /// Whether the bell has been rung since the loop last looked.
    rung: Arc<AtomicBool>,
}

/// The loop's side of one bell.
#[derive(Clone, Debug)]
pub(super) struct Rung(Arc<AtomicBool>);

/// What the loop rings when it has put mail into a service's channel. Only a service that waits
/// in a poll of its own ever sleeps in its sense; one that waits in its line is parked there.
pub(super) struct MailBell {
    sleep: Sleep,
    /// Not known before the service has a poll. It is there whenever the service sleeps.
    wake: OnceLock<Wake>,
}

/// Whether a thread may sleep, so that it has to be woken.
#[derive(Debug)]
struct Sleep(AtomicBool);

impl Tower {
    /// The bells that wake this waker's poll.
    #[must_use]
    pub(super) fn new(waker: Waker) -> Self {
        let (ring, rung) = unbounded();
        let shared = Shared { waker, sleep: Sleep::new(), ring };
        Self { shared: Arc::new(shared), rung }
    }

    /// What wakes the loop for whatever reason.
    #[must_use]
    pub(super) fn alarm(&self) -> Alarm {
        Alarm(self.shared.clone())
    }

    /// A bell for a service, and the loop's side of it.
    #[must_use]
    pub(super) fn bell(&self, worker: WorkerId) -> (ServiceBell, Rung) {
        let rung = Arc::new(AtomicBool::new(false));
        (ServiceBell { alarm: self.alarm(), worker, rung: rung.clone() }, Rung(rung))
    }

    /// The loop is about to sleep: whoever has something for it from now on wakes it. What
    /// came before has to be looked for after this, and before the loop does sleep.
    pub(super) fn doze(&self) {
        self.shared.sleep.begin();
    }

    /// The loop is awake.
    pub(super) fn awake(&self) {
        self.shared.sleep.end();
    }

    /// A service that has sent something.
    #[must_use]
    pub(super) fn next(&self) -> Option<WorkerId> {
        self.rung.try_recv().ok()
    }

    /// How many services have sent something.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.rung.len()
    }

    /// Puts a service back in line that has sent more than one turn takes.
    pub(super) fn again(&self, worker: WorkerId, rung: &Rung) {
        if !rung.0.swap(true, Ordering::AcqRel) {
            // The loop holds the other end, so that this cannot fail.
            let _ = self.shared.ring.try_send(worker);
        }
    }
}

impl Alarm {
    /// Wakes the loop, unless it is awake and will look before it sleeps.
    pub(super) fn wake(&self) {
        if self.0.sleep.end()
            && let Err(error) = self.0.waker.wake()
        {
            log::error!(target: "switchboard::server", "cannot wake the loop: {error}");
        }
    }
}

impl Rung {
    /// The loop looks now: what is sent after this rings again. What was sent before, by whoever
    /// found the bell rung, is there to be seen.
    pub(super) fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl Bell for ServiceBell {
    fn ring(&self) {
        // A loop that has gone hears nothing.
        if !self.rung.swap(true, Ordering::AcqRel)
            && self.alarm.0.ring.try_send(self.worker).is_ok()
        {
            self.alarm.wake();
        }
    }
}

impl MailBell {
    /// A bell for the mail of a service that is about to start.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { sleep: Sleep::new(), wake: OnceLock::new() }
    }

    /// Mail is there, or none follows: wakes the service if it sleeps in a poll of its own, and
    /// gives back whether it does. Otherwise it is awake and will look before it sleeps there, or
    /// is parked.
    pub(super) fn ring(&self) -> bool {
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

impl Doorbell for MailBell {
    fn connect(&self, wake: Wake) {
        // The first one stays: the loop may be calling it.
        let _ = self.wake.set(wake);
    }

    fn doze(&self) {
        self.sleep.begin();
    }

    fn awake(&self) {
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

    /// The thread is awake, or is about to be woken; gives back whether it could have slept.
    fn end(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}
