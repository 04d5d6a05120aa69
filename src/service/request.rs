//! `Request`: the opening handshake of a peer, for services to read.

use std::net::SocketAddr;

use crate::service::peer_info::{PeerInfo, TlsInfo};
use crate::ws::credentials::{basic, bearer};
use crate::ws::{BasicCredentials, Head, Transport, cookie, form};

/// What stands for the address of a peer on a Unix socket, in logs and for programs.
pub(crate) const UNIX_NAME: &str = "unix";

/// The request of an opening handshake that has passed all checks of RFC 6455, of the origin and of
/// the host. The closure of a page (`Page::of`) gets a plain GET or HEAD as one, without
/// subprotocols, whatever its origin.
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

    /// The first value called `name` in the query, decoded as forms are read (URL Standard,
    /// application/x-www-form-urlencoded, 5.1); `None` if there is none. `?name` alone has an empty
    /// value.
    ///
    /// A plus sign is a blank, and `%20` is one as well. A percent sign without two digits stays as
    /// it is, and bytes that are no UTF-8 become U+FFFD. For a list, such as `?id=1&id=2`, read
    /// [`Request::query`].
    ///
    /// Queries stand in the logs of proxies: a secret belongs into a header.
    ///
    /// ```
    /// use switchboard::{Handler, Peer, Request};
    ///
    /// struct Rooms;
    ///
    /// impl Handler for Rooms {
    ///     fn open(&mut self, peer: &mut Peer, request: &Request) {
    ///         // `?room=caf%C3%A9+au+lait` is the room `café au lait`.
    ///         let room = request.query_value("room").unwrap_or_default();
    ///         peer.subscribe(room);
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        form::value(&self.query, name)
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

    /// The value of the first cookie called `name` (RFC 6265, 4.2), as it came: with its quotation
    /// marks, if it has any, and not percent-decoded. The case of the name matters. `None` if there
    /// is none, or if the value is not UTF-8.
    ///
    /// A browser sends the cookies of this host with each handshake, also if a page of another site
    /// opens the socket. [`OriginRule::Same`](crate::OriginRule::Same), the default, refuses those.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let value = cookie::value(self.head.values("Cookie"), name)?;
        std::str::from_utf8(value).ok()
    }

    /// The token of `Authorization: Bearer TOKEN` (RFC 6750, 2.1). It has no blanks, and visible
    /// ASCII only. `None` if there is no such header, if it is there twice, or if it is another
    /// one.
    ///
    /// A page cannot set this header for a WebSocket: `examples/token.rs` has another way for
    /// pages. [`constant_time_eq`](crate::constant_time_eq) compares tokens.
    ///
    /// ```
    /// use switchboard::{Gate, Handler, Request, Response, Status, Verdict, constant_time_eq};
    ///
    /// struct Members {
    ///     token: String,
    /// }
    ///
    /// impl Handler for Members {}
    ///
    /// impl Gate for Members {
    ///     fn admit(&mut self, request: &Request) -> Verdict {
    ///         match request.bearer() {
    ///             Some(token) if constant_time_eq(&self.token, token) => Verdict::Accept,
    ///             // RFC 9110, 15.5.2: a 401 says how to authenticate.
    ///             _ => Verdict::Refuse(
    ///                 Response::text(Status::UNAUTHORIZED, "a token is needed")
    ///                     .header("WWW-Authenticate", "Bearer"),
    ///             ),
    ///         }
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        bearer(self.head.single("Authorization")?)
    }

    /// The user and the password of `Authorization: Basic ...` (RFC 7617, 2), which a browser sends
    /// for `wss://user:password@host`, or after a 401 with `WWW-Authenticate: Basic realm="..."`.
    /// `None` if there is no such header, if it is there twice, or if it is broken: base64 with its
    /// padding, a colon, UTF-8, no control characters.
    ///
    /// The password is not encrypted: only TLS protects it.
    #[must_use]
    pub fn basic(&self) -> Option<BasicCredentials> {
        basic(self.head.single("Authorization")?)
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
