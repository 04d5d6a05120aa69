//! Dates of HTTP against a calendar that counts days one year and one month at a time.

use switchboard::ws::http_date::{format, parse};

/// A moment and the time at which it is read, in seconds, then a text.
pub fn check(data: &[u8]) {
    let Some((seconds, rest)) = data.split_first_chunk::<5>() else { return };
    let Some((now, text)) = rest.split_first_chunk::<5>() else { return };
    let wide = |bytes: &[u8; 5]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (seconds, now) = (wide(seconds), wide(now) % LAST);
    check_forms(seconds.min(LAST), seconds, now);
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(parse(text, now), read(text, now), "{text:?} at {now}");
    }
}

/// The formatted date is right, and each of its formats is parsed as the same time.
fn check_forms(seconds: u64, given: u64, now: u64) {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = calendar(days);
    let clock = format!("{:02}:{:02}:{:02}", time / 3_600, time % 3_600 / 60, time % 60);
    let weekday = WEEKDAYS[usize::try_from((days + 4) % 7).expect("it is small")];
    let month_name = MONTHS[month - 1];
    let fixed = format!("{}, {day:02} {month_name} {year} {clock} GMT", &weekday[..3]);
    assert_eq!(format(given), fixed);
    assert_eq!(parse(&fixed, now), Some(seconds), "{fixed}");
    let asctime = format!("{} {month_name} {day:2} {clock} {year}", &weekday[..3]);
    assert_eq!(parse(&asctime, now), Some(seconds), "{asctime}");
    let short = format!("{weekday}, {day:02}-{month_name}-{:02} {clock} GMT", year % 100);
    let found = parse(&short, now);
    assert_eq!(found, read(&short, now), "{short} at {now}");
    // A year of two digits is one with these last digits, at most 50 years ahead.
    if let Some(found) = found {
        let (found_year, ..) = calendar(found / 86_400);
        assert_eq!(found_year % 100, year % 100, "{short} at {now}");
        assert!(found_year <= calendar(now / 86_400).0 + 50, "{short} at {now}");
    }
}

/// Parses a text by the words of a date in it, with any characters between them.
pub(super) fn read(text: &str, now: u64) -> Option<u64> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => words.last_mut()?.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    if words.len() == 8 && words[7] == "GMT" {
        words.pop();
    } else if words.len() == 7 {
        // The form of asctime: the month before the day, and the year at the end.
        let year = words.pop()?;
        words.swap(1, 2);
        words.insert(3, year);
    } else {
        return None;
    }
    let number = |at: usize| words[at].parse::<u64>().ok().filter(|number| *number < 10_000);
    let (day, mut year) = (number(1)?, number(3)?);
    let (hour, minute, second) = (number(4)?, number(5)?, number(6)?);
    let month = 1 + MONTHS.iter().position(|name| *name == words[2])?;
    let time = hour * 3_600 + minute * 60 + second;
    if words[3].len() == 2 {
        let (this_year, this_month, this_day) = calendar(now / 86_400);
        year += this_year / 100 * 100;
        if (year, month, day, time) > (this_year + 50, this_month, this_day, now % 86_400) {
            year -= 100;
        }
    }
    if hour > 23 || minute > 59 || second > 60 || year < 1970 {
        return None;
    }
    if day == 0 || day > month_days(year, month) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| month_days(year, month)).sum();
    Some((years + months + day - 1) * 86_400 + time)
}

/// Year, month and day, counted on from 1970.
fn calendar(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn month_days(year: u64, month: usize) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;
