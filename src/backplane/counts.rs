//! What is counted, and whether both connections stand.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters, which any thread adds to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) published: EventCount,
    pub(super) received: EventCount,
    pub(super) dropped_out: EventCount,
    pub(super) dropped_in: EventCount,
    pub(super) gaps: EventCount,
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
    /// Whether the log has said, since the connections have last stood, that messages are dropped.
    told_drops: bool,
    /// The number of the last sign of life, and when it was sent.
    beat: Option<(u64, Instant)>,
    lag: Duration,
}

impl Counts {
    /// A connection stands.
    pub(super) fn up(&self, half: Half) {
        self.change(|health| {
            health.is_up[half as usize] = true;
            if health.is_up == [true; 2] && health.told.replace(true) != Some(true) {
                health.told_drops = false;
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

    /// So many messages that waited for Redis were dropped.
    pub(super) fn drop_waiting(&self, len: usize) {
        self.dropped_out.add(len);
        self.change(|health| {
            if len > 0 && !std::mem::replace(&mut health.told_drops, true) {
                log::warn!(
                    target: TARGET,
                    "as much waits for Redis as may wait (queue of [backplane]), so the oldest \
                     messages are dropped; other hosts get a gap for them"
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
            let lag = sent.elapsed();
            self.change(|health| health.lag = lag);
        }
    }

    /// How long the last sign of life took.
    pub(super) fn lag(&self) -> Duration {
        self.change(|health| health.lag)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Health) -> T) -> T {
        // No code panics while it holds the lock.
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A count. Not each processor has atomic ones of this length.
#[derive(Debug, Default)]
pub(super) struct EventCount(Mutex<u64>);

impl EventCount {
    /// Adds to it, and returns what it was.
    pub(super) fn add(&self, len: usize) -> u64 {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *count += len as u64;
        *count - len as u64
    }

    pub(super) fn get(&self) -> u64 {
        self.add(0)
    }
}

const TARGET: &str = "switchboard::backplane";
