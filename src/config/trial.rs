//! `Trial`: what `--try` asks for, and which flags go with it.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::config::args::Wishes;
use crate::config::error::{CommandError, UsageError};
use crate::config::flags::{Effect, Flag};
use crate::config::keys;
use crate::config::sheet::{Setting, Sheet};
use crate::programs::{Mode, OnChange};

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

impl Wishes {
    /// What is to be tried, if anything is.
    pub(super) fn to_trial(
        &self,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Option<Trial>, CommandError> {
        let Some((program, script)) = self.trial.clone().check(&self.settings)? else {
            return Ok(None);
        };
        if self.instead.is_some() {
            return Err(clash("--try", "--check-config or --list-services", "it runs").into());
        }
        // Whoever tries a program means it alone, wherever that happens.
        let load = |file: &PathBuf| Sheet::load(Some(file), read);
        let sheet = self.file.as_ref().map(load).unwrap_or_default();
        let has_port = self.settings.iter().chain(&sheet.all).any(|given| given.is_of("port"));
        let mut defaults = Config { port: 0, ..Config::default() };
        defaults.all_programs.on_change = OnChange::Replace;
        let config = self.resolve(sheet, defaults)?;
        check(&script, &config, &self.settings)?;
        Ok(Some(Trial { program, config, has_port, script }))
    }
}

impl TrialFlags {
    /// What is to be tried, if anything is; `settings` are those of the command line.
    fn check(self, settings: &[Setting]) -> Result<Option<(PathBuf, Script)>, UsageError> {
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

/// Whether the script and the settings of the command line go with the mode of a trial.
fn check(script: &Script, config: &Config, settings: &[Setting]) -> Result<(), UsageError> {
    let has_framing = settings.iter().any(|setting| setting.is_of("framing"));
    match (script.flag(), config.all_programs.mode) {
        (Some(flag), Mode::Lines | Mode::Text | Mode::Bytes) => {
            Err(clash(flag, "mode per-socket", COUNTED))
        }
        (_, Mode::Shared) if has_framing => {
            Err(clash("--framing", "mode shared", "each message says there what it is"))
        }
        (_, Mode::Shared) | (None, Mode::Lines | Mode::Text | Mode::Bytes) => Ok(()),
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
fn clash(flag: &'static str, other: &str, why: &'static str) -> UsageError {
    UsageError::Clash { flag, other: other.to_owned(), why }
}

/// The flags of programs, those that are tried and others.
pub(super) static FLAGS: &[Flag] = &[
    Flag::of_key(Some('d'), "--document-root", "DIR", keys::known("document-root")),
    Flag::of_key(None, "--mode", "MODE", keys::known("mode")),
    Flag::of_key(None, "--framing", "WHAT", keys::known("framing")),
    Flag {
        short: None,
        long: "--try",
        meaning: "Serve this program, and its new versions, at / on a port of its own",
        effect: Effect::File { value: "PROGRAM", place: |wishes| &mut wishes.trial.program },
    },
    Flag {
        short: None,
        long: "--record",
        meaning: "With --try: write a transcript of its first run to this file",
        effect: Effect::File { value: "FILE", place: |wishes| &mut wishes.trial.record },
    },
    Flag {
        short: None,
        long: "--replay",
        meaning: "With --try: hold the program against this transcript",
        effect: Effect::File { value: "FILE", place: |wishes| &mut wishes.trial.replay },
    },
];

/// What the help says of programs besides.
pub(super) const HELP: &str = "
With --try no file is read but one that --config names. On SIGHUP the server reads its
configuration again, and replaces the programs that have changed.
";

const NO_SOCKETS: &str = "a replay has no network, and nothing to record";
const COUNTED: &str = "a transcript is of counted lines, which programs speak in mode shared";
