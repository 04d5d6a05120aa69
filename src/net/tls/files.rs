//! `TlsFiles`: the files of certificates and keys.

use std::path::PathBuf;

/// The files of a server with TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificates. The server uses the first one with the name that the client asks for (SNI,
    /// RFC 6066, 3): with this DNS name, or else with a wildcard for its first label. Without a
    /// match, it uses the first of all.
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
    /// A client may have none. One that it shows has to be valid.
    Asked,
}
