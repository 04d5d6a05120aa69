//! What is counted of a database, for operators.

use crate::database::{Access, DatabaseError};

/// How a job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    Done,
    Busy,
    Unavailable,
    Lost,
    Timeout,
    Query,
}

impl JobEnd {
    pub(super) const fn of(error: &DatabaseError) -> Self {
        match error {
            DatabaseError::Busy => Self::Busy,
            // It is no job of a queue.
            DatabaseError::Unavailable(_) | DatabaseError::OnLoop => Self::Unavailable,
            DatabaseError::Lost(_) => Self::Lost,
            DatabaseError::Timeout(_) => Self::Timeout,
            DatabaseError::Query(_) => Self::Query,
        }
    }
}

/// Jobs that have ended, and connections that were opened, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) busy: u64,
    pub(crate) unavailable: u64,
    pub(crate) lost: u64,
    pub(crate) timeouts: u64,
    pub(crate) failed: u64,
    pub(crate) connects: u64,
}

/// The state of a database.
#[cfg(any(test, feature = "admin"))]
pub(super) struct QueueFacts {
    /// How many jobs wait.
    pub(super) waiting: usize,
    /// How many connections there are.
    pub(super) up: usize,
    /// Whether there is one for each kind of job.
    pub(super) is_up: bool,
    pub(super) tally: Tally,
}

impl Tally {
    pub(super) const fn count(&mut self, access: Access, outcome: JobEnd) {
        match access {
            Access::Read => self.reads += 1,
            Access::Write => self.writes += 1,
        }
        match outcome {
            JobEnd::Done => {}
            JobEnd::Busy => self.busy += 1,
            JobEnd::Unavailable => self.unavailable += 1,
            JobEnd::Lost => self.lost += 1,
            JobEnd::Timeout => self.timeouts += 1,
            JobEnd::Query => self.failed += 1,
        }
    }
}
