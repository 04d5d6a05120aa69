//! `Pauses`: the times between attempts to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses between attempts to connect: 0.1 s, doubled up to a longest one. Up to half of each
/// is left out by chance, so that a server that comes back does not get all connections at once.
#[derive(Debug)]
pub(crate) struct Pauses {
    ms_max: u64,
    ms: u64,
}

impl Pauses {
    /// The longest pause has so many milliseconds.
    pub(crate) const fn up_to(ms_max: u64) -> Self {
        Self { ms_max, ms: MS_MIN }
    }

    /// An attempt has succeeded.
    pub(crate) const fn reset(&mut self) {
        self.ms = MS_MIN;
    }

    /// A connection stands, or has stood, for so long. One that has ended soon was a vain attempt.
    #[cfg(feature = "redis")]
    pub(crate) fn stood(&mut self, time: Duration) {
        if time >= STEADY {
            self.reset();
        }
    }

    /// The pause before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let most = self.ms;
        self.ms = (most * 2).min(self.ms_max);
        Duration::from_millis(most / 2 + random() % (most / 2 + 1))
    }

    /// The longest pause that another host may make now, if all have lost their connections at the
    /// same time. `None` if this host has lost none.
    #[cfg(feature = "redis")]
    pub(crate) fn of_others(&self) -> Option<Duration> {
        (self.ms > MS_MIN).then(|| Duration::from_millis(self.ms))
    }
}

/// A number by chance: the keys of hash maps are.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

const MS_MIN: u64 = 100;
/// So long stands a connection that was no vain attempt.
#[cfg(feature = "redis")]
const STEADY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        for _ in 0..100 {
            let mut pauses = Pauses::up_to(5_000);
            for most in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
                let pause = pauses.next().as_millis();
                assert!((most / 2..=most).contains(&pause), "{pause} ms of {most}");
            }
            pauses.reset();
            assert!(pauses.next() <= Duration::from_millis(100));
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn others_pause_as_long_as_this_one() {
        let mut pauses = Pauses::up_to(1_000);
        assert_eq!(pauses.of_others(), None);
        for most in [200, 400, 800, 1_000, 1_000] {
            pauses.next();
            assert_eq!(pauses.of_others(), Some(Duration::from_millis(most)));
        }
        // One that does not stand for long was no success.
        pauses.stood(STEADY / 2);
        assert!(pauses.next() >= Duration::from_millis(500));
        pauses.stood(STEADY);
        assert!(pauses.of_others().is_none() && pauses.next() <= Duration::from_millis(100));
    }
}
