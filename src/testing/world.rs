//! `World`: an engine and what is around it, whose time a test moves.

use std::fmt;
use std::time::Duration;

use crate::engine::{Engine, Turn};
use crate::server::TestPlan;
use crate::service::thread_mark::mark_service;
use crate::service::{ServiceSender, SocketId, recording_failures};
use crate::testing::io::{MemoryIo, TestClock};
use crate::testing::link::TestLink;
use crate::time::Time;

/// A host of a test.
pub(super) struct World {
    engine: Engine,
    pub(super) io: MemoryIo,
    clock: TestClock,
    now: Time,
    /// The failures that the test has not looked at.
    failures: Vec<String>,
    is_over: bool,
}

impl World {
    pub(super) fn new(plan: TestPlan) -> Self {
        let TestPlan { hub, limits, factories, values } = plan;
        // A sender of this thread would wait for itself.
        mark_service();
        let clock = TestClock::new();
        let mut world = Self {
            engine: Engine::new(hub, &limits),
            io: MemoryIo::new(factories, values, clock.clone()),
            clock,
            now: Time::ZERO,
            failures: Vec::new(),
            is_over: false,
        };
        // Services start that are eager.
        world.turn();
        world.settle();
        world
    }

    /// A client connects and has sent its request. Returns the index of the connection.
    pub(super) fn connect(&mut self, link: TestLink) -> usize {
        let link = self.io.connect(link);
        self.settle();
        link
    }

    /// Turns, until nothing is left to do at this time.
    pub(super) fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            self.io.take_signals();
            let news = self.io.take_news();
            let is_quiet = news.is_empty() && !self.io.has_arrivals();
            if self.is_over || is_quiet && !self.engine.has_work(&self.io) {
                return;
            }
            for (place, ready) in news {
                self.engine.notify(place, ready);
            }
            self.turn();
        }
        panic!("the services do not come to rest within {TURNS_MAX} turns of the host");
    }

    /// Time passes. What is due meanwhile happens in its order.
    pub(super) fn advance(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let end = self.now.after(ms);
        self.settle();
        while let Some(due) = self.due().filter(|due| *due <= end && !self.is_over) {
            // What is due at once and stays so is not waited for in vain.
            let next = if due > self.now { due } else { self.now.after(1) };
            self.set(next.min(end));
            self.turn();
            self.settle();
            if self.now == end {
                break;
            }
        }
        self.set(end);
        self.turn();
        self.settle();
    }

    /// Waits until another thread has something for a service.
    pub(super) fn wait(&mut self) -> Result<(), Duration> {
        if !self.io.wait_for_signal(THREADS_WAIT) {
            return Err(THREADS_WAIT);
        }
        self.settle();
        Ok(())
    }

    /// Waits until an answer has come that a socket waits for (`Peer::later`). `false`: none waits,
    /// or none has come.
    pub(super) fn wait_for_answer(&mut self) -> bool {
        self.io.waits.any() && self.wait().is_ok()
    }

    /// Stops, once all services have finished.
    pub(super) fn stop(&mut self) {
        self.io.ask_to_stop();
        while !self.is_over {
            self.advance(STOP_STEP);
        }
    }

    /// The failures so far that the test has not looked at.
    pub(super) const fn failures(&mut self) -> &mut Vec<String> {
        &mut self.failures
    }

    pub(super) fn subscribers(&self, topic: &str) -> Vec<SocketId> {
        self.engine.hub().subscribers(topic)
    }

    pub(super) fn topics_of(&self, id: SocketId) -> Vec<String> {
        self.engine.hub().topics_of(id)
    }

    /// A sender of the service at a path; `None` if there is none.
    pub(super) fn sender(&self, path: &str) -> Option<ServiceSender> {
        let hub = self.engine.hub();
        let service = hub.find(path)?;
        let worker = hub.first_of(service);
        let source = self.io.sender_table.source(worker.index(), hub.limits(service));
        Some(ServiceSender::of(&source))
    }

    fn turn(&mut self) {
        if self.is_over {
            return;
        }
        let Self { engine, io, now, .. } = self;
        let (turn, failures) = recording_failures(|| engine.turn(io, *now));
        self.failures.extend(failures);
        self.failures.append(&mut self.io.failures);
        if turn == Turn::Last {
            self.is_over = true;
            self.io.sender_table.close();
        }
    }

    /// When something is due next.
    fn due(&self) -> Option<Time> {
        let tick = self.io.tick_time().map(|time| {
            let ms = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            self.now.after(ms)
        });
        [tick, self.engine.deadline()].into_iter().flatten().min()
    }

    fn set(&mut self, now: Time) {
        self.now = now;
        self.clock.set(now);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Drop for World {
    /// Services get their closes and their stop, as with a host that is dropped.
    fn drop(&mut self) {
        self.io.sender_table.close();
        // A test that has failed does not go on.
        if !self.is_over && !std::thread::panicking() {
            let Self { engine, io, now, .. } = self;
            engine.drop_all(io, *now);
            engine.finish_loop_services(io, *now, || false);
        }
    }
}

/// More than any service needs that ever rests.
const TURNS_MAX: usize = 100_000;
/// How long a test waits for another thread.
const THREADS_WAIT: Duration = Duration::from_secs(20);
/// A stop is over after `drain_ms_max`.
const STOP_STEP: Duration = Duration::from_secs(1);
