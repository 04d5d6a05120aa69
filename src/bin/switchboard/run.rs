//! A run of the server: from the configuration to the exit.

use std::io;
#[cfg(feature = "processes")]
use std::sync::OnceLock;
#[cfg(any(
    feature = "sqlite",
    feature = "postgres",
    feature = "redis",
    feature = "processes"
))]
use std::time::Duration;

use switchboard::config::{Config, Dumpable, Exit};
use switchboard::host::{
    Terminal, hide_memory, keep_heap_small, outlive_user_signals, raise_descriptor_limit,
    seal_descriptors,
};
use switchboard::{Host, Limits, Page, Server, ServiceOptions};

#[cfg(feature = "redis")]
use super::backplane::RunningBackplane;
use super::check::{misplaced, warnings};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::databases::Databases;
use super::greeting::{announce, greeting};
use super::listen::listen;
#[cfg(feature = "processes")]
use super::log_line::PROCESS;
use super::log_target::LogTarget;
use super::messages::complain;
#[cfg(feature = "programs")]
use super::programs;
use super::reload::{Reload, on_hangup_but};
#[cfg(feature = "unix")]
use super::reports::report_to_manager;
#[cfg(feature = "processes")]
use super::reports::report_to_parent;
use super::services::ALL;
#[cfg(feature = "tls")]
use super::tls::redirect;
#[cfg(all(feature = "tls", feature = "processes"))]
use super::tls::with_tickets;
#[cfg(all(feature = "tls", not(feature = "processes")))]
use super::tls::with_tls;
use super::{logger, memory};
#[cfg(feature = "workers")]
use switchboard::Workers;
#[cfg(feature = "processes")]
use switchboard::prefork::ChildPlace;
#[cfg(feature = "admin")]
use {super::admin::operators, switchboard::admin::Admin};

/// Serves the compiled-in services and the programs, until the server is stopped.
pub(crate) fn run(
    config: &Config,
    terminal: Terminal,
    #[cfg(feature = "processes")] place: Option<ChildPlace>,
) -> Exit {
    if let Err(exit) = begin(config) {
        return exit;
    }
    if !has_parent() {
        warn_of(config);
    }
    let misplaced = misplaced(ALL, config);
    if !misplaced.is_empty() {
        return refuse(config, &misplaced);
    }
    let server = server_of(config, fit(config));
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    let (server, databases) = match Databases::open(server, config) {
        Ok(both) => both,
        Err(text) => return refuse(config, &[text]),
    };
    #[cfg(all(feature = "tls", feature = "processes"))]
    let secured = with_tickets(server, config, place.as_ref().and_then(ChildPlace::ticket_secret));
    #[cfg(all(feature = "tls", not(feature = "processes")))]
    let secured = with_tls(server, config);
    #[cfg(feature = "tls")]
    let (server, tls) = match secured {
        Ok(both) => both,
        Err(text) => return refuse(config, &[text]),
    };
    #[cfg(feature = "admin")]
    let (admin, links) = match operators(config) {
        Ok(both) => both,
        Err(text) => return refuse(config, &[text]),
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
        #[cfg(feature = "processes")]
        place,
        prepare,
    )
}

/// Says what is wrong with a configuration.
pub(crate) fn refuse(config: &Config, faults: &[String]) -> Exit {
    faults.iter().for_each(|text| complain(config, text));
    Exit::Configuration
}

/// The server of a configuration that was read again.
fn renewed(config: &Config) -> Server {
    if is_first() {
        warn_of(config);
        #[cfg(feature = "programs")]
        warn_of_variables(config);
    }
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only TLS has a redirect"))]
    let mut server = server_of(config, fitting(config));
    #[cfg(feature = "tls")]
    redirect(&mut server, config);
    server
}

/// Whether this is one of several processes: then the parent has warned at the start.
#[cfg(feature = "processes")]
fn has_parent() -> bool {
    PROCESS.get().is_some()
}

#[cfg(not(feature = "processes"))]
const fn has_parent() -> bool {
    false
}

/// Whether this process warns at a reload: of several, one does.
#[cfg(feature = "processes")]
fn is_first() -> bool {
    PROCESS.get().is_none_or(|number| *number == 0)
}

#[cfg(not(feature = "processes"))]
const fn is_first() -> bool {
    true
}

/// Logs warnings about a configuration that the server starts with.
pub(crate) fn warn_of(config: &Config) {
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
    if !has_parent() {
        warn_of_variables(config);
    }
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
    // All processes together have this budget.
    #[cfg(feature = "processes")]
    if limits.held_bytes_max != Limits::OFF_COUNT {
        let processes = PROCESSES.get().copied().unwrap_or(1);
        limits.held_bytes_max = (limits.held_bytes_max / processes).max(1);
    }
    limits
}

/// Runs a server until it is stopped. `prepare` returns the greeting, and a value that is held
/// meanwhile.
pub(crate) fn serve<T>(
    server: Server,
    config: &Config,
    #[cfg(feature = "admin")] mut admin: Admin,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] databases: Databases,
    #[cfg(feature = "processes")] mut place: Option<ChildPlace>,
    prepare: impl FnOnce(&Host) -> io::Result<(String, T)>,
) -> Exit {
    let listening = listen(
        server,
        config,
        #[cfg(feature = "admin")]
        &mut admin,
        #[cfg(feature = "processes")]
        place.as_mut().map(ChildPlace::take_listeners),
    );
    let (mut host, note) = match listening {
        Ok(listening) => listening,
        Err((exit, text)) => {
            complain(config, &text);
            return exit;
        }
    };
    host.trim_by_itself();
    #[cfg(feature = "processes")]
    if let Some(place) = place {
        let drain = Duration::from_millis(config.all.limits.drain_ms_max);
        report_to_parent(&mut host, place, &admin, drain);
    }
    #[cfg(feature = "unix")]
    if !has_parent() {
        report_to_manager(&mut host);
    }
    #[cfg(feature = "redis")]
    let backplane = match RunningBackplane::start(config, &host) {
        Ok(backplane) => backplane,
        Err(error) => {
            complain(config, &format!("there is no thread for the backplane: {error}"));
            return Exit::Failure;
        }
    };
    // The value is held until the end: otherwise a SIGHUP after a clean stop would end the process.
    let ended = host.stop_on_signals().and_then(|()| {
        adopt_orphans(&host)?;
        #[cfg(feature = "admin")]
        host.log_status_on_signal(logger::open_again)?;
        let (greeting, held) = prepare(&host)?;
        if !has_parent() {
            announce(config, &host, greeting, note);
        }
        host.run().map(|()| held)
    });
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    databases.close(Duration::from_millis(config.all.limits.drain_ms_max));
    #[cfg(feature = "redis")]
    backplane.close(Duration::from_millis(config.all.limits.drain_ms_max));
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

/// Waits for processes that those of programs leave behind.
fn adopt_orphans(host: &Host) -> io::Result<()> {
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
    Ok(())
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
        #[cfg(feature = "workers")]
        if service.one_worker.is_some() {
            mounted = mounted.workers(Workers::ONE);
        }
        if let Some(page) = service.page {
            mounted.page(Page::html(page).policy(service.policy));
        }
    }
    #[cfg(feature = "programs")]
    programs::add_to(&mut server, config);
    server
}

/// How many processes the server has, if this is one of several.
#[cfg(feature = "processes")]
pub(crate) static PROCESSES: OnceLock<usize> = OnceLock::new();
const TARGET: &str = "switchboard::server";
