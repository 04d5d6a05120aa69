//! SIGHUP: unless the terminal has gone, the configuration is read again, with the same command
//! line. If it is not valid, the log says why and nothing changes. Keys of programs apply at once;
//! the log names the changed keys that need a restart. A service manager is
//! notified of the beginning and of the end.

use std::env;
use std::io;
use std::path::Path;

use switchboard::config::{self, Command, Config};
use switchboard::host::{Hangups, Terminal, on_hangup};
use switchboard::{Host, Server};

/// Reads the configuration again at each SIGHUP, until the returned value is dropped.
///
/// # Errors
/// The error of the system.
pub fn start(
    config: &Config,
    host: &Host,
    terminal: Terminal,
    server: impl Fn(&Config) -> Server + Send + 'static,
    is_compiled: impl Fn(&str) -> bool + Send + 'static,
) -> io::Result<Hangups> {
    let (begun, reloader) = (config.clone(), host.reloader());
    on_hangup_but(host, terminal, move || {
        #[cfg(feature = "admin")]
        super::logger::open_again();
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
        let config = match Command::parse(env::args_os().skip(1), read) {
            Ok(Command::Run(config)) => config,
            // The command line is the one of this run.
            Ok(_) => return,
            Err(error) => {
                // One line of the log for each fault, since a line feed in one is escaped.
                for fault in error.to_string().lines() {
                    log::error!(
                        target: "switchboard::config",
                        "the configuration stays as it is: the new one is not valid: {fault}"
                    );
                }
                return;
            }
        };
        for what in begun.needs_restart(&config, &is_compiled) {
            log::warn!(
                target: "switchboard::config",
                "{what}: this has changed, and needs another start of the server"
            );
        }
        match server(&config).reload(&reloader) {
            Ok(()) => log::info!(target: "switchboard::config", "the configuration was read again"),
            Err(error) => {
                log::error!(
                    target: "switchboard::config",
                    "the configuration stays as it is: {error}"
                );
            }
        }
    })
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
