//! A run of the server: from the configuration to the exit.

use std::io::{self, IsTerminal, Write};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::time::Duration;

use switchboard::config::{Config, Dumpable, Exit, LogFormat};
use switchboard::host::{
    Terminal, hide_memory, keep_heap_small, outlive_user_signals, raise_descriptor_limit,
    seal_descriptors,
};
use switchboard::{Host, Limits, Page, Server, ServiceOptions};

use super::check::{misplaced, warnings};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::databases::Databases;
use super::greeting::{addresses, greeting};
use super::listen::{any_host, listen};
use super::log_target::LogTarget;
#[cfg(feature = "programs")]
use super::programs;
use super::reload::{Reload, on_hangup_but};
use super::services::ALL;
#[cfg(feature = "tls")]
use super::tls::{redirect, with_tls};
use super::{logger, memory};
#[cfg(feature = "unix")]
use switchboard::host::Notifier;
#[cfg(feature = "admin")]
use {super::admin::operators, switchboard::admin::Admin};

/// Serves the compiled-in services and the programs, until the server is stopped.
pub(crate) fn run(config: &Config, terminal: Terminal) -> Exit {
    if let Err(exit) = begin(config) {
        return exit;
    }
    warn_of(config);
    let misplaced = misplaced(ALL, config);
    if !misplaced.is_empty() {
        misplaced.iter().for_each(|text| complain(config, text));
        return Exit::Configuration;
    }
    let server = server_of(config, fit(config));
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    let (server, databases) = match Databases::open(server, config) {
        Ok(both) => both,
        Err(text) => {
            complain(config, &text);
            return Exit::Configuration;
        }
    };
    #[cfg(feature = "tls")]
    let (server, tls) = match with_tls(server, config) {
        Ok(both) => both,
        Err(text) => {
            complain(config, &text);
            return Exit::Configuration;
        }
    };
    #[cfg(feature = "admin")]
    let (admin, links) = match operators(config) {
        Ok(both) => both,
        Err(text) => {
            complain(config, &text);
            return Exit::Configuration;
        }
    };
    let prepare = |host: &Host| {
        let reload = Reload::new(
            config,
            host,
            #[cfg(feature = "tls")]
            tls,
            #[cfg(feature = "admin")]
            links.token.clone(),
            renewed,
        );
        #[cfg(feature = "admin")]
        {
            let reload = reload.clone();
            links.reload_by(move || {
                let report = reload.run().map_err(|faults| faults.join("\n"))?;
                Ok(report.to_string())
            });
        }
        let hangups = on_hangup_but(host, terminal, move || _ = reload.run())?;
        Ok((greeting(config, host), hangups))
    };
    serve(
        server,
        config,
        #[cfg(feature = "admin")]
        admin,
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        databases,
        prepare,
    )
}

/// The server of a configuration that was read again.
fn renewed(config: &Config) -> Server {
    warn_of(config);
    #[cfg(feature = "programs")]
    warn_of_variables(config);
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only TLS has a redirect"))]
    let mut server = server_of(config, fitting(config));
    #[cfg(feature = "tls")]
    redirect(&mut server, config);
    server
}

/// Logs warnings about a configuration that the server starts with.
fn warn_of(config: &Config) {
    warnings(config).iter().for_each(|text| log::warn!(target: TARGET, "{text}"));
}

/// Preparations before any service.
///
/// # Errors
/// The log cannot be written. Standard error says why.
pub(crate) fn begin(config: &Config) -> Result<(), Exit> {
    keep_heap_small();
    let target = LogTarget::of(config).map_err(|text| {
        eprintln!("switchboard: {text}");
        Exit::Configuration
    })?;
    logger::start(config.log_level, config.log_format, target);
    outlive_user_signals();
    if let Err(error) = seal_descriptors() {
        log::warn!(
            target: TARGET,
            "programs inherit the descriptors that this process was started with: {error}"
        );
    }
    if config.dumpable == Dumpable::No
        && let Err(error) = hide_memory()
    {
        log::warn!(
            target: TARGET,
            "programs of this user can read the memory and the environment of the server: dumpable \
             is no, which this system refuses: {error}"
        );
    }
    #[cfg(feature = "programs")]
    warn_of_variables(config);
    Ok(())
}

#[cfg(feature = "programs")]
fn warn_of_variables(config: &Config) {
    for name in config.unset_variables() {
        log::warn!(target: TARGET, "pass-env has {name}, which is not set here: programs lack it");
    }
}

/// The limits of the configuration, fitted to the number of descriptors.
pub(crate) fn fit(config: &Config) -> Limits {
    let limits = fitting(config);
    log::info!(target: TARGET, "at most {} sockets at a time", limits.sockets_max);
    if limits.held_bytes_max != Limits::OFF_COUNT {
        let mib = limits.held_bytes_max >> 20;
        log::info!(target: TARGET, "at most {mib} MiB for what waits (memory-max)");
    }
    limits
}

