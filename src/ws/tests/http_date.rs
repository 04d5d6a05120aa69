//! Dates of HTTP in their three formats, formatted and parsed.

use crate::ws::http_date::{civil, format, parse};
use crate::ws::tests::random::Random;

/// Of 2026-11-28.
const NOW: u64 = 1_795_824_000;

#[test]
fn moments_are_written_in_one_form() {
    let rows = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
        // RFC 9110, 5.6.7: its own example.
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ];
    for (seconds, text) in rows {
        assert_eq!(format(seconds), text);
    }
}

#[test]
fn moments_are_read_in_three_forms() {
    let rows = [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("Sun Nov 06 08:49:37 1994", Some(784_111_777)),
        ("Wed Nov 16 08:49:37 1994", Some(784_975_777)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
        // A leap second is read as the second after it.
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
        // RFC 9110, 5.6.7: two digits stand for a year that is not more than 50 years ahead.
        ("Saturday, 28-Nov-76 00:00:00 GMT", Some(3_373_747_200)),
        ("Saturday, 28-Nov-76 00:00:01 GMT", Some(217_987_201)),
        ("Saturday, 29-Feb-00 00:00:00 GMT", Some(951_782_400)),
        // RFC 9110, 5.6.7: recipients are robust. The characters between the words, and the name of
        // the day, are ignored.
        ("Mon, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sun, 6 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sun,06 Nov 94  08:49:37 GMT ", Some(784_111_777)),
        ("Sunday, 06-Nov-1994 08:49:37 GMT", Some(784_111_777)),
        ("Sun, 31 Dec 1969 23:59:59 GMT", None),
        ("Sat, 01 Jan 0000 00:00:00 GMT", None),
        ("Sat, 01 Jan 0094 00:00:00 GMT", None),
        ("Thu, 29 Feb 2023 00:00:00 GMT", None),
        ("Thu, 31 Apr 2023 00:00:00 GMT", None),
        ("Thu, 00 Apr 2023 00:00:00 GMT", None),
        ("Thu, 32 Jan 2023 00:00:00 GMT", None),
        ("Thu, 01 Jan 18446744073709551615 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:60:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:61 GMT", None),
        ("Sun, 06 nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 UTC", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT GMT", None),
        ("Sun, 06 Nov 1994 08:49:37", None),
        ("Sun, 06 Nov 1994 08:49 GMT", None),
        ("Sun, Nov 06 1994 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 199\u{661}", None),
        ("Sun Nov  6 08:49:37", None),
        ("784111777", None),
        ("", None),
        (", ", None),
    ];
    for (text, seconds) in rows {
        assert_eq!(parse(text, NOW), seconds, "{text:?}");
    }
}

/// Law: what is written is read again.
#[test]
fn what_is_written_is_read_again() {
    let mut random = Random::new(0x5E67);
    for _ in 0..10_000 {
        let (day, second) = (random.below(2_932_897) as u64, random.below(86_400) as u64);
        let seconds = day * 86_400 + second;
        assert_eq!(parse(&format(seconds), NOW), Some(seconds), "{seconds}");
    }
}

#[test]
fn days_follow_each_other() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for days in 0..200_000 {
        assert_eq!(civil(days), (year, month, day), "{days} days");
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let month_days = match month {
            2 => 28 + u64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > month_days {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
}
