//! Range requests (RFC 9110, 14) for one range of bytes. Several ranges, and what is no range, are
//! ignored, as 14.2 allows.

use core::ops::Range;

/// The content that a `Range` selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of the content, as without a `Range`.
    Whole,
    /// These bytes of it, at least one.
    Part(Range<u64>),
    /// The range cannot be satisfied.
    Unsatisfiable,
}

impl Selection {
    /// Reads the value of a `Range` for content of `len` bytes.
    #[must_use]
    pub fn of(value: &str, len: u64) -> Self {
        // RFC 9110, 14.2: a range that is invalid or of another unit may be ignored.
        Self::parse(value, len).unwrap_or(Self::Whole)
    }

    fn parse(value: &str, len: u64) -> Option<Self> {
        let (unit, range) = value.split_once('=')?;
        let (first, last) = range.split_once('-')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        if first.is_empty() {
            return match number(last)? {
                0 => Some(Self::Unsatisfiable),
                // RFC 9110, 14.1.2: a suffix is satisfiable, but Content-Range has no empty range.
                _ if len == 0 => None,
                suffix => Some(Self::Part(len.saturating_sub(suffix)..len)),
            };
        }
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        match first {
            // RFC 9110, 14.1.1: a range that ends before it begins is invalid.
            first if last < first => None,
            first if first >= len => Some(Self::Unsatisfiable),
            first => Some(Self::Part(first..last.saturating_add(1).min(len))),
        }
    }
}

/// A decimal number. One above `u64::MAX`, which is beyond any content, becomes `u64::MAX`.
fn number(text: &str) -> Option<u64> {
    let is_right = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().unwrap_or(u64::MAX))
}
