//! Calling: services on the loop. Each is called once in a turn at most, after all reading and
//! before all writing, so that a socket is answered in the turn that read it, with one write.

use std::collections::VecDeque;

use crate::engine::Engine;
use crate::engine::io::{CallResult, Io, NotStarted};
use crate::engine::step::TurnStep;
use crate::hub::{Output, RunEnd, RunId, WorkerId};
use crate::time::Time;

/// The services to be called in this turn, or in the next if the calls of this turn are over; each
/// once.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: VecDeque<WorkerId>,
    /// Whether a worker is in the list, by its index.
    is_listed: Vec<bool>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, worker: WorkerId) {
        let index = worker.index();
        if index >= self.is_listed.len() {
            self.is_listed.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_listed[index], true) {
            self.list.push_back(worker);
        }
    }

    fn has(&self, worker: WorkerId) -> bool {
        self.is_listed.get(worker.index()).is_some_and(|is_listed| *is_listed)
    }

    fn pop(&mut self) -> Option<WorkerId> {
        let worker = self.list.pop_front()?;
        self.is_listed[worker.index()] = false;
        Some(worker)
    }
}

impl Engine {
    /// Calls the services on the loop that have mail, or whose intervals have passed. Those for
    /// which the turn has no time come first in the next. Outputs for others wait until then.
    pub fn call_services(&mut self, io: &mut impl Io, now: Time) {
        while let Some(output) = self.hub.poll() {
            match output {
                Output::Mail(worker) if io.is_on_loop(worker) => self.call_soon(worker),
                Output::Start(run) => self.start(run, io, now),
                other => self.held.push_back(other),
            }
        }
        while let Some(worker) = io.next_tick() {
            self.call_soon(worker);
        }
        for _ in 0..self.calls.list.len() {
            if self.budget.deliveries() == 0 {
                return;
            }
            let Some(worker) = self.calls.pop() else { return };
            self.call(worker, io, now);
        }
    }

    fn call(&mut self, worker: WorkerId, io: &mut impl Io, now: Time) {
        let share = self.budget.deliveries();
        let mut left = share;
        let called = io.call(worker, &mut self.hub, &mut left, now);
        self.budget.delivered(share - left);
        match called {
            CallResult::Done => {}
            CallResult::More => self.call_soon(worker),
            CallResult::Ended(exit) => self.ended(&exit, io, now),
        }
    }

    /// Starts a run. If it cannot start, the run ends at once.
    pub(super) fn start(&mut self, run: RunId, io: &mut impl Io, now: Time) {
        match io.start(run, &mut self.hub, now) {
            Ok(()) => return,
            Err(NotStarted::NoThread(how)) => {
                self.hub.not_started(run, &RunEnd::Failed(how), now);
            }
            Err(NotStarted::Failed(end)) => self.hub.ended(run, &end, now),
        }
        io.observe(TurnStep::Ended(run.worker), &self.hub, now);
    }

    /// Queues a service on the loop to be called in this turn or in the next.
    pub(super) fn call_soon(&mut self, worker: WorkerId) {
        self.calls.push(worker);
    }

    /// Whether a service on the loop is to be called in the next turn.
    #[must_use]
    pub fn is_due(&self, worker: WorkerId) -> bool {
        self.calls.has(worker)
    }

    /// Asks a service to finish; one on the loop is called for it.
    pub(super) fn finish(&mut self, worker: WorkerId, io: &mut impl Io) {
        io.finish(worker);
        if io.is_on_loop(worker) {
            self.call_soon(worker);
        }
    }
}
