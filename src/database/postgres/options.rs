//! `Postgres`: a server of PostgreSQL, and how it is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::config::{Config, Host};

use crate::connecting::{UrlError, is_here, read_password};
use crate::database::JobResult;

/// A database of a PostgreSQL server.
/// [`DatabaseOptions::connections`](crate::database::DatabaseOptions::connections) clients are
/// connected to it, each of which reads and writes. Each job that writes has a transaction of its
/// own.
///
/// ```no_run
/// use switchboard::database::postgres::Postgres;
/// use switchboard::database::{Database, DatabaseOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Postgres::new("postgres://chat@db.example/chat")?
///     .password_file("/run/secrets/chat")
///     .verify_full(None);
/// let db = Database::open("main", server, DatabaseOptions::new())?;
/// let row = db.read(|c| Ok(c.query_one("SELECT name FROM users WHERE id = $1", &[&7_i64])?))?;
/// println!("{}", row.get::<_, &str>(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Postgres {
    config: Config,
    password_file: Option<PathBuf>,
    tls: Option<Trust>,
    /// As many as there are attempts to connect that have not ended, and a few more.
    pending: Arc<()>,
}

/// Whose certificates of a server are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that an authority of this system has issued.
    System,
    /// Those that an authority in this file has issued.
    File(PathBuf),
}

impl Trust {
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::System => None,
            Self::File(file) => Some(file),
        }
    }
}

impl Postgres {
    /// The database that a URL names: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.
    /// Options are those of the [`postgres`](postgres::Config) crate, such as `host=FOLDER` for a
    /// Unix socket. Without TLS, unless [`Postgres::verify_full`] asks for it.
    ///
    /// # Errors
    /// It is no such URL, or has an option for TLS.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(UrlError::new(NO_URL));
        }
        let options = url.split_once('?').map_or("", |(_, options)| options);
        if options.split('&').any(|option| option.starts_with("ssl")) {
            return Err(UrlError::new(TLS_OPTION));
        }
        let config: Config = url.parse().map_err(|error| UrlError::new(fault_of(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(UrlError::new(NO_HOST));
        }
        Ok(Self { config, password_file: None, tls: None, pending: Arc::default() })
    }

    /// Reads the password from a file whenever a connection is made, instead of the one in the URL.
    /// Blanks and ends of lines at its end do not count.
    #[must_use]
    pub fn password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.password_file = Some(file.into());
        self
    }

    /// Connects with TLS 1.2 or 1.3, to a server whose certificate is valid and names the host of
    /// the URL (`sslmode: verify-full`). Its authority is one of `ca_file`, in PEM, or else of the
    /// system. The file is read whenever a connection is made. Unix sockets have no TLS.
    #[must_use]
    pub fn verify_full(mut self, ca_file: Option<PathBuf>) -> Self {
        self.tls = Some(ca_file.map_or(Trust::System, Trust::File));
        self
    }

    /// What an operator should know: that the server is on another machine, and there is no TLS.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let remote = self.config.get_hosts().iter().find(|host| !is_local(host));
        let host = match (remote, &self.tls) {
            (Some(Host::Tcp(host)), None) => host.clone(),
            _ => self.config.get_hostaddrs().iter().find(|ip| !ip.is_loopback())?.to_string(),
        };
        self.tls.is_none().then(|| {
            format!(
                "the connections to {host} have no TLS: others on the way read the passwords and \
                 the data; set sslmode: verify-full, and ca-file for an authority of your own"
            )
        })
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// What each attempt to connect keeps.
    pub(super) fn pending(&self) -> Arc<()> {
        Arc::clone(&self.pending)
    }

    /// The password of the file, if there is one.
    pub(super) fn read_password(&self) -> JobResult<Option<String>> {
        Ok(self.password_file.as_deref().map(read_password).transpose()?)
    }

    /// Whose certificates are accepted, if there is TLS.
    pub(super) fn trust(&self) -> Option<&Trust> {
        // As with libpq: a Unix socket has no TLS.
        let is_reached_by_ip = self.config.get_hosts().iter().any(|host| socket_of(host).is_none());
        let is_reached_by_ip = is_reached_by_ip || !self.config.get_hostaddrs().is_empty();
        self.tls.as_ref().filter(|_| is_reached_by_ip)
    }

    /// The address without the password and the options.
    pub(super) fn shown_address(&self) -> String {
        let user = self.config.get_user().map_or_else(String::new, |user| format!("{user}@"));
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(host) => host.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let addresses = self.config.get_hostaddrs().iter().map(ToString::to_string);
        let hosts: Vec<_> = match self.config.get_hosts() {
            [] => addresses.collect(),
            _ => hosts.collect(),
        };
        let ports = self.config.get_ports();
        let is_usual = ports.iter().all(|port| *port == PORT);
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        let port = if is_usual { String::new() } else { format!(":{}", ports.join(",")) };
        let database = self.config.get_dbname().unwrap_or_default();
        format!("postgres://{user}{}{port}/{database}", hosts.join(","))
    }
}

impl fmt::Debug for Postgres {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.shown_address()).finish()
    }
}

/// The folder of a Unix socket.
fn socket_of(host: &Host) -> Option<&Path> {
    match host {
        Host::Unix(folder) => Some(folder),
        Host::Tcp(_) => None,
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => is_here(name),
    }
}

/// What is wrong with a URL. The error of the crate may have a part of the password in it, unless
/// it names a known option.
fn fault_of(error: &postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match cause.starts_with("invalid value for option") {
        true => format!("{cause}; {NO_URL}"),
        false => NO_URL.to_owned(),
    }
}

/// Where servers listen, if no port is named.
const PORT: u16 = 5_432;
const NO_URL: &str = "the URL of a PostgreSQL database is \
    postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE; special characters of a user or a \
    password are escaped (%40 for @)";
const TLS_OPTION: &str = "the URL has an option for TLS; set the keys sslmode (disable, \
    verify-full) and ca-file instead";
const NO_HOST: &str = "the URL names no host; for a Unix socket it is \
    postgres://USER@/DATABASE?host=FOLDER, such as /run/postgresql";
