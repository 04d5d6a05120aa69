//! `PeerInfo`: who a client is, as far as its connection says so.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who a client is: its address, and what it has shown over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerInfo {
    address: Option<SocketAddr>,
    tls: Option<Arc<TlsInfo>>,
}

impl PeerInfo {
    pub(crate) const fn new(address: Option<SocketAddr>, tls: Option<Arc<TlsInfo>>) -> Self {
        Self { address, tls }
    }

    /// Its address; `None` if it came through a Unix socket. Behind a trusted proxy
    /// (`Server::trusted_proxies`) it is what the proxy says, with port 0 if that names none.
    /// Behind another one it is that of the proxy.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What is known of its TLS connection; `None` if TLS does not end in this server.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }
}

/// A TLS connection that ends in this server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The name of the server that the client has asked for (SNI, RFC 6066, 3), in lower case.
    /// `None` if it has asked for none.
    pub server_name: Option<String>,
    /// The certificate of the client, which a configured authority has issued. `None` if it has
    /// shown none.
    pub certificate: Option<ClientCertificate>,
    /// Whether the client has resumed a session of before (RFC 8446, 2.2; RFC 5077).
    pub(crate) is_resumed: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// Version 1.2 (RFC 5246).
    Tls12,
    /// Version 1.3 (RFC 8446).
    Tls13,
}

/// The certificate of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The SHA-256 hash of the certificate in its DER form.
    pub sha256: [u8; 32],
    /// The DNS names in it (`subjectAltName`), in lower case; other names are left out.
    pub dns_names: Vec<String>,
}

impl ClientCertificate {
    /// The hash in 64 hexadecimal digits, lower case.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TlsInfo {
    /// A connection of this version, without a name and without a certificate.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_version(version: TlsVersion) -> Self {
        Self { version, server_name: None, certificate: None, is_resumed: false }
    }

    /// The bytes of memory that it occupies, its own size included.
    pub(crate) fn capacity(&self) -> usize {
        let name = self.server_name.as_ref().map_or(0, String::capacity);
        let names = self.certificate.as_ref().map_or(0, |certificate| {
            certificate.dns_names.iter().map(|name| name.capacity() + size_of::<String>()).sum()
        });
        size_of::<Self>() + name + names
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}
