//! `Request`: the opening handshake of a peer, for services to read.

use std::net::SocketAddr;

use crate::ws::Head;

/// The request of an opening handshake. Its syntax has been checked.
#[derive(Clone, Debug)]
pub struct Request {
    head: Head,
    path: String,
    query: String,
    peer: SocketAddr,
    protocols: Vec<String>,
}

impl Request {
    /// Puts a request together.
    #[must_use]
    pub(crate) const fn new(
        head: Head,
        path: String,
        query: String,
        peer: SocketAddr,
        protocols: Vec<String>,
    ) -> Self {
        Self { head, path, query, peer, protocols }
    }

    /// The path, percent-encoding decoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The raw query, without the question mark; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The peer's address.
    #[must_use]
    pub const fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// The subprotocols that the peer offers, in its order of preference.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// The value of the first header called `name` (in any case), if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The whole head.
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
        size_of::<Self>() + self.head.capacity() + words + protocols
    }
}
