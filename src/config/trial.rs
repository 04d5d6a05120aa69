//! `Trial`: what `--try` asks for.

use std::path::PathBuf;

use crate::config::Config;

/// A single program that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its file.
    pub program: PathBuf,
    /// What holds for it: a new version replaces it unless that is said otherwise, and what the
    /// file says of single services counts for nothing.
    pub config: Config,
    /// Whether a port is given. Otherwise it is one that follows from the path of the program, so
    /// that a page which is open finds it after another start.
    pub has_port: bool,
    /// What is done about a transcript of it.
    pub script: Script,
}

/// What is done about a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Nothing.
    None,
    /// It is written to this file.
    Record(PathBuf),
    /// The program is held against the one in this file, without a network.
    Replay(PathBuf),
}

/// What flags say about a trial.
#[derive(Clone, Debug, Default)]
pub(super) struct TrialFlags {
    pub(super) program: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
    pub(super) replay: Option<PathBuf>,
}

impl Script {
    /// The flag that asks for it.
    pub(super) const fn flag(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Record(_) => Some("--record"),
            Self::Replay(_) => Some("--replay"),
        }
    }
}
