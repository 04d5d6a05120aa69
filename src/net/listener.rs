//! `Listener`: accepts connections, some in each turn. When descriptors run out it pauses:
//! the system's queue holds the connections that come meanwhile.

use std::any::Any;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use mio::net::TcpStream;

use crate::hub::{Count, Descriptors, ListenerTraits, ProxyProtocol};
use crate::net::address::ListenAddress;
use crate::net::source::ListenerSource;
use crate::net::unix;
use crate::sys;
use crate::sys::listeners::{
    PortUse, SocketName, accept, is_missing, lacks_descriptors, listen_on,
};
use crate::time::Time;
use crate::ws::Transport;

/// Makes a listener that is no address of TCP. A program that has none does not contain the code
/// for it.
pub(crate) type MakeListener = Box<dyn FnOnce() -> io::Result<Listener> + Send>;

/// Listens on a Unix socket at this path, whose file has these permissions.
pub(crate) fn unix_socket(path: PathBuf, mode: u32) -> MakeListener {
    Box::new(move || {
        let bound = unix::listen_at(&path, mode);
        let listener = bound.and_then(|(socket, file)| Listener::new(socket, Some(Box::new(file))));
        listener.map_err(|error| cannot_bind(&ListenAddress::Unix(path), &error))
    })
}

/// Accepts from a listener that somebody else has made.
pub(crate) fn own_listener(source: ListenerSource) -> MakeListener {
    let ListenerSource { socket, protocol, transport, .. } = source;
    Box::new(move || Ok(Listener { protocol, transport, ..Listener::new(socket, None)? }))
}

/// Listens on an address of TCP, alone.
#[cfg(feature = "admin")]
pub(crate) fn tcp_listener(address: SocketAddr) -> MakeListener {
    Box::new(move || {
        let bound =
            listen_on(address, PortUse::Alone).and_then(|socket| Listener::new(socket, None));
        bound.map_err(|error| cannot_bind(&ListenAddress::Tcp(address), &error))
    })
}

/// Listens on all `addresses`, and makes the other listeners. Addresses that this machine does not
/// have are left out, such as IPv6 ones on a machine without IPv6, as long as there is something
/// else. The log names them.
///
/// # Errors
/// The error of the system, with the address. Or there is nothing to listen on.
pub(crate) fn listen_on_all(
    addresses: &[(SocketAddr, Transport)],
    port_use: PortUse,
    protocol: ProxyProtocol,
    others: Vec<MakeListener>,
) -> io::Result<Vec<Listener>> {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut missing = Vec::new();
    // The IPv6 wildcard accepts IPv4 as well, so that the IPv4 wildcard is needed only without
    // IPv6.
    let is_wide = |(address, _): &&(SocketAddr, _)| address.ip() == Ipv6Addr::UNSPECIFIED;
    let narrow = addresses.iter().filter(|address| !is_wide(address));
    for &(address, transport) in addresses.iter().filter(is_wide).chain(narrow) {
        let wide = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
        if address.ip() == Ipv4Addr::UNSPECIFIED
            && listeners.iter().any(|listener| listener.address.tcp() == Some(wide))
        {
            continue;
        }
        match listen_on(address, port_use).and_then(|socket| Listener::new(socket, None)) {
            Ok(listener) => listeners.push(Listener { transport, ..listener }),
            Err(error) if is_missing(&error) => missing.push((address, error)),
            Err(error) => return Err(cannot_bind(&ListenAddress::Tcp(address), &error)),
        }
    }
    for make in others {
        listeners.push(make()?);
    }
    if listeners.is_empty() {
        let none = io::Error::new(ErrorKind::InvalidInput, "there is no address to listen on");
        let text = |(address, error)| cannot_bind(&ListenAddress::Tcp(address), &error);
        return Err(missing.pop().map_or(none, text));
    }
    if cfg!(feature = "proxy") && protocol == ProxyProtocol::On {
        listeners.iter_mut().for_each(|listener| listener.protocol = protocol);
    }
    for (address, error) in missing {
        log::warn!(
            target: "switchboard::server",
            "{address} is left out, which this machine does not have: {error}; the other addresses \
             are served"
        );
    }
    Ok(listeners)
}

