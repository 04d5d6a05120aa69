//! The command line: words become flags, flags become settings and a command. Which flags there
//! are is said in `flags`, and what their values may be in `value`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::error::{CommandError, Place, UsageError};
use crate::config::flags::{Effect, Flag};
use crate::config::keys::Key;
use crate::config::resolve::resolve;
use crate::config::sheet::{Setting, Sheet};
use crate::config::trial::{TrialFlags, clash};
use crate::config::{Command, Config, Trial};

impl Command {
    /// Reads the command line, without the name of the program, and the configuration file,
    /// which `read` opens; see [`read_file`](crate::config::read_file).
    ///
    /// The last of a repeated flag counts. Each `--host` adds an address, and together they
    /// replace those of the file. `--help` and `--version` are answered as soon as they are
    /// met, without a look at the words that follow or at any file.
    ///
    /// # Errors
    /// The first fault of the command line, or else all those of the configuration.
    pub fn parse(
        args: impl IntoIterator<Item = OsString>,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, CommandError> {
        let mut args = args.into_iter();
        let mut wishes = Wishes::default();
        while let Some(word) = args.next() {
            wishes.take(&word, &mut args)?;
            if let Some(command) = wishes.print {
                return Ok(command());
            }
        }
        let Wishes { file, settings, loudness, trial, instead, print: _ } = wishes;
        let Some((program, script)) = trial.check(&settings)? else {
            let sheet = Sheet::load(file.as_deref(), read);
            let config = shifted(resolve(sheet, &settings, Config::default())?, loudness);
            return Ok(instead.unwrap_or(Self::Run)(config));
        };
        if instead.is_some() {
            return Err(clash("--try", "--check-config or --list-services", "it runs").into());
        }
        // Whoever tries a program means it alone, wherever that happens.
        let sheet = file.map(|file| Sheet::load(Some(&file), read)).unwrap_or_default();
        let free_port = Config { port: 0, ..Config::default() };
        let config = shifted(resolve(sheet, &settings, free_port)?, loudness);
        Ok(Self::Try(Trial::new(program, script, config, &settings)?))
    }
}

/// What the flags say so far.
#[derive(Default)]
struct Wishes {
    file: Option<PathBuf>,
    settings: Vec<Setting>,
    /// How many levels more of log than the configuration has.
    loudness: i64,
    trial: TrialFlags,
    /// What is to be done with the configuration instead of running.
    instead: Option<fn(Config) -> Command>,
    /// What is to be printed without one.
    print: Option<fn() -> Command>,
}

impl Wishes {
    /// Takes one word, and the next of `rest` if it is the value of a flag in the first.
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
        let flag = Flag::of_name(&name)
            .map_err(|nearest| UsageError::UnknownFlag { flag: name.clone(), nearest })?;
        if flag.value().is_none() && attached.is_some() {
            return Err(UsageError::ValueNotTaken { flag: name });
        }
        self.add(flag, &name, || attached.or_else(|| rest.next()))
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
                let flag = format!("-{}", lossy(OsStr::from_bytes(&letters[at - 1..])));
                return Err(UsageError::UnknownFlag { flag, nearest: None });
            };
            let name = format!("-{letter}");
            let attached = OsStr::from_bytes(&letters[at..]);
            let attached = Some(attached.to_owned()).filter(|value| !value.is_empty());
            self.add(flag, &name, || attached.or_else(|| rest.next()))?;
            if flag.value().is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Adds a flag, which was called `name`; `value` gives its value if it takes one.
    fn add(
        &mut self,
        flag: &Flag,
        name: &str,
        value: impl FnOnce() -> Option<OsString>,
    ) -> Result<(), UsageError> {
        let needed = |kind| UsageError::NoValue { flag: name.to_owned(), value: kind };
        match flag.effect {
            Effect::File { value: kind } => {
                self.file = Some(value().ok_or_else(|| needed(kind))?.into());
            }
            Effect::Try { value: kind } => {
                self.trial.program = Some(value().ok_or_else(|| needed(kind))?.into());
            }
            Effect::Record { value: kind } => {
                self.trial.record = Some(value().ok_or_else(|| needed(kind))?.into());
            }
            Effect::Replay { value: kind } => {
                self.trial.replay = Some(value().ok_or_else(|| needed(kind))?.into());
            }
            Effect::Key { key, value: kind } => {
                let value = value().ok_or_else(|| needed(kind))?;
                self.settings.push(setting(key, name, value)?);
            }
            Effect::Louder => self.loudness += 1,
            Effect::Quieter => self.loudness -= 1,
            Effect::Instead(command) => self.instead = Some(command),
            Effect::Print(command) => self.print = Some(command),
        }
        Ok(())
    }
}

/// A setting for sure: whether its value is allowed is seen by trying.
fn setting(key: &'static Key, name: &str, value: OsString) -> Result<Setting, UsageError> {
    if key.set(&mut Config::default(), &value).is_none() {
        let (flag, value, allowed) = (name.to_owned(), lossy(&value), key.allowed());
        return Err(UsageError::NotAllowed { flag, value, allowed });
    }
    Ok(Setting { key, value, place: Place::CommandLine })
}

/// The configuration with a level of log that is `steps` further, as far as there are levels.
fn shifted(config: Config, steps: i64) -> Config {
    let level = config.log_level;
    let wanted = (level as i64 + steps).clamp(LevelFilter::Off as i64, LevelFilter::Trace as i64);
    let found = LevelFilter::iter().find(|level| *level as i64 == wanted);
    Config { log_level: found.unwrap_or(level), ..config }
}

fn lossy(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
