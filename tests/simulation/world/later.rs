//! Sockets that are answered later: their services have jobs done, which take time and end in any
//! order over sockets. What waits for them, and the queue of what is to be done with their results,
//! are those of the library, used as a context does it.
//!
//! What has to hold: a service gets the transactions of a socket in their order, and none before
//! what came before it is answered; each job is answered once, also if its socket has gone, unless
//! the run of its service is over; and nothing is left of sockets that were answered.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard::engine::HostEvent;
use switchboard::hub::Hub;
use switchboard::service::{
    AfterAdding, BeginJob, Inbound, Released, SocketId, SocketWaits, TaskQueue, TaskSender,
};
use switchboard::time::Time;

use super::peer::Goal;
use super::profile::ServiceProfile;
use super::service::{Order, Surroundings, Whom, Worker};
use super::{Simulation, World};

/// The jobs of a world.
pub struct Jobs {
    /// Whether services have any.
    are_there: bool,
    begun: Shared<Job>,
    under_way: Vec<(Time, Job)>,
    /// The places whose services have something to be done.
    woken: Shared<usize>,
}

/// A list that services fill.
type Shared<T> = Arc<Mutex<Vec<T>>>;

/// A job that another thread does.
pub struct Job {
    /// The place of its service, and the run.
    run: (usize, u32),
    results: TaskSender<JobResult>,
    result: JobResult,
}

/// The result of a job.
#[derive(Debug)]
pub struct JobResult {
    id: SocketId,
    /// The number of the job among those of its run.
    number: u64,
    len: usize,
    has_failed: bool,
}

/// What a run of a service answers later.
pub struct Desk {
    is_judged: bool,
    run: (usize, u32),
    is_on_loop: bool,
    waits: SocketWaits,
    results: TaskQueue<JobResult>,
    /// How many results come before the next batch of mail.
    results_left: usize,
    /// A service on the loop has had a result, and a transaction is next.
    had_result: bool,
    begun: Shared<Job>,
    jobs_len: u64,
    /// What is due of each socket.
    due: BTreeMap<SocketId, Due>,
}

/// What a service has to get of one socket.
#[derive(Debug, Default)]
struct Due {
    transactions: VecDeque<Mark>,
    /// The jobs that are not answered.
    jobs: VecDeque<u64>,
}

