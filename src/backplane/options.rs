//! `RedisOptions`: where Redis is, and how it is used.

use std::path::PathBuf;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::connecting::{UrlError, is_here};

/// Where Redis is, and how it is used.
///
/// ```
/// use switchboard::backplane::RedisOptions;
///
/// # fn main() -> Result<(), switchboard::backplane::UrlError> {
/// let options = RedisOptions::new("rediss://chat@redis.example")?
///     .password_file("/run/secrets/redis")
///     .prefix("chat");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisOptions {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) queue_bytes_max: usize,
    pub(crate) is_required: bool,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

impl RedisOptions {
    /// The defaults, for the server at a URL: `redis://USER@HOST:PORT/DB`, `rediss` for TLS, or
    /// `redis+unix:PATH`.
    ///
    /// # Errors
    /// It is no such URL, lets certificates go unchecked (`#insecure`), has a password, which
    /// belongs into a file ([`RedisOptions::password_file`]), or has a fragment or an unknown
    /// option. `?protocol=` is allowed, and changes nothing; so are `db` and `user` for a Unix
    /// socket.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        if !Self::is_url(url) {
            return Err(UrlError::new(NO_URL));
        }
        if Self::has_password(url) {
            return Err(UrlError::new(PASSWORD));
        }
        if let Some(part) = Self::unknown_part(url) {
            return Err(UrlError::new(format!("the URL of Redis has {part}")));
        }
        Ok(Self { url: url.to_owned(), ..Self::without_url() })
    }

    /// The defaults, for a URL that is still to be set.
    pub(crate) fn without_url() -> Self {
        Self {
            url: String::new(),
            prefix: "switchboard".to_owned(),
            queue_bytes_max: 1 << 20,
            is_required: false,
            password_file: None,
            ca_file: None,
        }
    }

    /// Sets what the names of all channels begin with; `switchboard` by default. Hosts with one
    /// prefix share.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the most bytes that wait for Redis, and the most that wait for the loop; 1 MiB by
    /// default. Beyond that, the oldest messages are dropped. A longer message waits alone.
    #[must_use]
    pub const fn queue_bytes_max(mut self, bytes: usize) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// The host is not ready while there is no connection.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Reads the password from a file whenever a connection is made. Blanks and ends of lines at
    /// its end do not count.
    #[must_use]
    pub fn password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.password_file = Some(file.into());
        self
    }

    /// Sets the file with the authorities of the server's certificate, in PEM, instead of those of
    /// the system. It is read whenever a connection with TLS is made.
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(file.into());
        self
    }

    /// What an operator should know: that the server is on another machine, and there is no TLS.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Some(ConnectionAddr::Tcp(host, _)) = address(&self.url) else { return None };
        (!is_here(&host)).then(|| {
            format!(
                "the connections to {host} have no TLS: others on the way read and forge what \
                 services share; let url begin with rediss, and set ca-file for an authority of \
                 your own"
            )
        })
    }

    /// Whether it is a URL of Redis that can be used: no certificate goes unchecked.
    pub(crate) fn is_url(url: &str) -> bool {
        let is_unchecked =
            |address| matches!(address, ConnectionAddr::TcpTls { insecure: true, .. });
        address(url).is_some_and(|address| !is_unchecked(address))
    }

    /// Whether a URL of Redis has a password in it.
    pub(crate) fn has_password(url: &str) -> bool {
        info(url).is_some_and(|info| info.redis_settings().password().is_some())
    }

    /// What a URL has that nothing reads, if it has such a part. The text has no value of it, which
    /// may be a password.
    pub(crate) fn unknown_part(url: &str) -> Option<String> {
        let (known, allowed): (&[&str], _) = match address(url)? {
            ConnectionAddr::Unix(_) => (&["db", "user", "protocol"], "are db, user and protocol"),
            _ => (&["protocol"], "is protocol"),
        };
        if url.contains('#') {
            return Some("a fragment (#), which is not allowed: leave it out".to_owned());
        }
        let options = url.split_once('?').map_or("", |(_, options)| options);
        let options = options.split('&').filter(|option| !option.is_empty());
        let mut names = options.map(|option| option.split_once('=').map(|(name, _)| name));
        let unknown = names.find(|name| !name.is_some_and(|name| known.contains(&name)))?;
        let is_plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let what = unknown
            .filter(is_plain)
            .map_or("an option".to_owned(), |name| format!("the option {name}"));
        Some(format!("{what}, which is not allowed: allowed {allowed}"))
    }

    /// Whether connections to a URL have TLS.
    pub(crate) fn has_tls(url: &str) -> bool {
        matches!(address(url), Some(ConnectionAddr::TcpTls { .. }))
    }
}

