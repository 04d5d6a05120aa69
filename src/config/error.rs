//! Why a command cannot be carried out: first the errors for callers, then the faults of a
//! configuration. Each says what was found, what is allowed, and what was probably meant.

use std::error::Error;
use std::fmt;

use crate::config::exit::Exit;
#[cfg(feature = "admin")]
use crate::config::expand::ExpandError;
use crate::config::ini::IniError;
use crate::config::quoted::Quoted;
use crate::config::section::Section;
use crate::config::value_source::{FileNames, ValueSource};

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

/// All faults of a configuration: one line for each, in the order of the files, at most 20. Further
/// ones are counted, with the variables that are not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    names: FileNames,
    faults: Vec<ConfigFault>,
}

impl ConfigError {
    /// At least one fault, in any order.
    pub(super) fn new(names: FileNames, mut faults: Vec<ConfigFault>) -> Self {
        // What is wrong because a value could not be read is no fault of its own.
        #[cfg(feature = "admin")]
        {
            let is_first = |fault: &ConfigFault| matches!(fault.problem, Problem::Expansion { .. });
            let places: Vec<_> =
                faults.iter().filter(|fault| is_first(fault)).map(|fault| fault.place).collect();
            faults.retain(|fault| is_first(fault) || !places.contains(&fault.place));
        }
        // Only the faults that are shown have to be in order; a full sort would be more code than
        // all of this file.
        for at in 0..faults.len().min(SHOWN_MAX) {
            let next = (at..faults.len()).min_by_key(|&index| faults[index].place).unwrap_or(at);
            let fault = faults.remove(next);
            faults.insert(at, fault);
        }
        Self { names, faults }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ConfigFault { place, problem }) in
            self.faults.iter().take(SHOWN_MAX).enumerate()
        {
            let end_of_last = if index == 0 { "" } else { "\n" };
            let problem = ProblemText { problem, names: &self.names, place: *place };
            let file = self.names.main().display();
            match *place {
                ValueSource::File => write!(f, "{end_of_last}{file}: {problem}")?,
                ValueSource::Line(at) => {
                    let file = self.names.of(at).display();
                    write!(f, "{end_of_last}{file}:{}: {problem}", at.line)?;
                }
                ValueSource::CommandLine => write!(f, "{end_of_last}command line: {problem}")?,
            }
        }
        match self.faults.len().saturating_sub(SHOWN_MAX) {
            0 => return Ok(()),
            more => write!(f, "\nand {more} more")?,
        }
        #[cfg(feature = "admin")]
        {
            let unset = self.faults[SHOWN_MAX..].iter().filter_map(|fault| fault.problem.unset());
            let unset: Vec<_> = unset.flatten().map(String::as_str).collect();
            if !unset.is_empty() {
                write!(f, ", with variables that are not set: {}", unset.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Error for ConfigError {}

/// One fault, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigFault {
    pub(super) place: ValueSource,
    pub(super) problem: Problem,
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
    /// A value with variables that cannot be read.
    #[cfg(feature = "admin")]
    Expansion { name: &'static str, error: ExpandError },
    /// A file that cannot be included, and why: what follows a comma.
    #[cfg(feature = "admin")]
    Include { path: String, reason: String },
    /// What is wrong in the section of a database, or of the backplane.
    #[cfg(any(feature = "database", feature = "redis"))]
    Section(String),
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

/// A problem of a value that comes from `place`.
struct ProblemText<'a> {
    problem: &'a Problem,
    names: &'a FileNames,
    place: ValueSource,
}

impl fmt::Display for ProblemText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |source| self.names.shown(source, self.place);
        match self.problem {
            Problem::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Problem::TooLong => f.write_str("is longer than 1 MiB, which no configuration is"),
            Problem::NotText => f.write_str("the text is not UTF-8"),
            Problem::Syntax(error) => error.fmt(f),
            Problem::UnknownSection { title, meant } => {
                write!(f, "unknown section {}", Quoted(title))?;
                match meant {
                    Some(meant) => write!(f, "; did you mean {meant}?"),
                    None => write!(f, ", allowed are {SECTIONS}"),
                }
            }
            Problem::NoPath => f.write_str("a service is named by its path, as in [service /path]"),
            Problem::Path { path, meant } => {
                write!(
                    f,
                    "no service has the path {}; it has to begin with a slash and to stand as it \
                     will be decoded, without query, empty or hidden segments",
                    Quoted(path)
                )?;
                let meant = meant.as_ref();
                meant.map_or(Ok(()), |path| write!(f, "; did you mean [service {path}]?"))
            }
            Problem::NoSection { name, home } => {
                write!(f, "{} stands before the first section", Quoted(name))?;
                home.map_or(Ok(()), |home| write!(f, "; it belongs in {}", home.title()))
            }
            Problem::UnknownKey { name, here, nearest } => {
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
            Problem::Unbuilt { name, feature } => write!(
                f,
                "{name} needs the feature {feature}, which this build does not have: build with \
                 --features {feature}, or leave it out"
            ),
            Problem::Elsewhere { name, here, home } => {
                write!(f, "{name} is no key of {here}, it belongs in {}", home.title())
            }
            Problem::Twice { name, first } => {
                write!(f, "{name} is given before, {}", shown(Some(*first)))
            }
            Problem::NotAllowed { name, value, allowed } => {
                write!(f, "{name} is {}, allowed is {allowed}", Quoted(value))
            }
            #[cfg(feature = "admin")]
            Problem::Expansion { name, error } => write!(f, "{name} {error}"),
            #[cfg(feature = "admin")]
            Problem::Include { path, reason } => write!(f, "include is {}, {reason}", Quoted(path)),
            #[cfg(any(feature = "database", feature = "redis"))]
            Problem::Section(text) => f.write_str(text),
            Problem::Contradiction { given, cure } => {
                for (index, Given { name, value, place }) in given.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name} is {} {}", Quoted(value), shown(*place))?;
                }
                write!(f, "; {cure}")
            }
        }
    }
}

#[cfg(feature = "admin")]
impl Problem {
    /// The variables that are not set, if that is the problem.
    fn unset(&self) -> Option<&[String]> {
        match self {
            Self::Expansion { name: _, error: ExpandError::Unset(names) } => Some(names),
            _ => None,
        }
    }
}

/// The text after "is".
const OF_PROGRAMS: &str = "for programs, which this build does not serve: build with --features \
                           programs, or leave it out";
/// If the file is no configuration at all, more faults would not help.
const SHOWN_MAX: usize = 20;

/// The sections that a configuration may have.
const SECTIONS: &str = if cfg!(feature = "database") {
    "[server], [limits], [service /path] and [database name]"
} else {
    "[server], [limits] and [service /path]"
};
