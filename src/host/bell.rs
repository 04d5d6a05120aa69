//! How other threads wake the loop. A bell rings only if the loop may sleep, and once for
//! everything that came since the loop last looked.
//!
//! Flags change by swaps alone. Of two swaps of one flag the later one reads what the earlier one
//! wrote, and sees all that was done before it; stores would promise that to nobody. So of a
//! ring and a falling asleep at the same time, at least one sees the other. `tests/model.rs`
//! holds this file against every order in which its threads can meet.

use crate::host::sync::{Arc, AtomicBool, Ordering, Receiver, Sender, Waker, unbounded};
use crate::hub::StationId;
use crate::service::line::Bell;

/// The loop's side: which services have sent something.
#[derive(Debug)]
pub struct Tower {
    shared: Arc<Shared>,
    rung: Receiver<StationId>,
}

#[derive(Debug)]
struct Shared {
    waker: Waker,
    /// Whether the loop may sleep, so that it has to be woken.
    sleeping: AtomicBool,
    /// A service is in here at most once, so that it never holds more than there are services.
    ring: Sender<StationId>,
}

/// What wakes the loop for whatever reason.
#[derive(Clone, Debug)]
pub struct Alarm(Arc<Shared>);

/// The bell of one service.
#[derive(Debug)]
pub struct ServiceBell {
    alarm: Alarm,
    station: StationId,
    /// Whether the bell has been rung since the loop last looked.
    rung: Arc<AtomicBool>,
}

/// The loop's side of one bell.
#[derive(Clone, Debug)]
pub struct Rung(Arc<AtomicBool>);

impl Tower {
    /// The bells that wake this waker's poll.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        let (ring, rung) = unbounded();
        let shared = Shared { waker, sleeping: AtomicBool::new(false), ring };
        Self { shared: Arc::new(shared), rung }
    }

    /// What wakes the loop for whatever reason.
    #[must_use]
    pub fn alarm(&self) -> Alarm {
        Alarm(self.shared.clone())
    }

    /// A bell for a service, and the loop's side of it.
    #[must_use]
    pub fn bell(&self, station: StationId) -> (ServiceBell, Rung) {
        let rung = Arc::new(AtomicBool::new(false));
        (ServiceBell { alarm: self.alarm(), station, rung: rung.clone() }, Rung(rung))
    }

    /// The loop is about to sleep: whoever has something for it from now on wakes it. What
    /// came before has to be looked for after this, and before the loop does sleep.
    pub fn doze(&self) {
        self.shared.sleeping.swap(true, Ordering::AcqRel);
    }

    /// The loop is awake.
    pub fn awake(&self) {
        self.shared.sleeping.swap(false, Ordering::AcqRel);
    }

    /// A service that has sent something.
    #[must_use]
    pub fn next(&self) -> Option<StationId> {
        self.rung.try_recv().ok()
    }

    /// How many services have sent something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rung.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rung.is_empty()
    }

    /// Puts a service back in line that has sent more than one turn takes.
    pub fn again(&self, station: StationId, rung: &Rung) {
        if !rung.0.swap(true, Ordering::AcqRel) {
            // The loop holds the other end, so that this cannot fail.
            let _ = self.shared.ring.send(station);
        }
    }
}

impl Alarm {
    /// Wakes the loop, unless it is awake and will look before it sleeps.
    pub fn wake(&self) {
        if self.0.sleeping.swap(false, Ordering::AcqRel)
            && let Err(error) = self.0.waker.wake()
        {
            log::error!("cannot wake the loop: {error}");
        }
    }
}

impl Rung {
    /// The loop looks now: what is sent after this rings again. What was sent before, by whoever
    /// found the bell rung, is there to be seen.
    pub fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl Bell for ServiceBell {
    fn ring(&self) {
        // A loop that has gone hears nothing.
        if !self.rung.swap(true, Ordering::AcqRel) && self.alarm.0.ring.send(self.station).is_ok() {
            self.alarm.wake();
        }
    }
}
