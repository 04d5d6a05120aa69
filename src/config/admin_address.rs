//! `AdminAddress`: where operators are served.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The address of a listener for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// One of TCP; with port 0 the system chooses.
    Tcp(SocketAddr),
    /// The path of a Unix socket, in a folder that exists.
    Unix(PathBuf),
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
