//! `Kind`: what sort of value a key has, and how values of each sort are read. A kind pairs what
//! is allowed, in words, with the reader that allows it, so that no message promises what is
//! then refused; a reader gives `None` for what is not allowed.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use log::LevelFilter;

use crate::config::LogFormat;
use crate::hub::{Compression, OriginRule};
use crate::limits::Limits;
use crate::service::Thread;
use crate::ws::Origin;
use crate::ws::origin::is_host_name;

/// A sort of value, and where it goes in a `T`.
pub(super) enum Kind<T> {
    /// One or more addresses; they add up.
    Hosts(fn(&mut T, Vec<String>)),
    Port(fn(&mut T, u16)),
    /// A directory; whether it exists is for `resolve` to see.
    Directory(fn(&mut T, PathBuf)),
    DirectoryOrNone(fn(&mut T, Option<PathBuf>)),
    Origin(fn(&mut T, OriginRule)),
    Compression(fn(&mut T, Compression)),
    Thread(fn(&mut T, Thread)),
    LogLevel(fn(&mut T, LevelFilter)),
    LogFormat(fn(&mut T, LogFormat)),
    /// In bytes.
    Size(fn(&mut T, usize)),
    /// In bytes; off is none.
    SizeOrOff(fn(&mut T, usize)),
    Count(fn(&mut T, usize)),
    CountOrOff(fn(&mut T, usize)),
    CountOrAuto(fn(&mut T, Option<usize>)),
    /// In milliseconds; never zero.
    Time(fn(&mut T, u64)),
    TimeOrZero(fn(&mut T, u64)),
    /// In milliseconds; never zero.
    TimeOrOff(fn(&mut T, u64)),
    Mail(fn(&mut T, Mail)),
}

impl<T> Kind<T> {
    /// Reads the value and sets it; `None` if it is not what [`Kind::allowed`] says.
    pub(super) fn set(&self, target: &mut T, value: &OsStr) -> Option<()> {
        // Directories alone may have names that are no text.
        let directory = || (!value.is_empty()).then(|| PathBuf::from(value));
        let text = value.to_str();
        match self {
            Self::Directory(set) => set(target, directory()?),
            Self::DirectoryOrNone(set) if value.eq_ignore_ascii_case("none") => set(target, None),
            Self::DirectoryOrNone(set) => set(target, Some(directory()?)),
            Self::Hosts(set) => set(target, hosts(text?)?),
            Self::Port(set) => set(target, port(text?)?),
            Self::Origin(set) => set(target, origin_rule(text?)?),
            Self::Compression(set) => set(target, Compression::named(text?)?),
            Self::Thread(set) => set(target, Thread::named(text?)?),
            Self::LogLevel(set) => set(target, text?.parse().ok()?),
            Self::LogFormat(set) => set(target, log_format(text?)?),
            Self::Size(set) => set(target, size(text?)?),
            Self::SizeOrOff(set) => set(target, unless("off", text?, size)?.unwrap_or(0)),
            Self::Count(set) => set(target, count(text?)?),
            Self::CountOrOff(set) => {
                let count = unless("off", text?, count)?;
                set(target, count.unwrap_or(Limits::OFF_COUNT));
            }
            Self::CountOrAuto(set) => set(target, unless("auto", text?, count)?),
            Self::Time(set) => set(target, time_above_zero(text?)?),
            Self::TimeOrZero(set) => set(target, time(text?)?),
            Self::TimeOrOff(set) => {
                let time = unless("off", text?, time_above_zero)?;
                set(target, time.unwrap_or(Limits::OFF_MS));
            }
            Self::Mail(set) => set(target, mail(text?)?),
        }
        Some(())
    }

    /// What is allowed, to be read after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Hosts(_) => "a list of IP addresses or host names, without ports",
            Self::Port(_) => "a number from 0 to 65535",
            Self::Directory(_) => "a directory that exists",
            Self::DirectoryOrNone(_) => "a directory that exists, or none",
            Self::Origin(_) => {
                "same, any, or a list such as https://a.example, http://b:8080, null"
            }
            Self::Compression(_) => "off, or on if it was built with --features deflate",
            Self::Thread(_) => "own, or loop for a service that never blocks",
            Self::LogLevel(_) => "off, error, warn, info, debug or trace",
            Self::LogFormat(_) => "text or json",
            Self::Size(_) => "a size from 1 to 1g, such as 65536, 64k or 1m",
            Self::SizeOrOff(_) => "a size from 1 to 1g, such as 65536, 64k or 1m, or off",
            Self::Count(_) => "a number from 1 to 16777216",
            Self::CountOrOff(_) => "a number from 1 to 16777216, or off",
            Self::CountOrAuto(_) => "a number from 1 to 16777216, or auto",
            Self::Time(_) => "a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h",
            Self::TimeOrZero(_) => "a time from 0s to 8760h, such as 500ms, 25s, 2m or 1h",
            Self::TimeOrOff(_) => "a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h, or off",
            Self::Mail(_) => {
                "a number of messages, a size with its unit, or both: 4096 messages or 4m"
            }
        }
    }

    /// Whether the key may stand there several times, and each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        matches!(self, Self::Hosts(_))
    }
}

/// Bytes, from 1 to 1g: `65536`, `64k`, `1m`.
fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let bytes = number.checked_mul(bytes_of(unit)?)?;
    usize::try_from(bytes).ok().filter(|bytes| (1..=SIZE_BYTES_MAX).contains(bytes))
}

