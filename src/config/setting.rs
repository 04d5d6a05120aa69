//! `Setting`: a key with its value from the file or the command line.

use std::borrow::Cow;
use std::ffi::OsString;

use crate::config::Config;
use crate::config::error::{ConfigFault, Given, Problem};
#[cfg(feature = "admin")]
use crate::config::expand::{ExpandError, Expansion, ValueForm, expand};
use crate::config::input::ConfigInput;
use crate::config::key::Key;
use crate::config::keys;
#[cfg(any(feature = "database", feature = "redis"))]
use crate::config::masked::{has_password, masked};
use crate::config::value_source::{FileLine, ValueSource};
use crate::ws::syntax::items;

/// A key with a value, and where it comes from.
#[cfg_attr(feature = "admin", derive(Clone))]
pub(super) struct Setting {
    pub(super) key: &'static Key,
    /// The value as it was written, with the variables in it replaced.
    pub(super) value: OsString,
    pub(super) place: ValueSource,
    /// The variables in its value, if there are any.
    #[cfg(feature = "admin")]
    pub(super) expansion: Option<Box<Expansion>>,
}

impl Setting {
    /// A setting of the command line, whose value is taken as it is.
    pub(super) const fn of_flag(key: &'static Key, value: OsString) -> Self {
        Self {
            key,
            value,
            place: ValueSource::CommandLine,
            #[cfg(feature = "admin")]
            expansion: None,
        }
    }

    /// A setting of a file, and the fault of its variables. The setting exists in any case, so that
    /// the key counts as given.
    #[cfg(feature = "admin")]
    pub(super) fn of_line(
        key: &'static Key,
        text: &str,
        line: FileLine,
        input: &impl ConfigInput,
    ) -> (Self, Option<Problem>) {
        let place = ValueSource::Line(line);
        let (expansion, fault) = match expand(text, key.form(), |name| input.variable(name)) {
            Ok(expansion) => (expansion, None),
            Err(error) => (None, Some(Problem::Expansion { name: key.name, error })),
        };
        let value = expansion.as_ref().map_or_else(|| text.into(), |found| found.value.clone());
        (Self { key, value, place, expansion: expansion.map(Box::new) }, fault)
    }

    /// A setting of a file.
    #[cfg(not(feature = "admin"))]
    pub(super) fn of_line(
        key: &'static Key,
        text: &str,
        line: FileLine,
        _: &impl ConfigInput,
    ) -> (Self, Option<Problem>) {
        (Self { key, value: text.into(), place: ValueSource::Line(line) }, None)
    }

    /// Whether it sets this key.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.key.name == name
    }

    /// Whether its key can have this value.
    pub(super) fn is_allowed(&self) -> bool {
        self.key.set(&mut Config::default(), &self.value).is_some()
    }

    /// The value for people, without secrets.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        let shown = self.shown_but_passwords();
        #[cfg(any(feature = "database", feature = "redis"))]
        if self.key.name == "url" && has_password(&shown) {
            return Cow::Owned(masked(&shown));
        }
        shown
    }

    fn shown_but_passwords(&self) -> Cow<'_, str> {
        #[cfg(feature = "admin")]
        if let Some(expansion) = &self.expansion {
            return Cow::Borrowed(&expansion.shown);
        }
        self.value.to_string_lossy()
    }

    /// The fault that the value is not allowed, or the first item of a list that is not.
    pub(super) fn refusal(&self) -> ConfigFault {
        let value = self.shown();
        let is_wrong = |item: &&str| self.key.set(&mut Config::default(), item.as_ref()).is_none();
        let item = value.contains(',').then(|| items(&value).find(is_wrong)).flatten();
        let value = item.unwrap_or(&value).to_owned();
        let (name, allowed) = (self.key.name, self.key.allowed());
        ConfigFault { place: self.place, problem: Problem::NotAllowed { name, value, allowed } }
    }
}

/// The value of a key: given, or the default.
pub(super) fn given(name: &'static str, setting: Option<&Setting>) -> Given {
    match setting {
        Some(setting) => Given { name, value: setting.shown().into(), place: Some(setting.place) },
        None => Given { name, value: keys::known(name).default.to_owned(), place: None },
    }
}

/// The fault that the values of two keys contradict each other, at the place of the first, if that
/// is given. Of `settings`, the first of a key counts. A value that could not be read has been
/// refused already.
#[cfg(any(feature = "admin", feature = "proxy", feature = "tls"))]
pub(super) fn contradiction<'a>(
    names: [&'static str; 2],
    cure: &'static str,
    settings: impl Iterator<Item = &'a Setting> + Clone,
) -> Option<ConfigFault> {
    let find = |name: &str| settings.clone().find(|setting| setting.is_of(name));
    let first = find(names[0])?;
    let are_read = names.iter().filter_map(|name| find(name)).all(Setting::is_allowed);
    are_read.then(|| {
        let given = names.map(|name| given(name, find(name))).into();
        ConfigFault { place: first.place, problem: Problem::Contradiction { given, cure } }
    })
}

/// The value of a line that is no setting.
#[cfg(feature = "admin")]
pub(super) fn expanded(text: &str, input: &impl ConfigInput) -> Result<OsString, ExpandError> {
    let expansion = expand(text, ValueForm::Plain, |name| input.variable(name))?;
    Ok(expansion.map_or_else(|| text.into(), |found| found.value))
}
