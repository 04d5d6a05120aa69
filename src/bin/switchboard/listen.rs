//! What the server listens on: sockets that it inherits, or else those of the configuration.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use switchboard::config::{Config, Exit};
#[cfg(feature = "unix")]
use switchboard::host::{ListenerSource, inherited_listeners};
#[cfg(feature = "programs")]
use switchboard::server::ProgramsError;
use switchboard::{BindError, Host, Server};

#[cfg(feature = "admin")]
use {super::admin::listen_with, switchboard::admin::Admin};

/// Listens on what is inherited, or else on what is configured. Returns a line about that, too.
///
/// # Errors
/// The exit of the process, and why.
pub(crate) fn listen(
    server: Server,
    config: &Config,
    #[cfg(feature = "admin")] admin: &mut Admin,
    #[cfg(feature = "processes")] passed: Option<Vec<ListenerSource>>,
) -> Result<(Host, &'static str), (Exit, String)> {
    #[cfg(feature = "processes")]
    if let Some(passed) = passed {
        return listen_on(server, config, passed);
    }
    #[cfg(feature = "unix")]
    let inherited = inherit()?;
    #[cfg(all(feature = "admin", feature = "unix"))]
    let (for_operators, inherited) =
        inherited.into_iter().partition(ListenerSource::is_for_operators);
    #[cfg(all(feature = "admin", not(feature = "unix")))]
    let for_operators = Vec::new();
    #[cfg(feature = "admin")]
    let server = {
        let mut server = server;
        listen_with(admin, config, for_operators);
        if !admin.is_empty() {
            server.admin(std::mem::take(admin));
        }
        server
    };
    #[cfg(feature = "unix")]
    let (server, note) = with_sockets(server, config, inherited);
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
    let host = server.bind(addresses.as_slice()).map_err(|error| fault(config, &error))?;
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

/// Listens on what the parent process has passed.
#[cfg(feature = "processes")]
fn listen_on(
    mut server: Server,
    config: &Config,
    passed: Vec<ListenerSource>,
) -> Result<(Host, &'static str), (Exit, String)> {
    for listener in passed {
        server.listen_on(listener);
    }
    Ok((server.listen().map_err(|error| fault(config, &error))?, ""))
}

/// The exit of a server that cannot start, and why.
fn fault(config: &Config, error: &BindError) -> (Exit, String) {
    let exit = match error {
        BindError::Address(_) | BindError::Listen(_) => Exit::Bind,
        #[cfg(feature = "admin")]
        BindError::Admin(error) if error.kind() != io::ErrorKind::InvalidInput => Exit::Bind,
        #[cfg(feature = "programs")]
        BindError::Programs(ProgramsError::Program(..)) => Exit::CommandLine,
        // All other errors are about the configuration.
        _ => Exit::Configuration,
    };
    let hint = match error {
        BindError::Listen(error) => hint(config, error),
        _ => "",
    };
    (exit, format!("{error}{hint}"))
}

/// What to do about an address that cannot be listened on.
pub(crate) fn hint(config: &Config, error: &io::Error) -> &'static str {
    match error.kind() {
        #[cfg(feature = "tls")]
        io::ErrorKind::AddrInUse if config.tls.port.is_some() => {
            "; port (-p) and tls-port choose other ports, and 0 a free one"
        }
        io::ErrorKind::AddrInUse => "; -p chooses another port, and 0 a free one",
        io::ErrorKind::InvalidInput if config.port.is_none() => {
            "; port is none, and so is unix-socket"
        }
        _ => "",
    }
}

/// Takes the listeners that are inherited.
#[cfg(feature = "unix")]
pub(crate) fn inherit() -> Result<Vec<ListenerSource>, (Exit, String)> {
    inherited_listeners().map_err(|error| {
        let is_reserved = error.kind() == io::ErrorKind::Unsupported;
        let exit = if is_reserved { Exit::Configuration } else { Exit::Bind };
        (exit, error.to_string())
    })
}

/// Adds the listeners that are inherited, or else the Unix sockets of the configuration. Returns a
/// line about inherited ones, too, which replace all that is configured for peers.
#[cfg(feature = "unix")]
fn with_sockets(
    mut server: Server,
    config: &Config,
    inherited: Vec<ListenerSource>,
) -> (Server, &'static str) {
    if inherited.is_empty() {
        for path in &config.unix_sockets {
            server.unix_socket(path, config.unix_socket_mode);
        }
        return (server, "");
    }
    for listener in inherited {
        server.listen_on(listener);
    }
    (server, INHERITED)
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

#[cfg(feature = "tls")]
const TARGET: &str = "switchboard::server";
#[cfg(feature = "unix")]
const INHERITED: &str =
    "the listeners are inherited (LISTEN_FDS): host, port and unix-socket are not used\n";
