//! `Proxied`: what trusted proxies have said of a socket, and what its TLS connection has shown.

use std::sync::Arc;

use crate::service::TlsInfo;

/// What is known of the client of a socket, until it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxied {
    /// A proxy has connected for itself, or for a client without an address.
    pub(super) is_unknown: bool,
    /// A trusted proxy has connected for it, or has passed its request on.
    pub(super) has_passed: bool,
    /// Its client has connected over TLS.
    pub(super) is_secure: bool,
    /// What is known of its TLS connection, if that ends here.
    pub(super) tls: Option<Arc<TlsInfo>>,
}
