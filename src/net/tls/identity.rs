//! The certificates that a server shows, and those that its clients have to show.

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its chain, and its key.
pub(super) struct Identity {
    /// The leaf comes first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The authorities that issue certificates of clients.
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) demand: Demand,
}

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// A client without one is refused.
    Required,
    /// A client may have none.
    Asked,
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
