//! What can be wrong with a configuration, in words. Each says what was found, what is
//! allowed, and what was probably meant.

use std::fmt;

use crate::config::ini::IniError;
use crate::config::key::Section;
use crate::limits::LimitsError;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) problem: Problem,
}

/// Where a value comes from, in the order in which faults are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The file as a whole.
    File,
    /// This line of it, counted from 1.
    Line(usize),
    /// A flag.
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("in the file"),
            Self::Line(line) => write!(f, "in line {line}"),
            Self::CommandLine => f.write_str("on the command line"),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The system does not give the file; in its words.
    Unreadable(String),
    /// The file is longer than a configuration can be.
    TooLong,
    /// The line is not UTF-8.
    NotText,
    /// The line is no line of an INI file.
    Syntax(IniError),
    /// No section is called so.
    UnknownSection { title: String, nearest: Option<&'static str> },
    /// `[service]` does not say which.
    NoPath,
    /// `[service PATH]` with a path that no service has.
    Path { path: String },
    /// A key before the first section, and where it belongs if it is known.
    NoSection { name: String, home: Option<Section> },
    /// No key is called so. The nearest has its section with it if that is another one.
    UnknownKey { name: String, here: String, nearest: Option<(&'static str, Option<Section>)> },
    /// A key that is known, but not here.
    Elsewhere { name: &'static str, here: String, home: Section },
    /// A key that has been given before.
    Twice { name: &'static str, first: Place },
    /// A value that the key does not allow.
    NotAllowed { name: &'static str, value: String, allowed: &'static str },
    /// Limits that contradict each other.
    Limits { given: Vec<Given>, error: LimitsError },
}

/// A limit as it is: given, or else the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) place: Option<Place>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Self::TooLong => f.write_str("is longer than 1 MiB, which no configuration is"),
            Self::NotText => f.write_str("the text is not UTF-8"),
            Self::Syntax(error) => error.fmt(f),
            Self::UnknownSection { title, nearest } => {
                write!(f, "unknown section {}", Quoted(title))?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
                    None => f.write_str(", allowed are [server], [limits] and [service /path]"),
                }
            }
            Self::NoPath => f.write_str("a service is named by its path, as in [service /path]"),
            Self::Path { path } => write!(
                f,
                "no service has the path {}; it has to begin with a slash and to stand as it \
                 will be decoded, without query, empty or hidden segments",
                Quoted(path)
            ),
            Self::NoSection { name, home } => {
                write!(f, "{} stands before the first section", Quoted(name))?;
                home.map_or(Ok(()), |home| write!(f, "; it belongs in {}", home.title()))
            }
            Self::UnknownKey { name, here, nearest } => {
                write!(f, "unknown key {} in {here}", Quoted(name))?;
                match nearest {
                    Some((key, None)) => write!(f, "; did you mean {key:?}?"),
                    Some((key, Some(home))) => {
                        write!(f, "; did you mean {key:?} in {}?", home.title())
                    }
                    None => Ok(()),
                }
            }
            Self::Elsewhere { name, here, home } => {
                write!(f, "{name} is no key of {here}, it belongs in {}", home.title())
            }
            Self::Twice { name, first } => write!(f, "{name} is given before, {first}"),
            Self::NotAllowed { name, value, allowed } => {
                write!(f, "{name} is {}, allowed is {allowed}", Quoted(value))
            }
            Self::Limits { given, error } => {
                for (index, Given { name, value, place }) in given.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name} is {}", Quoted(value))?;
                    match place {
                        Some(place) => write!(f, " {place}")?,
                        None => f.write_str(" by default")?,
                    }
                }
                write!(f, "; {error}")
            }
        }
    }
}

/// A text as it was found, within quotes, with control characters made visible and cut short
/// if it is long.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

const QUOTED_CHARS_MAX: usize = 80;
