//! `Key`: one key of `server.conf`, with everything that there is to know about it.

use std::ffi::OsStr;

use crate::config::keys::KEYS;
use crate::config::kind::Kind;
use crate::config::{Config, ServiceConfig};

/// One key.
pub(super) struct Key {
    /// The section that it belongs to.
    pub(super) section: Section,
    /// Its name, as no other key has it in any section.
    pub(super) name: &'static str,
    /// The value that it has when it is not given.
    pub(super) default: &'static str,
    /// What it does, in one line.
    pub(super) meaning: &'static str,
    /// Where its value goes.
    pub(super) setter: Setter,
}

impl Key {
    /// The key called `name`, which is a plain one.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The key called `name`.
    ///
    /// # Panics
    /// No key has this name; it is for names that stand in this program.
    pub(super) fn known(name: &str) -> &'static Self {
        Self::find(name).expect("a name in the program is that of a key")
    }

    /// Sets the value for all; `None` if it is not allowed.
    pub(super) fn set(&self, config: &mut Config, value: &OsStr) -> Option<()> {
        match &self.setter {
            Setter::Server(kind) => kind.set(config, value),
            Setter::Service(kind) => {
                let mut all = ServiceConfig { limits: config.limits, origin: None };
                kind.set(&mut all, value)?;
                config.limits = all.limits;
                config.origin = all.origin.unwrap_or_else(|| std::mem::take(&mut config.origin));
                Some(())
            }
        }
    }

    /// Sets the value for one service; `None` if it is not allowed.
    pub(super) fn set_for(&self, service: &mut ServiceConfig, value: &OsStr) -> Option<()> {
        match &self.setter {
            Setter::Server(_) => None,
            Setter::Service(kind) => kind.set(service, value),
        }
    }

    /// Whether one service may have a value of its own.
    pub(super) const fn is_for_services(&self) -> bool {
        match self.setter {
            Setter::Server(_) => false,
            Setter::Service(_) => true,
        }
    }

    /// Whether it may be given several times, where each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.repeats(),
            Setter::Service(kind) => kind.repeats(),
        }
    }

    /// What is allowed, to be read after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match &self.setter {
            Setter::Server(kind) => kind.allowed(),
            Setter::Service(kind) => kind.allowed(),
        }
    }
}

/// Where a value goes.
pub(super) enum Setter {
    /// To the server, which has one value.
    Server(Kind<Config>),
    /// To all services, or in a section of its own to one of them.
    Service(Kind<ServiceConfig>),
}

/// The sections that are there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `[server]`
    Server,
    /// `[limits]`
    Limits,
}

impl Section {
    /// The section as it is written.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Server => "[server]",
            Self::Limits => "[limits]",
        }
    }
}
