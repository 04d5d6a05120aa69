//! `RedisOptions`: where Redis is, and how it is used.

use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo};

/// Where Redis is, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisOptions {
    /// `redis://USER@HOST:PORT/DB`, likewise `rediss` for TLS, or `redis+unix:PATH`. It has no
    /// password.
    pub url: String,
    /// What the names of all channels begin with. Hosts with one prefix share.
    pub prefix: String,
    /// Most bytes that wait for Redis, and likewise most that wait for the loop. Beyond it, the
    /// oldest messages are dropped.
    pub queue_bytes_max: usize,
    /// Whether the host is not ready while there is no connection.
    pub is_required: bool,
    /// The file with the password. It is read for each connection.
    pub password_file: Option<PathBuf>,
    /// With TLS: the file with the authorities of the server's certificate, in PEM. It is read for
    /// each connection. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
}

impl RedisOptions {
    /// The defaults, for a server at this URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "switchboard".to_owned(),
            queue_bytes_max: 1 << 20,
            is_required: false,
            password_file: None,
            ca_file: None,
        }
    }

    /// Whether it is a URL of Redis that can be used: no certificate goes unchecked.
    #[must_use]
    pub fn is_url(url: &str) -> bool {
        let is_unchecked =
            |addr: &ConnectionAddr| matches!(addr, ConnectionAddr::TcpTls { insecure: true, .. });
        url.into_connection_info().is_ok_and(|info| !is_unchecked(info.addr()))
    }

    /// Whether connections to a URL have TLS.
    #[must_use]
    pub fn has_tls(url: &str) -> bool {
        let info = url.into_connection_info();
        info.is_ok_and(|info| matches!(info.addr(), ConnectionAddr::TcpTls { .. }))
    }

    /// Whether a URL has a password in it.
    #[must_use]
    pub fn has_password(url: &str) -> bool {
        let info = url.into_connection_info();
        info.is_ok_and(|info| info.redis_settings().password().is_some())
    }
}
