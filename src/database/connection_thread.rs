//! A thread of a database: it opens its connection, opens it again when it is lost, and does jobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connecting::Pauses;
use crate::database::counts::JobEnd;
use crate::database::lane::QueuedJob;
use crate::database::link::{LostLink, OpenConnection, RunFailure};
use crate::database::queue::{JobQueue, NextJobs};
use crate::database::report::ConnectionReport;
use crate::database::transaction::{Settled, Written};
use crate::database::{Access, ConnectionPlan, Connector, DatabaseError, JobError};
use crate::host::panic::catch_text;
use crate::service::chain_text;

/// What all threads of a database share.
pub(super) struct Shared<K: Connector> {
    pub(super) name: Box<str>,
    pub(super) connector: K,
    pub(super) queue: Arc<JobQueue<K::Connection>>,
    pub(super) query_timeout: Duration,
    pub(super) report: ConnectionReport,
}

/// A thread with one connection.
pub(super) struct ConnectionThread<K: Connector> {
    pub(super) shared: Arc<Shared<K>>,
    pub(super) access: Access,
}

impl<K: Connector> ConnectionThread<K> {
    /// Does jobs until the database is closed.
    pub(super) fn run(&self) {
        let Shared { name, connector, queue, report, .. } = &*self.shared;
        let lane = queue.lane(self.access);
        let mut pauses = Pauses::up_to(PAUSE_MS_MAX);
        while queue.await_need(lane) {
            match self.connect() {
                Ok(link) => {
                    queue.connected(lane);
                    report.up(name, &connector.address());
                    pauses.reset();
                    let served = self.serve(link, lane);
                    queue.disconnected(lane);
                    match served {
                        Ok(()) => break,
                        Err(lost) => report.lost(name, &lost),
                    }
                    // A server that is restarted may take connections again only later.
                    queue.pause(pauses.next());
                }
                Err(error) => {
                    let error = chain_text(error.as_ref());
                    let end = error.floor_char_boundary(ERROR_BYTES_MAX);
                    queue.not_connected(lane, error[..end].into());
                    let pause = pauses.next();
                    report.not_connected(name, &error, pause);
                    queue.pause(pause);
                }
            }
        }
        report.end(name);
        queue.leave();
    }

    fn connect(&self) -> Result<OpenConnection<'_, K>, JobError> {
        let Shared { name, connector, query_timeout, .. } = &*self.shared;
        let plan = ConnectionPlan { name, access: self.access, query_timeout: *query_timeout };
        OpenConnection::open(connector, &plan)
    }

    /// Does jobs over a connection, until that is lost or the database is closed.
    fn serve(&self, mut link: OpenConnection<'_, K>, lane: usize) -> Result<(), LostLink> {
        let queue = &self.shared.queue;
        let mut used = None;
        loop {
            match queue.next(lane, used) {
                NextJobs::Read(job) => self.read(&mut link, job)?,
                NextJobs::Write(jobs) => self.write(&mut link, lane, jobs)?,
                NextJobs::Check => link.check()?,
                NextJobs::End => break,
            }
            used = Some(Instant::now());
        }
        let readers = queue.lane(Access::Read);
        if lane != readers {
            queue.await_end_of(readers);
        }
        link.finish(self.access);
        Ok(())
    }

    fn read(
        &self,
        link: &mut OpenConnection<'_, K>,
        mut job: QueuedJob<K::Connection>,
    ) -> Result<(), LostLink> {
        let (outcome, kept) = match link.run(Access::Read, job.job.as_mut()) {
            Ok(kept) => (Ok(()), kept),
            Err(RunFailure { error, link }) => (Err(error), link),
        };
        self.count(Access::Read, &outcome);
        settle((job, outcome));
        kept
    }

    fn write(
        &self,
        link: &mut OpenConnection<'_, K>,
        lane: usize,
        jobs: Vec<QueuedJob<K::Connection>>,
    ) -> Result<(), LostLink> {
        let queue = &self.shared.queue;
        let Written { settled, left, link } =
            if queue.is_grouping() { link.write_group(jobs) } else { link.write_one(jobs) };
        if !left.is_empty() {
            queue.put_back(lane, left);
        }
        self.settle(Access::Write, settled);
        link
    }

    /// Counts and answers jobs.
    fn settle(&self, access: Access, jobs: Vec<Settled<K::Connection>>) {
        jobs.iter().for_each(|(_, outcome)| self.count(access, outcome));
        jobs.into_iter().for_each(settle);
    }

    fn count(&self, access: Access, outcome: &Result<(), DatabaseError>) {
        let end = outcome.as_ref().err().map_or(JobEnd::Done, JobEnd::of);
        self.shared.queue.count(access, end);
    }
}

/// Answers a job.
fn settle<C>((queued, outcome): Settled<C>) {
    // What a job has made is dropped here if nobody wants it, and that may panic.
    let _ = catch_text(|| queued.job.settle(outcome));
}

/// How much of an error of connecting jobs get.
const ERROR_BYTES_MAX: usize = 1 << 10;
/// The longest pause between attempts to connect.
const PAUSE_MS_MAX: u64 = 5_000;
