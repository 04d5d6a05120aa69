//! Why a command cannot be carried out, in words. What can be wrong with a configuration is
//! listed in `fault`.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::exit::Exit;
use crate::config::fault::{Fault, Place, Quoted};

/// Why a command cannot be carried out.
#[derive(Debug)]
pub enum CommandError {
    /// The command line is wrong.
    Usage(UsageError),
    /// The configuration is wrong.
    Config(ConfigError),
}

impl CommandError {
    /// How the process ends because of it.
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

/// The first thing that is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// No flag has this name.
    UnknownFlag {
        /// The flag as it was given.
        flag: String,
        /// The flag that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A word that belongs to no flag.
    Stray(String),
    /// The command line ends where a value should be.
    NoValue {
        /// The flag as it was given.
        flag: String,
        /// What its value is called in the help.
        value: &'static str,
    },
    /// A value for a flag that takes none.
    ValueNotTaken {
        /// The flag as it was given.
        flag: String,
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
            Self::Stray(word) => {
                write!(f, "{} belongs to no flag; only flags are taken: --help", Quoted(word))
            }
            Self::NoValue { flag, value } => write!(f, "{flag} needs a value: {flag} {value}"),
            Self::ValueNotTaken { flag } => write!(f, "{flag} takes no value"),
            Self::NotAllowed { flag, value, allowed } => {
                write!(f, "{flag} is {}, allowed is {allowed}", Quoted(value))
            }
        }
    }
}

impl Error for UsageError {}

/// Everything that is wrong with a configuration: one line for each fault, in the order of
/// the file, though not more than 20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: Option<PathBuf>,
    faults: Vec<Fault>,
}

impl ConfigError {
    /// At least one fault; in which order does not matter.
    pub(super) fn new(file: Option<&Path>, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.place);
        Self { file: file.map(Path::to_owned), faults }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        for (index, Fault { place, problem }) in self.faults.iter().take(SHOWN_MAX).enumerate() {
            let end_of_last = if index == 0 { "" } else { "\n" };
            match place {
                Place::File => write!(f, "{end_of_last}{file}: {problem}")?,
                Place::Line(line) => write!(f, "{end_of_last}{file}:{line}: {problem}")?,
                Place::CommandLine => write!(f, "{end_of_last}command line: {problem}")?,
            }
        }
        match self.faults.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Error for ConfigError {}

/// Whoever mistook the file for a configuration need not read more.
const SHOWN_MAX: usize = 20;
