//! The certificates that a server shows, and those that its clients have to show.

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::net::tls::files::ClientCertificates;

/// A certificate with its chain, and its key.
pub(super) struct Identity {
    /// The leaf comes first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The authorities that issue certificates of clients.
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) clients: ClientCertificates,
}

/// Why a key and its certificate cannot be used.
#[derive(Debug)]
pub(super) enum KeyFault {
    /// It is of no kind that can be used.
    Kind,
    /// It is the key of another certificate.
    Other,
    /// The certificate cannot be read.
    Certificate(String),
}
