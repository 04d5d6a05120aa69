//! `BindError`: why a server cannot start.

use std::fmt;
use std::io;

use crate::hub::PathError;
use crate::limits::LimitsError;
#[cfg(feature = "programs")]
use crate::server::programs_error::ProgramsError;

/// Why [`Server::bind`](crate::Server::bind) fails. The text says what was found, and what is
/// allowed.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be parsed or resolved.
    Address(io::Error),
    /// The limits of the server or of a service contradict each other.
    Limits(LimitsError),
    /// A path is malformed, or has a service already.
    Path(PathError),
    /// The service at this path is to run on the loop, and has no callbacks: see
    /// [`Thread::Loop`](crate::Thread::Loop).
    Thread(String),
    /// The programs of the document root cannot be served.
    #[cfg(feature = "programs")]
    Programs(ProgramsError),
    /// The folder of static files cannot be used.
    StaticRoot(io::Error),
    /// An address cannot be listened on, or the system cannot provide the poll, a pipe or a thread.
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
