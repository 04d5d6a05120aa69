//! `Flag`: the definition of a flag of the command line.

use std::path::PathBuf;

use crate::config::key::Key;
use crate::config::parsed_args::ParsedArgs;
use crate::config::{Command, Config};

/// One flag.
pub(super) struct Flag {
    /// Its letter, after one dash.
    pub(super) short: Option<char>,
    /// Its name, with both dashes.
    pub(super) long: &'static str,
    /// What it does, for the help.
    pub(super) meaning: &'static str,
    /// What it does.
    pub(super) effect: Effect,
}

/// What a flag does.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Sets the file name at that place; the help calls it `value`.
    File { value: &'static str, place: fn(&mut ParsedArgs) -> &mut Option<PathBuf> },
    /// Sets the key to a value, which the help calls `value`.
    Key { key: &'static Key, value: &'static str },
    /// One level more of log.
    Louder,
    /// One level less of log.
    Quieter,
    /// Another command than running the server. It needs a valid configuration.
    Instead(fn(Config) -> Command),
    /// Prints the configuration, which has to be valid.
    #[cfg(feature = "admin")]
    PrintConfig,
    /// Prints a text, whatever the configuration is.
    Print(fn() -> Command),
    /// Prints the text with the name that is its value, whatever the configuration is. `allowed`
    /// has all names, for errors.
    #[cfg(feature = "admin")]
    OneOf { value: &'static str, texts: &'static [Named], allowed: &'static str },
}

/// A text that is printed, and its name on the command line.
#[cfg(feature = "admin")]
pub(super) type Named = (&'static str, fn() -> Command);

impl Flag {
    /// A flag that sets a key, with the meaning of the key. The help calls its value `value`.
    pub(super) const fn of_key(
        short: Option<char>,
        long: &'static str,
        value: &'static str,
        key: &'static Key,
    ) -> Self {
        let effect = Effect::Key { key, value };
        Self { short, long, meaning: key.meaning, effect }
    }

    /// The name of its value, if it takes one.
    pub(super) const fn value(&self) -> Option<&'static str> {
        match self.effect {
            Effect::File { value, place: _ } | Effect::Key { key: _, value } => Some(value),
            #[cfg(feature = "admin")]
            Effect::OneOf { value, .. } => Some(value),
            #[cfg(feature = "admin")]
            Effect::PrintConfig => None,
            Effect::Louder | Effect::Quieter | Effect::Instead(_) | Effect::Print(_) => None,
        }
    }
}
