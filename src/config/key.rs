//! `Key`: the definition of a key of `server.conf`. `value` reads values. Whether a reload applies
//! a key follows from its [`ReloadTime`].

use std::ffi::OsStr;

#[cfg(feature = "redis")]
use crate::backplane::RedisOptions;
use crate::config::Config;
#[cfg(feature = "admin")]
use crate::config::expand::ValueForm;
use crate::config::section::Section;
use crate::config::value::ValueKind;
#[cfg(feature = "redis")]
use crate::config::value::backplane::BackplaneValue;
#[cfg(feature = "database")]
use crate::config::value::databases::DatabaseValue;
#[cfg(feature = "programs")]
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

/// One key.
pub(super) struct Key {
    /// The section that it belongs to.
    pub(super) section: Section,
    /// Its name, which is unique in all sections.
    pub(super) name: &'static str,
    /// Its default.
    pub(super) default: &'static str,
    /// What it does, in one line.
    pub(super) meaning: &'static str,
    /// When a changed value applies to a running server.
    pub(super) reload: ReloadTime,
    /// The option that it sets.
    pub(super) setter: Setter,
}

impl Key {
    /// Sets the value for all; `None` if it is not allowed.
    pub(super) fn set(&self, config: &mut Config, value: &OsStr) -> Option<()> {
        match &self.setter {
            Setter::Server(kind) => kind.set(config, value),
            Setter::Service(kind) => kind.set(&mut config.all, value),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.set(&mut config.all_programs, value),
            #[cfg(feature = "database")]
            Setter::Database(kind) => kind.set(config.last_database(), value),
            #[cfg(feature = "redis")]
            Setter::Backplane(kind) => {
                let target = config.backplane.get_or_insert_with(RedisOptions::without_url);
                kind.set(target, value)
            }
        }
    }

    /// Whether its option differs between two configurations, in the section for all services.
    pub(super) fn differs(&self, one: &mut Config, other: &mut Config) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.differs(one, other),
            Setter::Service(kind) => kind.differs(&mut one.all, &mut other.all),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.differs(&mut one.all_programs, &mut other.all_programs),
            // They are compared as sections.
            #[cfg(feature = "database")]
            Setter::Database(_) => false,
            #[cfg(feature = "redis")]
            Setter::Backplane(_) => false,
        }
    }

    /// Whether a single service may have its own value.
    pub(super) const fn is_for_services(&self) -> bool {
        match self.setter {
            Setter::Server(_) => false,
            Setter::Service(_) => true,
            #[cfg(feature = "programs")]
            Setter::Program(_) => true,
            #[cfg(feature = "database")]
            Setter::Database(_) => false,
            #[cfg(feature = "redis")]
            Setter::Backplane(_) => false,
        }
    }

    /// Whether it may be given several times, where each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.repeats(),
            Setter::Service(kind) => kind.repeats(),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.repeats(),
            #[cfg(feature = "database")]
            Setter::Database(_) => false,
            #[cfg(feature = "redis")]
            Setter::Backplane(_) => false,
        }
    }

    /// The form of its values, which says what is secret in them.
    #[cfg(feature = "admin")]
    pub(super) const fn form(&self) -> ValueForm {
        match &self.setter {
            Setter::Server(kind) => kind.form(),
            Setter::Service(kind) => kind.form(),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.form(),
            #[cfg(feature = "database")]
            Setter::Database(_) => ValueForm::Plain,
            #[cfg(feature = "redis")]
            Setter::Backplane(_) => ValueForm::Plain,
        }
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match &self.setter {
            Setter::Server(kind) => kind.allowed(),
            Setter::Service(kind) => kind.allowed(),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.allowed(),
            #[cfg(feature = "database")]
            Setter::Database(kind) => kind.allowed(),
            #[cfg(feature = "redis")]
            Setter::Backplane(kind) => kind.allowed(),
        }
    }
}

/// When a changed value applies after a reload of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReloadTime {
    /// At once.
    Live,
    /// At the next start of the server.
    NextStart,
}

/// The option that a key sets.
pub(super) enum Setter {
    /// An option of the server, which has one value.
    Server(ValueKind<Config>),
    /// An option of all services, or of one service in its own section.
    Service(ValueKind<ServiceOptions>),
    /// The same for programs.
    #[cfg(feature = "programs")]
    Program(ValueKind<ProgramOptions>),
    /// An option of one database.
    #[cfg(feature = "database")]
    Database(DatabaseValue),
    /// An option of the backplane.
    #[cfg(feature = "redis")]
    Backplane(BackplaneValue),
}
