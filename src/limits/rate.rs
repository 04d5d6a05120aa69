//! `Rate`: how much a peer may do in a time, and what happens above it.

use core::fmt;

/// How many messages one socket may send, or how often one address may connect: `burst` times at
/// once, and `per_s` times a second in the long run. Within any `t` seconds a service gets at most
/// `burst + per_s * t` messages of a socket, and as many connections of an address are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many a second in the long run: 1 or more.
    pub per_s: u32,
    /// How many at once after a silence: 1 or more.
    pub burst: u32,
}

/// What happens to a socket that sends more messages than its [`Rate`] allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RatePolicy {
    /// It is not read until it may send again, and TCP makes its peer wait; nothing is lost. This
    /// is the default.
    #[default]
    Wait,
    /// It is closed with 1008 at the first message that is too many.
    Close,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s burst {}", self.per_s, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, LimitsError};

    #[test]
    fn a_rate_of_nothing_is_refused() {
        for (per_s, burst, expected) in [
            (1, 1, Ok(())),
            (u32::MAX, u32::MAX, Ok(())),
            (0, 1, Err(LimitsError::Zero)),
            (1, 0, Err(LimitsError::Zero)),
        ] {
            let rate = Some(Rate { per_s, burst });
            assert_eq!(Limits { message_rate: rate, ..Limits::SERVER }.check(), expected);
            assert_eq!(Limits { connection_rate: rate, ..Limits::SERVER }.check(), expected);
        }
    }
}
