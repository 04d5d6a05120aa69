//! `LookupQueue`: lookups that are under way, and requests that wait for theirs, in two lines. A
//! path of which nothing is known may cost the disk more, and anybody can ask for any number of
//! these. So a request for a known program waits for some of them only, however many there are. In
//! each line addresses take turns.

use std::collections::VecDeque;

use crate::hub::shares::Holder;
use crate::limits::Limits;
use crate::service::SocketId;

/// What is known of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathKind {
    /// A program has been found there, or the configuration names it.
    Known,
    /// Nothing.
    Strange,
}

/// Both lines.
#[derive(Debug, Default)]
pub(super) struct LookupQueue {
    lines: [AddressQueue; 2],
}

#[derive(Debug, Default)]
struct AddressQueue {
    /// Each with what it counts for, since its socket may go.
    under_way: Vec<(SocketId, Holder)>,
    /// Those that wait until there are fewer, some of whom may have gone.
    waiting: VecDeque<SocketId>,
}

impl LookupQueue {
    /// A lookup begins.
    pub(super) fn begin(&mut self, id: SocketId, holder: Holder, rank: PathKind) {
        self.line(rank).under_way.push((id, holder));
    }

    /// A lookup has ended.
    pub(super) fn end(&mut self, id: SocketId) {
        for line in &mut self.lines {
            if let Some(at) = line.under_way.iter().position(|(other, _)| *other == id) {
                line.under_way.swap_remove(at);
            }
        }
    }

    /// A request waits until there are fewer lookups, behind the others of its rank.
    pub(super) fn wait(&mut self, id: SocketId, rank: PathKind) {
        self.line(rank).waiting.push_back(id);
    }

    /// The place of the request that goes next, if another lookup of this rank may begin: of those
    /// whose address has the fewest under way, the one that has waited longest. It costs a look at
    /// the requests of the few addresses that have some under way, at most.
    pub(super) fn next(
        &self,
        rank: PathKind,
        holder: impl Fn(SocketId) -> Holder,
    ) -> Option<usize> {
        let AddressQueue { under_way, waiting } = &self.lines[rank as usize];
        let (mut next, mut fewest) = (None, usize::MAX);
        if !self.has_room(rank) {
            return None;
        }
        for (place, &id) in waiting.iter().enumerate() {
            let of = holder(id);
            let held = under_way.iter().filter(|(_, other)| of.is_some() && *other == of).count();
            if held < fewest {
                (next, fewest) = (Some(place), held);
            }
            if held == 0 {
                break;
            }
        }
        next
    }

    /// Takes the request at a place.
    pub(super) fn take(&mut self, rank: PathKind, place: usize) -> Option<SocketId> {
        self.line(rank).waiting.remove(place)
    }

    /// Forgets those that have gone, once there are many.
    pub(super) fn forget(&mut self, len_max: usize, asks: impl Fn(SocketId) -> bool) {
        for line in &mut self.lines {
            if line.waiting.len() >= len_max {
                line.waiting.retain(|&id| asks(id));
            }
        }
    }

    /// The requests that wait.
    pub(super) const fn waiting(&mut self) -> [&mut VecDeque<SocketId>; 2] {
        let [known, strange] = &mut self.lines;
        [&mut known.waiting, &mut strange.waiting]
    }

    /// Whether another lookup of this rank may begin.
    pub(super) const fn has_room(&self, rank: PathKind) -> bool {
        let under_way_max = match rank {
            PathKind::Known => Limits::LOOKUPS_MAX - Limits::LOOKUPS_STRANGE_MAX,
            PathKind::Strange => Limits::LOOKUPS_STRANGE_MAX,
        };
        self.lines[rank as usize].under_way.len() < under_way_max
    }

    /// Room for those that wait, and how many do.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let size = |line: &AddressQueue| (line.waiting.capacity(), line.waiting.len());
        let [known, strange] = self.lines.each_ref().map(size);
        (known.0 + strange.0, known.1 + strange.1)
    }

    const fn line(&mut self, rank: PathKind) -> &mut AddressQueue {
        &mut self.lines[rank as usize]
    }
}
