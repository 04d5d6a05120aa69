//! `Clock`: what a thread that polls reads the time from; and the time of day.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// What ticks of services come by.
pub(crate) trait TickClock {
    /// The time.
    fn now(&self) -> Instant;
}

/// The clock of the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl TickClock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that counts from its start, in whole milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Counts from now on.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time.
    pub(crate) fn now(self) -> Time {
        whole_ms(self.elapsed())
    }

    /// The exact time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The time at an exact time since the start of a clock.
pub(super) fn whole_ms(elapsed: Duration) -> Time {
    Time::from_ms(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// How long it is from an exact time until `at`, for a poll; nothing once that has come.
pub(crate) fn until(at: Time, elapsed: Duration) -> Duration {
    Duration::from_millis(at.as_ms()).saturating_sub(elapsed)
}

/// The seconds since 1970, for dates; 0 for a clock that is set to an earlier time.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
