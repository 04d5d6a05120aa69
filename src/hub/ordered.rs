//! `Ordered`: sockets by a number, the smallest first. It is a sorted list: almost all entries are
//! added at its end and removed at its beginning, and a tree has ten times the code.

use std::collections::VecDeque;

use crate::service::SocketId;

/// Sockets, each with a number, and maybe with several.
#[derive(Debug, Default)]
pub(super) struct Ordered(VecDeque<(u64, SocketId)>);

impl Ordered {
    /// Adds an entry, unless it is there.
    // Not inlined: it is large, and has several callers.
    #[inline(never)]
    pub(super) fn insert(&mut self, number: u64, id: SocketId) {
        if let Err(place) = self.0.binary_search(&(number, id)) {
            self.0.insert(place, (number, id));
        }
    }

    /// Removes an entry, if it is there.
    #[inline(never)]
    pub(super) fn remove(&mut self, number: u64, id: SocketId) {
        if let Ok(place) = self.0.binary_search(&(number, id)) {
            self.0.remove(place);
            if self.0.capacity() > 2 * self.0.len() + SPARE_LEN {
                self.0.shrink_to(self.0.len() + SPARE_LEN);
            }
        }
    }

    /// The entry with the smallest number.
    pub(super) fn first(&self) -> Option<(u64, SocketId)> {
        self.0.front().copied()
    }

    /// All sockets, in this order.
    pub(super) fn into_ids(self) -> Vec<SocketId> {
        self.0.into_iter().map(|(_, id)| id).collect()
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// This many entries may be unused.
const SPARE_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ws::tests::random::Random;

    #[test]
    fn any_history_agrees_with_a_tree() {
        let (mut ordered, mut tree) = (Ordered::default(), BTreeSet::new());
        let mut random = Random::new(5);
        for round in 0..30_000 {
            // It grows, and then becomes empty.
            let grows = round < 15_000 || round % 8 == 0;
            let number = random.below(1_000) as u64;
            let id = SocketId::new(random.below(4), 7).expect("it is a place");
            match ordered.first() {
                Some((first, of)) if !grows => {
                    ordered.remove(first, of);
                    assert_eq!(tree.pop_first(), Some((first, of)));
                }
                _ if random.below(5) == 0 => {
                    ordered.remove(number, id);
                    tree.remove(&(number, id));
                }
                _ => {
                    ordered.insert(number, id);
                    tree.insert((number, id));
                }
            }
            assert_eq!((ordered.first(), ordered.len()), (tree.first().copied(), tree.len()));
            assert!(ordered.0.capacity() <= 4 * ordered.len() + 2 * SPARE_LEN, "round {round}");
        }
        assert!(ordered.0.iter().eq(&tree));
        assert_eq!(ordered.into_ids(), tree.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    }
}
