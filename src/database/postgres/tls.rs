//! TLS to a server of PostgreSQL: whose certificates are accepted.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::connecting;
use crate::database::JobResult;
use crate::database::postgres::options::Trust;

/// Reads the authorities of servers.
pub(super) fn read_authorities(trust: &Trust) -> JobResult<Arc<ClientConfig>> {
    let roots = match trust {
        Trust::System => system_roots()?,
        Trust::File(file) => roots_of(file)?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in connecting::read_authorities(file)?.1 {
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
