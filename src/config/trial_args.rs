//! From flags to a `Trial`, and which flags are allowed with it.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::error::{CommandError, UsageError};
use crate::config::input::ConfigInput;
use crate::config::parsed_args::ParsedArgs;
use crate::config::raw_config::RawConfig;
use crate::config::setting::Setting;
use crate::config::trial::{Script, Trial, TrialFlags};
use crate::programs::{Mode, OnChange};

impl ParsedArgs {
    /// The trial, if there is one.
    pub(super) fn to_trial(&self, input: &impl ConfigInput) -> Result<Option<Trial>, CommandError> {
        let Some((program, script)) = self.trial.clone().check(&self.settings)? else {
            return Ok(None);
        };
        if self.instead.is_some() {
            return Err(clash("--try", "--check-config or --list-services", "it runs").into());
        }
        #[cfg(feature = "admin")]
        if self.prints_config {
            return Err(clash("--try", "--print-config", "it runs").into());
        }
        // A trial runs one program, in any folder.
        let load = |file: &PathBuf| RawConfig::load(Some(file), input);
        let sheet = self.file.as_ref().map(load).unwrap_or_default();
        let has_port = self.settings.iter().chain(&sheet.all).any(|given| given.is_of("port"));
        let mut defaults = Config { port: Some(0), ..Config::default() };
        defaults.all_programs.on_change = OnChange::Replace;
        let config = self.resolve(sheet, defaults)?;
        check(&script, &config, &self.settings)?;
        Ok(Some(Trial { program, config, has_port, script }))
    }
}

impl TrialFlags {
    /// The trial, if there is one. `settings` are those of the command line.
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

/// Checks that the script and the settings of the command line are allowed in the mode of a trial.
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

/// The fault that two settings conflict, and why.
fn clash(flag: &'static str, other: &str, why: &'static str) -> UsageError {
    UsageError::Clash { flag, other: other.to_owned(), why }
}

const NO_SOCKETS: &str = "a replay has no network, and nothing to record";
const COUNTED: &str = "a transcript is of counted lines, which programs speak in mode shared";
