//! Which part of some content a client wants (RFC 9110, 14): one range of bytes. What asks for
//! several, or is no range at all, is answered with the whole, as 14.2 allows.

use core::ops::Range;

/// What a `Range` comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of the content, as if nothing had been asked.
    Whole,
    /// These bytes of it, which are not none.
    Part(Range<u64>),
    /// None of its bytes.
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
                // RFC 9110, 14.1.2: that can be satisfied, by no range that could be written.
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

/// A number of digits. One that is too large for all content is the largest there is.
fn number(text: &str) -> Option<u64> {
    let is_right = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().unwrap_or(u64::MAX))
}
