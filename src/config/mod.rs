//! The command line and `server.conf`, read into one [`Config`]. It starts nothing and prints
//! nothing. Faults are returned as errors that say where, what was found, what is allowed, and
//! which known name is nearest. It logs only one warning: that the system may have fewer
//! descriptors than are needed.
//!
//! In reading order:
//!
//! - [`Config`]: the result; `service_config`: [`ServiceConfig`], a service in it; `log_format`,
//!   `dumpable`: types of values in it
//! - `command`: [`Command`], the command of the command line; `exit`: [`Exit`], the exit codes
//! - `args`: the words of the command line; `parsed_args`: their result
//! - `flags`: the lists of flags, from which the help is made; `flag`: the definition of one
//! - with the feature `admin`, `printed`: manual pages and completions
//! - `keys`: the lists of keys; `key`: the definition of one; `section`: their sections; `value`:
//!   the kinds of their values
//! - `reload`: the changes of a configuration that need a restart
//! - with the feature `programs`, `trial`: `Trial`, a single program that is tried; `trial_flags`:
//!   the flags for it, and those of programs; `trial_args`: which of them go together
//! - likewise `program`: the relations between the keys of programs; `variables`: their values
//! - with the feature `tls`, `tls`: the keys about it; `tls_words`: words of their values
//! - with the feature `database`, `database_config`: a database in it; `databases`: their sections
//! - with the feature `redis`, `backplane`: the section of the backplane
//! - with one of both, `masked`: URLs without their passwords
//! - with the feature `admin`, `admin`: the keys about listeners for operators; `admin_address`: an
//!   address of one
//! - `input`: where files are read; `ini`: the lines of one; `raw_config`: its keys in their
//!   sections; `load`: reads it; `setting`: a key with a value, from the file or the command line;
//!   `value_source`: the place that a value comes from
//! - with the feature `admin`, `include`: the files that a line names; `expand`: variables of the
//!   environment in values; `effective`: `--print-config`
//! - `resolve`: from keys in any order to a consistent `Config`
//! - `nearest`: the known name that was meant; `error`: all faults; `quoted`: texts in
//!   them

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "admin")]
mod admin_address;
mod args;
#[cfg(feature = "redis")]
mod backplane;
mod command;
#[cfg(feature = "database")]
mod database_config;
#[cfg(feature = "database")]
mod databases;
mod dumpable;
#[cfg(feature = "admin")]
mod effective;
mod error;
mod exit;
#[cfg(feature = "admin")]
mod expand;
mod flag;
mod flags;
#[cfg(feature = "admin")]
mod include;
mod ini;
mod input;
mod key;
mod keys;
mod load;
mod log_format;
#[cfg(any(feature = "database", feature = "redis"))]
mod masked;
mod nearest;
mod parsed_args;
#[cfg(feature = "admin")]
mod printed;
#[cfg(feature = "programs")]
mod program;
mod quoted;
mod raw_config;
mod reload;
mod resolve;
mod section;
mod service_config;
mod setting;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_words;
#[cfg(feature = "programs")]
mod trial;
#[cfg(feature = "programs")]
mod trial_args;
#[cfg(feature = "programs")]
mod trial_flags;
mod value;
mod value_source;
#[cfg(feature = "programs")]
mod variables;

use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::input::NoInput;
use crate::config::raw_config::RawConfig;
use crate::config::resolve::resolve;
#[cfg(feature = "proxy")]
use crate::hub::ProxyProtocol;
use crate::hub::{AccessLog, AllowedHosts, Spellings};
use crate::limits::Limits;
#[cfg(feature = "programs")]
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;
#[cfg(feature = "proxy")]
use crate::ws::{Forwarded, TrustedProxies};

pub use command::Command;
#[cfg(feature = "database")]
pub use database_config::{DatabaseConfig, DatabaseKind, DiskSync, SslMode};
pub use dumpable::Dumpable;
pub use error::{CommandError, ConfigError, UsageError};
pub use exit::Exit;
pub use input::{ConfigInput, read_file};
pub use log_format::LogFormat;
pub use nearest::nearest;
pub use service_config::ServiceConfig;
#[cfg(feature = "tls")]
pub use tls::TlsConfig;
#[cfg(feature = "tls")]
pub use tls_words::{TlsClient, TlsRedirect};
#[cfg(feature = "programs")]
pub use trial::{Script, Trial};
#[cfg(feature = "admin")]
pub use {admin::AdminConfig, admin_address::AdminAddress};

