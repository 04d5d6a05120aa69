//! `Backoff`: how long to wait before a service that keeps failing is started again.

/// How often in a row something ended soon after its start. The first end is forgiven, and each
/// further one that comes soon doubles the pause.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Records an end after a run of so many milliseconds. Returns for how many milliseconds it is
    /// not to be started again.
    pub fn fail(&mut self, lived_ms: u64) -> u64 {
        if lived_ms >= SOUND_MS {
            self.failures = 0;
        }
        let doubled = 1 << self.failures.saturating_sub(1).min(PAUSE_DOUBLINGS);
        let pause = if self.failures == 0 { 0 } else { PAUSE_MS * doubled };
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

/// A run of this length was no failed start.
const SOUND_MS: u64 = 60_000;
/// The pause after the second failure in a row.
const PAUSE_MS: u64 = 1_000;
/// The pause grows to 64 s.
const PAUSE_DOUBLINGS: u32 = 6;
