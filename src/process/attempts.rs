//! `Attempts`: when a program whose sockets are kept is started again, and when its sockets are
//! closed. It reads no clock.

use crate::hub::Backoff;
use crate::time::Time;

/// The starts of one program.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    backoff: Backoff,
    begun: Time,
    /// Since when no process serves the sockets.
    held: Option<Time>,
}

impl Attempts {
    /// A start is tried.
    pub(super) const fn begin(&mut self, now: Time) {
        self.begun = now;
    }

    /// It is ready.
    pub(super) const fn ready(&mut self) {
        self.held = None;
    }

    /// It has died, or could not be started. Returns after how many milliseconds it is to be
    /// started again. `None` if its sockets have been held for too long: an unserved socket is
    /// useless to its peer, while a closed one makes the peer look elsewhere.
    pub(super) fn fail(&mut self, now: Time) -> Option<u64> {
        let held = *self.held.get_or_insert(now);
        (now.since(held) < HELD_MS_MAX).then(|| self.backoff.fail(now.since(self.begun)))
    }
}

/// How long sockets are held for a program that does not become ready.
const HELD_MS_MAX: u64 = 300_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_sockets_are_given_up() {
        let (mut attempts, mut now, mut pauses) = (Attempts::default(), Time::ZERO, Vec::new());
        // It becomes ready once, and never again.
        attempts.begin(now);
        attempts.ready();
        while let Some(pause) = attempts.fail(now) {
            pauses.push(pause / 1_000);
            now = now.after(pause);
            attempts.begin(now);
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 64, 64, 64]);
        assert!(now.since(Time::ZERO) >= HELD_MS_MAX);
    }

    #[test]
    fn a_program_that_is_ready_now_and_then_is_never_given_up() {
        let (mut attempts, mut now) = (Attempts::default(), Time::ZERO);
        for _ in 0..100 {
            attempts.begin(now);
            attempts.ready();
            now = now.after(1);
            let pause = attempts.fail(now).expect("it was ready");
            assert!(pause <= 64_000);
            now = now.after(pause);
        }
        // After a life of a minute, the next end is forgiven.
        attempts.begin(now);
        attempts.ready();
        assert_eq!(attempts.fail(now.after(60_000)), Some(0));
    }
}
