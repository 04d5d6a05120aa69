//! `LookupQueue`: lookups that are under way, and requests that wait for one, in two queues. An
//! unknown path may cost more disk time, and any peer can request any number of them. So a request
//! for a known program waits for a few of them only. In each queue, addresses take turns.

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
    /// Each with the address that it counts for, since its socket may go.
    under_way: Vec<(SocketId, Holder)>,
    /// Sockets that wait until there are fewer. Some of them may have gone.
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

    /// Queues a request behind the others of its rank, until there are fewer lookups.
    pub(super) fn wait(&mut self, id: SocketId, rank: PathKind) {
        self.line(rank).waiting.push_back(id);
    }

    /// The index of the next request, if another lookup of this rank may begin. It is the oldest
    /// request of the address that has the fewest lookups under way. The search costs at most one
    /// look at each request of the few addresses that have lookups under way.
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

    /// The capacity of the queue, and its length.
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