/// What a transaction is known by.
type Mark = (SocketId, &'static str, usize, [u8; 8]);

impl Simulation {
    /// The same, where the services but the first answer some messages later. Some of these are on
    /// the loop.
    pub fn with_jobs(mut self) -> Self {
        let world = &mut self.world;
        world.jobs.are_there = true;
        for (number, place) in world.places.iter_mut().enumerate().skip(1) {
            place.profile.later = world.chooser.pick(&[3, 2, 12]);
            place.is_on_loop = number % 2 == 0 && !place.has_crew;
        }
        self
    }

    /// The same, where these services have several workers.
    #[cfg(feature = "workers")]
    pub fn with_workers_and_jobs(self) -> Self {
        self.with_workers().with_jobs()
    }
}

impl Jobs {
    pub fn none() -> Self {
        let (begun, woken) = (Shared::default(), Shared::default());
        Self { are_there: false, begun, under_way: Vec::new(), woken }
    }

    /// What a new run of a service has.
    pub fn desk(&self, run: (usize, u32), is_on_loop: bool) -> Desk {
        let results = TaskQueue::new("/a/service");
        let woken = self.woken.clone();
        results.wake_by(|| Box::new(move || lock(&woken).push(run.0)));
        Desk {
            is_judged: self.are_there,
            run,
            is_on_loop,
            waits: SocketWaits::default(),
            results,
            results_left: 0,
            had_result: false,
            begun: self.begun.clone(),
            jobs_len: 0,
            due: BTreeMap::new(),
        }
    }
}

impl Desk {
    /// The service is about to get these.
    pub fn note_delivered(&mut self, mail: &[Inbound]) {
        for transaction in mail.iter().filter(|_| self.is_judged) {
            let due = self.due.entry(transaction.id()).or_default();
            due.transactions.push_back(mark(transaction));
        }
    }

    /// The service gets a transaction.
    pub fn note_handled(&mut self, transaction: &Inbound) {
        if !self.is_judged {
            return;
        }
        let due = self.due.entry(transaction.id()).or_default();
        let (next, is_answered) = (due.transactions.pop_front(), due.jobs.is_empty());
        assert_eq!(next, Some(mark(transaction)), "what came first is first");
        assert!(is_answered, "{transaction:?} before the answer to what came before it");
    }

    /// A transaction of a socket waits.
    fn note_kept(&self, id: SocketId) {
        if self.is_judged {
            let has_more = |due: &Due| !due.jobs.is_empty() || due.transactions.len() > 1;
            assert!(self.due.get(&id).is_some_and(has_more), "socket {id} waits for nothing");
        }
    }

    /// Whether something is to be done at once.
    pub fn is_ready(&self) -> bool {
        !self.results.is_empty() || self.waits.is_ready()
    }

    /// Whether nothing waits, and nothing is to be done.
    pub fn is_idle(&self) -> bool {
        self.waits.is_empty() && self.results.is_empty()
    }

    /// The service is done with all that has come.
    pub fn check_end(&self) {
        for (index, Due { transactions, jobs }) in &self.due {
            assert!(jobs.is_empty(), "socket {index} has no answer");
            assert!(transactions.is_empty(), "socket {index}: {transactions:?} is lost");
        }
    }

    /// A job of a socket, to begin when its time comes.
    fn job(&mut self, id: SocketId, len: usize, has_failed: bool) -> BeginJob {
        self.jobs_len += 1;
        let number = self.jobs_len;
        self.due.entry(id).or_default().jobs.push_back(number);
        let (begun, run, results) = (self.begun.clone(), self.run, self.results.sender());
        let result = JobResult { id, number, len, has_failed };
        Box::new(move || lock(&begun).push(Job { run, results, result }))
    }

    /// The next result, if it is its turn: on the loop, one result and one transaction take turns.
    fn next_on_loop(&mut self) -> Option<JobResult> {
        if !self.is_on_loop || mem::take(&mut self.had_result) {
            return None;
        }
        let result = self.next_result()?;
        self.had_result = true;
        Some(result)
    }

    fn next_result(&mut self) -> Option<JobResult> {
        self.results_left = self.results_left.checked_sub(1)?;
        self.results.next()
    }
}

impl Worker {
    /// The next transaction, as callbacks get it: one counts as taken when the next is asked for,
    /// and everything is sent before the service would wait. Before it, results of jobs may be
    /// dealt with.
    pub(super) fn receive(
        &mut self,
        profile: &ServiceProfile,
        around: &mut Surroundings<'_>,
    ) -> Option<Inbound> {
        self.batcher.put_down();
        loop {
            if let Some(result) = self.desk.next_on_loop() {
                self.deal_with(profile, &result, around);
                continue;
            }
            if let Some(released) = self.desk.waits.release() {
                match released {
                    Released::Transaction(transaction) => {
                        self.batcher.pick_up_kept(&transaction);
                        return Some(transaction);
                    }
                    Released::Answered(id) => {
                        let of = self.batcher.taken_of(id);
                        self.send_off(Order::Answered { id, of }, around);
                    }
                }
                continue;
            }
            if let Some(transaction) = self.batcher.mail.next() {
                let id = transaction.id();
                if let Some(transaction) = self.desk.waits.keep(transaction) {
                    self.batcher.pick_up(&transaction);
                    return Some(transaction);
                }
                self.desk.note_kept(id);
                self.batcher.keep();
                continue;
            }
            if let Some(result) = self.desk.next_result() {
                self.deal_with(profile, &result, around);
                continue;
            }
            self.flush();
            if self.queue.len() >= around.limits.batches_max {
                return None;
            }
            self.desk.results_left = self.desk.results.len();
            match self.inbox.pop_front() {
                Some(mail) => self.batcher.mail = mail.into_iter(),
                None if self.desk.results_left > 0 => {}
                None => return None,
            }
        }
    }

    /// Has a message answered later, most often by one job.
    pub(super) fn answer_later(&mut self, id: SocketId, len: usize, around: &mut Surroundings<'_>) {
        for _ in 0..around.chooser.pick(&[1, 1, 1, 2, 3]) {
            self.begin_job(id, len, around);
        }
    }

    fn begin_job(&mut self, id: SocketId, len: usize, around: &mut Surroundings<'_>) {
        let has_failed = around.chooser.once_in(9);
        let job = self.desk.job(id, len, has_failed);
        match self.desk.waits.add(id, job) {
            AfterAdding::BeginWith(id, job) => {
                self.send_off(Order::Later { id }, around);
                job();
            }
            AfterAdding::Begin(job) => job(),
            AfterAdding::Nothing => {}
        }
    }

    /// A job is done: the service answers, or has one more job done.
    fn deal_with(
        &mut self,
        profile: &ServiceProfile,
        result: &JobResult,
        around: &mut Surroundings<'_>,
    ) {
        let JobResult { id, number, len, has_failed } = *result;
        let due = self.desk.due.entry(id).or_default();
        assert_eq!(due.jobs.pop_front(), Some(number), "jobs are answered in their order, once");
        if has_failed && around.chooser.once_in(2) {
            self.send_off(Order::Close { to: Whom::One(id), code: 1011 }, around);
        } else {
            self.answer(profile.answers, id, if has_failed { 9 } else { len }, around);
        }
        if around.chooser.once_in(12) {
            self.begin_job(id, len, around);
        }
        if let Some(next) = self.desk.waits.answered(id) {
            next();
        }
    }
}

impl World {
    /// Jobs are done, each after its own time.
    pub(super) fn jobs_act(&mut self) {
        let begun = mem::take(&mut *lock(&self.jobs.begun));
        for job in begun {
            let ms = self.chooser.pick(&[0, 3, 0, 50, 700, 6_000]);
            self.jobs.under_way.push((self.now.after(ms), job));
        }
        let now = self.now;
        let is_due = |(at, _): &(Time, Job)| *at <= now;
        while self.jobs.under_way.iter().any(is_due) && !self.chooser.once_in(4) {
            let from = self.chooser.below(self.jobs.under_way.len());
            let places = (0..self.jobs.under_way.len()).cycle().skip(from);
            let at = places.into_iter().find(|at| is_due(&self.jobs.under_way[*at]));
            let (_, job) = self.jobs.under_way.swap_remove(at.expect("one is due"));
            self.tally.jobs += 1;
            let (place, run) = job.run;
            let is_over = self.places[place].worker.as_ref().is_none_or(|of| of.run != run);
            self.tally.lost_jobs += u64::from(is_over);
            self.tally.late_jobs += u64::from(self.link_of(job.result.id).is_none());
            job.results.send(job.result);
        }
        for place in mem::take(&mut *lock(&self.jobs.woken)) {
            if let (true, Some(worker)) =
                (self.places[place].is_on_loop, self.places[place].worker_id)
            {
                self.inbox.tell(HostEvent::Tasks(worker));
            }
        }
    }

    /// Whether any job is not answered.
    pub(super) fn awaits_jobs(&self) -> bool {
        let is_busy = |worker: &Worker| !worker.desk.is_idle();
        !self.jobs.under_way.is_empty()
            || !lock(&self.jobs.begun).is_empty()
            || self.places.iter().filter_map(|place| place.worker.as_ref()).any(is_busy)
    }

    /// A service answers a socket later.
    pub(super) fn note_later(&mut self, place: usize, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let is_own = self.links[index].peer.goal == Goal::Service(place);
        let Some(record) = self.links[index].record.as_mut().filter(|of| of.opened && is_own)
        else {
            return;
        };
        if !record.orphaned {
            record.later = true;
            self.places[place].later.insert(id.as_u64());
        }
    }

    /// A service has answered a socket, and all that it had kept of it.
    pub(super) fn note_answered(&mut self, place: usize, id: SocketId) {
        self.places[place].later.remove(&id.as_u64());
        let index = self.link_of(id);
        if let Some(record) = index.and_then(|index| self.links[index].record.as_mut()) {
            record.later = false;
        }
    }

    /// The hub knows which sockets are answered later, and no others.
    pub(super) fn check_later(&self, hub: &Hub) {
        for of in &self.places {
            let len = of.worker_id.map_or(0, |worker| hub.later_len(worker));
            assert_eq!(len, of.later.len(), "{}: sockets that are answered later", of.profile.name);
        }
    }

    /// Services on the loop are called for what is to be done.
    pub(super) fn check_quiet_tasks(&self) {
        let of_loop = self.places.iter().filter(|place| place.is_on_loop);
        let are_ready =
            of_loop.filter_map(|place| place.worker.as_ref()).any(|of| of.desk.is_ready());
        assert!(!are_ready, "a service on the loop is not called for its results");
    }

    /// All peers have gone, and all jobs are done: nothing is left of them.
    pub(super) fn check_all_answered(&self) {
        for of in &self.places {
            assert!(
                of.later.is_empty(),
                "{}: a socket is answered later for ever",
                of.profile.name
            );
            for due in of.worker.iter().flat_map(|worker| worker.desk.due.values()) {
                assert!(due.jobs.is_empty(), "{}: a job has no answer", of.profile.name);
            }
        }
    }
}

fn mark(transaction: &Inbound) -> Mark {
    let (kind, bytes): (_, &[u8]) = match transaction {
        Inbound::Ask { .. } => ("ask", b""),
        Inbound::Open { .. } => ("open", b""),
        Inbound::Data { message, .. } => ("data", message.as_bytes()),
        Inbound::Full { .. } => ("full", b""),
        Inbound::Drained { .. } => ("drained", b""),
        Inbound::Close { .. } => ("close", b""),
        other => panic!("no service reacts to {other:?}"),
    };
    let serial = bytes.first_chunk().copied().unwrap_or_default();
    (transaction.id(), kind, bytes.len(), serial)
}

fn lock<T>(list: &Shared<T>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("due", &self.due).finish_non_exhaustive()
    }
}