/// A number from 1 to 16777216.
fn count(text: &str) -> Option<usize> {
    let (number, "") = split(text)? else { return None };
    usize::try_from(number).ok().filter(|count| (1..=COUNT_MAX).contains(count))
}

/// A TCP port, or 0.
fn port(text: &str) -> Option<u16> {
    let (number, "") = split(text)? else { return None };
    u16::try_from(number).ok()
}

/// Milliseconds, from 0 to a year: `500ms`, `25s`, `2m`, `1h`. A number alone is refused,
/// because half of its readers would take it for something else.
fn time(text: &str) -> Option<u64> {
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

/// A time above zero. Zero would not be off: it would be over before it began.
fn time_above_zero(text: &str) -> Option<u64> {
    time(text).filter(|ms| *ms > 0)
}

/// What `read` makes of the text, or `None` within if the text is `word`.
fn unless<T>(word: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.eq_ignore_ascii_case(word) { Some(None) } else { read(text).map(Some) }
}

/// How much mail may wait. What is not given stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) messages_max: Option<usize>,
    pub(super) bytes_max: Option<usize>,
}

/// A count of messages, a size with its unit, or both: `4096 messages or 4m`.
fn mail(text: &str) -> Option<Mail> {
    let mut mail = Mail::default();
    for part in text.split(',').flat_map(|part| part.split(" or ")).map(str::trim) {
        let messages = part.strip_suffix("messages").or_else(|| part.strip_suffix("message"));
        let (place, value) = match messages {
            Some(messages) => (&mut mail.messages_max, count(messages.trim_end())?),
            // A number alone could be either.
            None if part.ends_with(|c: char| c.is_ascii_digit()) => return None,
            None => (&mut mail.bytes_max, size(part)?),
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(mail)
}

/// `text` or `json`.
fn log_format(text: &str) -> Option<LogFormat> {
    if text.eq_ignore_ascii_case("text") {
        return Some(LogFormat::Text);
    }
    text.eq_ignore_ascii_case("json").then_some(LogFormat::Json)
}

/// The digits that a text begins with, of which there are some, and what follows them.
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

/// Addresses to listen on, separated by commas or blanks, IPv6 with or without brackets.
fn hosts(text: &str) -> Option<Vec<String>> {
    let hosts: Option<Vec<String>> =
        items(text).map(|item| host(item).map(str::to_owned)).collect();
    hosts.filter(|hosts| !hosts.is_empty())
}

/// `same`, `any`, or a list of origins, separated by commas or blanks.
fn origin_rule(text: &str) -> Option<OriginRule> {
    if text.eq_ignore_ascii_case("same") {
        return Some(OriginRule::Same);
    }
    if text.eq_ignore_ascii_case("any") {
        return Some(OriginRule::Any);
    }
    let list: Option<Vec<Origin>> = items(text).map(|item| item.parse().ok()).collect();
    list.filter(|list| !list.is_empty()).map(OriginRule::List)
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty())
}

/// One address without brackets.
fn host(item: &str) -> Option<&str> {
    if let Some(inner) = item.strip_prefix('[') {
        return inner.strip_suffix(']').filter(|address| is_ipv6(address));
    }
    (is_ipv6(item) || item.parse::<Ipv4Addr>().is_ok() || is_host_name(item)).then_some(item)
}

/// RFC 4007, 11: an address that means something on one link only names the link.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let in_zone = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(in_zone)
}

/// With it the worst case of memory stays a number, also where addresses have 32 bits.
const SIZE_BYTES_MAX: usize = 1 << 30;
/// As many sockets as there may be at a time; nothing else needs more.
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
        assert_eq!(unless("off", "OFF", count), Some(None));
        assert_eq!(unless("off", "7", count), Some(Some(7)));
        assert_eq!(unless("off", "on", count), None);
    }

    #[test]
    fn mails() {
        let mail_of = |messages_max, bytes_max| Some(Mail { messages_max, bytes_max });
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

    #[test]
    fn addresses() {
        let rows = [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0, ::", "0.0.0.0 ::"),
            ("[::1],[fe80::1%eth0]", "::1 fe80::1%eth0"),
            ("localhost a-b.Example_1.org", "localhost a-b.Example_1.org"),
            ("4.example", "4.example"),
        ];
        for (text, expected) in rows {
            let expected = expected.split(' ').map(str::to_owned).collect();
            assert_eq!(hosts(text), Some(expected), "{text:?}");
        }
        let wrong = [
            "",
            ",",
            "127.0.0.1:80",
            "[::1]:80",
            "[127.0.0.1]",
            "[::1",
            "::1]",
            "300.1.1.1",
            "1.2.3",
            "80",
            "a..b",
            ".a",
            "a.",
            "*",
            "http://a",
            "a/b",
            "::g",
            "::1%",
            "ä.example",
        ];
        for text in wrong {
            assert_eq!(hosts(text), None, "{text:?}");
        }
    }

    #[test]
    fn origin_rules() {
        assert_eq!(origin_rule("Same"), Some(OriginRule::Same));
        assert_eq!(origin_rule("ANY"), Some(OriginRule::Any));
        let list = ["https://a", "http://b:81", "null"].map(|text| text.parse().expect(text));
        let list = Some(OriginRule::List(list.to_vec()));
        assert_eq!(origin_rule("https://A:443,http://b:81 null"), list);
        for text in ["", ",", "*", "same any", "any, https://a", "https://a; null"] {
            assert_eq!(origin_rule(text), None, "{text:?}");
        }
    }
}
