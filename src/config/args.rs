//! The command line: words become flags, flags become settings and a command. The flags are defined
//! in `flags`, their values in `value`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use log::LevelFilter;

#[cfg(feature = "admin")]
use crate::config::effective::print;
use crate::config::error::{CommandError, ConfigError, UsageError};
use crate::config::flag::{Effect, Flag};
use crate::config::flags;
use crate::config::input::ConfigInput;
use crate::config::key::Key;
use crate::config::parsed_args::ParsedArgs;
use crate::config::raw_config::RawConfig;
use crate::config::resolve::resolve;
use crate::config::setting::Setting;
use crate::config::{Command, Config};

impl Command {
    /// Reads the command line, without the name of the program, and the configuration file,
    /// from `input`, such as [`read_file`](crate::config::read_file).
    ///
    /// If a flag is repeated, the last one counts. Each `--host` adds an address, and together they
    /// replace those of the file. `--help` and `--version` are answered at once, without reading
    /// the following words or any file.
    ///
    /// # Errors
    /// The first fault of the command line, or all faults of the configuration.
    pub fn parse(
        args: impl IntoIterator<Item = OsString>,
        input: impl ConfigInput,
    ) -> Result<Self, CommandError> {
        let mut args = args.into_iter();
        let mut parsed = ParsedArgs::default();
        while let Some(word) = args.next() {
            parsed.take(&word, &mut args)?;
            if let Some(command) = parsed.print {
                return Ok(command());
            }
        }
        #[cfg(feature = "programs")]
        if let Some(trial) = parsed.to_trial(&input)? {
            return Ok(Self::Try(trial));
        }
        let sheet = RawConfig::load(parsed.file.as_deref(), &input);
        #[cfg(feature = "admin")]
        if parsed.prints_config {
            let config = parsed.resolve(sheet.clone(), Config::default())?;
            let text = print(&sheet, &parsed.settings, parsed.loudness, &config);
            return Ok(Self::Print(text));
        }
        let config = parsed.resolve(sheet, Config::default())?;
        Ok(parsed.instead.unwrap_or(Self::Run)(config))
    }
}

impl ParsedArgs {
    /// Takes one word, and the next of `rest` if that is the value of its flag.
    fn take(
        &mut self,
        word: &OsStr,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        match word.as_bytes() {
            [b'-', b'-', _, ..] => self.take_name(word, rest),
            [b'-', letters @ ..] if !matches!(letters, [] | [b'-']) => {
                self.take_letters(letters, rest)
            }
            _ => Err(UsageError::Stray(lossy(word))),
        }
    }

    /// `--name`, `--name value`, or `--name=value`.
    fn take_name(
        &mut self,
        word: &OsStr,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        let mut halves = word.as_bytes().splitn(2, |byte| *byte == b'=').map(OsStr::from_bytes);
        let name = halves.next().map(lossy).unwrap_or_default();
        let attached = halves.next().map(OsStr::to_owned);
        let flag = Flag::of_name(&name).map_err(|nearest| unknown(&name, nearest))?;
        if flag.value().is_none() && attached.is_some() {
            return Err(UsageError::ValueNotTaken { flag: name });
        }
        self.add(flag, &name, attached, rest)
    }

    /// `-abc`, where the last may have a value: `-abc value` or `-abcvalue`.
    fn take_letters(
        &mut self,
        letters: &[u8],
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        for (at, &letter) in (1..).zip(letters) {
            let letter = char::from(letter);
            let Some(flag) = Flag::of_letter(letter) else {
                return Err(unknown(&format!("-{letter}"), None));
            };
            let name = format!("-{letter}");
            let attached = OsStr::from_bytes(&letters[at..]);
            let attached = Some(attached.to_owned()).filter(|value| !value.is_empty());
            self.add(flag, &name, attached, rest)?;
            if flag.value().is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Adds a flag, which was written as `name`. If it takes a value, that is the `attached` one,
    /// or else the next of `rest`.
    fn add(
        &mut self,
        flag: &Flag,
        name: &str,
        attached: Option<OsString>,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        let value = || attached.or_else(|| rest.next());
        let needed = |kind| UsageError::NoValue { flag: name.to_owned(), value: kind };
        match flag.effect {
            Effect::File { value: kind, place } => {
                *place(self) = Some(value().ok_or_else(|| needed(kind))?.into());
            }
            Effect::Key { key, value: kind } => {
                let value = value().ok_or_else(|| needed(kind))?;
                self.settings.push(setting(key, name, value)?);
            }
            Effect::Louder => self.loudness += 1,
            Effect::Quieter => self.loudness -= 1,
            Effect::Instead(command) => self.instead = Some(command),
            #[cfg(feature = "admin")]
            Effect::PrintConfig => self.prints_config = true,
            Effect::Print(command) => self.print = Some(command),
            #[cfg(feature = "admin")]
            Effect::OneOf { value: kind, texts, allowed } => {
                let value = value().ok_or_else(|| needed(kind))?;
                let text = texts.iter().find(|(word, _)| value == *word);
                let (flag, value) = (name.to_owned(), lossy(&value));
                let wrong = || UsageError::NotAllowed { flag, value, allowed };
                self.print = Some(text.ok_or_else(wrong)?.1);
            }
        }
        Ok(())
    }

    /// The result of the flags, a file and the defaults.
    pub(super) fn resolve(
        &self,
        sheet: RawConfig,
        defaults: Config,
    ) -> Result<Config, ConfigError> {
        Ok(shifted(resolve(sheet, &self.settings, defaults)?, self.loudness))
    }
}

/// The fault that there is no such flag.
fn unknown(flag: &str, nearest: Option<&'static str>) -> UsageError {
    let flag = flag.to_owned();
    if flags::is_unbuilt(&flag) {
        return UsageError::Unbuilt { flag };
    }
    UsageError::UnknownFlag { flag, nearest }
}

/// Always a setting. Whether its value is allowed is checked by setting it.
fn setting(key: &'static Key, name: &str, value: OsString) -> Result<Setting, UsageError> {
    if key.set(&mut Config::default(), &value).is_none() {
        let (flag, value, allowed) = (name.to_owned(), lossy(&value), key.allowed());
        return Err(UsageError::NotAllowed { flag, value, allowed });
    }
    Ok(Setting::of_flag(key, value))
}

/// The configuration with a log level that is `steps` higher or lower, within the existing levels.
fn shifted(config: Config, steps: i64) -> Config {
    let level = config.log_level;
    let wanted = (level as i64 + steps).clamp(LevelFilter::Off as i64, LevelFilter::Trace as i64);
    let found = LevelFilter::iter().find(|level| *level as i64 == wanted);
    Config { log_level: found.unwrap_or(level), ..config }
}

fn lossy(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
