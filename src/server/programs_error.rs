//! `ProgramsError`: why programs cannot be served.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::process::LookupError;

/// Why programs cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProgramsError {
    /// The folder of [`Server::document_root`](crate::Server::document_root) cannot be used.
    DocumentRoot(io::Error),
    /// The file of [`Server::only_program`](crate::Server::only_program) cannot be served.
    Program(PathBuf, LookupError),
    /// The options of the program at this path are not allowed, and why. The path is empty for the
    /// options of all programs.
    Options(String, String),
}

impl fmt::Display for ProgramsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DocumentRoot(error) => {
                write!(f, "the document root cannot be used: {error}")
            }
            Self::Program(file, error) => write!(f, "{file:?} cannot be served: {error}"),
            Self::Options(path, fault) => write!(f, "programs {path}: {fault}"),
        }
    }
}

impl Error for ProgramsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::DocumentRoot(error) => error.source(),
            Self::Program(_, error) => error.source(),
            Self::Options(..) => None,
        }
    }
}
