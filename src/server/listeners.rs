//! What a server listens on, beside the addresses of [`Server::bind`].

#[cfg(feature = "tls")]
use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(feature = "admin")]
use crate::admin::Admin;
use crate::host::{ListenerSource, PortUse, own_listener, unix_socket};
#[cfg(feature = "proxy")]
use crate::hub::ProxyProtocol;
#[cfg(doc)]
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::net::tls::{PlainRequests, Tls};
use crate::server::Server;
use crate::server::error::BindError;
#[cfg(feature = "tls")]
use crate::ws::Transport;

impl Server {
    /// Also listens on a Unix socket at this path, whose file gets the permissions `mode`, such as
    /// `0o660`: only who may write it can connect. The file of a server that has gone is replaced.
    /// It is removed when the host stops listening, unless another one is there by then.
    ///
    /// The path has 107 bytes at most. A socket with an abstract name has no permissions; if that
    /// is wanted, [`Server::listen_on`] takes one.
    ///
    /// ```
    /// use switchboard::{Limits, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = std::env::temp_dir().join(format!("chat-{}.sock", std::process::id()));
    /// let mut server = Server::new(Limits::SERVER);
    /// server.unix_socket(&path, 0o660);
    /// let host = server.listen()?;
    /// assert_eq!(host.address().to_string(), format!("unix:{}", path.display()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn unix_socket(&mut self, path: impl Into<PathBuf>, mode: u32) -> &mut Self {
        self.listeners.push(unix_socket(path.into(), mode));
        self
    }

    /// Also listens on a listener of one's own: a [`TcpListener`](std::net::TcpListener), a
    /// [`UnixListener`](std::os::unix::net::UnixListener), or one that was
    /// [inherited](crate::host::inherited_listeners). It does not block any more after this. The
    /// file of a Unix socket stays.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use switchboard::{Limits, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let mut server = Server::new(Limits::SERVER);
    /// server.listen_on(listener);
    /// let host = server.listen()?;
    /// assert_eq!(host.address().tcp(), Some(address));
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen_on(&mut self, listener: impl Into<ListenerSource>) -> &mut Self {
        let listener = listener.into();
        #[cfg(feature = "proxy")]
        {
            self.has_protocol |= listener.protocol == ProxyProtocol::On;
        }
        #[cfg(feature = "tls")]
        {
            self.has_tls |= listener.transport == Transport::Secure;
        }
        self.listeners.push(own_listener(listener));
        self
    }

    /// Also listens with TLS on these addresses. Without certificates ([`Server::tls`]),
    /// [`Server::bind`] returns an error.
    ///
    /// At most [`Limits::handshakes_max`] handshakes are under way at a time, and at most four
    /// begin in a turn. A connection beyond a limit, such as [`Limits::sockets_max`], is closed
    /// without an answer. With certificates, the loop's read buffer has 50 KiB or more
    /// ([`Limits::read_buffer_bytes`]).
    #[cfg(feature = "tls")]
    pub fn listen_tls(&mut self, addresses: &[SocketAddr]) -> &mut Self {
        self.addresses.extend(addresses.iter().map(|address| (*address, Transport::Secure)));
        self
    }

    /// Sets the certificates of all TLS listeners: [`Server::listen_tls`] and
    /// [`ListenerSource::tls`]. A clone of `tls` renews them while the host runs.
    #[cfg(feature = "tls")]
    pub fn tls(&mut self, tls: Tls) -> &mut Self {
        self.tls = Some(tls);
        self
    }

    /// Answers plain requests with a 308 to the same target over TLS, or with a 426 if they ask for
    /// a socket; by default they are served. The port is that of the first TLS listener of TCP;
    /// without one, it has no effect.
    ///
    /// Three kinds of requests are served in any case: for the health path, for paths below
    /// `/.well-known/acme-challenge/` (RFC 8555, 8.3), and those that a trusted proxy has got over
    /// TLS.
    #[cfg(feature = "tls")]
    pub const fn redirect_to_tls(&mut self) -> &mut Self {
        self.plain = PlainRequests::Redirected;
        self
    }

    /// Adds listeners for operators: [`Admin`]. A second call replaces them.
    #[cfg(feature = "admin")]
    pub fn admin(&mut self, admin: Admin) -> &mut Self {
        self.admin = Some(admin);
        self
    }

    /// Lets other sockets of the same user listen on the addresses of [`Server::bind`], if they
    /// allow it as well (`SO_REUSEPORT`). The system distributes new connections between them. By
    /// default a port that is in use is an error.
    pub const fn reuse_port(&mut self) -> &mut Self {
        self.port_use = PortUse::Shared;
        self
    }

    /// Whether each listener has what it needs.
    #[cfg_attr(
        not(any(feature = "proxy", feature = "tls")),
        expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "plain listeners need nothing"
        )
    )]
    pub(super) fn check_listeners(&self) -> Result<(), BindError> {
        #[cfg(feature = "proxy")]
        if (self.has_protocol || self.protocol == ProxyProtocol::On)
            && self.rules.proxies.trusted.is_none()
        {
            return Err(BindError::Proxies);
        }
        #[cfg(feature = "tls")]
        if self.tls.is_none()
            && (self.has_tls || self.addresses.iter().any(|row| row.1 == Transport::Secure))
        {
            return Err(BindError::Tls);
        }
        Ok(())
    }
}
