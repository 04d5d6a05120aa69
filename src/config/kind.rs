//! `Kind`: what sort of value a key has. It pairs what is allowed, in words, with the reader
//! that allows it, so that no message promises what is then refused.

use std::ffi::OsStr;
use std::path::PathBuf;

use log::LevelFilter;

use crate::config::LogFormat;
use crate::config::addresses;
use crate::config::values::{self, Mail};
use crate::hub::OriginRule;
use crate::limits::Limits;

/// A sort of value, and where it goes in a `T`.
pub(super) enum Kind<T> {
    /// One or more addresses; they add up.
    Hosts(fn(&mut T, Vec<String>)),
    Port(fn(&mut T, u16)),
    /// A directory; whether it exists is for `resolve` to see.
    Directory(fn(&mut T, PathBuf)),
    DirectoryOrNone(fn(&mut T, Option<PathBuf>)),
    Origin(fn(&mut T, OriginRule)),
    LogLevel(fn(&mut T, LevelFilter)),
    LogFormat(fn(&mut T, LogFormat)),
    /// In bytes.
    Size(fn(&mut T, usize)),
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
            Self::Hosts(set) => set(target, addresses::hosts(text?)?),
            Self::Port(set) => set(target, values::port(text?)?),
            Self::Origin(set) => set(target, addresses::origin_rule(text?)?),
            Self::LogLevel(set) => set(target, text?.parse().ok()?),
            Self::LogFormat(set) => set(target, values::log_format(text?)?),
            Self::Size(set) => set(target, values::size(text?)?),
            Self::Count(set) => set(target, values::count(text?)?),
            Self::CountOrOff(set) => {
                let count = values::unless("off", text?, values::count)?;
                set(target, count.unwrap_or(Limits::OFF_COUNT));
            }
            Self::CountOrAuto(set) => set(target, values::unless("auto", text?, values::count)?),
            Self::Time(set) => set(target, values::time_above_zero(text?)?),
            Self::TimeOrZero(set) => set(target, values::time(text?)?),
            Self::TimeOrOff(set) => {
                let time = values::unless("off", text?, values::time_above_zero)?;
                set(target, time.unwrap_or(Limits::OFF_MS));
            }
            Self::Mail(set) => set(target, values::mail(text?)?),
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
            Self::LogLevel(_) => "off, error, warn, info, debug or trace",
            Self::LogFormat(_) => "text or json",
            Self::Size(_) => "a size from 1 to 1g, such as 65536, 64k or 1m",
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
