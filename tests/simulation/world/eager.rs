//! Services that start without a socket: at once, and again after each end and its pause, until a
//! stop begins.

use switchboard::Start;
use switchboard::engine::Engine;
use switchboard::time::Time;

use super::place::Place;
use super::{Simulation, World, mount_all};

impl Simulation {
    /// The same, where every other service is eager, and some are on the loop.
    pub fn eager(mut self) -> Self {
        let Self { engine, world, .. } = &mut self;
        for (number, place) in world.places.iter_mut().enumerate() {
            place.start = if number % 2 == 1 { Start::Eager } else { Start::Lazy };
            place.is_on_loop = number % 4 == 3;
        }
        *engine = Engine::new(mount_all(&mut world.places, &world.limits), &world.limits);
        self
    }
}

impl Place {
    /// Since when an eager one has to run that does not.
    fn is_due_since(&self) -> Option<Time> {
        (self.start == Start::Eager && self.worker.is_none()).then_some(self.retry)
    }
}

impl World {
    /// After a turn, all run whose pauses are over, except those that have ended in this turn.
    pub(super) fn check_eager_turn(&mut self) {
        for of in &self.places {
            let is_late = of.is_due_since().is_some_and(|at| at <= self.now);
            let is_excused = of.ended_turn == Some(self.turns) || self.drained.is_some();
            assert!(!is_late || is_excused, "{}: it is eager, and does not run", of.profile.name);
        }
    }

    /// Without an event, the host turns when a pause is over.
    pub(super) fn check_eager_rest(&self, deadline: Option<Time>) {
        for of in &self.places {
            let Some(due) = of.is_due_since().filter(|_| self.drained.is_none()) else { continue };
            let is_awaited = deadline.is_some_and(|at| at <= due.max(self.now));
            assert!(is_awaited, "{}: the host sleeps beyond its start", of.profile.name);
        }
    }

    /// Whether one is to start then.
    pub(super) fn is_eager_start(&self, at: Time) -> bool {
        self.places.iter().any(|of| of.is_due_since() == Some(at))
    }
}
