//! `LineLimit`: a limit for log lines that peers can cause, on threads of services. It is what
//! `hub::flood` is in the hub, where time is an argument and there are many kinds of lines.

use std::time::{Duration, Instant};

/// Ten lines in a second, and the count of those that were left out.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    /// When the current second has begun.
    begun: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl LineLimit {
    /// Begins another second, if the last one is over. Returns how many lines that has left out, if
    /// any.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<u64> {
        let is_going_on = |begun: Instant| now.saturating_duration_since(begun) < SECOND;
        if self.begun.is_some_and(is_going_on) {
            return None;
        }
        (self.begun, self.lines) = (Some(now), 0);
        self.take_left_out()
    }

    /// Whether there is another line in this second. Otherwise it is counted.
    pub(crate) const fn admits(&mut self) -> bool {
        let admitted = self.lines < LINES_MAX;
        if admitted {
            self.lines += 1;
        } else {
            self.left_out += 1;
        }
        admitted
    }

    /// How many lines were left out since this was asked last, if any.
    pub(crate) fn take_left_out(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.left_out)).filter(|left_out| *left_out > 0)
    }
}

const SECOND: Duration = Duration::from_secs(1);
const LINES_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_ten_lines_and_a_count() {
        let (mut limit, start) = (LineLimit::default(), Instant::now());
        for second in 0..3 {
            let now = start + SECOND * second;
            assert_eq!(limit.begin(now), (second > 0).then_some(15));
            assert!(limit.begin(now + SECOND / 2).is_none());
            assert_eq!((0..25).filter(|_| limit.admits()).count(), 10);
        }
        assert_eq!(limit.take_left_out(), Some(15));
        assert_eq!(limit.take_left_out(), None);
    }
}
