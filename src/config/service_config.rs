//! `ServiceConfig`: a service with a section of its own.

#[cfg(feature = "admin")]
use std::path::PathBuf;

#[cfg(feature = "programs")]
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

/// What a configuration has for one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Its path.
    pub path: String,
    /// The line of the file, counted from 1, at which its section begins.
    pub line: usize,
    /// The included file that has this line, if it is not the first one.
    #[cfg(feature = "admin")]
    pub file: Option<PathBuf>,
    /// The values of its section, and otherwise those for all services.
    pub options: ServiceOptions,
    /// How it is run if it is a program, likewise.
    #[cfg(feature = "programs")]
    pub program: ProgramOptions,
}
