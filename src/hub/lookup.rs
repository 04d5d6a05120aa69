//! Paths without a service: the host looks for a program there, on a disk, while the socket waits.
//! A program that does not run is looked up as well, since its file may have been removed. The page
//! beside a program is looked up each time, since it may have changed. A path without a program is
//! not remembered.

use std::collections::HashSet;

use log::Level;

use crate::hub::fetch::FilePolicy;
use crate::hub::pending::PendingRequest;
use crate::hub::queue::{LookupQueue, PathKind};
use crate::hub::report::log_socket;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::tree::spellings;
use crate::hub::worker_slot::RunState;
use crate::hub::workers::Runs;
use crate::hub::{
    Hub, LookupGoal, LookupJob, Output, PathError, Pool, ServiceId, ServiceTree, Spellings,
    WorkerId,
};
use crate::limits::Limits;
use crate::service::{Page, ServiceOptions, SocketId};
use crate::time::Time;
use crate::ws::syntax::cut;
use crate::ws::{Response, Status, is_canonical};

/// Lookups that are under way.
#[derive(Debug, Default)]
pub(super) struct PendingLookups {
    /// Whether the host answers them.
    answered: bool,
    /// The paths of programs that the configuration names.
    named: HashSet<String>,
    pub(super) queue: LookupQueue,
    /// How many programs have an entry, whether they run or not.
    programs_len: usize,
}

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// The program has this service.
    Found(ServiceId),
    /// The path is below that of a program, which has this service and serves such paths.
    Below(ServiceId),
    /// The program that has this service shows this page to [`LookupGoal::Page`].
    Page(ServiceId, Page),
    /// No program is there.
    Nothing,
    /// There is a file that cannot serve.
    Refused(Response),
}

impl Hub {
    /// The host answers each [`Output::LookupJob`] with [`Hub::looked_up`] after this.
    pub fn look_up(&mut self) {
        self.lookups.answered = true;
    }

    /// By which spellings services are served.
    pub const fn spell(&mut self, spellings: Spellings) {
        self.tree.spellings = spellings;
    }

    /// These paths have priority in lookups, as the paths of programs that have been found do.
    /// Names of an earlier call lose it.
    pub fn name_programs(&mut self, paths: impl IntoIterator<Item = String>) {
        self.lookups.named = paths.into_iter().collect();
    }

    /// Gives a program that was found a service, by the canonical spelling of its decoded path. If
    /// there are [`Limits::PROGRAMS_MAX`] programs, it gets the entry and the id of one that does
    /// not run. The replaced program is looked up again if its path is requested again.
    ///
    /// # Errors
    /// The path can name no service, or names one already; or all programs run or still have
    /// sockets. In the last case the program that has been without sockets longest is asked to
    /// finish, so that there is an entry soon. Programs that the configuration names are not. Eager
    /// ones keep their entries.
    pub fn mount_program(
        &mut self,
        path: &str,
        options: ServiceOptions,
    ) -> Result<ServiceId, PathError> {
        let next = self.services.next_id();
        if self.lookups.programs_len < Limits::PROGRAMS_MAX {
            self.tree.add_found(path, next)?;
            self.lookups.programs_len += 1;
            let entry = self.program_entry(path, options, next);
            self.services.push(entry);
            self.start_all_soon(next);
            return Ok(next);
        }
        let is_spare = |id: &ServiceId| self.is_spare(*id);
        // A program that has failed recently comes last, so that its pause is kept.
        let last = |id: &ServiceId| {
            let workers =
                self.services[*id].workers.all().iter().map(|worker| &self.workers[*worker]);
            workers.map(|worker| (worker.retry, worker.started)).max()
        };
        let place = self.services.ids().filter(is_spare).min_by_key(last);
        let Some(place) = place else {
            self.finish_unused();
            return Err(PathError::TooMany);
        };
        self.tree.add_found(path, place)?;
        self.tree.remove(&self.services[place].path);
        let replaced = self.services[place].workers.clone();
        self.workers.remove_all(&replaced);
        self.services[place] = self.program_entry(path, options, place);
        self.start_all_soon(place);
        Ok(place)
    }

    /// A program for this place in the table.
    fn program_entry(
        &mut self,
        path: &str,
        options: ServiceOptions,
        place: ServiceId,
    ) -> ServiceEntry {
        let workers = self.make_workers(place, &options, Runs::Program);
        let entry = ServiceEntry::new(path.to_owned(), options, workers);
        ServiceEntry { is_program: true, ..entry }
    }

