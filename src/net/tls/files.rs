//! `TlsFiles`: the files of certificates and keys.

use std::path::PathBuf;

/// The files of a server with TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificates. The one with the name that the client asks for is used (SNI, RFC 6066, 3):
    /// a DNS name of it in full, or else one with a wildcard for its first label. Otherwise the
    /// first is.
    pub certificates: Vec<CertificateFiles>,
    /// The file of the authorities that issue certificates of clients, in PEM. `None`: clients are
    /// not asked for one.
    pub client_authorities: Option<PathBuf>,
    /// Whether clients have to show a certificate, if there are authorities.
    pub clients: ClientCertificates,
}

/// The files of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The file of the certificate, followed by those of its issuers, in PEM.
    pub chain: PathBuf,
    /// The file of its key, in PEM without a passphrase; the same file as `chain` if that has both.
    pub key: PathBuf,
}

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// A client without one is refused. This is the default.
    #[default]
    Required,
    /// A client may have none. One that is shown has to be valid.
    Asked,
}
