//! `Flag`: what there is to know about a flag of the command line.

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
    /// Names a file, which is put at that place; the help calls the name `value`.
    File { value: &'static str, place: fn(&mut ParsedArgs) -> &mut Option<PathBuf> },
    /// Sets the key to what the help calls `value`.
    Key { key: &'static Key, value: &'static str },
    /// One level more of log.
    Louder,
    /// One level less of log.
    Quieter,
    /// Asks for something else than running, which needs the configuration to be right.
    Instead(fn(Config) -> Command),
    /// Asks for a text, whatever the configuration is.
    Print(fn() -> Command),
}

impl Flag {
    /// A flag that sets a key to what the help calls `value`, and means what the key means.
    pub(super) const fn of_key(
        short: Option<char>,
        long: &'static str,
        value: &'static str,
        key: &'static Key,
    ) -> Self {
        let effect = Effect::Key { key, value };
        Self { short, long, meaning: key.meaning, effect }
    }

    /// What its value is called, if it takes one.
    pub(super) const fn value(&self) -> Option<&'static str> {
        match self.effect {
            Effect::File { value, place: _ } | Effect::Key { key: _, value } => Some(value),
            Effect::Louder | Effect::Quieter | Effect::Instead(_) | Effect::Print(_) => None,
        }
    }
}
