//! `Request`: the opening handshake of a peer, for services to read.

use std::net::SocketAddr;

use crate::service::peer_info::{PeerInfo, TlsInfo};
use crate::ws::{Head, Transport};

/// What stands for the address of a peer on a Unix socket, in logs and for programs.
pub(crate) const UNIX_NAME: &str = "unix";

/// The request of an opening handshake that has passed all checks of RFC 6455, of the origin and of
/// the host.
#[derive(Clone, Debug)]
pub struct Request {
    head: Head,
    path: String,
    query: String,
    peer: PeerInfo,
    protocols: Vec<String>,
    transport: Transport,
}

impl Request {
    /// Puts a request together.
    #[must_use]
    pub(crate) const fn new(
        head: Head,
        path: String,
        query: String,
        peer: PeerInfo,
        protocols: Vec<String>,
        transport: Transport,
    ) -> Self {
        Self { head, path, query, peer, protocols, transport }
    }

    /// The path, percent-decoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query as it came, without the question mark, and still percent-encoded; empty when there
    /// is none.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Who the client is: its address, and what it has shown over TLS.
    #[must_use]
    pub const fn peer(&self) -> &PeerInfo {
        &self.peer
    }

    /// The address of the client, as in [`PeerInfo::address`].
    #[must_use]
    pub const fn peer_address(&self) -> Option<SocketAddr> {
        self.peer.address()
    }

    /// Whether the client has connected over TLS: to this server, or to a trusted proxy that says
    /// so. False if it is not known.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.transport == Transport::Secure
    }

    /// The subprotocols that the peer offers, in its order of preference; empty if it offers none.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// The value of the first header called `name`, in any case; `None` if there is none, or if its
    /// value is not UTF-8. [`Request::head`] has all values, as bytes.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The whole request head.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The bytes of memory that the request occupies.
    #[must_use]
    pub(crate) fn capacity(&self) -> usize {
        let names: usize = self.protocols.iter().map(String::capacity).sum();
        let protocols = self.protocols.capacity() * size_of::<String>() + names;
        let words = self.path.capacity() + self.query.capacity();
        let tls = self.peer.tls().map_or(0, TlsInfo::capacity);
        size_of::<Self>() + Head::PARTS_BYTES + self.head.capacity() + words + protocols + tls
    }
}
