//! Calling: services on the loop. Each is called once in a turn at most, after all reading and
//! before all writing, so that a socket is answered in the turn that read it, with one write.

use std::collections::VecDeque;

use crate::engine::Engine;
use crate::engine::io::{Called, Exit, Io};
use crate::hub::{Output, StationId};
use crate::time::Time;

/// The services that are to be called in this turn, or in the next if the calls of this one are
/// over; each once.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: VecDeque<StationId>,
    /// By the index of the service: whether it is in the list.
    is_listed: Vec<bool>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, station: StationId) {
        let index = station.index();
        if index >= self.is_listed.len() {
            self.is_listed.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_listed[index], true) {
            self.list.push_back(station);
        }
    }

    fn has(&self, station: StationId) -> bool {
        self.is_listed.get(station.index()).is_some_and(|is_listed| *is_listed)
    }

    fn pop(&mut self) -> Option<StationId> {
        let station = self.list.pop_front()?;
        self.is_listed[station.index()] = false;
        Some(station)
    }
}

impl Engine {
    /// Calls the services on the loop that have mail, or whose intervals have passed. Those for
    /// which the turn has no time come first in the next. Outputs for others wait until then.
    pub fn call_services(&mut self, io: &mut impl Io, now: Time) {
        while let Some(output) = self.hub.poll() {
            match output {
                Output::Mail(station) if io.is_on_loop(station) => self.call_soon(station),
                Output::Start { station, run } => io.start(station, run, &mut self.hub, now),
                other => self.held.push_back(other),
            }
        }
        while let Some(station) = io.next_tick() {
            self.call_soon(station);
        }
        for _ in 0..self.calls.list.len() {
            if self.budget.deliveries() == 0 {
                return;
            }
            let Some(station) = self.calls.pop() else { return };
            self.call(station, io, now);
        }
    }

    fn call(&mut self, station: StationId, io: &mut impl Io, now: Time) {
        let share = self.budget.deliveries();
        let mut left = share;
        let called = io.call(station, &mut self.hub, &mut left, now);
        self.budget.delivered(share - left);
        match called {
            Called::Done => {}
            Called::More => self.call_soon(station),
            Called::Ended { run, how } => self.ended(&Exit { station, run, how }, io, now),
        }
    }

    /// Has a service on the loop called in this turn, or in the next.
    pub(super) fn call_soon(&mut self, station: StationId) {
        self.calls.push(station);
    }

    /// Whether a service on the loop is to be called in the next turn.
    #[must_use]
    pub fn is_due(&self, station: StationId) -> bool {
        self.calls.has(station)
    }

    /// Asks a service to finish; one on the loop is called for it.
    pub(super) fn finish(&mut self, station: StationId, io: &mut impl Io) {
        io.finish(station);
        if io.is_on_loop(station) {
            self.call_soon(station);
        }
    }
}
