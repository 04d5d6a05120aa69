//! `Kind`: what sort of value a key has, and how values of each sort are read. A kind pairs what
//! is allowed, in words, with the reader that allows it, so that no message promises what is
//! then refused; a reader gives `None` for what is not allowed. Those of numbers are in
//! `numbers`, those of lists in `names`.

pub(super) mod names;
mod numbers;

use std::ffi::OsStr;
use std::path::PathBuf;

use log::LevelFilter;

use crate::config::value::names::hosts;
use crate::config::value::numbers::{
    Mail, count, mail, memory, port, rate, size, time, time_above_zero,
};
use crate::config::{Dumpable, LogFormat};
use crate::hub::{AccessLog, AllowedHosts, Compression, OriginRule, Spellings};
use crate::limits::{Limits, Rate, RatePolicy};
use crate::service::Thread;
use crate::ws::Target;

/// A sort of value, and where it goes in a `T`.
pub(super) enum Kind<T> {
    /// One or more addresses; they add up.
    Hosts(fn(&mut T, Vec<String>)),
    Port(fn(&mut T, u16)),
    /// A directory; whether it exists is for `resolve` to see.
    DirectoryOrNone(fn(&mut T, Option<PathBuf>)),
    /// The percent-decoded path of a request.
    PathOrNone(fn(&mut T, Option<String>)),
    AllowedHosts(fn(&mut T, AllowedHosts)),
    Spellings(fn(&mut T, Spellings)),
    Origin(fn(&mut T, OriginRule)),
    Compression(fn(&mut T, Compression)),
    Thread(fn(&mut T, Thread)),
    LogLevel(fn(&mut T, LevelFilter)),
    LogFormat(fn(&mut T, LogFormat)),
    AccessLog(fn(&mut T, AccessLog)),
    Dumpable(fn(&mut T, Dumpable)),
    /// In bytes.
    Size(fn(&mut T, usize)),
    /// In bytes; off is none.
    SizeOrOff(fn(&mut T, usize)),
    Count(fn(&mut T, usize)),
    CountOrOff(fn(&mut T, usize)),
    CountOrAuto(fn(&mut T, Option<usize>)),
    /// In bytes.
    MemoryOrAuto(fn(&mut T, Option<usize>)),
    /// In milliseconds; never zero.
    Time(fn(&mut T, u64)),
    TimeOrZero(fn(&mut T, u64)),
    /// In milliseconds; never zero.
    TimeOrOff(fn(&mut T, u64)),
    Mail(fn(&mut T, Mail)),
    RateOrOff(fn(&mut T, Option<Rate>)),
    RatePolicy(fn(&mut T, RatePolicy)),
    /// What the key itself reads, and what it allows.
    #[cfg(feature = "programs")]
    Own(&'static str, fn(&mut T, &OsStr) -> Option<()>),
    /// The same for a key that may be repeated.
    #[cfg(feature = "programs")]
    OwnEach(&'static str, fn(&mut T, &OsStr) -> Option<()>),
}

impl<T> Kind<T> {
    /// Reads the value and sets it; `None` if it is not what [`Kind::allowed`] says.
    pub(super) fn set(&self, target: &mut T, value: &OsStr) -> Option<()> {
        let text = value.to_str();
        match self {
            Self::DirectoryOrNone(set) if value.eq_ignore_ascii_case("none") => set(target, None),
            Self::DirectoryOrNone(set) => set(target, Some(directory(value)?)),
            Self::Hosts(set) => set(target, hosts(text?)?),
            Self::Port(set) => set(target, port(text?)?),
            Self::PathOrNone(set) => set(target, unless("none", text?, path)?),
            Self::AllowedHosts(set) => set(target, text?.parse().ok()?),
            Self::Spellings(set) => {
                set(target, word(text?, [("all", Spellings::All), ("one", Spellings::One)])?);
            }
            Self::Origin(set) => set(target, text?.parse().ok()?),
            Self::Compression(set) => set(target, Compression::named(text?)?),
            Self::Thread(set) => set(target, Thread::named(text?)?),
            Self::LogLevel(set) => set(target, text?.parse().ok()?),
            Self::LogFormat(set) => {
                set(target, word(text?, [("text", LogFormat::Text), ("json", LogFormat::Json)])?);
            }
            Self::AccessLog(set) => {
                use AccessLog::{All, Off, Sockets};
                let words = [("all", All), ("sockets", Sockets), ("off", Off)];
                set(target, word(text?, words)?);
            }
            Self::Dumpable(set) => {
                set(target, word(text?, [("no", Dumpable::No), ("yes", Dumpable::Yes)])?);
            }
            Self::Size(set) => set(target, size(text?)?),
            Self::SizeOrOff(set) => set(target, unless("off", text?, size)?.unwrap_or(0)),
            Self::Count(set) => set(target, count(text?)?),
            Self::CountOrOff(set) => {
                let count = unless("off", text?, count)?;
                set(target, count.unwrap_or(Limits::OFF_COUNT));
            }
            Self::CountOrAuto(set) => set(target, unless("auto", text?, count)?),
            Self::MemoryOrAuto(set) => {
                let or_off =
                    |text: &str| Some(unless("off", text, memory)?.unwrap_or(Limits::OFF_COUNT));
                set(target, unless("auto", text?, or_off)?);
            }
            Self::Time(set) => set(target, time_above_zero(text?)?),
            Self::TimeOrZero(set) => set(target, time(text?)?),
            Self::TimeOrOff(set) => {
                let time = unless("off", text?, time_above_zero)?;
                set(target, time.unwrap_or(Limits::OFF_MS));
            }
            Self::Mail(set) => set(target, mail(text?)?),
            Self::RateOrOff(set) => set(target, unless("off", text?, rate)?),
            Self::RatePolicy(set) => {
                let words = [("wait", RatePolicy::Wait), ("close", RatePolicy::Close)];
                set(target, word(text?, words)?);
            }
            #[cfg(feature = "programs")]
            Self::Own(_, set) | Self::OwnEach(_, set) => set(target, value)?,
        }
        Some(())
    }

    /// What is allowed, to be read after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Hosts(_) => "a list of IP addresses or host names, without ports",
            Self::Port(_) => "a number from 0 to 65535",
            Self::DirectoryOrNone(_) => "a directory that exists, or none",
            Self::PathOrNone(_) => "a path such as /health, without % and ?, or none",
            Self::AllowedHosts(_) => {
                "auto, any, or a list such as a.example, *.b.example, 10.0.0.1, without ports"
            }
            Self::Spellings(_) => "all or one",
            Self::Origin(_) => {
                "same, any, or a list such as same, https://a.example, https://*.b.example, \
                 http://localhost:*, app://., file://, null"
            }
            Self::Compression(_) => "off, or on if it was built with --features deflate",
            Self::Thread(_) => "own, or loop for a service that never blocks",
            Self::LogLevel(_) => "off, error, warn, info, debug or trace",
            Self::LogFormat(_) => "text or json",
            Self::AccessLog(_) => "all, sockets or off",
            Self::Dumpable(_) => "no or yes",
            Self::Size(_) => "a size from 1 to 1g, such as 65536, 64k or 1m",
            Self::SizeOrOff(_) => "a size from 1 to 1g, such as 65536, 64k or 1m, or off",
            Self::Count(_) => "a number from 1 to 16777216",
            Self::CountOrOff(_) => "a number from 1 to 16777216, or off",
            Self::CountOrAuto(_) => "a number from 1 to 16777216, or auto",
            Self::MemoryOrAuto(_) => "auto, off, or a size from 1m to 1024g, such as 512m or 4g",
            Self::Time(_) => "a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h",
            Self::TimeOrZero(_) => "a time from 0s to 8760h, such as 500ms, 25s, 2m or 1h",
            Self::TimeOrOff(_) => "a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h, or off",
            Self::Mail(_) => {
                "a number of messages, a size with its unit, or both: 4096 messages or 4m"
            }
            Self::RateOrOff(_) => "off, or N/s burst M up to 16777216, such as 100/s burst 200",
            Self::RatePolicy(_) => "wait or close",
            #[cfg(feature = "programs")]
            Self::Own(allowed, _) | Self::OwnEach(allowed, _) => allowed,
        }
    }

    /// Whether the key may stand there several times, and each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        #[cfg(feature = "programs")]
        if matches!(self, Self::OwnEach(..)) {
            return true;
        }
        matches!(self, Self::Hosts(_))
    }
}

/// What `read` makes of the text, or `None` within if the text is `word`.
fn unless<T>(word: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.eq_ignore_ascii_case(word) { Some(None) } else { read(text).map(Some) }
}

/// A path that a request can name.
fn path(text: &str) -> Option<String> {
    Target::is_path(text).then(|| text.to_owned())
}

/// A directory, which alone may have a name that is no text.
pub(super) fn directory(value: &OsStr) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// The meaning of a word, compared without regard to case.
pub(super) fn word<T: Copy, const N: usize>(text: &str, words: [(&str, T); N]) -> Option<T> {
    let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    found.map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_values() {
        assert_eq!(unless("off", "OFF", count), Some(None));
        assert_eq!(unless("off", "7", count), Some(Some(7)));
        assert_eq!(unless("off", "on", count), None);
        for (text, expected) in [("a", Some(1)), ("B", Some(2)), ("c", None), ("", None)] {
            assert_eq!(word(text, [("a", 1), ("b", 2)]), expected, "{text:?}");
        }
    }
}