/// The configuration of the server. A flag overrides the file, and the file overrides the default.
///
/// ```
/// use std::path::Path;
/// use switchboard::config::Config;
///
/// let text = "[server]\nport: 8080\n[service /echo]\nmax-message: 64k\n";
/// let config = Config::parse(Path::new("server.conf"), text).expect("the text is right");
/// assert_eq!(config.port, Some(8080));
/// let echo = config.service("/echo").expect("it has a section");
/// assert_eq!(echo.options.limits.message_bytes_max, 65_536);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// The files that it includes, in the order in which they were read.
    #[cfg(feature = "admin")]
    pub included: Vec<PathBuf>,
    /// The addresses to listen on: IP addresses, IPv6 without brackets, and host names. There
    /// is at least one, and none twice.
    pub hosts: Vec<String>,
    /// The TCP port of all of them; with 0 the system chooses. `None`: there are no listeners of
    /// TCP.
    pub port: Option<u16>,
    /// The paths of Unix sockets to listen on, in folders that exist.
    #[cfg(feature = "unix")]
    pub unix_sockets: Vec<String>,
    /// The permissions of their files.
    #[cfg(feature = "unix")]
    pub unix_socket_mode: u32,
    /// How many processes serve these listeners.
    #[cfg(feature = "processes")]
    pub processes: usize,
    /// What it says of TLS.
    #[cfg(feature = "tls")]
    pub tls: TlsConfig,
    /// What it says of listeners for operators.
    #[cfg(feature = "admin")]
    pub admin: AdminConfig,
    /// The folder of programs. It exists if it is configured. The default may be missing; then
    /// there are no programs.
    #[cfg(feature = "programs")]
    pub document_root: PathBuf,
    /// The folder of files for plain GET. It exists.
    pub static_root: Option<PathBuf>,
    /// The path of the health check.
    pub health_path: Option<String>,
    /// Which hosts requests may name.
    pub allowed_hosts: AllowedHosts,
    /// The proxies whose word about their clients counts.
    #[cfg(feature = "proxy")]
    pub trusted_proxies: TrustedProxies,
    /// The header in which they name their clients.
    #[cfg(feature = "proxy")]
    pub forwarded: Forwarded,
    /// Whether each connection begins with a header of the PROXY protocol.
    #[cfg(feature = "proxy")]
    pub proxy_protocol: ProxyProtocol,
    /// The spellings of paths by which services are served.
    pub spellings: Spellings,
    /// The log level.
    pub log_level: LevelFilter,
    /// The log format.
    pub log_format: LogFormat,
    /// The file that the log is written to, in a folder that exists. `None`: standard error.
    #[cfg(feature = "admin")]
    pub log_file: Option<PathBuf>,
    /// Which lines are logged about sockets and requests.
    pub access_log: AccessLog,
    /// Whether other processes of the same user may read the memory of the server.
    pub dumpable: Dumpable,
    /// Most sockets at a time; `None` fits them to the descriptors, as
    /// [`Config::limits_for`] does.
    pub sockets_max: Option<usize>,
    /// Most bytes of memory for outboxes, mail and unfinished messages; `None` leaves it to the
    /// caller that makes the limits.
    pub memory_max: Option<usize>,
    /// The options of the server, and of each service that is not in `services`. Its limits have
    /// the `sockets_max` of the preset.
    pub all: ServiceOptions,
    /// How programs without a section are run.
    #[cfg(feature = "programs")]
    pub all_programs: ProgramOptions,
    /// The services with a section, in the order of their paths.
    pub services: Vec<ServiceConfig>,
    /// The databases, in the order of their names.
    #[cfg(feature = "database")]
    pub databases: Vec<DatabaseConfig>,
    /// The backplane, over which services share with other hosts.
    #[cfg(feature = "redis")]
    pub backplane: Option<crate::backplane::RedisOptions>,
}

