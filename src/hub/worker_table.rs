//! `WorkerTable`: the workers of all services.

use std::ops::{Index, IndexMut};

use crate::hub::ids::WorkerId;
use crate::hub::worker_list::WorkerList;
use crate::hub::worker_slot::WorkerSlot;
use crate::limits::Limits;

/// All workers of all services, and the bounds for sockets without one.
#[derive(Debug)]
pub(super) struct WorkerTable {
    list: Vec<WorkerSlot>,
    /// Workers of programs that were replaced, for the next service.
    #[cfg(feature = "programs")]
    free: Vec<WorkerId>,
    common: Limits,
}

impl WorkerTable {
    pub(super) const fn new(common: Limits) -> Self {
        Self {
            list: Vec::new(),
            #[cfg(feature = "programs")]
            free: Vec::new(),
            common,
        }
    }

    /// Sets the bounds for sockets without a service.
    pub(super) const fn set_common(&mut self, common: Limits) {
        self.common = common;
    }

    /// Adds a worker. It may get the place of one that was removed, whose runs it counts on: what
    /// the other still sends is ignored.
    pub(super) fn add(&mut self, worker: WorkerSlot) -> WorkerId {
        #[cfg(feature = "programs")]
        if let Some(id) = self.free.pop() {
            let run = self[id].run;
            self[id] = WorkerSlot { run, ..worker };
            return id;
        }
        self.list.push(worker);
        WorkerId::new(self.list.len() - 1)
    }

    /// Removes the workers of a service that does not run and has no sockets.
    #[cfg_attr(
        not(feature = "programs"),
        expect(unused_variables, clippy::unused_self, reason = "no place is used again")
    )]
    pub(super) fn remove_all(&mut self, workers: &WorkerList) {
        #[cfg(feature = "programs")]
        self.free.extend(workers.all());
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..self.list.len()).map(WorkerId::new)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &WorkerSlot> {
        self.list.iter()
    }

    /// The bounds for a socket: those of its service, once it has one.
    pub(super) fn limits_of(&self, worker: Option<WorkerId>) -> &Limits {
        worker.map_or(&self.common, |worker| &self[worker].limits)
    }

    /// Whether two workers run the same service.
    #[inline]
    pub(super) fn are_of_one(&self, worker: WorkerId, other: WorkerId) -> bool {
        worker == other || cfg!(feature = "workers") && self[worker].service == self[other].service
    }
}

impl Index<WorkerId> for WorkerTable {
    type Output = WorkerSlot;

    fn index(&self, id: WorkerId) -> &WorkerSlot {
        &self.list[id.index()]
    }
}

impl IndexMut<WorkerId> for WorkerTable {
    fn index_mut(&mut self, id: WorkerId) -> &mut WorkerSlot {
        &mut self.list[id.index()]
    }
}
