//! `Trial`: the options of `--try`.

use std::path::PathBuf;

use crate::config::Config;

/// A single program to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its file.
    pub program: PathBuf,
    /// Its options. A new version replaces it unless configured otherwise; the file's sections of
    /// single services are ignored.
    pub config: Config,
    /// Whether a port is given. Otherwise the port follows from the path of the program, so that an
    /// open page finds it after a restart.
    pub has_port: bool,
    /// Whether it is recorded or replayed.
    pub script: Script,
}

/// The use of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Nothing.
    None,
    /// The trial is recorded in this file.
    Record(PathBuf),
    /// The program is compared with the transcript in this file, without a network.
    Replay(PathBuf),
}

/// The flags of a trial.
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
