//! Why a command cannot be carried out: first the errors for callers, then the faults of a
//! configuration. Each says what was found, what is allowed, and what was probably meant.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::exit::Exit;
use crate::config::ini::IniError;
use crate::config::section::Section;

/// Why a command cannot be carried out.
#[derive(Debug)]
pub enum CommandError {
    /// The command line is wrong.
    Usage(UsageError),
    /// The configuration is wrong.
    Config(ConfigError),
}

impl CommandError {
    /// The exit of the process because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::CommandLine,
            Self::Config(_) => Exit::Configuration,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl Error for CommandError {}

impl From<UsageError> for CommandError {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// The first fault of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// No flag has this name.
    UnknownFlag {
        /// The flag as it was given.
        flag: String,
        /// The flag that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A flag of programs, which this build does not serve.
    Unbuilt {
        /// The flag as it was given.
        flag: String,
    },
    /// A word that belongs to no flag.
    Stray(String),
    /// The command line ends where a value should be.
    NoValue {
        /// The flag as it was given.
        flag: String,
        /// The name of its value in the help.
        value: &'static str,
    },
    /// A value for a flag that takes none.
    ValueNotTaken {
        /// The flag as it was given.
        flag: String,
    },
    /// A flag that needs another one.
    Alone {
        /// The flag.
        flag: &'static str,
        /// The flag that is missing, with its value.
        needed: &'static str,
    },
    /// A flag that conflicts with another one.
    Clash {
        /// The flag.
        flag: &'static str,
        /// The other flag, or a value of the configuration.
        other: String,
        /// Why not.
        why: &'static str,
    },
    /// A value that the flag does not allow.
    NotAllowed {
        /// The flag as it was given.
        flag: String,
        /// The value.
        value: String,
        /// What is allowed, in words.
        allowed: &'static str,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFlag { flag, nearest } => {
                write!(f, "unknown flag {}", Quoted(flag))?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
                    None => f.write_str("; the help has them all: --help"),
                }
            }
            Self::Unbuilt { flag } => write!(f, "{flag} is {OF_PROGRAMS}"),
            Self::Stray(word) => {
                write!(f, "{} belongs to no flag; only flags are taken: --help", Quoted(word))
            }
            Self::NoValue { flag, value } => write!(f, "{flag} needs a value: {flag} {value}"),
            Self::ValueNotTaken { flag } => write!(f, "{flag} takes no value"),
            Self::Alone { flag, needed } => {
                write!(f, "{flag} belongs to a program that is tried: add {needed}")
            }
            Self::Clash { flag, other, why } => {
                write!(f, "{flag} does not go with {other}: {why}; leave out one of them")
            }
            Self::NotAllowed { flag, value, allowed } => {
                write!(f, "{flag} is {}, allowed is {allowed}", Quoted(value))
            }
        }
    }
}

impl Error for UsageError {}

/// All faults of a configuration: one line for each, in the order of the file, at most 20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: Option<PathBuf>,
    faults: Vec<ConfigFault>,
}

impl ConfigError {
    /// At least one fault, in any order.
    pub(super) fn new(file: Option<PathBuf>, mut faults: Vec<ConfigFault>) -> Self {
        // Only the faults that are shown have to be in order; a full sort would be more code than
        // all of this file.
        for at in 0..faults.len().min(SHOWN_MAX) {
            let next = (at..faults.len()).min_by_key(|&index| faults[index].place).unwrap_or(at);
            let fault = faults.remove(next);
            faults.insert(at, fault);
        }
        Self { file, faults }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        for (index, ConfigFault { place, problem }) in
            self.faults.iter().take(SHOWN_MAX).enumerate()
        {
            let end_of_last = if index == 0 { "" } else { "\n" };
            match place {
                ValueSource::File => write!(f, "{end_of_last}{file}: {problem}")?,
                ValueSource::Line(line) => write!(f, "{end_of_last}{file}:{line}: {problem}")?,
                ValueSource::CommandLine => write!(f, "{end_of_last}command line: {problem}")?,
            }
        }
        match self.faults.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Error for ConfigError {}

/// One fault, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigFault {
    pub(super) place: ValueSource,
    pub(super) problem: Problem,
}

/// The source of a value. Faults are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueSource {
    /// The file as a whole.
    File,
    /// This line of it, counted from 1.
    Line(usize),
    /// A flag.
    CommandLine,
}

