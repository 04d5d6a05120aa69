//! `ValueKind`: the kinds of values, and their readers. A kind has its reader and the text of
//! allowed values side by side, so that messages and readers agree. A reader returns `None` for a
//! value that is not allowed. Readers of numbers are in `numbers`, those of lists in `names`; the
//! kinds about workers are in `workers`, those about proxies in `proxies`, those about TLS in
//! `tls`, those about Unix sockets and processes in `unix`, those of databases in `databases`,
//! those of the backplane in `backplane`,
//! those about listeners for operators in `admin`, and the words of others in `words`.

#[cfg(feature = "admin")]
pub(super) mod admin;
#[cfg(feature = "redis")]
pub(super) mod backplane;
#[cfg(feature = "database")]
pub(super) mod databases;
pub(super) mod names;
mod numbers;
#[cfg(feature = "proxy")]
pub(super) mod proxies;
#[cfg(feature = "tls")]
pub(super) mod tls;
#[cfg(feature = "unix")]
pub(super) mod unix;
pub(super) mod words;
#[cfg(feature = "workers")]
pub(super) mod workers;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::dumpable::Dumpable;
#[cfg(feature = "admin")]
use crate::config::expand::ValueForm;
use crate::config::log_format::LogFormat;
#[cfg(feature = "admin")]
use crate::config::value::admin::AdminValue;
use crate::config::value::names::add_hosts;
use crate::config::value::numbers::{count, mail, memory, port, rate, size, time, time_above_zero};
#[cfg(feature = "proxy")]
use crate::config::value::proxies::ProxyValue;
#[cfg(feature = "tls")]
use crate::config::value::tls::TlsValue;
#[cfg(feature = "unix")]
use crate::config::value::unix::UnixValue;
use crate::config::value::words::{FieldOf, word};
#[cfg(feature = "workers")]
use crate::config::value::workers::WorkersValue;
use crate::hub::{AccessLog, AllowedHosts, Spellings};
use crate::limits::{Limits, Rate, RatePolicy};
use crate::service::{Compression, OriginRule, Start, Thread};
use crate::ws::Target;

