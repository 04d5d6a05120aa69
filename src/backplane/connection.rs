//! `RedisConnection`: how both threads connect, and what they say then.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use redis::{Cmd, ConnectionAddr, IntoConnectionInfo, Parser, RedisError, Value};

use crate::backplane::options::RedisOptions;
use crate::backplane::stream::RedisStream;
use crate::connecting::{client_tls, read_authorities, read_password};
use crate::ws::syntax::cut;

/// A connection.
pub(super) struct RedisConnection {
    stream: RedisStream,
    parser: Parser,
}

impl RedisConnection {
    /// Connects. Each call of the connection ends within [`CALL`].
    ///
    /// # Errors
    /// Why not, for the log.
    pub(super) fn open(options: &RedisOptions) -> Result<Self, String> {
        let info = options.url.as_str().into_connection_info().map_err(|error| text(&error))?;
        let stream = match info.addr() {
            ConnectionAddr::TcpTls { host, port, .. } => {
                RedisStream::tls(host, *port, CALL, client_tls(options.ca_file.as_deref())?)
            }
            ConnectionAddr::Tcp(host, port) => RedisStream::tcp(host, *port, CALL),
            ConnectionAddr::Unix(path) => RedisStream::unix(path),
            _ => return Err("the url of Redis is of an unknown kind".to_owned()),
        };
        let stream = stream.map_err(lost)?;
        let mut connection = Self { stream, parser: Parser::new() };
        connection.wait_for(CALL)?;
        let settings = info.redis_settings();
        if let Some(password) = password(options)? {
            let mut auth = redis::cmd("AUTH");
            auth.arg(settings.username()).arg(password);
            connection.call(&[auth])?;
        }
        if settings.db() != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(settings.db());
            connection.call(&[select])?;
        }
        Ok(connection)
    }

    /// What is received may be away for so long.
    pub(super) fn wait_for(&self, time: Duration) -> Result<(), String> {
        self.stream.limit(time, CALL).map_err(lost)
    }

    /// Sends a command.
    pub(super) fn send(&mut self, command: &Cmd) -> Result<(), String> {
        self.write(&command.get_packed_command())
    }

    /// Waits for what comes next.
    pub(super) fn receive(&mut self) -> Result<Value, String> {
        self.parser.parse_value(&mut self.stream).map_err(|error| text(&error))
    }

    /// Sends commands together, and waits for their answers. The first error is the result.
    pub(super) fn call(&mut self, commands: &[Cmd]) -> Result<(), String> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        self.write(&bytes)?;
        for _ in commands {
            self.receive()?.extract_error().map_err(|error| text(&error))?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).map_err(lost)
    }
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
fn text(error: &RedisError) -> String {
    match error.is_timeout() {
        true => "Redis does not answer".to_owned(),
        false => format!("Redis: {}", cut(&error.to_string())),
    }
}

/// An error of the connection, for the log.
fn lost(error: io::Error) -> String {
    text(&RedisError::from(error))
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
        let unexpected = unexpected(&Value::BulkString(long.into_bytes()));
        for line in [text(&error), unexpected] {
            assert!(line.starts_with("Redis") && (100..300).contains(&line.len()), "{line}");
        }
    }
}
