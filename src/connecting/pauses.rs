//! `Pauses`: the times between attempts to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses between attempts to connect: 0.1 s, doubled up to 5 s. Up to half of each is left out
/// by chance, so that a server that comes back does not get all connections at once.
#[derive(Debug, Default)]
pub(crate) struct Pauses(u32);

impl Pauses {
    /// An attempt has succeeded.
    pub(crate) const fn reset(&mut self) {
        self.0 = 0;
    }

    /// The pause before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let most = (MS_MIN << self.0).min(MS_MAX);
        self.0 = (self.0 + 1).min(DOUBLINGS_MAX);
        Duration::from_millis(most / 2 + random() % (most / 2 + 1))
    }
}

/// A number by chance: the keys of hash maps are.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

const MS_MIN: u64 = 100;
const MS_MAX: u64 = 5_000;
/// The longest pause needs fewer.
const DOUBLINGS_MAX: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds() {
        for _ in 0..100 {
            let mut pauses = Pauses::default();
            for most in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
                let pause = pauses.next().as_millis();
                assert!((most / 2..=most).contains(&pause), "{pause} ms of {most}");
            }
            pauses.reset();
            assert!(pauses.next() <= Duration::from_millis(100));
        }
    }
}
