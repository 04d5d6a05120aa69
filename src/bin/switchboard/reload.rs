//! Reloads: the configuration is read again, with the same command line. The keys of the class Live
//! apply, all together, and the log names those that wait for a restart. If anything is wrong, the
//! log says what, and nothing changes. A service manager is notified of the beginning and the end.
//!
//! SIGHUP asks for one, unless the terminal has gone: then it is a clean stop.

#[cfg(feature = "admin")]
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "admin")]
use switchboard::admin::TokenSlot;
use switchboard::config::{Command, Config};
#[cfg(feature = "unix")]
use switchboard::host::ReloadReporter;
use switchboard::host::{Hangups, Terminal, on_hangup};
#[cfg(feature = "tls")]
use switchboard::tls::Tls;
use switchboard::{Host, Reloader, Server};

#[cfg(feature = "admin")]
use super::admin::token;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::check::check_databases;
use super::check::misplaced;
use super::command::read;
#[cfg(feature = "admin")]
use super::log_target::LogTarget;
use super::logger;
use super::services::ALL;
#[cfg(feature = "tls")]
use super::tls::{prepare, report};

/// Reloads the configuration of a server that runs. Clones are for the same server.
#[derive(Clone)]
pub(crate) struct Reload(Arc<Mutex<Reloadable>>);

/// What a reload has done. The names of keys are those of `server.conf`. Those of a single service
/// have its section in front: `[service /a] origin`.
#[derive(Debug)]
pub(crate) struct ReloadReport {
    /// The keys that have changed since the last reload, and that hold now.
    pub(crate) applied: Vec<String>,
    /// The keys that have changed since the start, and that wait for a restart.
    pub(crate) waiting: Vec<String>,
}

struct Reloadable {
    /// The configuration of the start, whose keys of the class Restart hold.
    begun: Config,
    /// That of the last reload, whose keys of the class Live hold.
    current: Config,
    host: Reloader,
    #[cfg(feature = "unix")]
    reporter: ReloadReporter,
    /// The certificates in use.
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// The secret of the listeners for operators.
    #[cfg(feature = "admin")]
    token: TokenSlot,
    /// Makes a server of a configuration, and warns of it.
    server_of: fn(&Config) -> Server,
}

impl Reload {
    /// For a host that runs with this configuration. `server_of` makes a server of another one.
    pub(crate) fn new(
        config: &Config,
        host: &Host,
        #[cfg(feature = "tls")] tls: Option<Tls>,
        #[cfg(feature = "admin")] token: TokenSlot,
        server_of: fn(&Config) -> Server,
    ) -> Self {
        Self(Arc::new(Mutex::new(Reloadable {
            begun: config.clone(),
            current: config.clone(),
            host: host.reloader(),
            #[cfg(feature = "unix")]
            reporter: host.reload_reporter(),
            #[cfg(feature = "tls")]
            tls,
            #[cfg(feature = "admin")]
            token,
            server_of,
        })))
    }

    /// Reloads, on the calling thread: it reads files, so that the loop must not call it. Before
    /// all else it opens the file of the log again. Reloads of several threads come one after the
    /// other. Connections that are accepted after it has returned meet the new values.
    ///
    /// # Errors
    /// What is wrong, as the log has it. Then nothing has changed.
    pub(crate) fn run(&self) -> Result<ReloadReport, Vec<String>> {
        // A rotated log is wanted also if the configuration has a fault, or another reload waits.
        #[cfg(feature = "admin")]
        logger::open_again();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(feature = "unix")]
        let reporter = state.reporter.clone();
        #[cfg(feature = "unix")]
        let _reloading = reporter.begin();
        let result = state.run();
        match &result {
            Ok(report) => report.log(),
            Err(faults) => faults.iter().for_each(|fault| {
                log::error!(target: TARGET, "the configuration stays as it is: {fault}");
            }),
        }
        result
    }
}

impl ReloadReport {
    fn log(&self) {
        for key in &self.waiting {
            log::warn!(target: TARGET, "{key} has changed; restart the server to apply it");
        }
        let applied = list("applied", &self.applied);
        log::info!(target: TARGET, "the configuration was read again{applied}");
    }
}

/// What has changed, for the operator who has asked for the reload.
#[cfg(feature = "admin")]
impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (applied, waiting) =
            (list("applied", &self.applied), list("to be applied by a restart", &self.waiting));
        write!(f, "the configuration was read again{applied}{waiting}")
    }
}

/// A list of keys behind a text; empty if there are none.
fn list(what: &str, keys: &[String]) -> String {
    if keys.is_empty() { String::new() } else { format!("; {what}: {}", keys.join(", ")) }
}

