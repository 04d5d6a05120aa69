//! How both threads connect, and when they try again.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, IntoConnectionInfo, RedisError, TlsCertificates};
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::backplane::options::RedisOptions;

/// Connects. Each call of the connection ends within [`CALL`].
///
/// # Errors
/// Why not, for the log.
pub(super) fn connect(options: &RedisOptions) -> Result<Connection, String> {
    let mut info = options.url.as_str().into_connection_info().map_err(|error| text(&error))?;
    // The names of the library would be two commands more, which a user may not have.
    let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(password) = password(options)? {
        settings = settings.set_password(password);
    }
    info = info.set_redis_settings(settings);
    let client = match info.addr() {
        ConnectionAddr::TcpTls { .. } => {
            // Without one, the library panics where the program has two.
            let _ = ring::default_provider().install_default();
            let root_cert = options.ca_file.as_deref().map(authorities).transpose()?;
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        }
        _ => Client::open(info),
    };
    let client = client.map_err(|error| text(&error))?;
    let connection = client.get_connection_with_timeout(CALL).map_err(|error| text(&error))?;
    for set in [Connection::set_read_timeout, Connection::set_write_timeout] {
        set(&connection, Some(CALL)).map_err(|error| text(&error))?;
    }
    Ok(connection)
}

/// The password of its file, if there is one.
fn password(options: &RedisOptions) -> Result<Option<String>, String> {
    let Some(file) = &options.password_file else { return Ok(None) };
    let text = fs::read_to_string(file)
        .map_err(|error| format!("password-file {} is not read: {error}", file.display()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

impl RedisOptions {
    /// Reads the files of the password and of the authorities, as each connection does.
    ///
    /// # Errors
    /// Which one cannot be used, and why.
    pub fn check_files(&self) -> Result<(), String> {
        password(self)?;
        self.ca_file.as_deref().map_or(Ok(()), |file| authorities(file).map(drop))
    }
}

/// The authorities of a file, in PEM.
fn authorities(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = fs::read(file)
        .map_err(|error| format!("ca-file {} is not read: {error}", file.display()))?;
    match CertificateDer::pem_slice_iter(&bytes).next() {
        Some(Ok(_)) => Ok(bytes),
        _ => Err(format!(
            "ca-file {} has no certificate in PEM (-----BEGIN CERTIFICATE-----)",
            file.display()
        )),
    }
}

/// An error for the log.
pub(super) fn text(error: &RedisError) -> String {
    match error.is_timeout() {
        true => "Redis does not answer".to_owned(),
        false => format!("Redis: {error}"),
    }
}

/// The pauses between attempts.
#[derive(Debug, Default)]
pub(super) struct Pauses(u32);

impl Pauses {
    /// An attempt has succeeded.
    pub(super) const fn reset(&mut self) {
        self.0 = 0;
    }

    /// The pause before the next attempt: from 0.1 s to 5 s, half of it by chance, so that hosts
    /// do not all come at once.
    pub(super) fn next(&mut self) -> Duration {
        let most = (PAUSE_MS_MIN << self.0.min(6)).min(PAUSE_MS_MAX);
        self.0 = self.0.saturating_add(1);
        Duration::from_millis(most / 2 + random() % (most / 2 + 1))
    }
}

/// A number by chance: the keys of hash maps are.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// The longest time of a call.
const CALL: Duration = Duration::from_secs(2);
/// A connection that has stood for so long was no vain attempt.
pub(super) const STEADY: Duration = Duration::from_secs(5);
const PAUSE_MS_MIN: u64 = 100;
const PAUSE_MS_MAX: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow() {
        let mut pauses = Pauses::default();
        for most in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            let pause = pauses.next();
            let (least, most) = (Duration::from_millis(most / 2), Duration::from_millis(most));
            assert!((least..=most).contains(&pause), "{pause:?}");
        }
        pauses.reset();
        assert!(pauses.next() <= Duration::from_millis(100));
    }
}