fn info(url: &str) -> Option<ConnectionInfo> {
    url.into_connection_info().ok()
}

fn address(url: &str) -> Option<ConnectionAddr> {
    info(url).map(|info| info.addr().clone())
}

const NO_URL: &str = "the URL of Redis is redis://USER@HOST:PORT/DB, rediss://USER@HOST:PORT/DB or \
                      redis+unix:PATH; #insecure is not allowed";
const PASSWORD: &str = "the URL of Redis has a password, which belongs into a file";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server() {
        for (url, fault) in [
            ("redis://h", None),
            ("rediss://ida@h:1/2", None),
            ("redis+unix:///run/redis.sock", None),
            ("http://h", Some(NO_URL)),
            ("", Some(NO_URL)),
            ("rediss://h#insecure", Some(NO_URL)),
            ("redis://:hidden@h", Some(PASSWORD)),
            ("redis+unix:///run/redis.sock?pass=hidden", Some(PASSWORD)),
            ("redis://h?protocol=resp3", None),
            ("redis+unix:/redis.sock?db=1&user=ida&&protocol=2&", None),
            ("redis://h?protocol=2&auth=hidden", Some(OPTION)),
            ("redis://ida:1?hidden@h", Some(HIDDEN_OPTION)),
            ("redis://ida:1?hid.den=@h", Some(HIDDEN_OPTION)),
            ("redis+unix:/redis.sock?auth=hidden", Some(OPTION_OF_UNIX)),
            ("redis://h#hidden", Some(FRAGMENT)),
            ("redis+unix:/redis.sock?db=1#hidden", Some(FRAGMENT)),
        ] {
            let found = RedisOptions::new(url).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), fault, "{url}");
        }
    }

    const OPTION: &str = "the URL of Redis has the option auth, which is not allowed: allowed is \
                          protocol";
    const HIDDEN_OPTION: &str = "the URL of Redis has an option, which is not allowed: allowed is \
                                 protocol";
    const OPTION_OF_UNIX: &str = "the URL of Redis has the option auth, which is not allowed: \
                                  allowed are db, user and protocol";
    const FRAGMENT: &str =
        "the URL of Redis has a fragment (#), which is not allowed: leave it out";

    #[test]
    fn only_a_way_that_others_can_read_is_a_warning() {
        for (url, host) in [
            ("redis://redis.example", Some("redis.example")),
            ("redis://ida@192.0.2.1:1/2", Some("192.0.2.1")),
            ("redis://[2001:db8::1]", Some("2001:db8::1")),
            ("rediss://redis.example", None),
            ("redis://localhost", None),
            ("redis://127.0.0.2", None),
            ("redis://[::1]:1", None),
            ("redis+unix:///run/redis.sock", None),
        ] {
            let warning = RedisOptions::new(url).expect("it is a URL").warning();
            let expected = host.map(|host| format!("the connections to {host} have no TLS"));
            let begins = warning.as_deref().zip(expected.as_deref());
            assert_eq!(warning.is_some(), expected.is_some(), "{url}");
            assert!(begins.is_none_or(|(text, begin)| text.starts_with(begin)), "{warning:?}");
        }
    }
}