impl Reloadable {
    fn run(&mut self) -> Result<ReloadReport, Vec<String>> {
        let new = read_again(&self.begun)?;
        let misplaced = misplaced(ALL, &new);
        if !misplaced.is_empty() {
            return Err(misplaced);
        }
        // A change of a database needs a restart, which a faulty one would prevent.
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        check_databases(&new)?;
        let one = |fault: String| vec![fault];
        #[cfg(feature = "tls")]
        let renewal = prepare(self.tls.as_ref(), &new).map_err(one)?;
        #[cfg(feature = "admin")]
        let token = token(&new).map_err(one)?;
        #[cfg(feature = "admin")]
        let log_target = match new.log_file == self.current.log_file {
            true => None,
            false => Some(LogTarget::of(&new).map_err(one)?),
        };
        let server = (self.server_of)(&new);
        // This is the last that may fail.
        server.reload(&self.host).map_err(|error| one(error.to_string()))?;
        logger::set_level_and_format(new.log_level, new.log_format);
        #[cfg(feature = "admin")]
        if let Some(target) = log_target {
            logger::write_to(target);
        }
        #[cfg(feature = "admin")]
        self.token.set(token);
        #[cfg(feature = "tls")]
        if let Some(renewal) = renewal {
            report(renewal.notes(), renewal.warnings());
            renewal.apply();
        }
        let report = self.report(&new);
        self.current = new;
        Ok(report)
    }

    fn report(&self, new: &Config) -> ReloadReport {
        let applied = self.current.applied_changes(new);
        let waiting = self.begun.waiting_changes(new);
        #[cfg(feature = "tls")]
        if self.tls.is_none() {
            // There are no certificates that could be renewed: TLS begins with a restart.
            let is_tls = |key: &String| key.starts_with("tls-");
            let applied = applied.into_iter().filter(|key| !is_tls(key)).collect();
            let more = self.begun.applied_changes(new).into_iter().filter(is_tls);
            return ReloadReport { applied, waiting: waiting.into_iter().chain(more).collect() };
        }
        ReloadReport { applied, waiting }
    }
}

/// Reloads what the parent of several processes uses itself. The processes say what is wrong.
#[cfg(feature = "processes")]
#[derive(Clone)]
pub(crate) struct ParentReload {
    begun: Config,
    /// The configuration of the last reload.
    current: Arc<Mutex<Config>>,
    token: TokenSlot,
}

#[cfg(feature = "processes")]
impl ParentReload {
    pub(crate) fn new(begun: &Config, token: TokenSlot) -> Self {
        Self { begun: begun.clone(), current: Arc::new(Mutex::new(begun.clone())), token }
    }

    /// Reloads the log and the secret of requests.
    pub(crate) fn run(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(new) = read_again(&self.begun) else { return };
        let (Ok(token), Ok(target)) = (token(&new), LogTarget::of(&new)) else { return };
        logger::set_level_and_format(new.log_level, new.log_format);
        if new.log_file != current.log_file {
            logger::write_to(target);
        }
        self.token.set(token);
        *current = new;
    }

    /// Warns if a process that is started again reads other values than those that the others have
    /// until a restart.
    pub(crate) fn compare(&self, process: usize) {
        let Ok(new) = read_again(&self.begun) else { return };
        let changed = self.begun.waiting_changes(&new);
        if !changed.is_empty() {
            log::warn!(
                target: TARGET,
                "process {process} is started with other values than the server, of {}: restart \
                 the server, so that all processes have the same",
                changed.join(", ")
            );
        }
    }
}

/// The configuration as it is now.
///
/// # Errors
/// What is wrong with it, one text for each fault.
fn read_again(begun: &Config) -> Result<Config, Vec<String>> {
    match read(Some(begun)) {
        Ok(Command::Run(config)) => Ok(config),
        // The command line is the one of this run.
        Ok(_) => Err(vec!["the command line is not that of a server".to_owned()]),
        Err(error) => {
            let told = |fault: &str| format!("the new one is not valid: {fault}");
            Err(error.to_string().lines().map(told).collect())
        }
    }
}

/// Makes SIGHUP call a function until the returned value is dropped. If the terminal has gone, it
/// makes a clean stop instead.
///
/// # Errors
/// The error of the system.
pub(crate) fn on_hangup_but(
    host: &Host,
    terminal: Terminal,
    mut act: impl FnMut() + Send + 'static,
) -> io::Result<Hangups> {
    let stopper = host.stopper();
    on_hangup(move || {
        if !terminal.has_gone() {
            return act();
        }
        log::info!(
            target: "switchboard::server",
            "SIGHUP, and the terminal has gone: the server stops; nohup or setsid let it run on"
        );
        stopper.stop();
    })
}

const TARGET: &str = "switchboard::config";
