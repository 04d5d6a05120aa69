//! Who talks to whom, sans-I/O: the table of sockets with their sessions, the services with
//! their mail, the deadlines. It makes no system calls and reads no clock; what it wants done
//! it puts among its outputs.
//!
//! In reading order:
//!
//! - [`Hub`]: the tables, and what a host calls in each turn
//! - `peers`: what peers do
//! - `admit`: from a request to a service, a page, or a refusal
//! - `life`: services start and end, sockets come in and leave
//! - `apply`: what services want
//! - `drain`: the clean stop
//! - `socket`, `station`: what is kept for each
//! - [`output`]: what the host has to do
//! - [`tree`], [`topics`], [`wheel`], [`origin`]: tables of one purpose each

mod admit;
mod apply;
mod drain;
mod life;
pub mod origin;
pub mod output;
mod peers;
mod socket;
mod station;
#[cfg(test)]
mod tests;
pub mod topics;
pub mod tree;
pub mod wheel;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use slab::Slab;

use crate::limits::Limits;
use crate::service::{Inbound, SocketId};
use crate::session::Next;
use crate::time::Time;

use drain::Drain;
use socket::{Socket, Standing};
use station::{State, Station};
use wheel::Wheel;

pub use origin::OriginRule;
pub use output::Output;
pub use station::{Mount, StationId};
pub use tree::{PathError, ServiceTree};

/// All sockets and all services of one host.
///
/// A host calls, in each turn of its loop: [`Hub::accept`], then [`Hub::may_read`] with
/// [`Hub::receive`], [`Hub::end`] or [`Hub::fail`] for sockets that are readable, then
/// [`Hub::apply`] for what services sent, then [`Hub::expire`], then [`Hub::poll`] until it
/// gives `None`.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    tree: ServiceTree,
    stations: Vec<Station>,
    sockets: Slab<Socket>,
    /// The number of the socket that came last.
    serial: u64,
    /// How many sockets are beyond the limits.
    surplus_len: usize,
    /// How many sockets come from each address that is counted.
    addresses: HashMap<IpAddr, usize>,
    wheel: Wheel,
    outputs: VecDeque<Output>,
    drain: Option<Drain>,
    files: Files,
}

/// Whether paths without a service may name files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// There is no root of files.
    None,
    /// The host answers [`Output::Fetch`].
    Served,
}

impl Hub {
    /// A hub without sockets and services.
    #[must_use]
    pub fn new(limits: Limits, files: Files, now: Time) -> Self {
        Self {
            limits,
            tree: ServiceTree::default(),
            stations: Vec::new(),
            sockets: Slab::with_capacity(limits.tables_len()),
            serial: 0,
            surplus_len: 0,
            addresses: HashMap::new(),
            wheel: Wheel::new(now, limits.tables_len()),
            outputs: VecDeque::new(),
            drain: None,
            files,
        }
    }

    /// Gives a path a service.
    ///
    /// # Errors
    /// The path can name no service, or names one already.
    pub fn mount(&mut self, path: &str, mount: Mount) -> Result<StationId, PathError> {
        let id = StationId::new(self.stations.len());
        self.tree.add(path, id)?;
        self.stations.push(Station::new(path.to_owned(), mount));
        Ok(id)
    }

    /// Does what deadlines demand that have come.
    pub fn expire(&mut self, now: Time) {
        while let Some(place) = self.wheel.expire(now) {
            let Some(socket) = self.sockets.get_mut(place) else { continue };
            let Some(id) = SocketId::new(place, socket.serial) else { continue };
            let limits = limits_of(&self.limits, &self.stations, socket.station);
            if let Some(event) = socket.session.expire(limits, now) {
                self.happen(id, event, now);
            }
            self.touch(id);
        }
        self.drain_some(now);
    }

    /// The next thing to do for the host.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The mail for a service, and the run that it is for.
    pub fn take_mail(&mut self, station: StationId) -> (u32, Vec<Inbound>) {
        let station = &mut self.stations[station.index()];
        (station.run, std::mem::take(&mut station.mail.batch))
    }

