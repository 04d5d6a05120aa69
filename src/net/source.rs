//! `ListenerSource`: a listener that somebody else has made.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use crate::hub::ProxyProtocol;
use crate::ws::Transport;

/// A listening socket of one's own, for [`Server::listen_on`](crate::Server::listen_on). It is made
/// of a [`TcpListener`] or a [`UnixListener`].
#[derive(Debug)]
pub struct ListenerSource {
    pub(super) socket: OwnedFd,
    pub(crate) protocol: ProxyProtocol,
    pub(crate) transport: Transport,
    #[cfg(feature = "admin")]
    pub(super) is_for_operators: bool,
}

impl ListenerSource {
    pub(super) const fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            protocol: ProxyProtocol::Off,
            transport: Transport::Unknown,
            #[cfg(feature = "admin")]
            is_for_operators: false,
        }
    }

    /// Whether the service manager has made it for operators, with the name `admin`: see
    /// [`Admin::listen_on`](crate::admin::Admin::listen_on).
    #[cfg(feature = "admin")]
    #[must_use]
    pub const fn is_for_operators(&self) -> bool {
        self.is_for_operators
    }

    /// Makes its connections begin with a TLS handshake. The certificates are those of
    /// [`Server::tls`](crate::Server::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub const fn tls(mut self) -> Self {
        self.transport = Transport::Secure;
        self
    }

    /// Sets whether its connections have to begin with a header of the PROXY protocol. By default,
    /// [`Server::proxy_protocol`](crate::Server::proxy_protocol) says so for all listeners.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub const fn proxy_protocol(mut self, protocol: ProxyProtocol) -> Self {
        self.protocol = protocol;
        self
    }
}

impl From<TcpListener> for ListenerSource {
    fn from(listener: TcpListener) -> Self {
        Self::new(listener.into())
    }
}

impl From<UnixListener> for ListenerSource {
    fn from(listener: UnixListener) -> Self {
        Self::new(listener.into())
    }
}
