//! `Watch`: how long a service takes on the loop, where everybody waits for it. It decides when
//! the service has had its share of a turn, and warns of callbacks that are too slow.

use std::time::{Duration, Instant};

use crate::host::sys;
use crate::limits::Limits;

/// The clock beside one service. Looking at it costs a part of what a small callback does, so
/// it is looked at after several, as long as they are quick; the system's tick, which costs a tenth
/// of that, is looked at after each.
#[derive(Debug)]
pub(super) struct Watch {
    max: Duration,
    begun: Instant,
    looked: Instant,
    /// How many callbacks there were since it was looked at.
    calls: u32,
    /// After how many it is looked at.
    stride: u32,
    /// The tick at which it was looked at.
    tick: Duration,
    /// Whether the share of this turn is used up.
    over: bool,
    slowest: Option<Slow>,
    /// When the log was told last.
    told: Option<Instant>,
    /// How often it was too slow since.
    untold: u64,
}

/// Callbacks that took too long together: one, unless those before them were quick.
#[derive(Clone, Copy, Debug)]
struct Slow {
    calls: u32,
    time: Duration,
}

impl Watch {
    pub(super) fn new(limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            max: Duration::from_millis(limits.callback_ms_max),
            begun: now,
            looked: now,
            calls: 0,
            stride: 1,
            tick: sys::tick(),
            over: false,
            slowest: None,
            told: None,
            untold: 0,
        }
    }

    /// Callbacks follow.
    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
        self.looked = self.begun;
        self.over = false;
        self.calls = 0;
    }

    /// A callback has been called.
    pub(super) fn count(&mut self) {
        self.calls += 1;
        if self.calls >= self.stride || self.tick != sys::tick() {
            self.look();
        }
    }

    /// Whether the share of this turn is used up.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// No callback follows. What is to be said of those that were, now and then.
    pub(super) fn end(&mut self) -> Option<String> {
        if self.calls > 0 {
            self.look();
        }
        let slow = self.slowest.take()?;
        if self.told.is_some_and(|told| self.looked.duration_since(told) < SILENCE) {
            self.untold += 1;
            return None;
        }
        self.told = Some(self.looked);
        let what = match slow.calls {
            1 => "a callback".to_owned(),
            calls => format!("{calls} callbacks in a row"),
        };
        let mut text = format!(
            "{what} on the loop took {} ms, while everybody waited; allowed are {} ms \
             (max-callback): such a service needs a thread of its own",
            slow.time.as_millis(),
            self.max.as_millis()
        );
        match std::mem::take(&mut self.untold) {
            0 => {}
            times => text += &format!("; {times} times more since the last warning"),
        }
        Some(text)
    }

    fn look(&mut self) {
        let now = Instant::now();
        let slow = Slow { calls: self.calls, time: now.duration_since(self.looked) };
        if slow.time > self.max && self.slowest.is_none_or(|other| other.time < slow.time) {
            self.slowest = Some(slow);
        }
        self.stride = if slow.time > QUICK { 1 } else { STRIDE };
        self.over = now.duration_since(self.begun) >= self.max;
        self.looked = now;
        self.tick = sys::tick();
        self.calls = 0;
    }
}

/// A service whose callbacks take longer than this from look to look is looked at after each.
const QUICK: Duration = Duration::from_micros(100);
const STRIDE: u32 = 16;
/// The log is told of one service once in this time, and how often it was in between.
const SILENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// So many callbacks, together as long as `time`.
    fn spend(watch: &mut Watch, calls: u32, time: Duration) {
        watch.looked = watch.looked.checked_sub(time).expect("the system runs for a while");
        watch.begun = watch.begun.checked_sub(time).expect("the system runs for a while");
        (0..calls).for_each(|_| watch.count());
    }

    #[test]
    fn what_is_slow_is_told_now_and_then() {
        let mut watch = Watch::new(&Limits { callback_ms_max: 1_000, ..Limits::SERVER });
        watch.begin();
        spend(&mut watch, 1, Duration::ZERO);
        assert!(!watch.is_over());
        assert_eq!(watch.end(), None);
        watch.begin();
        spend(&mut watch, 1, Duration::from_millis(1_500));
        let text = watch.end().expect("it was slow");
        assert!(watch.is_over());
        assert!(text.starts_with("a callback on the loop took 15"), "{text}");
        for _ in 0..3 {
            watch.begin();
            spend(&mut watch, 1, Duration::from_millis(2_500));
            assert_eq!(watch.end(), None, "it was told a moment ago");
        }
        watch.told = watch.told.and_then(|told| told.checked_sub(SILENCE));
        watch.begin();
        spend(&mut watch, 1, Duration::from_millis(2_500));
        let text = watch.end().expect("it is told again");
        assert!(text.ends_with("; 3 times more since the last warning"), "{text}");
    }

    #[test]
    fn many_that_are_quick_use_up_a_share_and_are_not_told() {
        let mut watch = Watch::new(&Limits { callback_ms_max: 1_000, ..Limits::SERVER });
        watch.begin();
        for _ in 0..3 {
            spend(&mut watch, STRIDE, Duration::from_millis(400));
        }
        assert!(watch.is_over());
        assert_eq!(watch.end(), None);
    }
}
