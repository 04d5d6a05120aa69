//! `Proxied`: what trusted proxies have said of a socket.

/// What trusted proxies have said of a socket, until it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxied {
    /// A proxy has connected for itself, or for a client without an address.
    pub(super) is_unknown: bool,
    /// A trusted proxy has connected for it, or has passed its request on.
    pub(super) has_passed: bool,
    /// Its client has connected over TLS.
    pub(super) is_secure: bool,
}
