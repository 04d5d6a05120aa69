//! `LoopServices`: the services on the loop. In reading order: [`LoopServices`]; `service`: one of
//! them; `pinned`: the thread that owns it.

mod pinned;
mod service;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::engine::{CallResult, RunExit};
use crate::host::clock::{SystemClock, TickClock};
use crate::host::factory::{Factory, Make};
use crate::hub::{Hub, RunEnd, RunId, WorkerId};
use crate::service::callbacks::next_tick;
use crate::service::context::RunTasks;
use crate::service::{Callbacks, SenderTable};
use crate::time::Time;

use service::LoopService;

/// All services on the loop.
#[derive(Debug)]
pub(crate) struct LoopServices<C = SystemClock> {
    /// Whether any is mounted, running or not.
    is_used: bool,
    /// Those that run, by the index of the worker.
    list: Vec<Option<LoopService>>,
    /// The services that have ticks, by the time of the next one.
    ticks: BinaryHeap<Reverse<(Instant, usize)>>,
    sender_table: SenderTable,
    clock: C,
}

impl<C: TickClock> LoopServices<C> {
    /// The services of these factories, with ticks by this clock; none runs yet.
    pub(crate) fn of(factories: &[Factory], sender_table: SenderTable, clock: C) -> Self {
        let is_used = factories.iter().any(|factory| matches!(factory, Factory::Loop(_)));
        Self { is_used, list: Vec::new(), ticks: BinaryHeap::new(), sender_table, clock }
    }

    /// Whether there is any service, running or not.
    pub(crate) const fn is_used(&self) -> bool {
        self.is_used
    }

    /// Whether this service runs here.
    pub(crate) fn has(&self, worker: WorkerId) -> bool {
        self.list.get(worker.index()).is_some_and(Option::is_some)
    }

    /// How many run.
    pub(crate) fn len(&self) -> usize {
        self.list.iter().flatten().count()
    }

    /// The time until the next tick of any service.
    pub(crate) fn wait_time(&self) -> Option<Duration> {
        let Reverse((at, _)) = self.ticks.peek()?;
        Some(at.saturating_duration_since(self.clock.now()))
    }

    /// Starts a service.
    ///
    /// # Errors
    /// The text of its panic.
    pub(crate) fn start(
        &mut self,
        run: RunId,
        make: &Make<dyn Callbacks>,
        tasks: RunTasks,
        hub: &mut Hub,
        now: Time,
    ) -> Result<(), RunEnd> {
        let service = LoopService::start(make, run, tasks, self.sender_table.clone(), hub, now)?;
        self.begin_interval(run.worker, service.interval());
        let index = run.worker.index();
        if self.list.len() <= index {
            self.list.resize_with(index + 1, || None);
        }
        self.list[index] = Some(service);
        Ok(())
    }

    /// Asks a service to finish at its next call. Returns whether it runs here.
    pub(crate) fn finish(&mut self, worker: WorkerId) -> bool {
        let service = self.at(worker);
        service.map(LoopService::finish).is_some()
    }

    /// The next service whose interval has passed. Its next call includes its tick.
    pub(crate) fn next_tick(&mut self) -> Option<WorkerId> {
        if self.ticks.is_empty() {
            return None;
        }
        let now = self.clock.now();
        loop {
            let &Reverse((at, index)) = self.ticks.peek()?;
            if at > now {
                return None;
            }
            self.ticks.pop();
            // A service that has ended leaves its tick in the list until its next start.
            let Some(service) = self.list[index].as_mut() else { continue };
            service.set_tick();
            let next = service.interval().and_then(|interval| next_tick(at, interval, now));
            if let Some(next) = next {
                self.ticks.push(Reverse((next, index)));
            }
            return Some(WorkerId::new(index));
        }
    }

    /// Calls a service with its mail, up to `left` deliveries.
    pub(crate) fn call(
        &mut self,
        worker: WorkerId,
        hub: &mut Hub,
        left: &mut usize,
        now: Time,
    ) -> CallResult {
        let Some(service) = self.at(worker) else { return CallResult::Done };
        let before = service.interval();
        let called = service.call(hub, left, now);
        let interval = service.interval();
        match called {
            CallResult::Ended(RunExit { run, end }) => {
                let Some(service) = self.list[worker.index()].take() else {
                    return CallResult::Done;
                };
                CallResult::Ended(RunExit { run, end: service.end(end) })
            }
            called => {
                if interval != before {
                    self.begin_interval(worker, interval);
                }
                called
            }
        }
    }

    fn at(&mut self, worker: WorkerId) -> Option<&mut LoopService> {
        self.list.get_mut(worker.index())?.as_mut()
    }

    /// Replaces the next tick of a service by the end of this interval.
    fn begin_interval(&mut self, worker: WorkerId, interval: Option<Duration>) {
        self.ticks.retain(|Reverse((_, index))| *index != worker.index());
        let first = interval.and_then(|interval| self.clock.now().checked_add(interval));
        if let Some(first) = first {
            self.ticks.push(Reverse((first, worker.index())));
        }
    }
}
