//! `ParsedArgs`: the result of the words of the command line, before any file is read.

use std::path::PathBuf;

use crate::config::setting::Setting;
#[cfg(feature = "programs")]
use crate::config::trial::TrialFlags;
use crate::config::{Command, Config};

/// The settings of the flags so far.
#[derive(Default)]
pub(super) struct ParsedArgs {
    pub(super) file: Option<PathBuf>,
    pub(super) settings: Vec<Setting>,
    /// How many levels more of log than the configuration has.
    pub(super) loudness: i64,
    #[cfg(feature = "programs")]
    pub(super) trial: TrialFlags,
    /// The command that is run with the configuration instead of the server.
    pub(super) instead: Option<fn(Config) -> Command>,
    /// Whether the configuration is printed instead.
    #[cfg(feature = "admin")]
    pub(super) prints_config: bool,
    /// The text that is printed without a configuration.
    pub(super) print: Option<fn() -> Command>,
}
