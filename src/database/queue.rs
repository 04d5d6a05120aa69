//! `JobQueue`: the jobs that wait, between those who have them and the threads of the connections.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(any(test, feature = "admin"))]
use crate::database::counts::QueueFacts;
use crate::database::counts::{JobEnd, Tally};
use crate::database::job::Job;
use crate::database::lane::{Lane, QueuedJob};
use crate::database::{Access, DatabaseError, DatabaseOptions, Layout};
use crate::service::Start;

/// The jobs of one database.
pub(super) struct JobQueue<C> {
    pub(super) state: Mutex<JobQueueState<C>>,
    /// For connections of each lane that have nothing to do.
    pub(super) idle: [Condvar; 2],
    /// For threads without a connection, and for a writer that ends after the readers.
    pub(super) dormant: Condvar,
    /// For threads that wait for capacity.
    pub(super) capacity: Condvar,
    /// For the thread that ends the wait of jobs.
    pub(super) clock: Condvar,
    layout: Layout,
    pub(super) options: DatabaseOptions,
    /// With a lock of its own, which is held for a moment.
    tally: Mutex<Tally>,
}

pub(super) struct JobQueueState<C> {
    pub(super) lanes: [Lane<C>; 2],
    pub(super) stage: QueueStage,
    /// How many threads wait for capacity.
    callers: usize,
    /// Whether the clock sleeps until it is woken.
    pub(super) clock_sleeps: bool,
    /// How many threads of connections there are.
    pub(super) threads: usize,
}

/// Whether jobs come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QueueStage {
    /// They do.
    Open,
    /// No more, and those that wait are done.
    Closing,
    /// No job is done any more.
    Closed,
}

/// What a connection does next.
pub(super) enum NextJobs<C> {
    /// This job, which reads.
    Read(QueuedJob<C>),
    /// These jobs, which write in one transaction.
    Write(Vec<QueuedJob<C>>),
    /// It was idle for a while, and is to be checked.
    Check,
    /// Its end.
    End,
}

/// Whether a caller waits for capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// As long as a job may wait.
    Wait,
}

impl<C> JobQueue<C> {
    pub(super) fn new(layout: Layout, options: DatabaseOptions) -> Self {
        // The clock of the system ends some time. With a queue of 0, no job would be done.
        let (wait, queue) = (options.wait.min(WAIT_MAX), options.queue.max(1));
        let options = DatabaseOptions { wait, queue, ..options };
        let state = JobQueueState {
            lanes: [Lane::new(), Lane::new()],
            stage: QueueStage::Open,
            callers: 0,
            clock_sleeps: false,
            threads: 0,
        };
        Self {
            state: Mutex::new(state),
            idle: [const { Condvar::new() }; 2],
            dormant: Condvar::new(),
            capacity: Condvar::new(),
            clock: Condvar::new(),
            layout,
            options,
            tally: Mutex::default(),
        }
    }

    /// Adds a job. If it is not taken, it is settled with the error.
    pub(super) fn push(&self, access: Access, job: Box<dyn Job<C>>, patience: Patience) {
        let mut state = self.lock();
        if patience == Patience::Wait && self.is_full(&state) && state.stage == QueueStage::Open {
            state = self.await_capacity(state);
        }
        let lane = self.lane(access);
        let error = match state.stage {
            QueueStage::Open if !self.is_full(&state) => {
                let expires = Instant::now() + self.options.wait;
                let of = &mut state.lanes[lane];
                of.jobs.push_back(QueuedJob { job, access, expires });
                let (wakes, wakes_dormant) = (of.wakes_one(), of.dormant > 0 && of.needs_more());
                let wakes_clock = std::mem::take(&mut state.clock_sleeps);
                drop(state);
                if wakes {
                    self.idle[lane].notify_one();
                }
                if wakes_dormant {
                    self.dormant.notify_all();
                }
                if wakes_clock {
                    self.clock.notify_one();
                }
                return;
            }
            QueueStage::Open => state.lanes[lane].too_long(),
            QueueStage::Closing | QueueStage::Closed => DatabaseError::Unavailable(None),
        };
        drop(state);
        self.count(access, JobEnd::of(&error));
        job.settle(Err(error));
    }

    /// What a connection of this lane does next; it waits for that. It was `used` last. A new one
    /// was not.
    pub(super) fn next(&self, lane: usize, used: Option<Instant>) -> NextJobs<C> {
        let mut state = self.lock();
        if used.is_none() {
            state.lanes[lane].connecting -= 1;
        }
        let used = used.unwrap_or_else(Instant::now);
        let (doubtful, stale) = (used + TRUST, used + CHECK_INTERVAL);
        loop {
            if state.stage == QueueStage::Closed {
                return NextJobs::End;
            }
            if !state.lanes[lane].jobs.is_empty() {
                let next = if Instant::now() >= doubtful {
                    NextJobs::Check
                } else {
                    self.take(&mut state, lane)
                };
                let wakes = state.lanes[lane].wakes_one();
                drop(state);
                if wakes {
                    self.idle[lane].notify_one();
                }
                return next;
            }
            if state.stage == QueueStage::Closing {
                return NextJobs::End;
            }
            let left = match self.options.start {
                Start::Eager => Some(stale.saturating_duration_since(Instant::now())),
                Start::Lazy => None,
            };
            if left.is_some_and(|left| left.is_zero()) {
                return NextJobs::Check;
            }
            state.lanes[lane].idle += 1;
            state = wait(&self.idle[lane], state, left);
            state.lanes[lane].idle -= 1;
            state.lanes[lane].is_waking = false;
        }
    }

