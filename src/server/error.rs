//! `BindError`: why a server cannot start.

use std::fmt;
use std::io;

use crate::hub::PathError;
use crate::limits::LimitsError;
#[cfg(feature = "programs")]
use crate::server::programs_error::ProgramsError;

/// Why [`Server::bind`](crate::Server::bind) fails. The text says what was found, and what is
/// allowed, with the text of the error in the variant. So `source` returns the source of that
/// error, and a chain of sources has no text twice.
///
/// To bind takes the server, since its services and options move into the host. An error drops
/// them. So a program that tries another address has a function that makes the server:
///
/// ```
/// use std::io::ErrorKind;
/// use switchboard::{BindError, Handler, Limits, Server, handler};
///
/// struct Quiet;
/// impl Handler for Quiet {}
///
/// fn server() -> Server {
///     let mut server = Server::new(Limits::SERVER);
///     server.mount("/quiet", || handler(Quiet));
///     server
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let other = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let host = match server().bind(other.local_addr()?) {
///     Err(BindError::Listen(error)) if error.kind() == ErrorKind::AddrInUse => {
///         // The text names the address.
///         println!("{error}; another port is taken");
///         server().bind("127.0.0.1:0")?
///     }
///     bound => bound?,
/// };
/// assert_ne!(host.address().tcp(), Some(other.local_addr()?));
/// # Ok(())
/// # }
/// ```
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
    /// A service has a number of workers that none can have, or several on the loop; the text says
    /// which.
    #[cfg(feature = "workers")]
    Workers(String),
    /// Connections have to begin with a header of the PROXY protocol, and no proxy is trusted.
    #[cfg(feature = "proxy")]
    Proxies,
    /// A listener has TLS, and there are no certificates.
    #[cfg(feature = "tls")]
    Tls,
    /// A listener for operators cannot be opened. Or other machines reach it, and there is no
    /// token: the kind of that is `InvalidInput`.
    #[cfg(feature = "admin")]
    Admin(io::Error),
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
            #[cfg(feature = "workers")]
            Self::Workers(text) => f.write_str(text),
            #[cfg(feature = "proxy")]
            Self::Proxies => f.write_str(
                "a listener has the PROXY protocol (proxy-protocol, or the inherited name proxy), \
                 and trusted-proxy is none: name the proxies, or no connection is accepted",
            ),
            #[cfg(feature = "tls")]
            Self::Tls => f.write_str(
                "a listener has TLS (tls-port, or the inherited name tls), and there are no \
                 certificates: name their files (tls-certificate)",
            ),
            #[cfg(feature = "admin")]
            Self::Admin(error) => write!(f, "no listener for operators (admin): {error}"),
            #[cfg(feature = "programs")]
            Self::Programs(error) => error.fmt(f),
            Self::StaticRoot(error) => write!(f, "the static root cannot be used: {error}"),
            Self::Listen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) | Self::StaticRoot(error) | Self::Listen(error) => error.source(),
            #[cfg(feature = "programs")]
            Self::Programs(error) => error.source(),
            #[cfg(feature = "proxy")]
            Self::Proxies => None,
            #[cfg(feature = "tls")]
            Self::Tls => None,
            #[cfg(feature = "admin")]
            Self::Admin(error) => error.source(),
            #[cfg(feature = "workers")]
            Self::Workers(_) => None,
            Self::Limits(_) | Self::Path(_) | Self::Thread(_) => None,
        }
    }
}

#[cfg(feature = "programs")]
impl From<ProgramsError> for BindError {
    fn from(error: ProgramsError) -> Self {
        Self::Programs(error)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::iter;

    use super::*;
    use crate::limits::LimitsError;

    /// The texts of an error and of its sources, as a caller prints them.
    fn chain(error: &dyn Error) -> Vec<String> {
        iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
    }

    /// An error of a caller's own resolver, with a source that its text does not have.
    #[derive(Debug)]
    struct Unresolved(io::Error);

    impl fmt::Display for Unresolved {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no resolver answers")
        }
    }

    impl Error for Unresolved {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn unresolved() -> io::Error {
        io::Error::other(Unresolved(io::ErrorKind::TimedOut.into()))
    }

    /// Each text is there once, and a source that is not part of a text is there, too.
    fn check(errors: &[&dyn Error], len: usize) {
        for &error in errors {
            let texts = chain(error);
            assert_eq!(texts.len(), len, "{error:?}: {texts:?}");
            for pair in texts.windows(2) {
                assert!(!pair[0].contains(&pair[1]), "{error:?}: {texts:?}");
            }
        }
    }

    #[test]
    fn a_chain_has_no_text_twice() {
        check(
            &[
                &BindError::Address(unresolved()),
                &BindError::StaticRoot(unresolved()),
                &BindError::Listen(unresolved()),
            ],
            2,
        );
        check(
            &[
                &BindError::Address(io::ErrorKind::InvalidInput.into()),
                &BindError::Limits(LimitsError::Zero),
                &BindError::Path(PathError::Taken("/a".to_owned())),
                &BindError::Thread("/a".to_owned()),
                &BindError::StaticRoot(io::ErrorKind::NotFound.into()),
                &BindError::Listen(io::ErrorKind::AddrInUse.into()),
            ],
            1,
        );
    }

    #[cfg(feature = "programs")]
    #[test]
    fn a_chain_of_programs_has_no_text_twice() {
        use crate::process::{LookupError, RecordingError, ReplayError, StartError};
        use crate::programs::Difference;

        let lookup = || LookupError::System(unresolved());
        let difference = Difference::Long { found: 2, max: 1 };
        check(
            &[
                &BindError::Programs(ProgramsError::DocumentRoot(unresolved())),
                &BindError::Programs(ProgramsError::Program("a".into(), lookup())),
                &ProgramsError::DocumentRoot(unresolved()),
                &ProgramsError::Program("a".into(), lookup()),
                &lookup(),
                &RecordingError::System(unresolved()),
                &StartError::System(unresolved()),
                &ReplayError::Start(StartError::System(unresolved())),
                &ReplayError::Poll(unresolved()),
            ],
            2,
        );
        check(
            &[
                &BindError::Programs(ProgramsError::Program("a".into(), LookupError::Nothing)),
                &ProgramsError::Options("/a".to_owned(), "b".to_owned()),
                &RecordingError::Taken,
                &StartError::Stopped,
                &ReplayError::Difference(difference.clone()),
                &ReplayError::Stalled(difference, 1),
            ],
            1,
        );
    }
}