impl fmt::Display for ValueSource {
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
    /// The file cannot be read; the system's error.
    Unreadable(String),
    /// The file is longer than a configuration may be.
    TooLong,
    /// The line is not UTF-8.
    NotText,
    /// The line has no INI syntax.
    Syntax(IniError),
    /// No section has this name. `meant` is the section that was probably meant.
    UnknownSection { title: String, meant: Option<String> },
    /// `[service]` without a path.
    NoPath,
    /// `[service PATH]` with a path that no service has, and the path that was probably meant.
    Path { path: String, meant: Option<String> },
    /// A key before the first section, and its section if it is known.
    NoSection { name: String, home: Option<Section> },
    /// No key has this name. The nearest one has its section with it if that is another one.
    UnknownKey { name: String, here: String, nearest: Option<(&'static str, Option<Section>)> },
    /// A key of a feature that this build does not have.
    Unbuilt { name: String, feature: &'static str },
    /// A key that is not allowed in this section.
    Elsewhere { name: &'static str, here: String, home: Section },
    /// A key that has been given before.
    Twice { name: &'static str, first: ValueSource },
    /// A value that the key does not allow.
    NotAllowed { name: &'static str, value: String, allowed: &'static str },
    /// Values that contradict each other, and what to do about it.
    Contradiction { given: Vec<Given>, cure: &'static str },
}

/// A value: the given one, or the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) place: Option<ValueSource>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Self::TooLong => f.write_str("is longer than 1 MiB, which no configuration is"),
            Self::NotText => f.write_str("the text is not UTF-8"),
            Self::Syntax(error) => error.fmt(f),
            Self::UnknownSection { title, meant } => {
                write!(f, "unknown section {}", Quoted(title))?;
                match meant {
                    Some(meant) => write!(f, "; did you mean {meant}?"),
                    None => f.write_str(", allowed are [server], [limits] and [service /path]"),
                }
            }
            Self::NoPath => f.write_str("a service is named by its path, as in [service /path]"),
            Self::Path { path, meant } => {
                write!(
                    f,
                    "no service has the path {}; it has to begin with a slash and to stand as it \
                     will be decoded, without query, empty or hidden segments",
                    Quoted(path)
                )?;
                let meant = meant.as_ref();
                meant.map_or(Ok(()), |path| write!(f, "; did you mean [service {path}]?"))
            }
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
                    None => {
                        f.write_str("; the server.conf that comes with the server has them all")
                    }
                }
            }
            Self::Unbuilt { name, feature } => write!(
                f,
                "{name} needs the feature {feature}, which this build does not have: build with \
                 --features {feature}, or leave it out"
            ),
            Self::Elsewhere { name, here, home } => {
                write!(f, "{name} is no key of {here}, it belongs in {}", home.title())
            }
            Self::Twice { name, first } => write!(f, "{name} is given before, {first}"),
            Self::NotAllowed { name, value, allowed } => {
                write!(f, "{name} is {}, allowed is {allowed}", Quoted(value))
            }
            Self::Contradiction { given, cure } => {
                for (index, Given { name, value, place }) in given.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name} is {}", Quoted(value))?;
                    match place {
                        Some(place) => write!(f, " {place}")?,
                        None => f.write_str(" by default")?,
                    }
                }
                write!(f, "; {cure}")
            }
        }
    }
}

/// A text as it was found, in quotes, with control characters escaped, and cut if it is long.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// The text after "is".
const OF_PROGRAMS: &str = "for programs, which this build does not serve: build with --features \
                           programs, or leave it out";
/// If the file is no configuration at all, more faults would not help.
const SHOWN_MAX: usize = 20;
const QUOTED_CHARS_MAX: usize = 80;
