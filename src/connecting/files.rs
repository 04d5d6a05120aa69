//! The files of a password and of authorities. An error begins with the key that names the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls_pki_types::CertificateDer;

use crate::net::tls::read_certificates;

/// Reads the password of a file. Blanks and ends of lines at its end do not count.
///
/// # Errors
/// The file cannot be read, or is longer than a password.
pub(crate) fn read_password(file: &Path) -> Result<String, String> {
    let fault = |text: &str| format!("password-file {}: {text}", file.display());
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|open| open.take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| fault(&format!("cannot be read: {error}")))?;
    if text.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(fault("is longer than 4 KiB, which no password is"));
    }
    Ok(text.trim_end().to_owned())
}

/// Reads the authorities that issue the certificate of a server, at least one.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub(crate) fn read_authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = read_certificates(file).map_err(|error| format!("ca-file {error}"));
    read.map(|(_, certificates)| certificates)
}

const PASSWORD_BYTES_MAX: u64 = 4 << 10;
