//! Dates of HTTP (RFC 9110, 5.6.7), as seconds since 1970, and the [`DateField`] of an answer.
//! Nothing here reads a clock.

use alloc::format;
use alloc::string::String;

/// The `Date` of an answer (RFC 9110, 6.6.1). The default is no `Date`, as RFC 9110 demands of a
/// server without a clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DateField {
    line: String,
}

impl DateField {
    /// The `Date` of a moment in seconds since 1970, UTC.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self { line: format!("Date: {}\r\n", format(seconds)) }
    }

    /// The whole header line with its end, or an empty text.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// Formats a date as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Dates after the year
/// 9999, which the format cannot express, become the last second of that year.
#[must_use]
pub fn format(seconds: u64) -> String {
    let seconds = seconds.min(LAST_SECOND);
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let (year, month, day) = civil(days);
    let (weekday, month) = (name(WEEKDAYS, days % 7), name(MONTHS, month - 1));
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Parses a date in any of the three formats; `None` if it has none of them, or is before 1970.
/// `now`, in seconds since 1970 as well, decides on the century of a year of two digits. The
/// characters between the words, and the name of the day, are ignored (RFC 9110, 5.6.7: recipients
/// are robust).
#[must_use]
pub fn parse(text: &str, now: u64) -> Option<u64> {
    let mut words = [""; 8];
    let is_between = |c: char| !c.is_ascii_alphanumeric();
    for (at, word) in text.split(is_between).filter(|word| !word.is_empty()).enumerate() {
        *words.get_mut(at)? = word;
    }
    let (day, month, year, at) = match words {
        [_, day, month, year, _, _, _, "GMT"] => (day, month, year, 4),
        // The form of asctime.
        [_, month, day, _, _, _, year, ""] => (day, month, year, 3),
        _ => return None,
    };
    let is_short = year.len() == 2;
    let number = |word: &str| word.parse().ok().filter(|&number: &u64| number <= 9_999);
    let [day, mut year, hour, minute, second] = [
        number(day)?,
        number(year)?,
        number(words[at])?,
        number(words[at + 1])?,
        number(words[at + 2])?,
    ];
    let month = 1 + MONTHS.split(' ').position(|name| name == month)? as u64;
    let time = hour * 3_600 + minute * 60 + second;
    if is_short {
        let (this_year, this_month, this_day) = civil(now / DAY_SECONDS);
        year += this_year - this_year % 100;
        // RFC 9110, 5.6.7: a date that seems to be more than 50 years ahead is of the past century.
        let far = (this_year + 50, this_month, this_day, now % DAY_SECONDS);
        year -= if (year, month, day, time) > far { 100 } else { 0 };
    }
    // Counted from March as in `civil`, which then shows whether there is such a day.
    let (from_march, year_from_march) = ((month + 9) % 12, year.checked_sub(u64::from(month < 3))?);
    let leap_days = year_from_march / 4 - year_from_march / 100 + year_from_march / 400;
    let days = 365 * year_from_march + leap_days + (153 * from_march + 2) / 5 + day;
    let days = days.checked_sub(1 + DAYS_BEFORE_1970)?;
    // A leap second is read as the second after it.
    let is_right = civil(days) == (year, month, day) && hour < 24 && minute < 60 && second <= 60;
    is_right.then_some(days * DAY_SECONDS + time)
}

/// Year, month and day of a number of days since 1970-01-01. Years are counted from March, so
/// that the leap day is the last of its year, in eras of 400 years, which are all alike.
#[must_use]
#[inline(never)]
pub const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March have 153 days, and so have the next five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

/// One of the names of three letters in a list.
fn name(names: &'static str, index: u64) -> &'static str {
    let at = 4 * usize::try_from(index).unwrap_or(0);
    names.get(at..at + 3).unwrap_or_default()
}

// One text each, since a list of texts has a relocation for each of them.

/// 1970-01-01 was a Thursday.
const WEEKDAYS: &str = "Thu Fri Sat Sun Mon Tue Wed";
const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
const DAY_SECONDS: u64 = 86_400;
const ERA_DAYS: u64 = 146_097;
/// From 0000-03-01 on.
const DAYS_BEFORE_1970: u64 = 719_468;
/// The last one of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
