//! Senders for a program, which gets them before its host runs.

use std::error::Error;
use std::fmt;

use crate::host::Host;
use crate::service::ServiceSender;

impl Host {
    /// A sender of the service at `path`, as it was mounted: other threads send to the sockets of
    /// the service with it, also before it has started. A service itself calls
    /// [`Context::sender`](crate::Context::sender).
    ///
    /// # Errors
    /// No service is mounted at this path. Programs of a document root are mounted when they are
    /// found, which may be at the first request.
    pub fn sender(&self, path: &str) -> Result<ServiceSender, NoService> {
        let source = self.sender_source(path).ok_or_else(|| NoService(path.to_owned()))?;
        Ok(ServiceSender::of(&source))
    }
}

/// Why [`Host::sender`] fails: no service is mounted at this path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoService(String);

impl NoService {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NoService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no service is mounted at {:?}: give the path of a mount, as it is there", self.0)
    }
}

impl Error for NoService {}