    /// Asks the program to finish that has been without sockets longest.
    fn finish_unused(&mut self) {
        let is_unused = |id: &ServiceId| {
            self.is_unused(*id) && !self.lookups.named.contains(&self.services[*id].path)
        };
        let unused = self.services.ids().filter(is_unused);
        let Some(service) = unused.min_by_key(|id| self.services[*id].unused_since) else { return };
        for &worker in self.services[service].workers.all() {
            let state = &mut self.workers[worker].state;
            if matches!(state, RunState::Starting | RunState::Running) {
                *state = RunState::Finishing;
                self.outputs.push_back(Output::Stop(worker));
            }
        }
    }

    /// A program is about to run. Its place counts for the address of the socket that starts it, as
    /// long as the program has any socket.
    ///
    /// # Errors
    /// This address starts no more of them.
    pub(super) fn admit_program(&mut self, id: SocketId, worker: WorkerId) -> Result<(), Response> {
        let service = self.workers[worker].service;
        // The first test makes a binary without programs smaller. A program that runs has its place
        // already, whichever worker of it runs.
        if cfg!(not(feature = "programs"))
            || !self.services[service].is_program
            || self.runs(service)
        {
            return Ok(());
        }
        let holder = self.holder(id);
        // A program without sockets can be replaced when another one needs its place.
        let used = self.services.ids().filter(|id| {
            let ServiceEntry { is_program, sockets_len, .. } = self.services[*id];
            is_program && self.runs(*id) && sockets_len > 0
        });
        PROGRAMS.admit(holder, used.map(|id| self.services[id].holder))?;
        self.services[service].holder = holder;
        Ok(())
    }

