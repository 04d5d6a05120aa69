//! The services on the loop: who is to be called in a turn, and the calls. Each is called once
//! in a turn at most, after all reading and before all writing, so that a socket is answered in
//! the turn that read it, with one write.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use crate::host::local::{Called, Local};
use crate::host::turn::Host;
use crate::host::worker::{Factory, Make};
use crate::hub::{Budget, Output, StationId};
use crate::service::Callbacks;
use crate::service::callbacks::next_tick;
use crate::time::Time;

/// All services on the loop.
#[derive(Debug)]
pub(super) struct Locals {
    /// Those that run, by the index of the station. Empty if none is mounted on the loop.
    list: Vec<Option<Local>>,
    /// Those to be called in this turn, or in the next.
    due: VecDeque<StationId>,
    /// When those are to be called that have ticks; the first is next.
    ticks: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Outputs of the hub that wait until services have been called.
    pub(super) held: VecDeque<Output>,
}

impl Locals {
    /// None runs yet of those that these factories make.
    pub(super) fn of(factories: &[Factory]) -> Self {
        let is_any = factories.iter().any(|factory| matches!(factory, Factory::Loop(_)));
        let list_len = if is_any { factories.len() } else { 0 };
        Self {
            list: (0..list_len).map(|_| None).collect(),
            due: VecDeque::new(),
            ticks: BinaryHeap::new(),
            held: VecDeque::new(),
        }
    }

    /// Has a service called in this turn, or in the next if the calls of this one are over.
    pub(super) fn call_soon(&mut self, station: StationId) {
        if let Some(local) = self.at(station)
            && !local.called
        {
            local.called = true;
            self.due.push_back(station);
        }
    }

    /// Tells a service to finish.
    pub(super) fn finish(&mut self, station: StationId) {
        if let Some(local) = self.at(station) {
            local.finishes = true;
        }
        self.call_soon(station);
    }

    /// Whether this service runs here.
    pub(super) fn has(&self, station: StationId) -> bool {
        self.list.get(station.index()).is_some_and(Option::is_some)
    }

    /// Whether one is to be called.
    pub(super) fn has_work(&self) -> bool {
        !self.due.is_empty()
    }

    /// How long none is to be called for its tick.
    pub(super) fn patience(&self) -> Option<Duration> {
        let Reverse((at, _)) = self.ticks.peek()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.list.iter().flatten().count()
    }

    fn at(&mut self, station: StationId) -> Option<&mut Local> {
        self.list.get_mut(station.index())?.as_mut()
    }

    fn add(&mut self, station: StationId, local: Local) {
        self.begin_interval(station, local.interval());
        self.list[station.index()] = Some(local);
    }

    fn remove(&mut self, station: StationId) -> Option<Local> {
        self.begin_interval(station, None);
        self.list.get_mut(station.index())?.take()
    }

    /// Replaces the next tick of a service by the end of this interval.
    fn begin_interval(&mut self, station: StationId, interval: Option<Duration>) {
        self.ticks.retain(|Reverse((_, index))| *index != station.index());
        let first = interval.and_then(|interval| Instant::now().checked_add(interval));
        self.ticks.extend(first.map(|first| Reverse((first, station.index()))));
    }

    /// Has those called whose intervals have passed.
    fn tick(&mut self) {
        if self.ticks.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&Reverse((at, index))) = self.ticks.peek()
            && at <= now
        {
            self.ticks.pop();
            let Some(local) = self.list[index].as_mut() else { continue };
            local.ticks = true;
            let next = local.interval().and_then(|interval| next_tick(at, interval, now));
            self.ticks.extend(next.map(|next| Reverse((next, index))));
            self.call_soon(StationId::new(index));
        }
    }
}

impl Host {
    /// Calls the services on the loop that have mail, or whose intervals have passed. Those for
    /// which the turn has no time come first in the next.
    pub(super) fn call_services(&mut self, now: Time) {
        if self.locals.list.is_empty() {
            return;
        }
        while let Some(output) = self.hub.poll() {
            match output {
                Output::Mail(station) if self.locals.has(station) => {
                    self.locals.call_soon(station);
                }
                Output::Start { station, run } => self.start(station, run, now),
                other => self.locals.held.push_back(other),
            }
        }
        self.locals.tick();
        for _ in 0..self.locals.due.len() {
            if self.budget.deliveries() == 0 {
                return;
            }
            let Some(station) = self.locals.due.pop_front() else { return };
            self.call_service(station, now);
        }
    }

    fn call_service(&mut self, station: StationId, now: Time) {
        let Some(local) = self.locals.at(station) else { return };
        local.called = false;
        let before = local.interval();
        let share = self.budget.deliveries();
        let mut left = share;
        let called = local.call(&mut self.hub, &mut left, now);
        self.budget.delivered(share - left);
        let interval = local.interval();
        if interval != before {
            self.locals.begin_interval(station, interval);
        }
        match called {
            Called::Done => {}
            Called::More => self.locals.call_soon(station),
            Called::Ended(how) => {
                let Some(local) = self.locals.remove(station) else { return };
                let run = local.run();
                self.hub.ended(station, run, &local.end(how), now);
            }
        }
    }

    /// Starts a service on the loop.
    pub(super) fn start_local(
        &mut self,
        station: StationId,
        run: u32,
        make: &Make<dyn Callbacks>,
        now: Time,
    ) {
        match Local::start(make, station, run, &mut self.hub, now) {
            Ok(local) => self.locals.add(station, local),
            Err(how) => self.hub.ended(station, run, &how, now),
        }
    }

    /// Has all finish that run, at the end of the host, as far as there is time: what they have
    /// not been called with by then goes with them.
    pub(super) fn finish_locals(&mut self, now: Time, patience: Duration) {
        let end = Instant::now() + patience;
        // With that, it is no news that a service ends.
        self.hub.drain(now);
        for index in 0..self.locals.list.len() {
            self.locals.finish(StationId::new(index));
        }
        while self.locals.has_work() && Instant::now() < end {
            self.budget = Budget::new(&self.limits);
            self.call_services(now);
        }
    }
}
