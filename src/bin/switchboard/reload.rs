//! SIGHUP: unless the terminal has gone, the configuration is read again, by the same command
//! line. If it is not valid, the log says why and nothing changes. What is for programs holds from
//! then on; the log names the keys that need another start of the server.

use std::env;
use std::io;
use std::path::Path;

use switchboard::config::{self, Command, Config};

use switchboard::host::{Hangups, Terminal, on_hangup};
use switchboard::{Host, Server};

/// Reads the configuration again at each SIGHUP, as long as the value is held.
///
/// # Errors
/// What the system says.
pub fn start(
    config: &Config,
    host: &Host,
    terminal: Terminal,
    server: impl Fn(&Config) -> Server + Send + 'static,
    is_compiled: impl Fn(&str) -> bool + Send + 'static,
) -> io::Result<Hangups> {
    let (begun, reloader) = (config.clone(), host.reloader());
    on_hangup_but(host, terminal, move || {
        // Without any file the defaults hold, but not in place of a file that has gone.
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
            // The command line is the one that began this run.
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
        for what in unchanged(&begun, &config, &is_compiled) {
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
                )
            }
        }
    })
}

/// Has SIGHUP do something as long as the value is held; but a clean stop if the terminal has gone.
///
/// # Errors
/// What the system says.
pub fn on_hangup_but(
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

/// What stays as it is until the next start, though it has changed since the last one.
fn unchanged(begun: &Config, now: &Config, is_compiled: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = [
        ("host", begun.hosts != now.hosts),
        ("port", begun.port != now.port),
        ("document-root", begun.document_root != now.document_root),
        ("health-path", begun.health_path != now.health_path),
        ("static-root", begun.static_root != now.static_root),
        ("allowed-hosts", begun.allowed_hosts != now.allowed_hosts),
        ("spellings", begun.spellings != now.spellings),
        ("log-level", begun.log_level != now.log_level),
        ("log-format", begun.log_format != now.log_format),
        ("access-log", begun.access_log != now.access_log),
        ("dumpable", begun.dumpable != now.dumpable),
        ("max-connections", begun.sockets_max != now.sockets_max),
        ("memory-max", begun.memory_max != now.memory_max),
        (ALL, begun.all != now.all),
    ];
    let keys = rows.into_iter().filter(|(_, has_changed)| *has_changed);
    let paths = begun.services.keys().chain(now.services.keys());
    let of = |config: &'_ Config, path| config.services.get(path).unwrap_or(&config.all).clone();
    let mut sections: Vec<_> = paths
        .filter(|path| is_compiled(path) && of(begun, *path) != of(now, *path))
        .map(|path| format!("[service {path}]"))
        .collect();
    sections.sort_unstable();
    sections.dedup();
    keys.map(|(key, _)| key.to_owned()).chain(sections).collect()
}

const ALL: &str = "what holds for all services, such as origin, for those that are compiled in";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_needs_another_start_is_told() {
        let rows = [
            ("", vec![]),
            ("[service /program]\nmax-message: 1k", vec![]),
            ("[server]\npass-env: HOME\nsubpaths: yes\non-death: keep", vec![]),
            ("[server]\norigin: any", vec![ALL]),
            ("[server]\nport: 1", vec!["port"]),
            ("[service /compiled]\npass-env: HOME", vec![]),
            ("[service /compiled]\nmax-message: 1k", vec!["[service /compiled]"]),
            (
                "[server]\nhost: ::1\nlog-level: warn\n[service /compiled]\nidle-timeout: 1s",
                vec!["host", "log-level", "[service /compiled]"],
            ),
        ];
        let read = |text| Config::parse(Path::new("server.conf"), text).expect("it is right");
        for (text, what) in rows {
            let found = unchanged(&read(""), &read(text), |path| path == "/compiled");
            assert_eq!(found, what, "{text}");
        }
    }
}
