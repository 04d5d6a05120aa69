//! Reads certificates and keys from files in PEM (RFC 7468). An error names the file, what is wrong
//! and what to do.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::net::tls::channel::CertifiedIdentity;
use crate::net::tls::files::{CertificateFiles, ClientCertificates};
use crate::net::tls::identity::{Authorities, Identity, KeyFault};
use crate::net::tls::names::dns_names;
use crate::net::tls::validity::Validity;
use crate::ws::http_date;

/// Why certificates cannot be used. The text names the file and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    pub(super) fn in_file(file: &Path, text: &str) -> Self {
        Self(format!("{}: {text}", file.display()))
    }

    pub(super) const fn system(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// What an operator should know of the files, a line for each.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Each certificate: its names and its end.
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// Reads all certificates with their keys.
///
/// # Errors
/// The first file that cannot be used, or there is none.
pub(super) fn read_all(
    files: &[CertificateFiles],
    report: &mut Report,
) -> Result<Vec<CertifiedIdentity>, TlsError> {
    let identities = files.iter().map(|files| read_one(files, report));
    let identities: Vec<_> = identities.collect::<Result<_, _>>()?;
    if identities.is_empty() {
        return Err(TlsError("there is no certificate (tls-certificate)".to_owned()));
    }
    Ok(identities)
}

fn read_one(files: &CertificateFiles, report: &mut Report) -> Result<CertifiedIdentity, TlsError> {
    let CertificateFiles { chain: chain_file, key: key_file } = files;
    let chain = read_chain(chain_file)?;
    report.warnings.extend(warn_of_time(chain_file, &chain[0]));
    report.notes.extend(note(chain_file, &chain[0]));
    let (bytes, metadata) = open(key_file)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes);
    let is_locked = contains(&bytes, b"ENCRYPTED");
    // Otherwise the allocator would keep the key in free memory.
    wipe(bytes);
    let fault = |text: &str| TlsError::in_file(key_file, text);
    let key = key.map_err(|_| fault(if is_locked { LOCKED } else { NO_KEY }))?;
    if metadata.mode() & 0o007 != 0 {
        let mode = metadata.mode() & 0o777;
        let file = key_file.display();
        report.warnings.push(format!(
            "{file}: others may read or write this key, its permissions are {mode:04o}; \
             allowed is 0640 or less: chmod o= {file}"
        ));
    }
    CertifiedIdentity::new(Identity { chain, key }).map_err(|why| match why {
        KeyFault::Kind => fault(NO_KIND),
        KeyFault::Other => fault(&format!(
            "this is the key of another certificate than {}; name the two in the same place of \
             their lists (tls-certificate, tls-key)",
            chain_file.display()
        )),
        KeyFault::Certificate(why) => TlsError::in_file(chain_file, &format!("{NO_PEM}: {why}")),
    })
}

/// Reads the authorities that issue certificates of clients, and adds the warnings for an operator.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub(super) fn read_authorities(
    file: &Path,
    clients: ClientCertificates,
    report: &mut Report,
) -> Result<Authorities, TlsError> {
    let certificates = read_chain(file)?;
    report.warnings.extend(certificates.iter().filter_map(|one| warn_of_time(file, one)));
    let demand = match clients {
        ClientCertificates::Required => "have to",
        ClientCertificates::Asked => "may",
    };
    let file = file.display();
    report.notes.push(format!("{file}: clients {demand} show a certificate of this authority"));
    Ok(Authorities { certificates, clients })
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (bytes, chain) = read_certificates(file)?;
    // The key may be in the same file.
    wipe(bytes);
    Ok(chain)
}

/// Reads a file with certificates: its bytes, and what is in them.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub(crate) fn read_certificates(
    file: &Path,
) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), TlsError> {
    let (bytes, _) = open(file)?;
    let why = match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => return Ok((bytes, chain)),
        Ok(_) => NO_PEM.to_owned(),
        Err(why) => format!("{NO_PEM}: {why}"),
    };
    wipe(bytes);
    Err(TlsError::in_file(file, &why))
}

fn open(file: &Path) -> Result<(Vec<u8>, Metadata), TlsError> {
    let fault = |error| TlsError::in_file(file, &format!("cannot be read: {error}"));
    let metadata = fs::metadata(file).map_err(fault)?;
    if !metadata.is_file() {
        return Err(TlsError::in_file(file, "is no file; a certificate or key in PEM is expected"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(TlsError::in_file(file, "is longer than 1 MiB, which no certificate is"));
    }
    Ok((fs::read(file).map_err(fault)?, metadata))
}

/// The warning about a certificate that is not valid, or not for long.
fn warn_of_time(file: &Path, certificate: &CertificateDer<'_>) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs().cast_signed();
    let Validity { begin, end } = Validity::of(certificate)?;
    let (file, renew) = (file.display(), "renew it, then send SIGHUP");
    if now < begin {
        return Some(format!(
            "{file}: the certificate is valid only from {}: clients refuse it until then; check \
             the clock",
            date(begin)
        ));
    }
    if now > end {
        let date = date(end);
        return Some(format!("{file}: the certificate has expired, {date}: {renew}"));
    }
    let days = (end - now) / DAY_S;
    let date = date(end);
    (days < DAYS_MIN)
        .then(|| format!("{file}: the certificate expires in {days} days, {date}: {renew}"))
}

/// A certificate with its names and its end.
fn note(file: &Path, certificate: &CertificateDer<'_>) -> Option<String> {
    let (file, end) = (file.display(), Validity::of(certificate)?.end);
    let names = dns_names(certificate).join(", ");
    let names = if names.is_empty() { "no DNS name" } else { &names };
    Some(format!("{file}: the certificate is for {names}, until {}", date(end)))
}

fn date(seconds: i64) -> String {
    http_date::format(u64::try_from(seconds).unwrap_or_default())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Overwrites bytes that may contain a key.
fn wipe(mut bytes: Vec<u8>) {
    bytes.fill(0);
    // Otherwise the compiler may leave the writes out, since nothing reads them.
    std::hint::black_box(&bytes);
}

const FILE_BYTES_MAX: u64 = 1 << 20;
const DAY_S: i64 = 86_400;
/// A certificate with fewer whole days left causes a warning.
const DAYS_MIN: i64 = 14;
const NO_PEM: &str = "has no certificate in PEM (-----BEGIN CERTIFICATE-----)";
const NO_KEY: &str = "has no key in PEM (-----BEGIN PRIVATE KEY-----); if it is in another file, \
    name that (tls-key)";
const LOCKED: &str = "the key has a passphrase, which a server cannot ask for; write it without \
    one: openssl pkey -in FILE -out FILE.open";
const NO_KIND: &str = "this is no key that can be used; allowed are ECDSA with P-256 or P-384, \
    Ed25519, and RSA with 2048 bits or more";
