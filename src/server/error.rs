//! `BindError`: why a server cannot start.

use std::fmt;
use std::io;

use crate::hub::PathError;
use crate::limits::LimitsError;
#[cfg(feature = "programs")]
use crate::server::programs_error::ProgramsError;

/// Why a server cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The address is no address, or its name does not resolve.
    Address(io::Error),
    /// The limits contradict each other.
    Limits(LimitsError),
    /// A path cannot be mounted.
    Path(PathError),
    /// The service at this path is to be on the loop and has a loop of its own.
    Thread(String),
    /// The programs cannot be served.
    #[cfg(feature = "programs")]
    Programs(ProgramsError),
    /// The folder of files cannot be used.
    StaticRoot(io::Error),
    /// An address cannot be listened on, or the system lacks something else.
    Listen(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the address cannot be made out: {error}"),
            Self::Limits(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::Thread(path) => write!(
                f,
                "the service {path} is to run on the loop, allowed is a thread of its own: it has \
                 a loop of its own, and only what handler or gated makes has callbacks instead"
            ),
            #[cfg(feature = "programs")]
            Self::Programs(error) => error.fmt(f),
            Self::StaticRoot(error) => write!(f, "the static root cannot be used: {error}"),
            Self::Listen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Thread(_) => return None,
            Self::Address(error) | Self::StaticRoot(error) | Self::Listen(error) => error,
            Self::Limits(error) => error,
            Self::Path(error) => error,
            #[cfg(feature = "programs")]
            Self::Programs(error) => error,
        })
    }
}

#[cfg(feature = "programs")]
impl From<ProgramsError> for BindError {
    fn from(error: ProgramsError) -> Self {
        Self::Programs(error)
    }
}
