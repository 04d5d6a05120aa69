//! The moments of HTTP (RFC 9110, 5.6.7), to the second, and the [`Stamp`] of an answer. Nothing
//! here reads a clock: seconds since 1970 come in or go out.

use alloc::format;
use alloc::string::String;

/// What each answer says about the moment at which it leaves (RFC 9110, 6.6.1). The default says
/// nothing, as is right where there is no clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    line: String,
}

impl Stamp {
    /// The stamp of a moment in seconds since 1970.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self { line: format!("Date: {}\r\n", format(seconds)) }
    }

    /// The whole header line, or nothing.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// A moment in the one form that is sent, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Years above
/// 9999 have no form: their moments are taken for the last that has one.
#[must_use]
pub fn format(seconds: u64) -> String {
    let seconds = seconds.min(LAST_SECOND);
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let (year, month, day) = civil(days);
    let (weekday, month) = (name(WEEKDAYS, days % 7), name(MONTHS, month - 1));
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads a moment since 1970 in any of the three forms; `None` if it has none of them. `now`, in
/// the same seconds, decides on the century of a year of two digits.
#[must_use]
pub fn parse(text: &str, now: u64) -> Option<u64> {
    let known = |word: &str| WEEKDAYS.split(' ').any(|day| day.get(..3) == Some(word));
    let Some((weekday, rest)) = text.split_once(", ") else {
        // RFC 9110, 5.6.7: the form of asctime pads the day with a blank.
        let field = |at: usize, len: usize| text.get(at..at + len);
        let blanks = [3, 7, 10, 19].iter().all(|&at| field(at, 1) == Some(" "));
        let is_right = blanks && text.len() == 24 && known(field(0, 3)?);
        let day = field(8, 2)?;
        let day = day.strip_prefix(' ').map_or_else(|| number(day, 2), |day| number(day, 1))?;
        let year = number(field(20, 4)?, 4)?;
        return moment(year, field(4, 3)?, day, time(field(11, 8)?)?).filter(|_| is_right);
    };
    let (date, clock) = rest.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let time = time(clock)?;
    if known(weekday) {
        let [day, month, year] = three(date, ' ')?;
        return moment(number(year, 4)?, month, number(day, 2)?, time);
    }
    if WEEKDAYS.split(' ').all(|day| day != weekday) {
        return None;
    }
    let [day, month, year] = three(date, '-')?;
    let (day, year) = (number(day, 2)?, number(year, 2)?);
    let (this_year, this_month, this_day) = civil(now / DAY_SECONDS);
    let year = this_year - this_year % 100 + year;
    let found = moment(year, month, day, time);
    // RFC 9110, 5.6.7: what seems to be more than 50 years ahead is of the last century.
    let far = moment(this_year + 50, name(MONTHS, this_month - 1), this_day, now % DAY_SECONDS);
    match found.is_none_or(|found| found > far.unwrap_or(now + FIFTY_YEARS)) {
        true => moment(year - 100, month, day, time),
        false => found,
    }
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

/// The seconds since 1970 of a day that there is and a time of it.
fn moment(year: u64, month: &str, day: u64, time: u64) -> Option<u64> {
    let month = 1 + MONTHS.split(' ').position(|name| name == month)? as u64;
    // Counted from March as in `civil`, which then tells whether there is such a day.
    let (from_march, year_from_march) = ((month + 9) % 12, year.checked_sub(u64::from(month < 3))?);
    let leap_days = year_from_march / 4 - year_from_march / 100 + year_from_march / 400;
    let days = 365 * year_from_march + leap_days + (153 * from_march + 2) / 5 + day;
    let days = days.checked_sub(1 + DAYS_BEFORE_1970)?;
    (civil(days) == (year, month, day)).then_some(days * DAY_SECONDS + time)
}

/// The seconds of a time of day; a leap second is the one after it.
fn time(text: &str) -> Option<u64> {
    let [hour, minute, second] = three(text, ':')?;
    let [hour, minute, second] = [number(hour, 2)?, number(minute, 2)?, number(second, 2)?];
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

fn three(text: &str, between: char) -> Option<[&str; 3]> {
    let mut words = text.split(between);
    let three = [words.next()?, words.next()?, words.next()?];
    words.next().is_none().then_some(three)
}

/// A number of just so many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let is_right = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_right)
}

/// The first three letters of a name in a list.
fn name(names: &'static str, index: u64) -> &'static str {
    let mut names = (0..).zip(names.split(' '));
    names.find_map(|(at, name)| name.get(..3).filter(|_| at == index)).unwrap_or_default()
}

// One text each, since a list of texts has a relocation for each of them.

/// 1970-01-01 was a Thursday.
const WEEKDAYS: &str = "Thursday Friday Saturday Sunday Monday Tuesday Wednesday";
const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
const DAY_SECONDS: u64 = 86_400;
const ERA_DAYS: u64 = 146_097;
/// From 0000-03-01 on.
const DAYS_BEFORE_1970: u64 = 719_468;
const FIFTY_YEARS: u64 = 18_262 * DAY_SECONDS;
/// The last one of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
