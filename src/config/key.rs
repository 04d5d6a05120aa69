//! `Key`: what there is to know about a key of `server.conf`. How values are read is said in
//! `value`; what a reload says of a key comes from its [`ReloadTime`].

use std::ffi::OsStr;

use crate::config::Config;
use crate::config::section::Section;
use crate::config::value::ValueKind;
#[cfg(feature = "programs")]
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

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
    /// When a value applies that has changed while the server runs.
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
        }
    }

    /// Whether its option differs between two configurations, for all.
    pub(super) fn differs(&self, one: &mut Config, other: &mut Config) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.differs(one, other),
            Setter::Service(kind) => kind.differs(&mut one.all, &mut other.all),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.differs(&mut one.all_programs, &mut other.all_programs),
        }
    }

    /// Whether one service may have a value of its own.
    pub(super) const fn is_for_services(&self) -> bool {
        match self.setter {
            Setter::Server(_) => false,
            Setter::Service(_) => true,
            #[cfg(feature = "programs")]
            Setter::Program(_) => true,
        }
    }

    /// Whether it may be given several times, where each time adds to the others.
    pub(super) const fn repeats(&self) -> bool {
        match &self.setter {
            Setter::Server(kind) => kind.repeats(),
            Setter::Service(kind) => kind.repeats(),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.repeats(),
        }
    }

    /// What is allowed, to be read after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match &self.setter {
            Setter::Server(kind) => kind.allowed(),
            Setter::Service(kind) => kind.allowed(),
            #[cfg(feature = "programs")]
            Setter::Program(kind) => kind.allowed(),
        }
    }
}

/// When a value applies that has changed by the time the configuration is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReloadTime {
    /// At once.
    Live,
    /// At once for programs. For services that are compiled in, at the next start of the server.
    LiveForPrograms,
    /// At the next start of the server.
    NextStart,
}

/// The option that a key sets.
pub(super) enum Setter {
    /// One of the server, which has one value.
    Server(ValueKind<Config>),
    /// One of all services, or in a section of its own of one of them.
    Service(ValueKind<ServiceOptions>),
    /// The same of programs.
    #[cfg(feature = "programs")]
    Program(ValueKind<ProgramOptions>),
}
