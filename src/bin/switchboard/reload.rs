//! SIGHUP: unless the terminal has gone, the configuration is read again, with the same command
//! line. If it is not valid, the log says why and nothing changes. Keys of programs and the files
//! of certificates apply at once; the log names the changed keys that need a restart. A service
//! manager is notified of the beginning and of the end.

use std::env;
use std::io;
use std::path::Path;

use switchboard::config::{self, Command, Config};
use switchboard::host::{Hangups, Terminal, on_hangup};
#[cfg(feature = "programs")]
use switchboard::process::Reloader;
#[cfg(feature = "tls")]
use switchboard::tls::Tls;
use switchboard::{Host, Server};

#[cfg(feature = "tls")]
use super::tls::{prepare, report};

/// What a reload replaces.
pub(crate) struct Replaceable<S> {
    /// The certificates in use.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
    #[cfg(feature = "programs")]
    pub(crate) reloader: Reloader,
    /// Makes a server of a configuration, and warns of it.
    pub(crate) server: S,
}

/// Reads the configuration again at each SIGHUP, until the returned value is dropped.
///
/// # Errors
/// The error of the system.
pub(crate) fn start(
    config: &Config,
    host: &Host,
    terminal: Terminal,
    reloading: Replaceable<impl Fn(&Config) -> Server + Send + 'static>,
    is_compiled: impl Fn(&str) -> bool + Send + 'static,
) -> io::Result<Hangups> {
    let begun = config.clone();
    on_hangup_but(host, terminal, move || {
        #[cfg(feature = "admin")]
        super::logger::open_again();
        let Some(config) = read(&begun) else { return };
        for what in begun.needs_restart(&config, &is_compiled) {
            log::warn!(
                target: TARGET,
                "{what}: this has changed, and needs another start of the server"
            );
        }
        match reloading.apply(&config) {
            Ok(()) => log::info!(target: TARGET, "the configuration was read again"),
            Err(error) => log::error!(target: TARGET, "the configuration stays as it is: {error}"),
        }
    })
}

impl<S: Fn(&Config) -> Server> Replaceable<S> {
    /// Applies a configuration.
    ///
    /// # Errors
    /// Nothing of it applies, and why.
    fn apply(&self, config: &Config) -> Result<(), String> {
        let server = (self.server)(config);
        #[cfg(feature = "tls")]
        let renewal = prepare(self.tls.as_ref(), config)?;
        #[cfg(feature = "programs")]
        server.reload(&self.reloader).map_err(|error| error.to_string())?;
        #[cfg(not(feature = "programs"))]
        drop(server);
        #[cfg(feature = "tls")]
        if let Some(renewal) = renewal {
            report(renewal.notes(), renewal.warnings());
            renewal.apply();
        }
        Ok(())
    }
}

/// The configuration as it is now; `None` if it is not valid, which the log says.
fn read(begun: &Config) -> Option<Config> {
    // Without a file the defaults apply, but not if the file has been removed since the start.
    let read = |path: &Path| {
        let is_missing = |error: &io::Error| {
            error.kind() == io::ErrorKind::NotFound && begun.file.as_deref() == Some(path)
        };
        config::read_file(path).map_err(|error| match is_missing(&error) {
            true => io::Error::other(error),
            false => error,
        })
    };
    match Command::parse(env::args_os().skip(1), read) {
        Ok(Command::Run(config)) => Some(config),
        // The command line is the one of this run.
        Ok(_) => None,
        Err(error) => {
            // One line of the log for each fault, since a line feed in one is escaped.
            for fault in error.to_string().lines() {
                log::error!(
                    target: TARGET,
                    "the configuration stays as it is: the new one is not valid: {fault}"
                );
            }
            None
        }
    }
}

/// Makes SIGHUP call a function until the returned value is dropped. If the terminal has gone, it
/// makes a clean stop instead.
///
/// # Errors
/// The error of the system.
pub fn on_hangup_but(
    host: &Host,
    terminal: Terminal,
    mut act: impl FnMut() + Send + 'static,
) -> io::Result<Hangups> {
    let (stopper, reporter) = (host.stopper(), host.reload_reporter());
    on_hangup(move || {
        if !terminal.has_gone() {
            let _reloading = reporter.begin();
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