impl Config {
    /// Reads `text` as the configuration file called `file`, which is not opened. Nor are other
    /// files, and no variable of the environment is set: `text` alone counts.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        resolve(RawConfig::read(file, text, &NoInput), &[], Self::default())
    }

    /// The service at `path`, if it has a section.
    #[must_use]
    pub fn service(&self, path: &str) -> Option<&ServiceConfig> {
        let found = self.services.binary_search_by(|service| service.path.as_str().cmp(path));
        found.ok().map(|at| &self.services[at])
    }

    /// The last database, which keys set; an unnamed one if there is none.
    #[cfg(feature = "database")]
    fn last_database(&mut self) -> &mut DatabaseConfig {
        if self.databases.is_empty() {
            self.databases.push(DatabaseConfig::new(String::new()));
        }
        let last = self.databases.len() - 1;
        &mut self.databases[last]
    }

    /// The place of a service's section, as in `server.conf:7`, for messages about it. Only the
    /// file for a service without a section.
    #[must_use]
    pub fn place_of(&self, path: &str) -> String {
        let service = self.service(path);
        let file = self.file.as_deref();
        #[cfg(feature = "admin")]
        let file = service.and_then(|service| service.file.as_deref()).or(file);
        let file = file.unwrap_or(Path::new("")).display();
        match service {
            Some(service) => format!("{file}:{}", service.line),
            None => file.to_string(),
        }
    }

    /// The limits of a server that may have this many descriptors open. They are those for all
    /// services, with the configured number of sockets, or else as many as there are descriptors
    /// for, beside files and the pipes of programs. If more sockets are configured, the limit is
    /// not changed, and a warning is logged.
    #[must_use]
    pub fn limits_for(&self, descriptors: usize) -> Limits {
        // Files that are being sent may take a quarter.
        let files_max = self.all.limits.files_open_max.min(descriptors / 4);
        let for_files = if self.static_root.is_some() { files_max } else { 0 };
        #[cfg(feature = "admin")]
        let reserved = DESCRIPTORS_RESERVED + self.admin.descriptors();
        #[cfg(not(feature = "admin"))]
        let reserved = DESCRIPTORS_RESERVED;
        let left = descriptors.saturating_sub(reserved + for_files);
        #[cfg(feature = "programs")]
        let left = left - self.descriptors_of_programs(left);
        let fitting = left.max(1);
        let sockets_max = self.sockets_max.unwrap_or(fitting.min(SOCKETS_AUTO_MAX));
        if sockets_max > fitting {
            log::warn!(
                target: "switchboard::config",
                "max-connections is {sockets_max}, while {descriptors} descriptors are enough \
                 for {fitting}: raise their limit (ulimit -n) or lower max-connections"
            );
        }
        let held_bytes_max = self.memory_max.unwrap_or(self.all.limits.held_bytes_max);
        let files_open_max = files_max.max(1);
        Limits { sockets_max, held_bytes_max, files_open_max, ..self.all.limits }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            #[cfg(feature = "admin")]
            included: Vec::new(),
            hosts: vec!["127.0.0.1".to_owned()],
            port: Some(12_345),
            #[cfg(feature = "unix")]
            unix_sockets: Vec::new(),
            #[cfg(feature = "unix")]
            unix_socket_mode: 0o660,
            #[cfg(feature = "processes")]
            processes: 1,
            #[cfg(feature = "tls")]
            tls: TlsConfig::default(),
            #[cfg(feature = "programs")]
            document_root: PathBuf::from("services"),
            static_root: None,
            health_path: None,
            allowed_hosts: AllowedHosts::default(),
            #[cfg(feature = "proxy")]
            trusted_proxies: TrustedProxies::NONE,
            #[cfg(feature = "proxy")]
            forwarded: Forwarded::XForwardedFor,
            #[cfg(feature = "proxy")]
            proxy_protocol: ProxyProtocol::Off,
            spellings: Spellings::All,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
            #[cfg(feature = "admin")]
            log_file: None,
            #[cfg(feature = "admin")]
            admin: AdminConfig::default(),
            access_log: AccessLog::Sockets,
            dumpable: Dumpable::No,
            sockets_max: None,
            memory_max: None,
            all: ServiceOptions::default(),
            #[cfg(feature = "programs")]
            all_programs: ProgramOptions::default(),
            services: Vec::new(),
            #[cfg(feature = "database")]
            databases: Vec::new(),
            #[cfg(feature = "redis")]
            backplane: None,
        }
    }
}

/// Descriptors for everything except sockets and files: listeners, the poll, standard streams,
/// wakers.
const DESCRIPTORS_RESERVED: usize = 64;
/// The default maximum of sockets.
const SOCKETS_AUTO_MAX: usize = 1_000_000;
