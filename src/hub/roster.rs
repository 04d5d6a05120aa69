//! `Roster`: a list of sockets, each of which knows its index in it.

use crate::hub::trim::shrink;
use crate::service::SocketId;

/// A list of sockets by their indices in the table. Each socket keeps its index in the list, so
/// that it is removed at a fixed cost. It is removed from the list before it leaves the table.
#[derive(Debug, Default)]
pub(super) struct Roster(Vec<u32>);

impl Roster {
    /// Adds a socket; returns its place.
    pub(super) fn join(&mut self, id: SocketId) -> u32 {
        let narrow = |place| u32::try_from(place).expect("socket ids have 2^24 places");
        self.0.push(narrow(id.index()));
        narrow(self.0.len() - 1)
    }

    /// Takes out the socket at `place`; returns the one that is there now, if any.
    pub(super) fn part(&mut self, place: u32) -> Option<u32> {
        self.0.swap_remove(place as usize);
        shrink(&mut self.0, ROSTER_SPARE_LEN);
        self.0.get(place as usize).copied()
    }

    /// The places of its sockets in the table.
    pub(super) fn places(&self) -> &[u32] {
        &self.0
    }

    /// Its capacity.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Its length.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    #[cfg(any(test, feature = "processes"))]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Capacity for this many is kept, for sockets that come and go.
const ROSTER_SPARE_LEN: usize = 64;
