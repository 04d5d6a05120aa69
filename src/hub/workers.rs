//! The workers of services: which ones a service has, and which sockets they have together.

use crate::hub::worker_list::WorkerList;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ServiceId, Subject, WorkerId};
use crate::service::{ServiceOptions, SocketId};

/// What the workers of a service run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// What was compiled in.
    Code,
    /// A program.
    Program,
}

impl Hub {
    /// The workers of a service, by their numbers.
    #[must_use]
    pub fn workers_of(&self, service: ServiceId) -> &[WorkerId] {
        self.services[service].workers.all()
    }

    /// The first worker of a service. It stands for the service where it does not matter which one
    /// is meant.
    #[must_use]
    pub fn first_of(&self, service: ServiceId) -> WorkerId {
        self.services[service].first()
    }

    /// The worker of a socket, once it has one.
    #[must_use]
    pub fn worker_of(&self, id: SocketId) -> Option<WorkerId> {
        self.sockets.get(id)?.worker
    }

    /// The service that a worker runs.
    #[must_use]
    pub fn service_of(&self, worker: WorkerId) -> ServiceId {
        self.workers[worker].service
    }

    /// The path of the service that a worker runs.
    #[must_use]
    pub fn path_of(&self, worker: WorkerId) -> &str {
        &self.services[self.workers[worker].service].path
    }

    /// The number of a worker among those of its service, from 0, and how many these are.
    #[must_use]
    pub fn number_of(&self, worker: WorkerId) -> [usize; 2] {
        let WorkerSlot { service, number, .. } = &self.workers[worker];
        [*number, self.services[*service].workers.all().len()]
    }

    /// Makes the workers of a service that is about to be mounted with this id.
    pub(super) fn make_workers(
        &mut self,
        service: ServiceId,
        options: &ServiceOptions,
        kind: Runs,
    ) -> WorkerList {
        WorkerList::new(options.workers_len(), |number| {
            self.workers.add(WorkerSlot {
                is_program: kind == Runs::Program,
                number,
                ..WorkerSlot::new(service, &options.limits)
            })
        })
    }

    /// Starts the workers of a service that was just mounted, if it is eager.
    pub(super) fn start_all_soon(&mut self, service: ServiceId) {
        for &worker in self.services[service].workers.clone().all() {
            self.start_soon(worker);
        }
    }

    /// All open sockets of a service.
    pub(super) fn members_of(&self, service: ServiceId) -> Vec<SocketId> {
        let members = |worker: &WorkerId| self.sockets.ids_of(&self.workers[*worker].members);
        let workers = &self.services[service].workers;
        #[cfg_attr(not(feature = "workers"), expect(unused_mut, reason = "there are no others"))]
        let mut ids = members(&workers.first());
        #[cfg(feature = "workers")]
        workers.all()[1..].iter().for_each(|worker| ids.extend(members(worker)));
        ids
    }

    /// Whether any worker of a service runs.
    pub(super) fn runs(&self, service: ServiceId) -> bool {
        self.has_worker_in(service, |state| state != RunState::Idle)
    }

    /// Whether it is a program that another one may replace: it does not run, and none of its
    /// sockets is left, which would otherwise be taken for sockets of the other. An eager one is
    /// about to run again.
    pub(super) fn is_spare(&self, service: ServiceId) -> bool {
        let entry = &self.services[service];
        let has_ended = !entry.is_eager() && !self.runs(service);
        entry.is_program && has_ended && entry.sockets_len == 0
    }

    /// Whether it is a program that runs without a socket, and need not.
    pub(super) fn is_unused(&self, service: ServiceId) -> bool {
        let entry = &self.services[service];
        let is_going_on = |state| matches!(state, RunState::Starting | RunState::Running);
        entry.is_program
            && entry.sockets_len == 0
            && !entry.is_eager()
            && self.has_worker_in(service, is_going_on)
    }

    /// The subject of log lines about a worker.
    pub(crate) fn subject_of(&self, worker: WorkerId) -> Subject<'_> {
        let subject = Subject::service(self.path_of(worker));
        #[cfg(feature = "workers")]
        if let [number, 2..=usize::MAX] = self.number_of(worker) {
            return Subject { worker: Some(number), ..subject };
        }
        subject
    }

    fn has_worker_in(&self, service: ServiceId, is_meant: impl Fn(RunState) -> bool) -> bool {
        self.services[service]
            .workers
            .all()
            .iter()
            .any(|worker| is_meant(self.workers[*worker].state))
    }
}
