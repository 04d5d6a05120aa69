//! `ListenerSet`: the listeners of several processes on the same addresses. Each process has a
//! listener of its own on each address of TCP (`SO_REUSEPORT`), so that the system distributes
//! connections evenly. The set keeps all of them open. So the connections that wait at the listener
//! of a process that has gone are accepted by the next process with the same number.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::hub::ProxyProtocol;
use crate::net::address::ListenAddress;
use crate::net::inherited::{PROXY, TLS, of_role};
use crate::net::listener::{Listener, MakeListener, listen_on_all, own_listener};
use crate::net::source::ListenerSource;
use crate::sys::listeners::{PortUse, listen_on, take_inherited};
use crate::ws::Transport;

/// What a set listens on, before it does.
#[derive(Default)]
pub(crate) struct ListenerPlan {
    /// Addresses of TCP.
    pub(crate) addresses: Vec<(SocketAddr, Transport)>,
    /// Unix sockets.
    pub(crate) sockets: Vec<MakeListener>,
    /// Listeners of a service manager.
    pub(crate) inherited: Vec<ListenerSource>,
}

/// The listeners of several processes.
#[derive(Debug)]
pub(crate) struct ListenerSet {
    /// Addresses where each process has a listener, by the number of the process.
    own: Vec<(Place, Vec<OwnedFd>)>,
    /// Listeners that all processes share.
    shared: Vec<(Place, Listener)>,
}

/// Where a listener is, and what its connections have to begin with.
#[derive(Debug)]
struct Place {
    address: ListenAddress,
    role: &'static str,
}

impl ListenerSet {
    /// Listens. There is one listener at each Unix socket and for each inherited one, which all
    /// processes share.
    ///
    /// # Errors
    /// The error of the system, with the address. Also if another server has the address, although
    /// it may allow others to listen there: they would get a part of its connections.
    pub(crate) fn open(plan: ListenerPlan, processes: usize) -> io::Result<Self> {
        let roles: Vec<_> = plan.inherited.iter().map(role_of).collect();
        let inherited = plan.inherited.into_iter().map(own_listener);
        let others: Vec<_> = plan.sockets.into_iter().chain(inherited).collect();
        let (others_len, port_use) = (others.len(), PortUse::Alone);
        let mut first = listen_on_all(&plan.addresses, port_use, ProxyProtocol::Off, others)?;
        let others = first.split_off(first.len() - others_len);
        let own = first.into_iter().map(|listener| multiply(listener, processes));
        let own = own.collect::<io::Result<_>>()?;
        let sockets_len = others.len() - roles.len();
        let roles = std::iter::repeat_n("", sockets_len).chain(roles);
        let shared = others.into_iter().zip(roles).map(|(listener, role)| {
            (Place { address: listener.address().clone(), role }, listener)
        });
        Ok(Self { own, shared: shared.collect() })
    }

    /// The listeners of a process: each descriptor with its role.
    pub(crate) fn of(&self, process: usize) -> impl Iterator<Item = (RawFd, &'static str)> {
        let own = self
            .own
            .iter()
            .filter_map(move |(place, all)| Some((all.get(process)?.as_raw_fd(), place.role)));
        own.chain(self.shared.iter().map(|(place, of)| (of.source(), place.role)))
    }

    /// All addresses, each with whether its connections begin with a TLS handshake.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&ListenAddress, bool)> {
        let own = self.own.iter().map(|(place, _)| place);
        let all = own.chain(self.shared.iter().map(|(place, _)| place));
        all.map(|place| (&place.address, place.role == TLS))
    }
}

/// Replaces a listener by one for each process. The first one has shown that no other server has
/// its address.
fn multiply(first: Listener, processes: usize) -> io::Result<(Place, Vec<OwnedFd>)> {
    let (address, transport) = (first.address().clone(), first.traits().transport);
    drop(first);
    let role = if transport == Transport::Secure { TLS } else { "" };
    let listen = |_| match address.tcp() {
        Some(tcp) => listen_on(tcp, PortUse::Shared).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot bind {address} for each process: {error}"))
        }),
        None => Err(io::Error::other("only listeners of TCP are multiplied")),
    };
    let all = (0..processes).map(listen).collect::<io::Result<_>>()?;
    Ok((Place { address, role }, all))
}

/// The role of a listener, as in `LISTEN_FDNAMES`.
fn role_of(source: &ListenerSource) -> &'static str {
    match (source.transport, source.protocol) {
        (Transport::Secure, _) => TLS,
        (_, ProxyProtocol::On) => PROXY,
        _ => "",
    }
}

/// The listener of a set that this process was given: its descriptor and its role. To be called
/// once for each.
///
/// # Errors
/// What the descriptor is instead.
pub(crate) fn take_passed(descriptor: RawFd, role: &str) -> Result<ListenerSource, &'static str> {
    take_inherited(descriptor).map(|socket| of_role(socket, role))
}