/// A kind of value, and its place in a `T`.
pub(super) enum ValueKind<T> {
    /// One or more addresses; they add up.
    Hosts(FieldOf<T, Vec<String>>),
    PortOrNone(FieldOf<T, Option<u16>>),
    #[cfg(feature = "admin")]
    Admin(AdminValue<T>),
    #[cfg(feature = "unix")]
    Unix(UnixValue<T>),
    #[cfg(feature = "tls")]
    Tls(TlsValue<T>),
    /// A directory; whether it exists is for `resolve` to see.
    #[cfg(feature = "programs")]
    Directory(FieldOf<T, PathBuf>),
    DirectoryOrNone(FieldOf<T, Option<PathBuf>>),
    /// A file; whether its folder exists is for `resolve` to see.
    #[cfg(feature = "admin")]
    FileOrNone(FieldOf<T, Option<PathBuf>>),
    /// The percent-decoded path of a request.
    PathOrNone(FieldOf<T, Option<String>>),
    AllowedHosts(FieldOf<T, AllowedHosts>),
    #[cfg(feature = "proxy")]
    Proxy(ProxyValue<T>),
    Spellings(FieldOf<T, Spellings>),
    Origin(FieldOf<T, OriginRule>),
    Compression(FieldOf<T, Compression>),
    Thread(FieldOf<T, Thread>),
    Start(FieldOf<T, Start>),
    #[cfg(feature = "workers")]
    Workers(WorkersValue<T>),
    LogLevel(FieldOf<T, LevelFilter>),
    LogFormat(FieldOf<T, LogFormat>),
    AccessLog(FieldOf<T, AccessLog>),
    Dumpable(FieldOf<T, Dumpable>),
    /// In bytes.
    Size(FieldOf<T, usize>),
    /// In bytes; off is none.
    SizeOrOff(FieldOf<T, usize>),
    Count(FieldOf<T, usize>),
    Count32(FieldOf<T, u32>),
    CountOrOff(FieldOf<T, usize>),
    CountOrAuto(FieldOf<T, Option<usize>>),
    /// In bytes.
    MemoryOrAuto(FieldOf<T, Option<usize>>),
    /// In milliseconds; never zero.
    Time(FieldOf<T, u64>),
    TimeOrZero(FieldOf<T, u64>),
    /// In milliseconds; never zero.
    TimeOrOff(FieldOf<T, u64>),
    /// Messages and bytes.
    Mail(fn(&mut T) -> (&mut usize, &mut usize)),
    RateOrOff(FieldOf<T, Option<Rate>>),
    RatePolicy(FieldOf<T, RatePolicy>),
    /// A kind with its own text, reader and comparison, which says whether two targets differ.
    #[cfg(feature = "programs")]
    Own(&'static str, fn(&mut T, &OsStr) -> Option<()>, fn(&T, &T) -> bool),
    /// The same for a key that may be repeated. Its values are variables of programs: `NAME=value`.
    #[cfg(feature = "programs")]
    OwnEach(&'static str, fn(&mut T, &OsStr) -> Option<()>, fn(&T, &T) -> bool),
}

impl<T> ValueKind<T> {
    /// Reads the value and sets it; `None` if [`ValueKind::allowed`] excludes it.
    pub(super) fn set(&self, target: &mut T, value: &OsStr) -> Option<()> {
        let text = value.to_str();
        match self {
            Self::DirectoryOrNone(place) => *place(target) = path_or_none(value)?,
            #[cfg(feature = "admin")]
            Self::FileOrNone(place) => *place(target) = path_or_none(value)?,
            #[cfg(feature = "programs")]
            Self::Directory(place) => *place(target) = file_path(value)?,
            Self::Hosts(place) => add_hosts(place(target), text?)?,
            Self::PortOrNone(place) => *place(target) = unless("none", text?, port)?,
            #[cfg(feature = "admin")]
            Self::Admin(kind) => kind.set(target, text?)?,
            #[cfg(feature = "unix")]
            Self::Unix(kind) => kind.set(target, text?)?,
            #[cfg(feature = "tls")]
            Self::Tls(kind) => kind.set(target, value)?,
            Self::PathOrNone(place) => *place(target) = unless("none", text?, path)?,
            Self::AllowedHosts(place) => *place(target) = text?.parse().ok()?,
            #[cfg(feature = "proxy")]
            Self::Proxy(kind) => kind.set(target, text?)?,
            Self::Spellings(place) => {
                *place(target) = word(text?, [("all", Spellings::All), ("one", Spellings::One)])?;
            }
            Self::Origin(place) => *place(target) = text?.parse().ok()?,
            Self::Compression(place) => *place(target) = Compression::named(text?)?,
            Self::Thread(place) => *place(target) = Thread::named(text?)?,
            Self::Start(place) => *place(target) = Start::named(text?)?,
            #[cfg(feature = "workers")]
            Self::Workers(kind) => kind.set(target, text?)?,
            Self::LogLevel(place) => *place(target) = text?.parse().ok()?,
            Self::LogFormat(place) => {
                use LogFormat::{Json, Text};
                *place(target) = word(text?, [("text", Text), ("json", Json)])?;
            }
            Self::AccessLog(place) => {
                use AccessLog::{All, Off, Sockets};
                *place(target) = word(text?, [("all", All), ("sockets", Sockets), ("off", Off)])?;
            }
            Self::Dumpable(place) => {
                *place(target) = word(text?, [("no", Dumpable::No), ("yes", Dumpable::Yes)])?;
            }
            Self::Size(place) => *place(target) = size(text?)?,
            Self::SizeOrOff(place) => *place(target) = unless("off", text?, size)?.unwrap_or(0),
            Self::Count(place) => *place(target) = count(text?)?,
            Self::Count32(place) => *place(target) = count(text?)?.try_into().unwrap_or(u32::MAX),
            Self::CountOrOff(place) => {
                *place(target) = unless("off", text?, count)?.unwrap_or(Limits::OFF_COUNT);
            }
            Self::CountOrAuto(place) => *place(target) = unless("auto", text?, count)?,
            Self::MemoryOrAuto(place) => *place(target) = unless("auto", text?, memory_or_off)?,
            Self::Time(place) => *place(target) = time_above_zero(text?)?,
            Self::TimeOrZero(place) => *place(target) = time(text?)?,
            Self::TimeOrOff(place) => {
                *place(target) = unless("off", text?, time_above_zero)?.unwrap_or(Limits::OFF_MS);
            }
            Self::Mail(places) => {
                let (mail, (messages_max, bytes_max)) = (mail(text?)?, places(target));
                *messages_max = mail.messages_max.unwrap_or(*messages_max);
                *bytes_max = mail.bytes_max.unwrap_or(*bytes_max);
            }
            Self::RateOrOff(place) => *place(target) = unless("off", text?, rate)?,
            Self::RatePolicy(place) => {
                use RatePolicy::{Close, Wait};
                *place(target) = word(text?, [("wait", Wait), ("close", Close)])?;
            }
            #[cfg(feature = "programs")]
            Self::Own(_, set, _) | Self::OwnEach(_, set, _) => set(target, value)?,
        }
        Some(())
    }

    /// Whether the values of two targets differ.
    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        match self {
            Self::Hosts(place) => place(one) != place(other),
            #[cfg(feature = "admin")]
            Self::Admin(kind) => kind.differs(one, other),
            #[cfg(feature = "unix")]
            Self::Unix(kind) => kind.differs(one, other),
            #[cfg(feature = "tls")]
            Self::Tls(kind) => kind.differs(one, other),
            Self::PortOrNone(place) => place(one) != place(other),
            #[cfg(feature = "programs")]
            Self::Directory(place) => place(one).as_os_str() != place(other).as_os_str(),
            // As texts, for which a path is not taken apart.
            Self::DirectoryOrNone(place) => {
                place(one).as_deref().map(Path::as_os_str)
                    != place(other).as_deref().map(Path::as_os_str)
            }
            #[cfg(feature = "admin")]
            Self::FileOrNone(place) => place(one) != place(other),
            Self::PathOrNone(place) => place(one) != place(other),
            Self::AllowedHosts(place) => place(one) != place(other),
            #[cfg(feature = "proxy")]
            Self::Proxy(kind) => kind.differs(one, other),
            Self::Spellings(place) => place(one) != place(other),
            Self::Origin(place) => place(one) != place(other),
            Self::Compression(place) => place(one) != place(other),
            Self::Thread(place) => place(one) != place(other),
            Self::Start(place) => place(one) != place(other),
            #[cfg(feature = "workers")]
            Self::Workers(kind) => kind.differs(one, other),
            Self::LogLevel(place) => place(one) != place(other),
            Self::LogFormat(place) => place(one) != place(other),
            Self::AccessLog(place) => place(one) != place(other),
            Self::Dumpable(place) => place(one) != place(other),
            Self::Count32(place) => place(one) != place(other),
            Self::Size(place)
            | Self::SizeOrOff(place)
            | Self::Count(place)
            | Self::CountOrOff(place) => place(one) != place(other),
            Self::CountOrAuto(place) | Self::MemoryOrAuto(place) => place(one) != place(other),
            Self::Time(place) | Self::TimeOrZero(place) | Self::TimeOrOff(place) => {
                place(one) != place(other)
            }
            Self::Mail(places) => places(one) != places(other),
            Self::RateOrOff(place) => place(one) != place(other),
            Self::RatePolicy(place) => place(one) != place(other),
            #[cfg(feature = "programs")]
            Self::Own(_, _, differs) | Self::OwnEach(_, _, differs) => differs(one, other),
        }
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Hosts(_) => "a list of IP addresses or host names, without ports",
            Self::PortOrNone(_) => "a number from 0 to 65535, or none",
            #[cfg(feature = "admin")]
            Self::Admin(_) => AdminValue::<T>::ALLOWED,
            #[cfg(feature = "unix")]
            Self::Unix(kind) => kind.allowed(),
            #[cfg(feature = "tls")]
            Self::Tls(kind) => kind.allowed(),
            #[cfg(feature = "programs")]
            Self::Directory(_) => "a directory that exists",
            Self::DirectoryOrNone(_) => "a directory that exists, or none",
            #[cfg(feature = "admin")]
            Self::FileOrNone(_) => "a file in a directory that exists, or none",
            Self::PathOrNone(_) => "a path such as /health, without % and ?, or none",
            Self::AllowedHosts(_) => {
                "auto, any, or a list such as a.example, *.b.example, 10.0.0.1, without ports"
            }
            #[cfg(feature = "proxy")]
            Self::Proxy(kind) => kind.allowed(),
            Self::Spellings(_) => "all or one",
            Self::Origin(_) => {
                "same, any, or a list such as same, https://a.example, https://*.b.example, \
                 http://localhost:*, app://., file://, null"
            }
            Self::Compression(_) => "off, or on if it was built with --features deflate",
            Self::Thread(_) => "own, or loop for a service that never blocks",
            Self::Start(_) => "lazy or eager",
            #[cfg(feature = "workers")]
            Self::Workers(kind) => kind.allowed(),
            Self::LogLevel(_) => "off, error, warn, info, debug or trace",
            Self::LogFormat(_) => "text or json",
            Self::AccessLog(_) => "all, sockets or off",
            Self::Dumpable(_) => "no or yes",
            Self::Size(_) => "a size from 1 to 1g, such as 65536, 64k or 1m",
            Self::SizeOrOff(_) => "a size from 1 to 1g, such as 65536, 64k or 1m, or off",
            Self::Count(_) | Self::Count32(_) => "a number from 1 to 16777216",
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
            Self::Own(allowed, ..) | Self::OwnEach(allowed, ..) => allowed,
        }
    }