    /// When [`Hub::expire`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let drain = self.drain.as_ref().and_then(Drain::deadline);
        [self.wheel.next(), drain].into_iter().flatten().min()
    }

    /// The bytes to be written to a socket, chunk by chunk.
    pub fn unsent(&self, id: SocketId) -> impl Iterator<Item = &[u8]> {
        self.socket(id).into_iter().flat_map(|socket| socket.session.unsent())
    }

    /// How many bytes are to be written to a socket.
    #[must_use]
    pub fn unsent_len(&self, id: SocketId) -> usize {
        self.socket(id).map_or(0, |socket| socket.session.unsent_len())
    }

    /// The socket that is in this place of the table now.
    #[must_use]
    pub fn id_at(&self, place: usize) -> Option<SocketId> {
        self.sockets.get(place).and_then(|socket| SocketId::new(place, socket.serial))
    }

    /// How many sockets there are.
    #[must_use]
    pub fn sockets_len(&self) -> usize {
        self.sockets.len()
    }

    /// The bounds of a service.
    #[must_use]
    pub fn limits(&self, station: StationId) -> &Limits {
        &self.stations[station.index()].mount.limits
    }

    /// The path of a service.
    #[must_use]
    pub fn path(&self, station: StationId) -> &str {
        &self.stations[station.index()].path
    }

    /// How many transactions and bytes wait for a service.
    #[must_use]
    pub fn mail_load(&self, station: StationId) -> (usize, usize) {
        self.stations[station.index()].mail.load()
    }

    fn socket(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(id.index()).filter(|socket| socket.serial == id.serial())
    }

    fn socket_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(id.index()).filter(|socket| socket.serial == id.serial())
    }

    /// Puts a transaction into the mail of a member's service; others have none.
    fn deliver(&mut self, id: SocketId, transaction: Inbound) {
        let found = self.socket(id).map(|socket| (socket.standing, socket.station));
        let Some((Standing::Member | Standing::Asked, Some(station))) = found else { return };
        let Station { mail, mount, state, .. } = &mut self.stations[station.index()];
        // A service that has ended is told nothing; its next run knows none of its sockets.
        if *state == State::Idle {
            return;
        }
        if mail.push(transaction, &mount.limits) {
            self.outputs.push_back(Output::Mail(station));
        }
        let last = mail.last();
        if let Some(socket) = self.socket_mut(id) {
            socket.mailed = last;
        }
    }

    /// After anything happened to a socket: its deadline is set, and a write is asked for if
    /// there is anything to write or to end.
    fn touch(&mut self, id: SocketId) {
        self.schedule(id);
        let Some(socket) = self.socket_mut(id) else { return };
        let wanted = socket.session.unsent_len() > 0 || socket.session.next() != Next::Keep;
        if wanted && !socket.flags.touched {
            socket.flags.touched = true;
            self.outputs.push_back(Output::Write(id));
        }
    }

    fn schedule(&mut self, id: SocketId) {
        let Some(socket) = self.socket(id) else { return };
        let limits = limits_of(&self.limits, &self.stations, socket.station);
        if let Some(deadline) = socket.session.deadline(limits) {
            self.wheel.set(id.index(), deadline);
        }
    }

    /// Keeps for the log how a socket ended; the first word stands.
    fn note(&mut self, id: SocketId, path: Option<&str>, reason: &str) {
        let Some(socket) = self.socket_mut(id) else { return };
        let ending = socket.ending.get_or_insert_default();
        if let Some(path) = path {
            path.clone_into(&mut ending.path);
        }
        if ending.reason.is_empty() {
            reason.clone_into(&mut ending.reason);
        }
    }
}

/// The bounds for a socket: those of its service, once it has one.
fn limits_of<'a>(
    hub: &'a Limits,
    stations: &'a [Station],
    station: Option<StationId>,
) -> &'a Limits {
    station.and_then(|station| stations.get(station.index())).map_or(hub, |s| &s.mount.limits)
}
