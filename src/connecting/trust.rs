//! TLS to a server: whose certificates are accepted.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::connecting::read_authorities;

/// Reads the authorities of servers: those of a file, or else those of this system.
///
/// # Errors
/// Which of them cannot be used, and why.
pub(crate) fn client_tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = ca_file.map_or_else(system_roots, roots_of)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_authorities(file)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("ca-file {}: {error}", file.display()))?;
    }
    Ok(roots)
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
