//! `Setting`: a key with its value from the file or the command line.

use std::ffi::OsString;

use crate::config::Config;
use crate::config::error::{ConfigFault, Given, Problem, ValueSource};
use crate::config::key::Key;
use crate::config::keys;
use crate::ws::syntax::items;

/// A key with a value, and where it comes from.
pub(super) struct Setting {
    pub(super) key: &'static Key,
    /// The value as it was written.
    pub(super) value: OsString,
    pub(super) place: ValueSource,
}

impl Setting {
    /// Whether it sets this key.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.key.name == name
    }

    /// Whether its key can have this value.
    pub(super) fn is_allowed(&self) -> bool {
        self.key.set(&mut Config::default(), &self.value).is_some()
    }

    /// The fault that the value is not allowed, or the first item of a list that is not.
    pub(super) fn refusal(&self) -> ConfigFault {
        let value = self.value.to_string_lossy();
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
        Some(setting) => Given {
            name,
            value: setting.value.to_string_lossy().into(),
            place: Some(setting.place),
        },
        None => Given { name, value: keys::known(name).default.to_owned(), place: None },
    }
}
