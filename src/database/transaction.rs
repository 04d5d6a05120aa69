//! Jobs that write: one in a transaction, or several, each with a savepoint.

use std::sync::Arc;

use crate::database::DatabaseError::{Busy, Lost, OnLoop, Query, Timeout, Unavailable};
use crate::database::error::SharedError;
use crate::database::lane::QueuedJob;
use crate::database::link::{LostLink, OpenConnection, RunFailure};
use crate::database::{Access, Connector, DatabaseError, JobError, Step};

/// A job that is done, and its answer.
pub(super) type Settled<C> = (QueuedJob<C>, Result<(), DatabaseError>);

/// What has become of jobs.
pub(super) struct Written<C> {
    /// The jobs that are done, with their answers.
    pub(super) settled: Vec<Settled<C>>,
    /// The jobs that have not begun.
    pub(super) left: Vec<QueuedJob<C>>,
    /// Whether the connection is of use.
    pub(super) link: Result<(), LostLink>,
}

/// What follows a job.
enum After {
    /// With the next job.
    Next,
    /// The transaction ends with those that were done.
    Commit(LostLink),
    /// There is no transaction any more.
    Gone(Result<(), LostLink>),
}

impl<K: Connector> OpenConnection<'_, K> {
    /// Runs a job in a transaction of its own.
    pub(super) fn write_one(
        &mut self,
        job: Vec<QueuedJob<K::Connection>>,
    ) -> Written<K::Connection> {
        self.write(job, |link, job| match link.run(Access::Write, job.job.as_mut()) {
            Ok(Ok(())) => (Ok(()), After::Next),
            Ok(Err(lost)) => (Ok(()), After::Commit(lost)),
            Err(RunFailure { error, link: Err(lost) }) => (Err(error), After::Gone(Err(lost))),
            Err(RunFailure { error, link: Ok(()) }) => match link.roll_back() {
                Ok(()) => (Err(error), After::Gone(Ok(()))),
                // It is unknown what remains of it.
                Err(lost) => (Err(Lost(lost.to_string().into())), After::Gone(Err(lost))),
            },
        })
    }

    /// Runs jobs in one transaction, each with a savepoint.
    pub(super) fn write_group(
        &mut self,
        jobs: Vec<QueuedJob<K::Connection>>,
    ) -> Written<K::Connection> {
        self.write(jobs, |link, job| {
            if let Err(RunFailure { error, link: kept }) = link.step(Step::Savepoint) {
                return (Err(error), After::Gone(kept.and_then(|()| link.roll_back())));
            }
            let ran = link.run(Access::Write, job.job.as_mut());
            let (outcome, kept) = match ran {
                Ok(kept) => match link.step(Step::Release) {
                    Ok(()) => return (Ok(()), kept.map_or_else(After::Commit, |()| After::Next)),
                    // What it has done fails only now, as a foreign key that was deferred.
                    Err(RunFailure { error, link: lost }) => (Err(error), kept.and(lost)),
                },
                Err(RunFailure { error, link: kept }) => (Err(error), kept),
            };
            if let (Err(Lost(_)), Err(_)) = (&outcome, &kept) {
                return (outcome, After::Gone(kept));
            }
            let undone = link.step(Step::RollBackTo).and_then(|()| link.step(Step::Release));
            match (undone, kept) {
                (Ok(()), Ok(())) => (outcome, After::Next),
                (Ok(()), Err(lost)) => (outcome, After::Commit(lost)),
                // Some errors end the whole transaction, as a full disk does in SQLite.
                (Err(failure), kept) => {
                    let kept = kept.and(failure.link);
                    (outcome, After::Gone(kept.and_then(|()| link.roll_back())))
                }
            }
        })
    }

    fn write(
        &mut self,
        jobs: Vec<QueuedJob<K::Connection>>,
        mut run: impl FnMut(
            &mut Self,
            &mut QueuedJob<K::Connection>,
        ) -> (Result<(), DatabaseError>, After),
    ) -> Written<K::Connection> {
        if let Err(RunFailure { error, link }) = self.step(Step::Begin) {
            return not_begun(jobs, error, link);
        }
        let mut jobs = jobs.into_iter();
        let (mut done, mut settled) = (Vec::new(), Vec::new());
        let mut link = Ok(());
        let mut is_gone = false;
        for mut job in jobs.by_ref() {
            let (outcome, after) = run(self, &mut job);
            match outcome {
                Ok(()) => done.push(job),
                Err(error) => settled.push((job, Err(error))),
            }
            match after {
                After::Next => continue,
                After::Commit(lost) => link = Err(lost),
                After::Gone(kept) => (link, is_gone) = (kept, true),
            }
            break;
        }
        if is_gone {
            // Without a commit, nothing of them can remain.
            let error = || if link.is_ok() { Busy } else { Unavailable(None) };
            settled.extend(done.into_iter().map(|job| (job, Err(error()))));
        } else {
            match self.commit(&mut link) {
                Ok(()) => settled.extend(done.into_iter().map(|job| (job, Ok(())))),
                Err(error) => settled.extend(share(error, done)),
            }
        }
        Written { settled, left: jobs.collect(), link }
    }

    fn commit(&mut self, link: &mut Result<(), LostLink>) -> Result<(), DatabaseError> {
        let Err(RunFailure { error, link: kept }) = self.step(Step::Commit) else { return Ok(()) };
        // Some databases keep the transaction, as SQLite does if it is locked.
        let kept = kept.and_then(|()| self.roll_back());
        if link.is_ok() {
            *link = kept;
        }
        Err(error)
    }

    /// Ends a transaction, if there is one.
    fn roll_back(&mut self) -> Result<(), LostLink> {
        self.step(Step::Rollback).map_err(RunFailure::lost)
    }
}

/// No transaction has begun, so nothing can have happened.
fn not_begun<C>(
    jobs: Vec<QueuedJob<C>>,
    error: DatabaseError,
    link: Result<(), LostLink>,
) -> Written<C> {
    if link.is_err() {
        return Written { settled: Vec::new(), left: jobs, link };
    }
    Written { settled: share(error, jobs), left: Vec::new(), link }
}

/// Gives each of these jobs the error of what they have shared.
fn share<C>(error: DatabaseError, jobs: Vec<QueuedJob<C>>) -> Vec<Settled<C>> {
    if let [_] = jobs.as_slice() {
        return jobs.into_iter().zip([Err(error)]).collect();
    }
    let (make, source): (fn(JobError) -> DatabaseError, _) = match error {
        Busy => (|_| Busy, None),
        Unavailable(_) => (|_| Unavailable(None), None),
        OnLoop => (|_| OnLoop, None),
        Lost(source) => (Lost, Some(source)),
        Timeout(source) => (Timeout, Some(source)),
        Query(source) => (Query, Some(source)),
    };
    let source = SharedError(Arc::new(source.unwrap_or_else(|| "".into())));
    jobs.into_iter().map(|job| (job, Err(make(Box::new(source.clone()))))).collect()
}
