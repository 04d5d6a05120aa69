//! What is counted, and whether both connections stand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters, which any thread adds to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) published: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) dropped_out: AtomicU64,
    pub(super) dropped_in: AtomicU64,
    pub(super) gaps: AtomicU64,
    lag_us: AtomicU64,
    health: Mutex<Health>,
}

/// One of the two connections.
#[derive(Clone, Copy, Debug)]
pub(super) enum Half {
    Publisher,
    Subscriber,
}

#[derive(Debug, Default)]
struct Health {
    is_up: [bool; 2],
    /// What the log has said last.
    told: Option<bool>,
    /// The number of the last sign of life, and when it was sent.
    beat: Option<(u64, Instant)>,
}

impl Counts {
    /// A connection stands.
    pub(super) fn up(&self, half: Half) {
        self.change(|health| {
            health.is_up[half as usize] = true;
            if health.is_up == [true; 2] && health.told.replace(true) != Some(true) {
                log::info!(target: TARGET, "the backplane is up: services share with other hosts");
            }
        });
    }

    /// A connection has ended, or could not be made.
    pub(super) fn down(&self, half: Half, why: &str) {
        self.change(|health| {
            health.is_up[half as usize] = false;
            if health.told.replace(false) != Some(false) {
                log::warn!(
                    target: TARGET,
                    "the backplane is down, so services share with no other host until it is up: \
                     {why}"
                );
            }
        });
    }

    /// Whether both connections stand.
    pub(super) fn is_up(&self) -> bool {
        self.change(|health| health.is_up == [true; 2])
    }

    /// A sign of life is sent.
    pub(super) fn beat(&self, number: u64) {
        self.change(|health| health.beat = Some((number, Instant::now())));
    }

    /// A sign of life has come back.
    pub(super) fn beaten(&self, number: u64) {
        let sent = self.change(|health| health.beat.filter(|beat| beat.0 == number));
        if let Some((_, sent)) = sent {
            let lag_us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.lag_us.store(lag_us, Ordering::Relaxed);
        }
    }

    /// How long the last sign of life took.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_micros(self.lag_us.load(Ordering::Relaxed))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Health) -> T) -> T {
        // No code panics while it holds the lock.
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, len: usize) {
    counter.fetch_add(len as u64, Ordering::Relaxed);
}

const TARGET: &str = "switchboard::backplane";
