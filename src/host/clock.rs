//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seconds since 1970, for dates; 0 for a clock that is set to an earlier time.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
