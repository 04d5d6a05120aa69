//! Sockets that a service manager has opened and this process inherits (sd_listen_fds(3)). It sets
//! three variables, which concern the process of the number in `LISTEN_PID` alone. So programs that
//! inherit these variables do not use them.

use std::env;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hub::ProxyProtocol;
use crate::net::source::ListenerSource;
use crate::sys::listeners::take_inherited;
use crate::ws::Transport;

/// The listening sockets that this process has inherited from systemd, or from another manager with
/// the same variables: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. There are none if
/// `LISTEN_PID` is another process, and in all calls but the first. Programs do not inherit the
/// sockets. A name in `LISTEN_FDNAMES` may be a role: the connections of a socket with the name
/// `proxy` have to begin with a header of the PROXY protocol, those of `tls` with a TLS handshake.
/// A socket with the name `admin` is for operators: `ListenerSource::is_for_operators`.
///
/// Call it at the beginning of `main`, before descriptors are opened or closed.
///
/// ```no_run
/// use switchboard::host::inherited_listeners;
/// use switchboard::{Limits, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let inherited = inherited_listeners()?;
/// let mut server = Server::new(Limits::SERVER);
/// let host = if inherited.is_empty() {
///     server.bind("127.0.0.1:12345")?
/// } else {
///     inherited.into_iter().for_each(|listener| {
///         server.listen_on(listener);
///     });
///     server.listen()?
/// };
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A descriptor is no stream socket that listens. Or it has the name `admin`, `proxy` or `tls` in a
/// build without the feature of that name. The kind of this error is `Unsupported`.
pub fn inherited_listeners() -> io::Result<Vec<ListenerSource>> {
    let variable = |name| env::var(name).unwrap_or_default();
    let number = |name| variable(name).parse::<u64>().ok();
    let is_ours = number("LISTEN_PID") == Some(process::id().into());
    if !is_ours || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let Some(len) = number("LISTEN_FDS").and_then(|len| usize::try_from(len).ok()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "LISTEN_FDS is no number"));
    };
    // A name that is not read could be one that has a role.
    let Ok(names) = env::var_os("LISTEN_FDNAMES").unwrap_or_default().into_string() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "LISTEN_FDNAMES is not UTF-8"));
    };
    let (mut names, mut listeners) = (names.split(':'), Vec::new());
    for descriptor in (FIRST..).take(len) {
        let name = names.next().unwrap_or_default();
        let socket = take_inherited(descriptor);
        let (kind, what) = match socket {
            _ if RESERVED.contains(&name) => {
                (ErrorKind::Unsupported, "of a name that this build has no listener for")
            }
            Ok(socket) => {
                listeners.push(of_role(socket, name));
                continue;
            }
            Err(what) => (ErrorKind::InvalidInput, what),
        };
        let other = if RESERVED.is_empty() {
            String::new()
        } else {
            format!(", with names (FileDescriptorName) other than {}", RESERVED.join(" and "))
        };
        let text = format!(
            "the inherited descriptor {descriptor} (LISTEN_FDS), with the name {name:?}, is \
             {what}; allowed are listening stream sockets (ListenStream of systemd){other}"
        );
        return Err(io::Error::new(kind, text));
    }
    Ok(listeners)
}

/// A listener of the role that a name is, if it is one.
pub(super) fn of_role(socket: OwnedFd, name: &str) -> ListenerSource {
    ListenerSource {
        socket,
        protocol: if name == PROXY { ProxyProtocol::On } else { ProxyProtocol::Off },
        transport: if name == TLS { Transport::Secure } else { Transport::Unknown },
        #[cfg(feature = "admin")]
        is_for_operators: name == ADMIN,
    }
}

/// Each descriptor has one owner.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// SD_LISTEN_FDS_START: behind standard input, output and error.
const FIRST: i32 = 3;
/// The connections of a socket of this name begin with a header of the PROXY protocol.
pub(super) const PROXY: &str = "proxy";
/// The connections of a socket of this name begin with a TLS handshake.
pub(super) const TLS: &str = "tls";
/// A socket of this name is for operators.
const ADMIN: &str = "admin";
/// Sockets of these names are never served as plain ones.
const RESERVED: &[&str] =
    match (cfg!(feature = "admin"), cfg!(feature = "proxy"), cfg!(feature = "tls")) {
        (true, true, true) => &[],
        (true, true, false) => &[TLS],
        (true, false, true) => &[PROXY],
        (true, false, false) => &[TLS, PROXY],
        (false, true, true) => &[ADMIN],
        (false, true, false) => &[ADMIN, TLS],
        (false, false, true) => &[ADMIN, PROXY],
        (false, false, false) => &[ADMIN, TLS, PROXY],
    };
