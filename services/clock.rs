//! Tells the time in UTC: once on connecting, then each second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use switchboard::{Audience, Context, Handler, Peer, Request, Service, handler};

/// The service.
pub fn service() -> impl Service {
    handler(Clock)
}

struct Clock;

impl Handler for Clock {
    fn open(&mut self, peer: &mut Peer, _request: &Request) {
        peer.send(rfc_3339(unix_seconds()));
    }

    fn tick(&mut self, context: &mut Context) {
        context.send(Audience::all(), rfc_3339(unix_seconds()));
    }

    fn tick_interval(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

/// A clock that stands before 1970 was never set; it is shown as 1970.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time as in `2026-01-31T12:00:00Z`, which people and programs read alike.
fn rfc_3339(unix_seconds: u64) -> String {
    let (year, month, day) = date(unix_seconds / 86_400);
    let (hour, minute) = (unix_seconds / 3_600 % 24, unix_seconds / 60 % 60);
    let second = unix_seconds % 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day, so many days after 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let (mut year, mut month) = (1970, 1);
    while days >= 365 + leap_days(year) {
        days -= 365 + leap_days(year);
        year += 1;
    }
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn month_days(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + leap_days(year),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn leap_days(year: u64) -> u64 {
    let century = year.is_multiple_of(100) && !year.is_multiple_of(400);
    u64::from(year.is_multiple_of(4) && !century)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        let rows = [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_769_860_800, "2026-01-31T12:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (unix_seconds, text) in rows {
            assert_eq!(rfc_3339(unix_seconds), text);
        }
    }
}