fn cannot_bind(address: &ListenAddress, error: &io::Error) -> io::Error {
    let is_ipv6 = address.tcp().is_some_and(|address| address.is_ipv6());
    let cure = match is_ipv6 && is_missing(error) {
        true => "; where there is no IPv6, listen on 0.0.0.0 or 127.0.0.1 (host)",
        false => "",
    };
    io::Error::new(error.kind(), format!("cannot bind {address}: {error}{cure}"))
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Before the socket, since fields are dropped in their order.
    _file: Option<Box<dyn Any + Send>>,
    socket: OwnedFd,
    address: ListenAddress,
    protocol: ProxyProtocol,
    transport: Transport,
    state: ListenerState,
    /// Whether the log has a line that nothing can be accepted; one is enough.
    complained: bool,
    /// How often it had to pause because there was no descriptor.
    pauses: Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenerState {
    /// Waiting for an event: there are no connections.
    Drained,
    /// There may be connections.
    Ready,
    /// The system lacks a resource for accepting; to be tried again at this time.
    Pausing(Time, Descriptors),
}

impl Listener {
    /// Accepts from a socket that listens, whose file is removed with it, if it has one here.
    fn new(socket: OwnedFd, file: Option<Box<dyn Any + Send>>) -> io::Result<Self> {
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true)?;
        let socket = OwnedFd::from(listener);
        let name = SocketName::of(&socket)?;
        let address = match name.address() {
            Some(address) => {
                sys::set_nodelay(&socket)?;
                ListenAddress::Tcp(address)
            }
            None => ListenAddress::Unix(OsStr::from_bytes(&name.path()).into()),
        };
        let state = ListenerState::Drained;
        Ok(Self {
            _file: file,
            socket,
            address,
            protocol: ProxyProtocol::Off,
            transport: Transport::Unknown,
            state,
            complained: false,
            pauses: Count::default(),
        })
    }

    /// The system has reported that there are connections.
    pub(crate) fn set_ready(&mut self) {
        if self.state == ListenerState::Drained {
            self.state = ListenerState::Ready;
        }
    }

    /// Accepts a connection, of any kind; `None` when there is none at the moment. A peer of a Unix
    /// socket has no address.
    pub(crate) fn accept(&mut self, now: Time) -> Option<(TcpStream, Option<SocketAddr>)> {
        match self.state {
            ListenerState::Drained => return None,
            ListenerState::Pausing(until, _) if now < until => return None,
            ListenerState::Ready | ListenerState::Pausing(..) => {}
        }
        self.state = ListenerState::Ready;
        loop {
            let error = match accept(&self.socket) {
                Ok((stream, peer)) => {
                    self.complained = false;
                    return Some((stream.into(), peer.map(plain)));
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::WouldBlock => {
                    self.state = ListenerState::Drained;
                    return None;
                }
                // A connection that ended before it was accepted is no reason to stop.
                ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                _ => {
                    let descriptors = match lacks_descriptors(&error) {
                        true => Descriptors::Lacking,
                        false => Descriptors::Enough,
                    };
                    self.pauses.add((descriptors == Descriptors::Lacking).into());
                    if !self.complained {
                        log::warn!(
                            target: "switchboard::server",
                            "cannot accept on {} for now: {error}",
                            self.address
                        );
                        self.complained = true;
                    }
                    self.state = ListenerState::Pausing(now.after(PAUSE_MS), descriptors);
                    return None;
                }
            }
        }
    }

    /// Accepts a connection, whatever has been reported; `None` when there is none at the moment. A
    /// peer of a Unix socket has no address.
    ///
    /// # Errors
    /// The system lacks a resource.
    #[cfg(feature = "admin")]
    pub(crate) fn accept_now(&self) -> io::Result<Option<(TcpStream, Option<SocketAddr>)>> {
        loop {
            match accept(&self.socket) {
                Ok((stream, peer)) => return Ok(Some((stream.into(), peer.map(plain)))),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    // A connection that ended before it was accepted is no reason to stop.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// When [`Listener::accept`] has to be called, if a time is set.
    #[must_use]
    pub(crate) const fn deadline(&self) -> Option<Time> {
        match self.state {
            ListenerState::Drained => None,
            ListenerState::Ready => Some(Time::ZERO),
            ListenerState::Pausing(until, _) => Some(until),
        }
    }

    /// Whether the system had a descriptor for the last connection.
    #[must_use]
    pub(crate) const fn descriptors(&self) -> Descriptors {
        match self.state {
            ListenerState::Drained | ListenerState::Ready => Descriptors::Enough,
            ListenerState::Pausing(_, descriptors) => descriptors,
        }
    }

    /// How often it had to pause because there was no descriptor.
    #[must_use]
    pub(crate) const fn pauses(&self) -> u64 {
        self.pauses.get()
    }

    /// The address that it listens on, with the actual port.
    #[must_use]
    pub(crate) const fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// What its connections have in common.
    #[must_use]
    pub(crate) const fn traits(&self) -> ListenerTraits {
        let Self { protocol, transport, .. } = *self;
        ListenerTraits { reach: self.address.reach(), protocol, transport }
    }

    /// Its descriptor, as a source of events.
    pub(crate) fn source(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// An IPv4 peer of an IPv6 socket, as IPv4.
const fn plain(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

const PAUSE_MS: u64 = 100;
