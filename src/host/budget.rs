//! `CallbackBudget`: how long the callbacks of a service take on the loop, while all others wait.
//! It ends the service's share of a turn, and warns about callbacks that are too slow.

use std::time::Duration;

use crate::limits::Limits;
use crate::sys;

/// Measures the callbacks of one service with the coarse clock of the system. It is read after each
/// callback, since it costs a tenth of the exact one.
#[derive(Debug)]
pub(crate) struct CallbackBudget {
    max: Duration,
    begun: Duration,
    /// The time after the last callback.
    pub(crate) looked: Duration,
    /// Whether the share of this turn is used up.
    over: bool,
    slowest: Option<Duration>,
    /// How many callbacks of this series were too slow.
    slow_len: u64,
    warnings: SeldomWarning,
}

impl CallbackBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        let now = sys::tick();
        Self {
            max: Duration::from_millis(limits.callback_ms_max),
            begun: now,
            looked: now,
            over: false,
            slowest: None,
            slow_len: 0,
            warnings: SeldomWarning::default(),
        }
    }

    /// Sets how long a callback may take.
    pub(crate) const fn set_max(&mut self, limits: &Limits) {
        self.max = Duration::from_millis(limits.callback_ms_max);
    }

    /// Callbacks follow.
    pub(crate) fn begin(&mut self) {
        self.begin_at(sys::tick());
    }

    /// A callback has been called.
    #[inline]
    pub(crate) fn count(&mut self) {
        let now = sys::tick();
        // Most of them take less than a tick.
        if now != self.looked {
            self.count_at(now);
        }
    }

    fn begin_at(&mut self, now: Duration) {
        (self.begun, self.looked, self.over) = (now, now, false);
    }

    fn count_at(&mut self, now: Duration) {
        // A callback may have begun just before one tick and ended just after another.
        let slow = now.saturating_sub(self.looked).saturating_sub(TICK_MAX);
        if slow > self.max {
            self.slowest = self.slowest.max(Some(slow));
            self.slow_len += 1;
        }
        self.over = now.saturating_sub(self.begun) >= self.max;
        self.looked = now;
    }

    /// Whether the share of this turn is used up.
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// How many callbacks of this series were too slow; asked once, before its end.
    pub(crate) const fn take_slow_len(&mut self) -> u64 {
        std::mem::replace(&mut self.slow_len, 0)
    }

    /// Ends a series of callbacks. Returns what to log about slow ones, once in a period.
    pub(crate) fn end(&mut self) -> Option<SlowCallbacks> {
        let slowest = self.slowest.take()?;
        let untold_len = self.warnings.admit(self.looked)?;
        // The formatting of `u128` is 1 kB, and needed nowhere else.
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Some(SlowCallbacks { ms: ms(slowest), ms_max: ms(self.max), untold_len })
    }
}

/// What is logged about slow callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlowCallbacks {
    /// How long the slowest one took, at least.
    pub(crate) ms: u64,
    /// How long it may take.
    pub(crate) ms_max: u64,
    /// How many series with slow ones there were since the last line.
    pub(crate) untold_len: u64,
}

/// A warning that the log has at most once in a while, however often its cause comes.
#[derive(Debug, Default)]
pub(crate) struct SeldomWarning {
    /// When the log had the last one.
    told: Option<Duration>,
    /// How many it did not have since then.
    untold: u64,
}

impl SeldomWarning {
    /// Whether the log is to have one now: how many it did not have since the last one.
    pub(crate) fn admit(&mut self, now: Duration) -> Option<u64> {
        if self.told.is_some_and(|told| now.saturating_sub(told) < SILENCE) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// A text of a warning, and how many more there were since the last one.
pub(crate) fn with_untold(mut text: String, untold_len: u64) -> String {
    match untold_len {
        0 => {}
        times => text += &format!("; {times} times more since the last warning"),
    }
    text
}

/// The longest time between two ticks: on a system with 100 ticks a second.
const TICK_MAX: Duration = Duration::from_millis(10);
/// The log has at most one line about a service in this time, with the count of slow callbacks.
const SILENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// A turn begins after the last one has ended.
    fn begin(budget: &mut CallbackBudget) {
        budget.begin_at(budget.looked);
    }

    /// A callback that takes `time`.
    fn spend(budget: &mut CallbackBudget, time: Duration) {
        budget.count_at(budget.looked + time);
    }

    #[test]
    fn what_is_slow_is_told_now_and_then() {
        let mut budget = CallbackBudget::new(&Limits { callback_ms_max: 1_000, ..Limits::SERVER });
        begin(&mut budget);
        spend(&mut budget, Duration::ZERO);
        assert!(!budget.is_over());
        assert_eq!(budget.end(), None);
        begin(&mut budget);
        spend(&mut budget, Duration::from_millis(1_600));
        let slow = budget.end().expect("it was slow");
        assert!(budget.is_over());
        assert_eq!(slow, SlowCallbacks { ms: 1_590, ms_max: 1_000, untold_len: 0 });
        assert_eq!(with_untold("it was".to_owned(), slow.untold_len), "it was");
        for _ in 0..3 {
            begin(&mut budget);
            spend(&mut budget, Duration::from_millis(2_500));
            assert_eq!(budget.end(), None, "it was logged a moment ago");
        }
        let told = &mut budget.warnings.told;
        *told = told.and_then(|told| told.checked_sub(SILENCE));
        begin(&mut budget);
        spend(&mut budget, Duration::from_millis(2_500));
        let slow = budget.end().expect("it is logged again");
        let text = with_untold("it was".to_owned(), slow.untold_len);
        assert_eq!(text, "it was; 3 times more since the last warning");
    }

    #[test]
    fn many_that_are_quick_use_up_a_share_and_are_not_told() {
        let mut budget = CallbackBudget::new(&Limits { callback_ms_max: 1_000, ..Limits::SERVER });
        begin(&mut budget);
        for _ in 0..3 {
            spend(&mut budget, Duration::from_millis(400));
        }
        assert!(budget.is_over());
        assert_eq!(budget.end(), None);
    }

    /// A limit may be shorter than a tick.
    #[test]
    fn a_tick_alone_is_nobody_s_fault() {
        let mut budget = CallbackBudget::new(&Limits { callback_ms_max: 1, ..Limits::SERVER });
        begin(&mut budget);
        spend(&mut budget, TICK_MAX);
        assert!(budget.is_over());
        assert_eq!(budget.end(), None);
    }
}
