//! `Trial`: what `--try` asks for, and which flags go with it.

use std::path::PathBuf;

use crate::config::error::UsageError;
use crate::config::sheet::Setting;
use crate::config::{Config, Processes};

/// A single program that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its file.
    pub program: PathBuf,
    /// What holds for it: the port is a free one unless another is given, and what the file
    /// says of single services counts for nothing.
    pub config: Config,
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
#[derive(Debug, Default)]
pub(super) struct TrialFlags {
    pub(super) program: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
    pub(super) replay: Option<PathBuf>,
}

impl TrialFlags {
    /// What is to be tried, if anything is; `settings` are those of the command line.
    pub(super) fn check(
        self,
        settings: &[Setting],
    ) -> Result<Option<(PathBuf, Script)>, UsageError> {
        let Self { program, record, replay } = self;
        let script = match (record, replay) {
            (None, None) => Script::None,
            (Some(file), None) => Script::Record(file),
            (None, Some(file)) => Script::Replay(file),
            (Some(_), Some(_)) => return Err(clash("--record", "--replay", NO_SOCKETS)),
        };
        let Some(program) = program else {
            return match script.flag() {
                None => Ok(None),
                Some(flag) => Err(UsageError::Alone { flag, needed: "--try PROGRAM" }),
            };
        };
        let given = |name: &str| settings.iter().any(|setting| setting.is_of(name));
        if given("document-root") {
            return Err(clash("--try", "--document-root", "it serves a single program"));
        }
        if let Script::Replay(_) = script
            && let Some(name) = ["host", "port", "static-root"].into_iter().find(|name| given(name))
        {
            return Err(clash("--replay", &format!("--{name}"), NO_SOCKETS));
        }
        Ok(Some((program, script)))
    }
}

impl Trial {
    /// A trial with all that belongs to it; `settings` are those of the command line.
    pub(super) fn new(
        program: PathBuf,
        script: Script,
        config: Config,
        settings: &[Setting],
    ) -> Result<Self, UsageError> {
        let has_framing = settings.iter().any(|setting| setting.is_of("framing"));
        match (script.flag(), config.all.program.processes) {
            (Some(flag), Processes::PerSocket) => Err(clash(flag, "mode per-socket", COUNTED)),
            (_, Processes::Shared) if has_framing => {
                Err(clash("--framing", "mode shared", "each message says there what it is"))
            }
            (_, Processes::Shared) | (None, Processes::PerSocket) => {
                Ok(Self { program, config, script })
            }
        }
    }
}

impl Script {
    /// The flag that asks for it.
    const fn flag(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Record(_) => Some("--record"),
            Self::Replay(_) => Some("--replay"),
        }
    }
}

/// The fault that two things do not go together, and why.
pub(super) fn clash(flag: &'static str, other: &str, why: &'static str) -> UsageError {
    UsageError::Clash { flag, other: other.to_owned(), why }
}

const NO_SOCKETS: &str = "a replay has no network, and nothing to record";
const COUNTED: &str = "a transcript is of counted lines, which programs speak in mode shared";
