//! How both threads connect.

use std::fmt;
use std::time::Duration;

use redis::{
    Client, Connection, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisError,
    TlsCertificates,
};
use rustls::crypto::ring;

use crate::backplane::options::RedisOptions;
use crate::connecting::{read_authorities, read_password};
use crate::ws::syntax::cut;

/// Connects. Each call of the connection ends within [`CALL`].
///
/// # Errors
/// Why not, for the log.
pub(super) fn connect(options: &RedisOptions) -> Result<Connection, String> {
    let mut info = options.url.as_str().into_connection_info().map_err(|error| text(&error))?;
    // The names of the library would be two commands more, which a user may not have.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    // Whatever the URL says: the subscriber reads this one.
    let mut settings = settings.set_protocol(ProtocolVersion::RESP2);
    if let Some(password) = password(options)? {
        settings = settings.set_password(password);
    }
    info = info.set_redis_settings(settings);
    let client = match info.addr() {
        ConnectionAddr::TcpTls { .. } => {
            // Without one, the library panics where the program has two.
            let _ = ring::default_provider().install_default();
            let root_cert =
                options.ca_file.as_deref().map(read_authorities).transpose()?.map(|(pem, _)| pem);
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
    options.password_file.as_deref().map(read_password).transpose()
}

impl RedisOptions {
    /// Reads the files of the password and of the authorities, as each connection does.
    ///
    /// # Errors
    /// Which one cannot be used, and why.
    pub fn check_files(&self) -> Result<(), String> {
        password(self)?;
        self.ca_file.as_deref().map_or(Ok(()), |file| read_authorities(file).map(drop))
    }
}

/// An error for the log. It may quote what a server has sent.
pub(super) fn text(error: &RedisError) -> String {
    match error.is_timeout() {
        true => "Redis does not answer".to_owned(),
        false => format!("Redis: {}", cut(&error.to_string())),
    }
}

/// What Redis has sent, although nothing like it is due, for the log.
pub(super) fn unexpected(value: &impl fmt::Debug) -> String {
    format!("Redis says {}", cut(&format!("{value:?}")))
}

/// The longest time of a call.
const CALL: Duration = Duration::from_secs(2);
/// The longest pause between attempts. What has waited is held for so long, so that hosts which
/// connect later get it as well.
pub(super) const PAUSE_MS_MAX: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// What listens there may be anything.
    #[test]
    fn the_log_quotes_little_of_what_a_server_sends() {
        let long = "x".repeat(5_000);
        let error = RedisError::from((redis::ErrorKind::Parse, "it says", long.clone()));
        let unexpected = unexpected(&redis::Value::BulkString(long.into_bytes()));
        for line in [text(&error), unexpected] {
            assert!(line.starts_with("Redis") && (100..300).contains(&line.len()), "{line}");
        }
    }
}