/// The same without a line in the log.
fn fitting(config: &Config) -> Limits {
    let mut limits = config.limits_for(raise_descriptor_limit());
    if config.memory_max.is_none() {
        let half = memory::limit().and_then(|bytes| usize::try_from(bytes / 2).ok());
        limits.held_bytes_max = half.unwrap_or(Limits::OFF_COUNT);
    }
    limits
}

/// Runs a server until it is stopped. `prepare` returns the greeting, and a value that is held
/// meanwhile.
pub(crate) fn serve<T>(
    server: Server,
    config: &Config,
    #[cfg(feature = "admin")] admin: Admin,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] databases: Databases,
    prepare: impl FnOnce(&Host) -> io::Result<(String, T)>,
) -> Exit {
    let listening = listen(
        server,
        config,
        #[cfg(feature = "admin")]
        admin,
    );
    let (mut host, note) = match listening {
        Ok(listening) => listening,
        Err((exit, text)) => {
            complain(config, &text);
            return exit;
        }
    };
    host.trim_by_itself();
    #[cfg(feature = "unix")]
    report_to_manager(&mut host);
    // The value is held until the end: otherwise a SIGHUP after a clean stop would end the process.
    let ended = host.stop_on_signals().and_then(|()| {
        #[cfg(feature = "programs")]
        if let Err(error) = host.adopt_orphans() {
            log::warn!(
                target: TARGET,
                "what leaves the process group of its program outlives the server, since this \
                 system does not let it adopt orphans: {error}"
            );
        }
        // As process 1, it inherits the children of all others.
        #[cfg(not(feature = "programs"))]
        if std::process::id() == 1 {
            host.reap_orphans()?;
        }
        #[cfg(feature = "admin")]
        host.log_status_on_signal(logger::open_again)?;
        let (greeting, held) = prepare(&host)?;
        if config.log_format == LogFormat::Text || io::stdout().is_terminal() {
            // The parent process may have closed the output; the server goes on.
            let _ = say(&(greeting + note));
        } else {
            // If both outputs are collected, the reader is a program. It expects log lines, and the
            // greeting is plain text.
            let lines = addresses(&host) + note;
            lines.lines().for_each(|line| log::info!(target: TARGET, "{line}"));
        }
        if let Some(text) = any_host(config, &host) {
            log::info!(target: TARGET, "{text}");
        }
        host.run().map(|()| held)
    });
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    databases.close(Duration::from_millis(config.all.limits.drain_ms_max));
    let exit = match &ended {
        Ok(_) => Exit::Clean,
        Err(error) => {
            log::error!(target: TARGET, "the poll loop failed: {error}");
            Exit::Failure
        }
    };
    logger::finish();
    exit
}

/// Reports to a service manager, if there is one.
#[cfg(feature = "unix")]
fn report_to_manager(host: &mut Host) {
    match Notifier::from_environment() {
        Ok(Some(notifier)) => host.report_by(notifier),
        Ok(None) => {}
        Err(error) => log::warn!(
            target: TARGET,
            "the service manager gets no reports (NOTIFY_SOCKET): {error}"
        ),
    }
}

/// A server without services, with the options of the configuration for all services.
pub(crate) fn bare_server(config: &Config, limits: Limits) -> Server {
    let mut server = Server::new(limits);
    server.options(ServiceOptions { limits, ..config.all.clone() });
    server.allowed_hosts(config.allowed_hosts.clone());
    #[cfg(feature = "proxy")]
    server
        .trusted_proxies(config.trusted_proxies.clone())
        .forwarded(config.forwarded)
        .proxy_protocol(config.proxy_protocol);
    server.access_log(config.access_log).spellings(config.spellings);
    #[cfg(feature = "admin")]
    server.log_lines_dropped(logger::lines_dropped);
    if let Some(root) = &config.static_root {
        server.static_root(root);
    }
    if let Some(path) = &config.health_path {
        server.health_path(path);
    }
    server
}

/// A server with the compiled-in services and the programs.
fn server_of(config: &Config, limits: Limits) -> Server {
    let mut server = bare_server(config, limits);
    for service in ALL {
        let mut mounted = (service.mount)(&mut server, service.path);
        if let Some(own) = config.service(service.path) {
            mounted = mounted.options(own.options.clone());
        }
        if let Some(page) = service.page {
            mounted.page(Page::html(page).policy(service.policy));
        }
    }
    #[cfg(feature = "programs")]
    programs::add_to(&mut server, config);
    server
}

/// Reports why nothing is served: in the log if that has a file, and on standard error in any case.
/// There it has the format of the log if the log is there as well.
pub(crate) fn complain(config: &Config, text: &str) {
    #[cfg(feature = "admin")]
    let has_file = config.log_file.is_some();
    #[cfg(not(feature = "admin"))]
    let has_file = false;
    let is_plain = has_file || config.log_format == LogFormat::Text;
    if is_plain {
        eprintln!("switchboard: {text}");
    }
    if has_file || !is_plain {
        log::error!(target: TARGET, "{text}");
        logger::finish();
    }
}

/// Writes to the standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

const TARGET: &str = "switchboard::server";
