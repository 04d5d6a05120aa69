//! What a server shows, and which clients have to show something.

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its chain, and its key.
pub(super) struct Identity {
    /// The leaf comes first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Which clients have to show a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) demand: Demand,
}

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// One that does not is refused.
    Required,
    /// They may.
    Asked,
}

/// Why a key does not serve.
#[derive(Debug)]
pub(super) enum KeyFault {
    /// It is of no kind that can be used.
    Kind,
    /// It is the key of another certificate.
    Other,
    /// The certificate cannot be read.
    Certificate(String),
}