    /// The service that a decoded path names.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<ServiceId> {
        self.tree.find(path)
    }

    /// Links lead from the requested path to this one, which the service gets as the path of the
    /// request. Call it before the [`Output::LookupJob`] is answered.
    pub fn lead(&mut self, id: SocketId, path: String) {
        let cold = self.sockets.get_mut(id).and_then(|socket| socket.cold.as_mut());
        if let Some(asked) = cold.and_then(|cold| cold.asked.as_mut()) {
            asked.direct = Some(path);
        }
    }

    /// Answers an [`Output::LookupJob`]. Call it once for each; the socket may have gone meanwhile.
    pub fn looked_up(&mut self, id: SocketId, looked: LookupResult, now: Time) {
        self.lookups.queue.end(id);
        self.take_up(id, looked, now);
        for rank in [PathKind::Known, PathKind::Strange] {
            while let Some(place) = self.lookups.queue.next(rank, |id| self.holder(id))
                && let Some(next) = self.lookups.queue.take(rank, place)
            {
                let Some((path, goal)) = self.asked_path(next) else { continue };
                let service = self.tree.find(&path);
                match service.filter(|_| !self.is_looked_up(service, goal)) {
                    // Another request has found it meanwhile.
                    Some(service) => self.take_up(next, LookupResult::Found(service), now),
                    None => self.order_lookup(next, rank, path, goal),
                }
            }
        }
    }

    /// Goes on with a request for which something was found, unless its socket has gone.
    fn take_up(&mut self, id: SocketId, looked: LookupResult, now: Time) {
        let cold = self.sockets.get_mut(id).and_then(|socket| socket.cold.as_mut());
        let Some(asked) = cold.and_then(|cold| cold.asked.take()) else { return };
        match looked {
            LookupResult::Found(service) => self.receive_asked(id, service, asked, now),
            // A file has priority over the page of a service whose path is a prefix of its path.
            LookupResult::Below(_)
                if asked.protocols.is_none() && self.files == FilePolicy::Served =>
            {
                self.miss(id, asked, now);
            }
            LookupResult::Below(service) => self.receive_asked(id, service, asked, now),
            LookupResult::Page(service, page) => {
                if let Some(refusal) = self.misdirected(id, Some(service), &asked) {
                    return self.respond(id, &refusal, now);
                }
                if self.is_misspelled(id, service, &asked) {
                    return self.miss(id, asked, now);
                }
                self.show(id, service, Some(&page), &asked, now);
            }
            LookupResult::Nothing => self.miss(id, asked, now),
            LookupResult::Refused(response) => {
                let refusal = self.misdirected(id, None, &asked);
                self.respond(id, &refusal.unwrap_or(response), now);
            }
        }
    }

    /// Whether the service at a path has to be looked for before it is asked.
    pub(super) fn is_looked_up(&self, service: Option<ServiceId>, goal: LookupGoal) -> bool {
        self.lookups.answered
            && service.is_none_or(|service| {
                let is_program = self.services[service].is_program;
                is_program && (goal == LookupGoal::Page || !self.runs(service))
            })
    }

    /// Has the host look for a program, at once or when its turn has come.
    pub(super) fn begin_lookup(&mut self, id: SocketId, asked: PendingRequest) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let (path, goal) = (asked.target.path.clone(), asked.goal());
        log_socket(Level::Trace, id, format_args!("{path:?} is looked up"));
        socket.cold.get_or_insert_default().asked = Some(asked);
        let rank = if self.is_known(&path) { PathKind::Known } else { PathKind::Strange };
        if self.lookups.queue.has_room(rank) {
            return self.order_lookup(id, rank, path, goal);
        }
        // Bounds the entries of peers that connect, ask and go while a disk hangs.
        self.lookups.queue.forget(2 * self.sockets.len(), |id| self.sockets.asks(id));
        self.lookups.queue.wait(id, rank);
    }

    /// Whether a path, or the beginning of one, is that of a program that has been found or is
    /// named, with or without an extension. What lies in the folder of a program says nothing.
    fn is_known(&self, path: &str) -> bool {
        let ends = path.match_indices('/').skip(1).take(KNOWN_DEPTH_MAX).map(|(at, _)| at);
        let is_program = |service: ServiceId| self.services[service].is_program;
        ends.chain([path.len()]).any(|end| {
            spellings(&path[..end]).into_iter().any(|path| {
                self.lookups.named.contains(path) || self.tree.find(path).is_some_and(is_program)
            })
        })
    }

    fn order_lookup(&mut self, id: SocketId, rank: PathKind, path: String, goal: LookupGoal) {
        let holder = self.holder(id);
        self.lookups.queue.begin(id, holder, rank);
        self.outputs.push_back(Output::Lookup(Box::new(LookupJob { id, path, goal })));
    }

    /// The request of a socket that still waits for a lookup.
    fn asked_path(&self, id: SocketId) -> Option<(String, LookupGoal)> {
        let asked = self.sockets.get(id)?.cold.as_ref()?.asked.as_ref()?;
        Some((asked.target.path.clone(), asked.goal()))
    }

    /// The service of a request is known.
    pub(super) fn receive_asked(
        &mut self,
        id: SocketId,
        service: ServiceId,
        asked: PendingRequest,
        now: Time,
    ) {
        if let Some(refusal) = self.misdirected(id, Some(service), &asked) {
            return self.respond(id, &refusal, now);
        }
        if self.is_misspelled(id, service, &asked) {
            return self.miss(id, asked, now);
        }
        match asked.protocols {
            Some(_) => self.receive_upgrade(id, service, asked, now),
            None => self.show(id, service, None, &asked, now),
        }
    }

    /// Whether a service is not served by the requested spelling. If so, notes that for the log.
    fn is_misspelled(&mut self, id: SocketId, service: ServiceId, asked: &PendingRequest) -> bool {
        let key = &self.services[service].path;
        if self.tree.spellings == Spellings::All
            || (asked.direct.is_none()
                && ServiceTree::is_spelled(&asked.target.path, key)
                && is_canonical(asked.head.target(), &asked.target.path))
        {
            return false;
        }
        let text = format!("the service has the path {} alone, since spellings is one", cut(key));
        self.record_end(id, &text);
        true
    }

    /// No service is there.
    pub(super) fn miss(&mut self, id: SocketId, asked: PendingRequest, now: Time) {
        if let Some(refusal) = self.misdirected(id, None, &asked) {
            return self.respond(id, &refusal, now);
        }
        let PendingRequest { head, target, protocols, .. } = asked;
        if protocols.is_none() && self.files == FilePolicy::Served {
            return self.fetch(id, head, target, now);
        }
        let text = format!("no service is at {}", cut(&target.path));
        self.respond(id, &Response::text(Status::NOT_FOUND, &text), now);
    }
}

/// The longest prefix of a path that is checked, in names.
const KNOWN_DEPTH_MAX: usize = 8;
const PROGRAMS: Pool =
    Pool { name: "the limit of programs at a time", places_max: Limits::PROGRAMS_MAX };