    /// The form of the values, which says what is secret in them.
    #[cfg(feature = "admin")]
    #[cfg_attr(
        not(feature = "programs"),
        expect(clippy::unused_self, reason = "only a kind of programs has another form")
    )]
    pub(super) const fn form(&self) -> ValueForm {
        #[cfg(feature = "programs")]
        if matches!(self, Self::OwnEach(..)) {
            return ValueForm::Assignment;
        }
        ValueForm::Plain
    }

    /// Whether the key may be repeated, and the values add up.
    pub(super) const fn repeats(&self) -> bool {
        #[cfg(feature = "programs")]
        if matches!(self, Self::OwnEach(..)) {
            return true;
        }
        matches!(self, Self::Hosts(_))
    }
}

fn memory_or_off(text: &str) -> Option<usize> {
    Some(unless("off", text, memory)?.unwrap_or(Limits::OFF_COUNT))
}

/// The result of `read`, or `Some(None)` if the text is `word`.
fn unless<T>(word: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.eq_ignore_ascii_case(word) { Some(None) } else { read(text).map(Some) }
}

/// A path that a request can name.
fn path(text: &str) -> Option<String> {
    Target::is_path(text).then(|| text.to_owned())
}

/// The path of a directory or of a file, the only values that need not be UTF-8.
fn file_path(value: &OsStr) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// The same, or none.
fn path_or_none(value: &OsStr) -> Option<Option<PathBuf>> {
    let is_none = value.eq_ignore_ascii_case("none");
    if is_none { Some(None) } else { file_path(value).map(Some) }
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
