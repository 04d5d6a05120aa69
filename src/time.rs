//! `Time`: a moment, counted in milliseconds from a start of the caller's choice. It is a value
//! like any other and never reads a clock: the owner of the clock passes `now`.

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

/// A [`Time`] in six bytes, for where one is kept for each of many sockets. It reaches for 8,900
/// years, also from the start of Unix time; after that it stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompactTime([u8; 6]);

impl CompactTime {
    /// The moment of a time.
    pub(crate) const fn new(time: Time) -> Self {
        let ms = if time.0 < MOMENT_MS_MAX { time.0 } else { MOMENT_MS_MAX };
        // Six bytes that are named one by one are stored one by one.
        match ms.to_le_bytes().first_chunk() {
            Some(bytes) => Self(*bytes),
            None => Self([0; 6]),
        }
    }

    /// The time of a moment.
    pub(crate) const fn time(self) -> Time {
        let [a, b, c, d, e, f] = self.0;
        Time(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }
}

const MOMENT_MS_MAX: u64 = (1 << 48) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_up_to_their_last() {
        for ms in [0, 1, 0xFF, 0x100, 1_767_225_600_000, MOMENT_MS_MAX] {
            assert_eq!(CompactTime::new(Time::from_ms(ms)).time().as_ms(), ms);
        }
        for ms in [MOMENT_MS_MAX + 1, u64::MAX] {
            assert_eq!(CompactTime::new(Time::from_ms(ms)).time().as_ms(), MOMENT_MS_MAX);
        }
    }
}
