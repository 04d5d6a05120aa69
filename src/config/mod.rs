//! What the server is told: the command line and `server.conf`, read into one [`Config`]. It
//! starts nothing and prints nothing; whatever is wrong comes back as an error that says
//! where, what was found, what is allowed, and which known name is nearest.
//!
//! In reading order:
//!
//! - [`Config`]: the result; [`Command`] in `args`: what the command line asks for
//! - `flags`: the one list of flags; the help is made from it
//! - `keys`: the one list of keys; `key`: what there is to know about each; `kind`: the kinds
//!   of values that keys have; `values`, `addresses`: how each is read
//! - `file`: which file is read; `ini`: its lines; `sheet`: its keys in their sections
//! - `resolve`: from keys in any order to a `Config` that agrees with itself
//! - `nearest`: the known name that was meant
//! - `fault`, `error`: what can be wrong; `exit`: how the process ends

mod addresses;
mod args;
mod error;
mod exit;
mod fault;
mod file;
mod flags;
mod ini;
mod key;
mod keys;
mod kind;
mod nearest;
mod resolve;
mod sheet;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::hub::OriginRule;
use crate::limits::Limits;

pub use args::Command;
pub use error::{CommandError, ConfigError, UsageError};
pub use exit::Exit;
pub use file::read_file;

/// Everything that the server is told. Of three places that may tell it, the first counts: a
/// flag, the file, the default.
///
/// ```
/// use std::path::Path;
/// use switchboard::config::Config;
///
/// let text = "[server]\nport: 8080\n[service /echo]\nmax-message: 64k\n";
/// let config = Config::parse(Path::new("server.conf"), text).expect("the text is right");
/// assert_eq!(config.port, 8080);
/// assert_eq!(config.services["/echo"].limits.message_bytes_max, 65_536);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// The addresses to listen on: IP addresses, IPv6 without brackets, and host names. There
    /// is at least one, and none twice.
    pub hosts: Vec<String>,
    /// The TCP port of all of them; with 0 the system chooses.
    pub port: u16,
    /// Where executables are looked up. It exists unless it is the default.
    pub document_root: PathBuf,
    /// Where files for plain GET are looked up. It exists.
    pub static_root: Option<PathBuf>,
    /// Which pages may open sockets.
    pub origin: OriginRule,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The limits of the server and of each service that has none of its own.
    pub limits: Limits,
    /// Most sockets at a time, which `limits` has too; `None` leaves it to the caller to fit
    /// `limits.sockets_max` to the descriptor limit.
    pub sockets_max: Option<usize>,
    /// What differs for single services, by the path that each is mounted at.
    pub services: BTreeMap<String, ServiceConfig>,
}

impl Config {
    /// Reads `text` as the configuration file called `file`, which is not opened.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        file::parse(file, text, &[])
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            hosts: vec!["127.0.0.1".to_owned()],
            port: 12_345,
            document_root: PathBuf::from("services"),
            static_root: None,
            origin: OriginRule::Same,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
            limits: Limits::SERVER,
            sockets_max: None,
            services: BTreeMap::new(),
        }
    }
}

/// What one service has instead of the values for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// The limits for all, with those of the service laid over them.
    pub limits: Limits,
    /// Which pages may open sockets to it; `None` if the rule for all holds.
    pub origin: Option<OriginRule>,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}
