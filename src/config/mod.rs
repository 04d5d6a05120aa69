//! What the server is told: the command line and `server.conf`, read into one [`Config`]. It
//! starts nothing and prints nothing; whatever is wrong comes back as an error that says
//! where, what was found, what is allowed, and which known name is nearest. The one thing it
//! logs is that the system may have less to give than was asked for.
//!
//! In reading order:
//!
//! - [`Config`]: the result; `log_format`, `dumpable`: types of values in it
//! - `command`: [`Command`], what the process is asked for; `exit`: [`Exit`], how it ends
//! - `args`: the words of the command line; `parsed_args`: what they come to
//! - `flags`: the lists of flags, which are the help; `flag`: what there is to know about one
//! - `keys`: the lists of keys; `key`: what there is to know about one; `section`: where they
//!   stand; `value`: the kinds of values that they have
//! - `reload`: what another configuration changes that needs a restart
//! - with the feature `programs`, `trial`: `Trial`, a single program that is tried; `trial_flags`:
//!   the flags for it, and those of programs; `trial_args`: which of them go together
//! - likewise `program`: what holds between the keys of programs; `variables`: their values
//! - `ini`: the lines of a file; `raw_config`: which file is read, its keys in their sections;
//!   `setting`: one of these, or of the command line
//! - `resolve`: from keys in any order to a `Config` that agrees with itself
//! - `nearest`: the known name that was meant; `error`: what can be wrong

mod args;
mod command;
mod dumpable;
mod error;
mod exit;
mod flag;
mod flags;
mod ini;
mod key;
mod keys;
mod log_format;
mod nearest;
mod parsed_args;
#[cfg(feature = "programs")]
mod program;
mod raw_config;
mod reload;
mod resolve;
mod section;
mod setting;
#[cfg(test)]
mod tests;
#[cfg(feature = "programs")]
mod trial;
#[cfg(feature = "programs")]
mod trial_args;
#[cfg(feature = "programs")]
mod trial_flags;
mod value;
#[cfg(feature = "programs")]
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::raw_config::RawConfig;
use crate::config::resolve::resolve;
use crate::hub::{AccessLog, AllowedHosts, Spellings};
use crate::limits::Limits;
#[cfg(feature = "programs")]
use crate::programs::ProgramOptions;
use crate::service::ServiceOptions;

pub use command::Command;
pub use dumpable::Dumpable;
pub use error::{CommandError, ConfigError, UsageError};
pub use exit::Exit;
pub use log_format::LogFormat;
pub use nearest::nearest;
pub use raw_config::read_file;
#[cfg(feature = "programs")]
pub use trial::{Script, Trial};

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
    /// Where programs are looked up. A directory if it is given; the default may be missing, and
    /// then there are none.
    #[cfg(feature = "programs")]
    pub document_root: PathBuf,
    /// Where files for plain GET are looked up. It exists.
    pub static_root: Option<PathBuf>,
    /// The path of the health check.
    pub health_path: Option<String>,
    /// Which hosts requests may name.
    pub allowed_hosts: AllowedHosts,
    /// By which spellings services are served.
    pub spellings: Spellings,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// How it is logged.
    pub log_format: LogFormat,
    /// What is logged of sockets and requests.
    pub access_log: AccessLog,
    /// Whether other processes of the same user may read the memory of the server.
    pub dumpable: Dumpable,
    /// Most sockets at a time; `None` fits them to the descriptors, as
    /// [`Config::limits_for`] does.
    pub sockets_max: Option<usize>,
    /// Most bytes of memory for what waits on its way; `None` leaves it to who makes the limits.
    pub memory_max: Option<usize>,
    /// What holds for the server and for each service that is not among `services`. Its
    /// limits leave `sockets_max` as it is in the preset.
    pub all: ServiceOptions,
    /// What holds for single services instead, by the path that each is mounted at: the values of
    /// its section, and those for all where that has none.
    pub services: BTreeMap<String, ServiceOptions>,
    /// How programs are run that have no section.
    #[cfg(feature = "programs")]
    pub all_programs: ProgramOptions,
    /// How each service with a section is run if it is a program, by path.
    #[cfg(feature = "programs")]
    pub programs: BTreeMap<String, ProgramOptions>,
    /// The lines of the file, counted from 1, in which the sections of `services` begin.
    pub service_lines: BTreeMap<String, usize>,
}

impl Config {
    /// Reads `text` as the configuration file called `file`, which is not opened.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        resolve(RawConfig::read(file, text), &[], Self::default())
    }

    /// Where the section of a service stands, as in `server.conf:7`, for what there is to say of
    /// it; the file alone for a service without one.
    #[must_use]
    pub fn place_of(&self, path: &str) -> String {
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        let line = self.service_lines.get(path);
        line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }

    /// The limits of a server that may have this many descriptors open: those for all, with
    /// the sockets that were asked for, or else as many as there are descriptors for, beside files
    /// and the pipes of programs. If more was asked for than that, it is granted all the same, and
    /// a warning is logged.
    #[must_use]
    pub fn limits_for(&self, descriptors: usize) -> Limits {
        // Files that are being sent may take a quarter.
        let files_max = self.all.limits.files_open_max.min(descriptors / 4);
        let for_files = if self.static_root.is_some() { files_max } else { 0 };
        let left = descriptors.saturating_sub(DESCRIPTORS_RESERVED + for_files);
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
            hosts: vec!["127.0.0.1".to_owned()],
            port: 12_345,
            #[cfg(feature = "programs")]
            document_root: PathBuf::from("services"),
            static_root: None,
            health_path: None,
            allowed_hosts: AllowedHosts::default(),
            spellings: Spellings::All,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
            access_log: AccessLog::Sockets,
            dumpable: Dumpable::No,
            sockets_max: None,
            memory_max: None,
            all: ServiceOptions::default(),
            services: BTreeMap::new(),
            #[cfg(feature = "programs")]
            all_programs: ProgramOptions::default(),
            #[cfg(feature = "programs")]
            programs: BTreeMap::new(),
            service_lines: BTreeMap::new(),
        }
    }
}

/// Descriptors for all but sockets and files: listeners, the poll, standard streams, bells.
const DESCRIPTORS_RESERVED: usize = 64;
/// Without a word in the configuration, no more sockets than this.
const SOCKETS_AUTO_MAX: usize = 1_000_000;
