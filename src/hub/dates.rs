//! The `Date` of answers: formatted when an answer needs it, once a second at most.

use crate::time::Time;
use crate::ws::DateField;

/// The last one that was formatted.
#[derive(Debug, Default)]
pub(super) struct Dates {
    /// The clock, in seconds since 1970; `None` without a clock.
    clock: Option<fn() -> u64>,
    stamp: DateField,
    /// Until when the stamp holds.
    end: Time,
}

impl Dates {
    pub(super) const fn set_clock(&mut self, clock: fn() -> u64) {
        self.clock = Some(clock);
        self.end = Time::ZERO;
    }

    /// The stamp for an answer.
    pub(super) fn stamp(&mut self, now: Time) -> &DateField {
        if let Some(clock) = self.clock.filter(|_| now >= self.end) {
            self.stamp = DateField::at(clock());
            self.end = now.after(SECOND_MS);
        }
        &self.stamp
    }
}

const SECOND_MS: u64 = 1_000;