    /// Waits until a thread of this lane is to open a connection. `false`: it is to end.
    /// [`JobQueue::connected`] or [`JobQueue::not_connected`] follows.
    pub(super) fn await_need(&self, lane: usize) -> bool {
        let mut state = self.lock();
        loop {
            let of = &state.lanes[lane];
            let is_needed = of.needs_more() || self.options.start == Start::Eager;
            match state.stage {
                QueueStage::Closed => return false,
                QueueStage::Closing if of.jobs.is_empty() => return false,
                QueueStage::Open if !is_needed => {
                    state.lanes[lane].dormant += 1;
                    state = wait(&self.dormant, state, None);
                    state.lanes[lane].dormant -= 1;
                }
                QueueStage::Open | QueueStage::Closing => break,
            }
        }
        state.lanes[lane].connecting += 1;
        true
    }

    /// A connection could not be opened, and why.
    pub(super) fn not_connected(&self, lane: usize, why: Arc<str>) {
        let of = &mut self.lock().lanes[lane];
        (of.connecting, of.down) = (of.connecting - 1, Some(why));
    }

    /// Waits before the next attempt to connect, unless the database is closed meanwhile.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while state.stage < QueueStage::Closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || (state.stage == QueueStage::Closing && state.is_empty()) {
                return;
            }
            state = wait(&self.dormant, state, Some(left));
        }
    }

    /// A connection of this lane was opened.
    pub(super) fn connected(&self, lane: usize) {
        let mut state = self.lock();
        let of = &mut state.lanes[lane];
        (of.up, of.down) = (of.up + 1, None);
        drop(state);
        self.tally().connects += 1;
    }

    /// A connection of this lane has gone.
    pub(super) fn disconnected(&self, lane: usize) {
        let mut state = self.lock();
        state.lanes[lane].up -= 1;
        // It may have been woken for a job, and has not taken it.
        let wakes = state.lanes[lane].wakes_one();
        drop(state);
        if wakes {
            self.idle[lane].notify_one();
        }
        self.dormant.notify_all();
    }

    /// Counts how a job has ended, before its answer is sent.
    pub(super) fn count(&self, access: Access, end: JobEnd) {
        self.tally().count(access, end);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Nothing panics with it.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of the database.
    #[cfg(any(test, feature = "admin"))]
    pub(super) fn facts(&self) -> QueueFacts {
        let state = self.lock();
        let lanes = match self.layout {
            Layout::Clients => &state.lanes[..1],
            Layout::OneWriter => &state.lanes[..],
        };
        QueueFacts {
            waiting: lanes.iter().map(|lane| lane.jobs.len()).sum(),
            up: lanes.iter().map(|lane| lane.up).sum(),
            is_up: lanes.iter().all(|lane| lane.up > 0),
            tally: self.tally().clone(),
        }
    }

    /// How many connections have nothing to do.
    #[cfg(test)]
    pub(super) fn idle_len(&self) -> usize {
        self.lock().lanes.iter().map(|lane| lane.idle).sum()
    }

    /// How many threads wait for capacity.
    #[cfg(test)]
    pub(super) fn callers_len(&self) -> usize {
        self.lock().callers
    }

    /// Whether several jobs that write share a transaction.
    pub(super) fn is_grouping(&self) -> bool {
        self.layout == Layout::OneWriter
    }

    /// The lane of the connections that do such jobs.
    pub(super) const fn lane(&self, access: Access) -> usize {
        match (self.layout, access) {
            (Layout::Clients, _) | (Layout::OneWriter, Access::Write) => 0,
            (Layout::OneWriter, Access::Read) => 1,
        }
    }

    fn take(&self, state: &mut JobQueueState<C>, lane: usize) -> NextJobs<C> {
        let jobs = &mut state.lanes[lane].jobs;
        let next = match jobs.pop_front_if(|first| first.access == Access::Read) {
            Some(job) => NextJobs::Read(job),
            None => {
                let len = if self.is_grouping() { jobs.len().min(GROUP_MAX) } else { 1 };
                NextJobs::Write(jobs.drain(..len).collect())
            }
        };
        self.freed(state);
        next
    }

    fn await_capacity<'a>(
        &'a self,
        mut state: MutexGuard<'a, JobQueueState<C>>,
    ) -> MutexGuard<'a, JobQueueState<C>> {
        let until = Instant::now() + self.options.wait;
        while self.is_full(&state) && state.stage == QueueStage::Open {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.callers += 1;
            state = wait(&self.capacity, state, Some(left));
            state.callers -= 1;
        }
        state
    }

    /// Jobs have been taken out.
    pub(super) fn freed(&self, state: &JobQueueState<C>) {
        if state.callers > 0 {
            self.capacity.notify_all();
        }
    }

    fn is_full(&self, state: &JobQueueState<C>) -> bool {
        state.lanes.iter().map(|lane| lane.jobs.len()).sum::<usize>() >= self.options.queue
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, JobQueueState<C>> {
        // Nothing panics with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> JobQueueState<C> {
    fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.jobs.is_empty())
    }
}

/// Waits for a signal.
pub(super) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    left: Option<Duration>,
) -> MutexGuard<'a, T> {
    match left {
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(left) => condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0,
    }
}

/// A year: as long as a key of a configuration may say.
const WAIT_MAX: Duration = Duration::from_secs(8_760 * 3_600);
/// How many jobs share a transaction at most.
const GROUP_MAX: usize = 64;
/// For how long a connection may be idle and get a job without a check, a short query.
const TRUST: Duration = Duration::from_millis(50);
/// For how long a connection may be idle before it is checked without a job.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
