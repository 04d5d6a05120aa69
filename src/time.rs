//! `Time`: a moment, counted in milliseconds from a start of the caller's choice. It is a
//! value like any other and never reads a clock: who owns the clock passes `now` along.

/// A moment in milliseconds since an arbitrary start (the host's start, or a test's zero).
///
/// ```
/// use switchboard::time::Time;
/// let start = Time::from_ms(1_000);
/// assert_eq!(start.after(250).since(start), 250);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of counting.
    pub const ZERO: Self = Self(0);

    /// The moment `ms` milliseconds after the start.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the start.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later; the end of time when there is none.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
