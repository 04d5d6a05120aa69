//! `StateTable`: keeps the states of the sockets of a service.

use crate::service::state_places::StatePlaces;
use crate::service::{SocketId, SocketStates};

/// Keeps the states of all sockets of a service. They lie side by side. Another list has the place
/// of each, by the index of its socket: 4 bytes up to the highest index that the service has had.
/// Two of them may have one index: one that has gone and is still to be answered, and the next.
pub(super) enum StateTable<S> {
    /// By id.
    Kept(KeptStates<S>),
    /// States without a size, which are all alike. A list of them takes no memory.
    Alike(Vec<S>),
}

/// States by id.
pub(super) struct KeptStates<S> {
    members: Vec<(SocketId, S)>,
    places: StatePlaces,
}

impl<S> StateTable<S> {
    /// A table that knows its sockets by their ids.
    pub(super) const fn kept() -> Self {
        Self::Kept(KeptStates { members: Vec::new(), places: StatePlaces::new() })
    }

    /// A table for a service of which each `remove` follows an `insert`. It keeps no ids for states
    /// without a size.
    pub(super) const fn new() -> Self {
        if size_of::<S>() == 0 { Self::Alike(Vec::new()) } else { Self::kept() }
    }

    pub(super) fn insert(&mut self, id: SocketId, state: S) {
        match self {
            Self::Alike(states) => states.push(state),
            Self::Kept(of) => {
                let KeptStates { members, places } = of;
                places.add(id, members.len(), |place| members.get(place).map(|(own, _)| *own));
                members.push((id, state));
            }
        }
    }

    /// Removes the state of a socket that goes.
    pub(super) fn remove(&mut self, id: SocketId) -> Option<S> {
        match self {
            Self::Alike(states) => states.pop(),
            Self::Kept(of) => {
                let place = of.place(id)?;
                let (_, state) = of.members.swap_remove(place);
                of.places.remove(id);
                if let Some((moved, _)) = of.members.get(place) {
                    of.places.set(*moved, place);
                }
                Some(state)
            }
        }
    }

    /// The state of one socket, and those of all others.
    pub(super) fn split(&mut self, id: SocketId) -> Option<(&mut S, SocketStates<'_, S>)> {
        match self {
            Self::Alike(states) => Some((states.last_mut()?, SocketStates::none())),
            Self::Kept(of) => {
                let place = of.place(id)?;
                let (before, rest) = of.members.split_at_mut(place);
                let ((_, state), after) = rest.split_first_mut()?;
                Some((state, SocketStates::new([before, after], &of.places)))
            }
        }
    }

    /// The states of all sockets.
    pub(super) fn all(&mut self) -> SocketStates<'_, S> {
        match self {
            Self::Alike(_) => SocketStates::none(),
            Self::Kept(of) => SocketStates::new([&mut of.members, &mut []], &of.places),
        }
    }
}

impl<S> KeptStates<S> {
    fn place(&self, id: SocketId) -> Option<usize> {
        let place = self.places.get(id)?;
        // The index may be that of an earlier socket.
        self.members.get(place).filter(|(own, _)| *own == id).map(|_| place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn id(index: usize, serial: u64) -> SocketId {
        SocketId::new(index, serial).expect("it is within the limits")
    }

    /// Any history of sockets, whose places are used again, also before they are removed, leaves
    /// what a map of their ids has.
    #[test]
    fn a_table_has_what_a_map_has() {
        for seed in 1..50_u64 {
            let mut table = StateTable::new();
            let mut map = BTreeMap::new();
            let mut random = seed;
            for serial in 1..200 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let index = (random >> 33) as usize % 12;
                let there = map.keys().copied().find(|id: &SocketId| id.index() == index);
                if let Some(there) = there.filter(|_| random >> 62 != 0) {
                    assert_eq!(table.remove(there), map.remove(&there), "seed {seed}");
                    assert_eq!(table.remove(there), None, "it has gone");
                } else {
                    table.insert(id(index, serial), serial);
                    map.insert(id(index, serial), serial);
                }
                for own in 0..12 {
                    let stale = id(own, 1_000);
                    assert!(table.split(stale).is_none(), "an id of another socket");
                    let Some(own) = map.keys().copied().find(|id| id.index() == own) else {
                        continue;
                    };
                    let (state, mut others) = table.split(own).expect("it is there");
                    assert_eq!(Some(&*state), map.get(&own));
                    assert_eq!(others.get(own), None);
                    let mut rest: Vec<_> = others.iter().map(|(id, state)| (id, *state)).collect();
                    rest.sort_unstable();
                    let mut expected = map.clone();
                    expected.remove(&own);
                    assert_eq!(rest, expected.into_iter().collect::<Vec<_>>(), "seed {seed}");
                    for (other, state) in rest {
                        assert_eq!(others.get(other), Some(&state));
                        assert_eq!(others.get_mut(other), Some(&mut state.clone()));
                        assert_eq!(others.get(id(other.index(), 1_000)), None);
                    }
                }
                assert_eq!(table.all().iter().count(), map.len());
            }
        }
    }

    #[test]
    fn states_without_a_size_take_no_memory() {
        let mut table = StateTable::new();
        for serial in 0..1_000 {
            table.insert(id(1_000, serial), ());
        }
        assert!(matches!(&table, StateTable::Alike(states) if states.len() == 1_000));
        let removed = (0..1_001).filter(|_| table.remove(id(7, 7)).is_some()).count();
        assert_eq!(removed, 1_000);
    }
}
