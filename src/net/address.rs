//! `ListenAddress`: where a listener can be reached.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::option;
use std::path::PathBuf;

use crate::hub::Reach;

/// The address of a listener: see [`Host::addresses`](crate::Host::addresses). As a text it is
/// `127.0.0.1:12345`, `[::1]:12345` or `unix:/run/chat.sock`.
///
/// One of TCP can be connected to, as other addresses can. For one of a Unix socket, that is an
/// error.
///
/// ```
/// use std::net::TcpStream;
/// use switchboard::{Limits, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Server::new(Limits::SERVER).bind("127.0.0.1:0")?;
/// let port = host.address().tcp().map(|address| address.port());
/// assert_ne!(port, Some(0));
/// TcpStream::connect(host.address())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenAddress {
    /// An address of TCP, with the actual port.
    Tcp(SocketAddr),
    /// The path of a Unix socket. One that was inherited or given may have an abstract name
    /// (unix(7)), which begins with `@` here.
    Unix(PathBuf),
}

impl ListenAddress {
    /// The address of TCP; `None` for a Unix socket.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Which machines can reach it.
    pub(crate) const fn reach(&self) -> Reach {
        match self {
            Self::Tcp(address) if !address.ip().to_canonical().is_loopback() => Reach::Network,
            Self::Tcp(_) | Self::Unix(_) => Reach::Machine,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl ToSocketAddrs for ListenAddress {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let no_address = || io::Error::new(io::ErrorKind::InvalidInput, "it is a Unix socket");
        self.tcp().map(|address| Some(address).into_iter()).ok_or_else(no_address)
    }
}
