//! The ends of jobs and of a database: jobs that have waited for too long, and a clean end.

use std::sync::Condvar;
use std::time::{Duration, Instant};

use crate::database::DatabaseError;
use crate::database::counts::JobEnd;
use crate::database::lane::QueuedJob;
use crate::database::queue::{JobQueue, JobQueueState, QueueStage, wait};
use crate::host::panic::catch_text;

impl<C> JobQueue<C> {
    /// Ends the wait of jobs for which it has been too long, until the database is closed.
    pub(super) fn run_clock(&self) {
        let mut state = self.lock();
        let mut was_idle = false;
        while state.stage < QueueStage::Closed && state.threads > 0 {
            let now = Instant::now();
            let first = state.lanes.iter().filter_map(|lane| lane.jobs.front()).map(|j| j.expires);
            let Some(first) = first.min() else {
                // A job that comes during this wait expires after it. So most of them need not wake
                // this thread.
                state.clock_sleeps = was_idle;
                let left = if was_idle { None } else { Some(self.options.wait) };
                state = wait(&self.clock, state, left);
                was_idle = !was_idle;
                continue;
            };
            was_idle = false;
            if first > now {
                state = wait(&self.clock, state, Some(first - now));
                continue;
            }
            let expired = state.expire(now);
            self.freed(&state);
            drop(state);
            for (late, error) in expired {
                self.count(late.access, JobEnd::of(&error));
                // What a job holds is dropped here, and that may panic.
                let _ = catch_text(|| late.job.settle(Err(error)));
            }
            state = self.lock();
        }
    }

    /// Takes no more jobs, and has those that wait done. Returns whether all threads have ended
    /// within this time; after that, jobs that still wait are dropped.
    pub(super) fn close(&self, within: Duration) -> bool {
        self.begin_close();
        let until = Instant::now().checked_add(within);
        let mut state = self.lock();
        while state.threads > 0 {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            state = wait(&self.dormant, state, left);
        }
        let is_done = state.threads == 0;
        state.stage = QueueStage::Closed;
        let left: Vec<_> = state.lanes.iter_mut().flat_map(|of| of.jobs.drain(..)).collect();
        drop(state);
        self.wake_all();
        self.drop_late(left);
        is_done
    }

    /// These jobs have not begun: they wait again, before all others.
    pub(super) fn put_back(&self, lane: usize, jobs: Vec<QueuedJob<C>>) {
        let mut state = self.lock();
        if state.stage == QueueStage::Closed {
            drop(state);
            return self.drop_late(jobs);
        }
        for job in jobs.into_iter().rev() {
            state.lanes[lane].jobs.push_front(job);
        }
        state.clock_sleeps = false;
        drop(state);
        self.idle[lane].notify_one();
        // It may wait for longer than these jobs may.
        self.clock.notify_one();
    }

    /// Settles jobs that are not done any more.
    pub(super) fn drop_late(&self, jobs: Vec<QueuedJob<C>>) {
        for late in &jobs {
            self.count(late.access, JobEnd::Unavailable);
        }
        for late in jobs {
            let _ = catch_text(|| late.job.settle(Err(DatabaseError::Unavailable(None))));
        }
    }

    /// Takes no more jobs.
    pub(super) fn begin_close(&self) {
        let mut state = self.lock();
        state.stage = state.stage.max(QueueStage::Closing);
        drop(state);
        self.wake_all();
    }

    /// Waits until no connection of this lane is left, unless that takes too long.
    pub(super) fn await_end_of(&self, lane: usize) {
        let mut state = self.lock();
        while state.lanes[lane].up > 0 && state.stage < QueueStage::Closed {
            state = wait(&self.dormant, state, None);
        }
    }

    /// A thread of a connection begins.
    pub(super) fn enter(&self) {
        self.lock().threads += 1;
    }

    /// A thread of a connection has ended.
    pub(super) fn leave(&self) {
        self.lock().threads -= 1;
        self.dormant.notify_all();
        // The clock ends with the last of them.
        self.clock.notify_one();
    }

    fn wake_all(&self) {
        let all = [&self.dormant, &self.capacity, &self.clock].into_iter().chain(&self.idle);
        all.for_each(Condvar::notify_all);
    }
}

impl<C> JobQueueState<C> {
    /// Takes out the jobs that have waited for too long, with their errors.
    fn expire(&mut self, now: Instant) -> Vec<(QueuedJob<C>, DatabaseError)> {
        let mut expired = Vec::new();
        for lane in &mut self.lanes {
            while let Some(late) = lane.jobs.pop_front_if(|queued| queued.expires <= now) {
                expired.push((late, lane.too_long()));
            }
        }
        expired
    }
}
