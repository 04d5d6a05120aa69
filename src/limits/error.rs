//! `LimitsError`: limits that contradict each other.

use core::fmt;

/// Two limits that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitsError {
    /// An outbox could not hold one message of the longest allowed length.
    OutboxBelowMessage,
    /// The low mark of the outbox is not below its high mark.
    LowAboveHigh,
    /// The high mark of the outbox is above its maximum.
    HighAboveMax,
    /// The request line may be longer than the head that contains it.
    LineAboveHead,
    /// `sockets_max` is above 16,777,216, which socket ids allow at a time.
    TooManySockets,
    /// A count or size is zero, or the read buffer is below 512 bytes.
    Zero,
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutboxBelowMessage => "an outbox must hold one message of the longest length",
            Self::LowAboveHigh => "the low mark of an outbox must be below its high mark",
            Self::HighAboveMax => "the high mark of an outbox must not be above its maximum",
            Self::LineAboveHead => "a request line must not be allowed to be longer than its head",
            Self::TooManySockets => "more than 16777216 sockets at a time are not possible",
            Self::Zero => "counts and sizes must be above zero, the read buffer 512 bytes or more",
        })
    }
}

impl core::error::Error for LimitsError {}
