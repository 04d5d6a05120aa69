//! TLS to a server of PostgreSQL: whose certificates are accepted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::database::JobResult;
use crate::database::postgres::options::Trust;

/// Reads the authorities of servers.
pub(super) fn read_authorities(trust: &Trust) -> JobResult<Arc<ClientConfig>> {
    let roots = match trust {
        Trust::System => system_roots()?,
        Trust::File(file) => roots_of(file).map_err(|why| in_file(file, &why))?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("has no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(roots)
}

fn in_file(file: &Path, why: &str) -> String {
    format!("ca-file {}: {why}", file.display())
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems keep one that nobody can read.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!(
            "this system has no certificates of authorities{why}: install ca-certificates, or name \
             a file (ca-file)"
        ));
    }
    Ok(roots)
}
