//! `Lane`: the jobs that one kind of connection does, and how many connections wait for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::database::job::Job;
use crate::database::{Access, DatabaseError};

/// Jobs that wait for one kind of connection.
pub(super) struct Lane<C> {
    pub(super) jobs: VecDeque<QueuedJob<C>>,
    /// How many of its connections have nothing to do.
    pub(super) idle: usize,
    /// Whether one of them was woken, and has not looked yet. It wakes the next one if there is
    /// more than it takes: a burst of jobs costs few system calls.
    pub(super) is_waking: bool,
    /// How many connections it has.
    pub(super) up: usize,
    /// How many threads are opening one, or have opened it and not asked for a job yet.
    pub(super) connecting: usize,
    /// How many threads have none, and wait until one is needed.
    pub(super) dormant: usize,
    /// Why the last attempt to open one has failed, if none was opened since then.
    pub(super) down: Option<Arc<str>>,
}

/// A job, and for how long it may wait.
pub(super) struct QueuedJob<C> {
    pub(super) job: Box<dyn Job<C>>,
    pub(super) access: Access,
    /// When it has waited for too long.
    pub(super) expires: Instant,
}

impl<C> Lane<C> {
    pub(super) const fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            idle: 0,
            is_waking: false,
            up: 0,
            connecting: 0,
            dormant: 0,
            down: None,
        }
    }

    /// Whether a connection that has nothing to do is to be woken now.
    pub(super) fn wakes_one(&mut self) -> bool {
        let wakes = !self.is_waking && self.idle > 0 && !self.jobs.is_empty();
        self.is_waking |= wakes;
        wakes
    }

    /// Whether there are jobs for which there is no connection, nor soon will be.
    pub(super) fn needs_more(&self) -> bool {
        self.jobs.len() > self.idle + self.connecting
    }

    /// The error of a job that has waited for too long.
    pub(super) fn too_long(&self) -> DatabaseError {
        match self.up {
            0 => DatabaseError::Unavailable(self.down.clone()),
            _ => DatabaseError::Busy,
        }
    }
}
