//! `ParsedArgs`: what the words of the command line come to, before any file is read.

use std::path::PathBuf;

use crate::config::setting::Setting;
#[cfg(feature = "programs")]
use crate::config::trial::TrialFlags;
use crate::config::{Command, Config};

/// What the flags say so far.
#[derive(Default)]
pub(super) struct ParsedArgs {
    pub(super) file: Option<PathBuf>,
    pub(super) settings: Vec<Setting>,
    /// How many levels more of log than the configuration has.
    pub(super) loudness: i64,
    #[cfg(feature = "programs")]
    pub(super) trial: TrialFlags,
    /// What is to be done with the configuration instead of running.
    pub(super) instead: Option<fn(Config) -> Command>,
    /// What is to be printed without one.
    pub(super) print: Option<fn() -> Command>,
}
