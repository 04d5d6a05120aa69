//! Values that are numbers: sizes, counts, ports, times, and limits of mail.

use crate::limits::Rate;

/// Bytes, from 1 to 1g: `65536`, `64k`, `1m`.
pub(super) fn size(text: &str) -> Option<usize> {
    let bytes = usize::try_from(bytes(text)?).ok()?;
    (1..=SIZE_BYTES_MAX).contains(&bytes).then_some(bytes)
}

/// Bytes, from 1m to 1024g.
pub(super) fn memory(text: &str) -> Option<usize> {
    let bytes = bytes(text)?;
    let fits = (MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes);
    fits.then(|| usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    number.checked_mul(bytes_of(unit)?)
}

/// A number from 1 to 16777216.
pub(super) fn count(text: &str) -> Option<usize> {
    let (number, "") = split(text)? else { return None };
    usize::try_from(number).ok().filter(|count| (1..=COUNT_MAX).contains(count))
}

/// A TCP port, or 0.
pub(super) fn port(text: &str) -> Option<u16> {
    let (number, "") = split(text)? else { return None };
    u16::try_from(number).ok()
}

/// Milliseconds, from 0 to a year: `500ms`, `25s`, `2m`, `1h`. A number without a unit is refused,
/// because it would be ambiguous.
pub(super) fn time(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let unit_ms = match unit.to_ascii_lowercase().as_str() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).filter(|ms| *ms <= TIME_MS_MAX)
}

/// A time above zero. Zero would not mean off, but a time that is over at once.
pub(super) fn time_above_zero(text: &str) -> Option<u64> {
    time(text).filter(|ms| *ms > 0)
}

/// The limits of mail. An omitted part keeps its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailLimits {
    pub(super) messages_max: Option<usize>,
    pub(super) bytes_max: Option<usize>,
}

/// A count of messages, a size with its unit, or both: `4096 messages or 4m`.
pub(super) fn mail(text: &str) -> Option<MailLimits> {
    let mut mail = MailLimits::default();
    for part in text.split(',').flat_map(|part| part.split(" or ")).map(str::trim) {
        let messages = part.strip_suffix("messages").or_else(|| part.strip_suffix("message"));
        let (place, value) = match messages {
            Some(messages) => (&mut mail.messages_max, count(messages.trim_end())?),
            // A number without a unit would be ambiguous.
            None if part.ends_with(|c: char| c.is_ascii_digit()) => return None,
            None => (&mut mail.bytes_max, size(part)?),
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(mail)
}

/// Messages per second, and at once: `100/s burst 200`.
pub(super) fn rate(text: &str) -> Option<Rate> {
    let (per_s, burst) = text.split_once("/s burst ")?;
    let narrow = |count| u32::try_from(count).ok();
    let per_s = narrow(count(per_s)?)?;
    Some(Rate { per_s, burst: narrow(count(burst)?)? })
}

/// The digits at the start of a text, at least one, and the rest.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit))
}

fn bytes_of(unit: &str) -> Option<u64> {
    match unit.to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" => Some(1 << 10),
        "m" => Some(1 << 20),
        "g" => Some(1 << 30),
        _ => None,
    }
}

/// With this maximum, the worst case of memory does not overflow, even with 32-bit addresses.
const SIZE_BYTES_MAX: usize = 1 << 30;
/// The memory budget has to hold at least a message of the default length.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
const MEMORY_BYTES_MAX: u64 = 1 << 40;
/// The maximum number of sockets; no other count needs more.
const COUNT_MAX: usize = 1 << 24;
const TIME_MS_MAX: u64 = 8_760 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let rows = [
            ("1", Some(1)),
            ("65536", Some(65_536)),
            ("64k", Some(65_536)),
            ("1M", Some(1 << 20)),
            ("1g", Some(1 << 30)),
            ("1024m", Some(1 << 30)),
            ("1025m", None),
            ("0", None),
            ("0k", None),
            ("", None),
            ("k", None),
            ("-1", None),
            ("+1", None),
            ("1.5m", None),
            ("1 k", None),
            ("1kb", None),
            ("1t", None),
            ("18446744073709551615", None),
            ("18446744073709551615g", None),
            ("18446744073709551616", None),
        ];
        for (text, expected) in rows {
            assert_eq!(size(text), expected, "{text:?}");
        }
    }

    #[test]
    fn counts_ports_and_times() {
        for (text, expected) in [
            ("1", Some(1)),
            ("16777216", Some(1 << 24)),
            ("16777217", None),
            ("0", None),
            ("1k", None),
            ("off", None),
        ] {
            assert_eq!(count(text), expected, "{text:?}");
        }
        for (text, expected) in
            [("0", Some(0)), ("65535", Some(65_535)), ("65536", None), ("-1", None), ("http", None)]
        {
            assert_eq!(port(text), expected, "{text:?}");
        }
        for (text, expected) in [
            ("0s", Some(0)),
            ("500ms", Some(500)),
            ("25s", Some(25_000)),
            ("2M", Some(120_000)),
            ("8760h", Some(TIME_MS_MAX)),
            ("8761h", None),
            ("18446744073709551615h", None),
            ("25", None),
            ("s", None),
            ("1d", None),
            ("1m30s", None),
        ] {
            assert_eq!(time(text), expected, "{text:?}");
            assert_eq!(time_above_zero(text), expected.filter(|ms| *ms > 0), "{text:?}");
        }
    }

    #[test]
    fn rates() {
        let rate_of = |per_s, burst| Some(Rate { per_s, burst });
        let rows = [
            ("100/s burst 200", rate_of(100, 200)),
            ("1/s burst 1", rate_of(1, 1)),
            ("1/s  burst 1", None),
            ("16777216/s burst 16777216", rate_of(1 << 24, 1 << 24)),
            ("16777217/s burst 1", None),
            ("1/s burst 16777217", None),
            ("0/s burst 1", None),
            ("1/s burst 0", None),
            ("100/s", None),
            ("100 burst 200", None),
            ("100/m burst 200", None),
            ("100 /s burst 200", None),
            ("100/s burst", None),
            ("100/s burst 200 300", None),
            ("100/s, burst 200", None),
            ("burst 200", None),
            ("-1/s burst 200", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(rate(text), expected, "{text:?}");
        }
    }

    #[test]
    fn mails() {
        let mail_of = |messages_max, bytes_max| Some(MailLimits { messages_max, bytes_max });
        let rows = [
            ("4096 messages or 4m", mail_of(Some(4_096), Some(4 << 20))),
            ("4m or 4096 messages", mail_of(Some(4_096), Some(4 << 20))),
            ("4096 messages, 4m", mail_of(Some(4_096), Some(4 << 20))),
            ("1 message", mail_of(Some(1), None)),
            ("7messages", mail_of(Some(7), None)),
            ("64k", mail_of(None, Some(65_536))),
            ("4096", None),
            ("4096 messages or", None),
            ("4m or 5m", None),
            ("1 message, 2 messages", None),
            ("4m 4096 messages", None),
            ("0 messages", None),
            ("messages", None),
            (",", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(mail(text), expected, "{text:?}");
        }
    }
}
