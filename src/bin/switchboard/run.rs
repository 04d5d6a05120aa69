//! A run of the server: from the configuration to the exit.

use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};

use switchboard::config::{Config, Dumpable, Exit, LogFormat};
use switchboard::host::{
    hide_memory, keep_heap_small, outlive_user_signals, raise_descriptor_limit, seal_descriptors,
};
use switchboard::{
    AllowedHosts, BindError, Host, Limits, ListenAddress, Page, Server, ServiceOptions,
};

use super::check::{misplaced, warnings};
use super::greeting::{greeting, listening};
use super::log_target::LogTarget;
use super::services::ALL;
#[cfg(feature = "tls")]
use super::tls::with_tls;
use super::{logger, memory};
#[cfg(feature = "unix")]
use switchboard::host::{Notifier, inherited_listeners};
#[cfg(any(feature = "programs", feature = "tls"))]
use {super::builtin::is_compiled, super::reload, switchboard::host::Terminal};
#[cfg(feature = "programs")]
use {super::programs, switchboard::server::ProgramsError};

/// Serves the compiled-in services and the programs, until the server is stopped.
pub(crate) fn run(
    config: &Config,
    #[cfg(any(feature = "programs", feature = "tls"))] terminal: Terminal,
) -> Exit {
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
    #[cfg(feature = "tls")]
    let (server, tls) = match with_tls(server, config) {
        Ok(both) => both,
        Err(text) => {
            complain(config, &text);
            return Exit::Configuration;
        }
    };
    serve(server, config, |host| {
        #[cfg(any(feature = "programs", feature = "tls"))]
        let hangups = {
            let reloading = reload::Replaceable {
                #[cfg(feature = "tls")]
                tls,
                #[cfg(feature = "programs")]
                reloader: host.reloader(),
                server: move |new: &Config| {
                    warn_of(new);
                    #[cfg(feature = "programs")]
                    warn_of_variables(new);
                    server_of(new, fitting(new))
                },
            };
            reload::start(config, host, terminal, reloading, is_compiled)?
        };
        #[cfg(not(any(feature = "programs", feature = "tls")))]
        let hangups = ();
        Ok((greeting(config, host), hangups))
    })
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

/// A reload has to find the same limits as the start: otherwise it would replace all programs.
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
    prepare: impl FnOnce(&Host) -> io::Result<(String, T)>,
) -> Exit {
    let (mut host, note) = match listen(server, config) {
        Ok(listening) => listening,
        Err((exit, text)) => {
            complain(config, &text);
            return exit;
        }
    };
    host.trim_by_itself();
    #[cfg(feature = "unix")]
    match Notifier::from_environment() {
        Ok(Some(notifier)) => host.report_by(notifier),
        Ok(None) => {}
        Err(error) => log::warn!(
            target: TARGET,
            "the service manager gets no reports (NOTIFY_SOCKET): {error}"
        ),
    }
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
            let lines = listening(&host) + note;
            lines.lines().for_each(|line| log::info!(target: TARGET, "{line}"));
        }
        if let Some(text) = any_host(config, &host) {
            log::info!(target: TARGET, "{text}");
        }
        host.run().map(|()| held)
    });
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

/// Listens on what is inherited, or else on what is configured. Returns a line about that, too.
fn listen(server: Server, config: &Config) -> Result<(Host, &'static str), (Exit, String)> {
    #[cfg(feature = "unix")]
    let (server, note) = with_sockets(server, config)?;
    #[cfg(not(feature = "unix"))]
    let note = "";
    let of = |port| if note.is_empty() { resolve(config, port) } else { Ok(Vec::new()) };
    let addresses = of(config.port).map_err(|text| (Exit::Bind, text))?;
    #[cfg(feature = "tls")]
    let server = {
        let mut server = server;
        server.listen_tls(&of(config.tls.port).map_err(|text| (Exit::Bind, text))?);
        server
    };
    let host = server.bind(addresses.as_slice()).map_err(|error| {
        let exit = match &error {
            BindError::Address(_) | BindError::Listen(_) => Exit::Bind,
            #[cfg(feature = "programs")]
            BindError::Programs(ProgramsError::Program(..)) => Exit::CommandLine,
            // All other errors are about the configuration.
            _ => Exit::Configuration,
        };
        let hint = match &error {
            #[cfg(feature = "tls")]
            BindError::Listen(error)
                if error.kind() == io::ErrorKind::AddrInUse && config.tls.port.is_some() =>
            {
                "; port (-p) and tls-port choose other ports, and 0 a free one"
            }
            BindError::Listen(error) if error.kind() == io::ErrorKind::AddrInUse => {
                "; -p chooses another port, and 0 a free one"
            }
            BindError::Listen(error)
                if error.kind() == io::ErrorKind::InvalidInput && config.port.is_none() =>
            {
                "; port is none, and so is unix-socket"
            }
            _ => "",
        };
        (exit, format!("{error}{hint}"))
    })?;
    #[cfg(feature = "tls")]
    if let Some(port) = config.tls.port.filter(|_| host.tls_addresses().next().is_none()) {
        log::warn!(
            target: TARGET,
            "tls-port is {port}, and nothing listens with TLS: inherited listeners (LISTEN_FDS) \
             replace it; give one of them the name tls (FileDescriptorName)"
        );
    }
    Ok((host, note))
}

/// Adds the listeners that are inherited, or else the Unix sockets of the configuration. Returns a
/// line about inherited ones, too, which replace all that is configured.
#[cfg(feature = "unix")]
fn with_sockets(
    mut server: Server,
    config: &Config,
) -> Result<(Server, &'static str), (Exit, String)> {
    let inherited = inherited_listeners().map_err(|error| {
        let is_reserved = error.kind() == io::ErrorKind::Unsupported;
        let exit = if is_reserved { Exit::Configuration } else { Exit::Bind };
        (exit, error.to_string())
    })?;
    if inherited.is_empty() {
        for path in &config.unix_sockets {
            server.unix_socket(path, config.unix_socket_mode);
        }
        return Ok((server, ""));
    }
    for listener in inherited {
        server.listen_on(listener);
    }
    Ok((server, INHERITED))
}

/// The warning that requests may name any host although other machines can reach the server.
fn any_host(config: &Config, host: &Host) -> Option<String> {
    let open = host.addresses().filter_map(ListenAddress::tcp);
    let open = open.into_iter().find(|address| !address.ip().is_loopback())?;
    matches!(config.allowed_hosts, AllowedHosts::Auto(_)).then(|| {
        format!(
            "requests to {open} may name any host, since allowed-hosts is {}, which holds on \
             loopback; against DNS rebinding, list the names and addresses of this server",
            config.allowed_hosts
        )
    })
}

/// The addresses of all hosts; a name may have several.
pub(crate) fn resolve(config: &Config, port: Option<u16>) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    let Some(port) = port else { return Ok(addresses) };
    for host in &config.hosts {
        let found = (host.as_str(), port).to_socket_addrs();
        let found = found.map_err(|error| format!("cannot find the host {host:?}: {error}"))?;
        addresses.extend(found);
    }
    Ok(addresses)
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
#[cfg(feature = "unix")]
const INHERITED: &str =
    "the listeners are inherited (LISTEN_FDS): host, port and unix-socket are not used\n";
