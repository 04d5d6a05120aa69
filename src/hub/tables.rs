//! Tables of the hub: sockets and services. They are separate, as that of workers is, so that one
//! can be changed while the others are borrowed.

use std::ops::{Index, IndexMut};

use slab::Slab;

#[cfg(feature = "processes")]
use crate::hub::backplane_trait::Backplane;
use crate::hub::ids::ServiceId;
use crate::hub::roster::Roster;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket::Socket;
use crate::service::SocketId;

/// All sockets. An id of a socket that has gone finds nothing.
#[derive(Debug)]
pub(super) struct SocketTable {
    table: Slab<Socket>,
    /// The number of the socket that came last.
    serial: u64,
    /// How many places have been in use since the last trim.
    places_len: usize,
}

impl SocketTable {
    pub(super) fn with_capacity(len: usize) -> Self {
        Self { table: Slab::with_capacity(len), serial: 0, places_len: 0 }
    }

    /// Adds what `make` makes for the new id; `None` when there are no more ids.
    pub(super) fn insert(&mut self, make: impl FnOnce(SocketId) -> Socket) -> Option<SocketId> {
        let entry = self.table.vacant_entry();
        let id = SocketId::new(entry.key(), self.serial + 1)?;
        self.serial += 1;
        self.places_len = self.places_len.max(id.index() + 1);
        entry.insert(make(id));
        Some(id)
    }

    /// Frees the entries behind the last socket, if they are half of all: the entries before it
    /// have to be scanned. Returns how many are left.
    pub(super) fn trim(&mut self) -> usize {
        let len = self.table.iter().next_back().map_or(0, |(place, _)| place + 1);
        if len <= self.places_len / 2 {
            self.table.shrink_to_fit();
            self.places_len = len;
        }
        self.places_len
    }

    pub(super) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        self.get(id)?;
        self.table.try_remove(id.index())
    }

    pub(super) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.at(id.index()).filter(|socket| socket.is(id))
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.table.get_mut(id.index()).filter(|socket| socket.is(id))
    }

    /// Sets the new list index of the socket at `index`.
    pub(super) fn set_place(&mut self, index: u32, place: u32) {
        if let Some(socket) = self.table.get_mut(index as usize) {
            socket.set_place(place);
        }
    }

    /// The socket that is in this place now.
    pub(super) fn at(&self, place: usize) -> Option<&Socket> {
        self.table.get(place)
    }

    pub(super) fn ids(&self) -> Vec<SocketId> {
        self.table.iter().filter_map(|(place, socket)| socket.id(place)).collect()
    }

    /// The sockets of a list.
    pub(super) fn ids_of(&self, roster: &Roster) -> Vec<SocketId> {
        let id = |&place: &u32| self.at(place as usize)?.id(place as usize);
        roster.places().iter().filter_map(id).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether a socket waits for a lookup.
    pub(super) fn asks(&self, id: SocketId) -> bool {
        let cold = self.get(id).and_then(|socket| socket.cold.as_ref());
        cold.is_some_and(|cold| cold.asked.is_some())
    }

    /// How many places are in use, or have been since the last trim.
    #[cfg(any(test, feature = "admin"))]
    pub(super) const fn places_len(&self) -> usize {
        self.places_len
    }
}

/// All services.
#[derive(Debug, Default)]
pub(super) struct ServiceTable {
    list: Vec<ServiceEntry>,
    /// What takes messages to other processes.
    #[cfg(feature = "processes")]
    pub(super) backplane: Option<Box<dyn Backplane>>,
}

impl ServiceTable {
    /// The id that the next one gets.
    pub(super) fn next_id(&self) -> ServiceId {
        ServiceId::new(self.list.len())
    }

    pub(super) fn push(&mut self, service: ServiceEntry) {
        self.list.push(service);
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.list.len()).map(ServiceId::new)
    }

    /// A service, and what takes its messages to other processes.
    #[cfg(feature = "processes")]
    pub(super) fn shared(
        &mut self,
        id: ServiceId,
    ) -> (&ServiceEntry, Option<&mut (dyn Backplane + 'static)>) {
        (&self.list[id.index()], self.backplane.as_deref_mut())
    }
}

impl Index<ServiceId> for ServiceTable {
    type Output = ServiceEntry;

    fn index(&self, id: ServiceId) -> &ServiceEntry {
        &self.list[id.index()]
    }
}

impl IndexMut<ServiceId> for ServiceTable {
    fn index_mut(&mut self, id: ServiceId) -> &mut ServiceEntry {
        &mut self.list[id.index()]
    }
}
