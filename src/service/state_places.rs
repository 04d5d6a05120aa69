//! `StatePlaces`: where a table has the state of each socket.

use std::collections::BTreeMap;

use crate::service::SocketId;

/// The places of states in a list, by the ids of their sockets.
#[derive(Debug)]
pub(super) struct StatePlaces {
    /// By the index of the socket. Entries without a socket may have any value.
    by_index: Vec<u32>,
    /// Those of sockets that have gone while their service still has to answer them, if another
    /// socket has their index.
    displaced: BTreeMap<SocketId, u32>,
}

impl StatePlaces {
    pub(super) const fn new() -> Self {
        Self { by_index: Vec::new(), displaced: BTreeMap::new() }
    }

    /// The place of a socket. It may be that of another one, if this one has no state.
    pub(super) fn get(&self, id: SocketId) -> Option<usize> {
        let displaced = if self.displaced.is_empty() { None } else { self.displaced.get(&id) };
        displaced.or_else(|| self.by_index.get(id.index())).map(|&place| place as usize)
    }

    /// Sets the place of a new socket. `at` says whose state is in a place.
    pub(super) fn add(
        &mut self,
        id: SocketId,
        place: usize,
        at: impl Fn(usize) -> Option<SocketId>,
    ) {
        if self.by_index.len() <= id.index() {
            self.by_index.resize(id.index() + 1, 0);
        }
        let of_index = &mut self.by_index[id.index()];
        if let Some(before) = at(*of_index as usize).filter(|other| other.index() == id.index()) {
            self.displaced.insert(before, *of_index);
        }
        *of_index = place_number(place);
    }

    /// Sets another place of a socket.
    pub(super) fn set(&mut self, id: SocketId, place: usize) {
        let place = place_number(place);
        match self.displaced.get_mut(&id) {
            Some(displaced) => *displaced = place,
            None => self.by_index[id.index()] = place,
        }
    }

    /// A socket has no state any more.
    pub(super) fn remove(&mut self, id: SocketId) {
        if !self.displaced.is_empty() {
            self.displaced.remove(&id);
        }
    }
}

/// A service has no more sockets than there are indices.
fn place_number(place: usize) -> u32 {
    u32::try_from(place).expect("there are at most 2^24 sockets")
}
