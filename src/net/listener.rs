//! `Listener`: accepts connections, some in each turn. When descriptors run out it pauses:
//! the system's queue holds the connections that come meanwhile.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};

use crate::hub::Reach;
use crate::sys;
use crate::time::Time;

/// Listens on all `addresses`. Addresses that this machine does not have are left out, such as IPv6
/// ones on a machine without IPv6, as long as there is another one. The log names them.
///
/// # Errors
/// The error of the system, with the address.
pub(crate) fn bind_all(addresses: &[SocketAddr]) -> io::Result<Vec<Listener>> {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut missing = Vec::new();
    // The IPv6 wildcard accepts IPv4 as well, so that the IPv4 wildcard is needed only without
    // IPv6.
    let is_wide = |address: &&SocketAddr| address.ip() == Ipv6Addr::UNSPECIFIED;
    let others = addresses.iter().filter(|address| !is_wide(address));
    for &address in addresses.iter().filter(is_wide).chain(others) {
        let wide = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
        if address.ip() == Ipv4Addr::UNSPECIFIED
            && listeners.iter().any(|listener| listener.address == wide)
        {
            continue;
        }
        match Listener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if sys::dual::is_missing(&error) => missing.push((address, error)),
            Err(error) => return Err(cannot_bind(address, &error)),
        }
    }
    if listeners.is_empty() {
        let none = io::Error::new(ErrorKind::InvalidInput, "there is no address to listen on");
        return Err(missing.pop().map_or(none, |(address, error)| cannot_bind(address, &error)));
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

fn cannot_bind(address: SocketAddr, error: &io::Error) -> io::Error {
    let cure = match address.is_ipv6() && sys::dual::is_missing(error) {
        true => "; where there is no IPv6, listen on 0.0.0.0 or 127.0.0.1 (host)",
        false => "",
    };
    io::Error::new(error.kind(), format!("cannot bind {address}: {error}{cure}"))
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    state: ListenerState,
    /// Whether the log has a line that nothing can be accepted; one is enough.
    complained: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenerState {
    /// Waiting for an event: there are no connections.
    Drained,
    /// There may be connections.
    Ready,
    /// The system lacks a resource for accepting; to be tried again at this time.
    Pausing(Time),
}

impl Listener {
    /// Listens on `address`; port 0 lets the system choose. An IPv6 wildcard is for IPv4 as well.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = match address {
            SocketAddr::V4(_) => TcpListener::bind(address)?,
            SocketAddr::V6(address) => TcpListener::from_std(sys::dual::listen(address)?),
        };
        sys::set_nodelay(&listener)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, state: ListenerState::Drained, complained: false })
    }

    /// The system has reported that there are connections.
    pub(crate) fn set_ready(&mut self) {
        if self.state == ListenerState::Drained {
            self.state = ListenerState::Ready;
        }
    }

    /// Accepts a connection; `None` when there is none at the moment.
    pub(crate) fn accept(&mut self, now: Time) -> Option<(TcpStream, SocketAddr)> {
        match self.state {
            ListenerState::Drained => return None,
            ListenerState::Pausing(until) if now < until => return None,
            ListenerState::Ready | ListenerState::Pausing(_) => {}
        }
        self.state = ListenerState::Ready;
        loop {
            let error = match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.complained = false;
                    return Some((stream, plain(peer)));
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
                    if !self.complained {
                        log::warn!(
                            target: "switchboard::server",
                            "cannot accept on {} for now: {error}",
                            self.address
                        );
                        self.complained = true;
                    }
                    self.state = ListenerState::Pausing(now.after(PAUSE_MS));
                    return None;
                }
            }
        }
    }

    /// When [`Listener::accept`] has to be called, if a time is set.
    #[must_use]
    pub(crate) const fn deadline(&self) -> Option<Time> {
        match self.state {
            ListenerState::Drained => None,
            ListenerState::Ready => Some(Time::ZERO),
            ListenerState::Pausing(until) => Some(until),
        }
    }

    /// The address that it listens on, with the actual port.
    #[must_use]
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which machines can reach it.
    #[must_use]
    pub(crate) const fn reach(&self) -> Reach {
        match self.address.ip().to_canonical().is_loopback() {
            true => Reach::Machine,
            false => Reach::Network,
        }
    }

    /// The listener as a source of events.
    pub(crate) const fn source(&mut self) -> &mut TcpListener {
        &mut self.listener
    }
}

/// An IPv4 peer of an IPv6 socket, as IPv4.
const fn plain(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

const PAUSE_MS: u64 = 100;
