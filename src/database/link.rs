//! `OpenConnection`: a connection, and how code runs over it. A panic in the code of a job or of a
//! connector is an error.

use std::fmt;

use crate::database::job::Job;
use crate::database::panics::{JobPanic, catch_job};
use crate::database::{
    Access, ConnectionPlan, Connector, DatabaseError, Fault, JobError, JobResult, Step,
};
use crate::host::panic::catch_text;
use crate::service::chain_text;

/// A connection. Its drop does not panic.
pub(super) struct OpenConnection<'a, K: Connector> {
    connector: &'a K,
    connection: Option<K::Connection>,
}

/// The connection is of no use any more, and why.
#[derive(Debug)]
pub(super) enum LostLink {
    /// It was lost.
    Lost(String),
    /// Code over it has panicked, so nobody knows its state.
    Panicked(JobPanic),
}

impl fmt::Display for LostLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => f.write_str(why),
            Self::Panicked(panic) => panic.fmt(f),
        }
    }
}

/// How a step or a job has failed, and whether the connection is of use afterwards.
pub(super) struct RunFailure {
    pub(super) error: DatabaseError,
    pub(super) link: Result<(), LostLink>,
}

impl<'a, K: Connector> OpenConnection<'a, K> {
    pub(super) fn open(connector: &'a K, plan: &ConnectionPlan<'_>) -> JobResult<Self> {
        let connection = flatten(catch_text(|| connector.connect(plan)))?;
        Ok(Self { connector, connection: Some(connection) })
    }

    /// Runs a job. A panic in it leaves the connection in a state that nobody knows.
    pub(super) fn run(
        &mut self,
        access: Access,
        job: &mut dyn Job<K::Connection>,
    ) -> Result<Result<(), LostLink>, RunFailure> {
        let Self { connector, connection } = self;
        let Some(connection) = connection else { return Ok(Err(LostLink::Lost(String::new()))) };
        let run = catch_job(|| {
            connector.begin_job(connection, access)?;
            job.run(connection)
        });
        match run {
            Err(panic) => Err(panicked("the job", panic)),
            Ok(Ok(())) => Ok(self.end_job(access)),
            Ok(Err(error)) => {
                let mut failure = self.failure(error);
                if failure.link.is_ok() {
                    failure.link = self.end_job(access);
                }
                Err(failure)
            }
        }
    }

    /// Takes a step of a transaction.
    pub(super) fn step(&mut self, step: Step) -> Result<(), RunFailure> {
        self.call(|connector, connection| connector.transact(connection, step))
    }

    /// Whether the connection is of use.
    pub(super) fn check(&mut self) -> Result<(), LostLink> {
        let checked = self.call(|connector, connection| connector.check(connection));
        checked.map_err(RunFailure::lost)
    }

    /// Ends the connection cleanly.
    pub(super) fn finish(mut self, access: Access) {
        if let Some(connection) = self.connection.take() {
            let _ = catch_text(|| self.connector.finish(connection, access));
        }
    }

    fn end_job(&mut self, access: Access) -> Result<(), LostLink> {
        let ended = self.call(|connector, connection| connector.end_job(connection, access));
        ended.map_err(RunFailure::lost)
    }

    fn call(
        &mut self,
        act: impl FnOnce(&K, &mut K::Connection) -> JobResult<()>,
    ) -> Result<(), RunFailure> {
        let Self { connector, connection } = self;
        let Some(connection) = connection else { return Ok(()) };
        match catch_job(|| act(connector, connection)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failure(error)),
            Err(panic) => Err(panicked(CONNECTOR, panic)),
        }
    }

    /// What an error means.
    fn failure(&mut self, error: JobError) -> RunFailure {
        let Self { connector, connection } = self;
        let fault = connection.as_mut().map(|connection| {
            catch_text(|| connector.fault(connection, error.as_ref())).unwrap_or(Fault::Lost)
        });
        let fault = fault.unwrap_or(Fault::Lost);
        let link = match fault {
            Fault::Lost => Err(LostLink::Lost(chain_text(error.as_ref()))),
            Fault::Query | Fault::Timeout | Fault::Busy => Ok(()),
        };
        RunFailure { error: fault.error(error), link }
    }
}

impl RunFailure {
    /// The connection is replaced, whatever the error means otherwise.
    pub(super) fn lost(self) -> LostLink {
        self.link.err().unwrap_or_else(|| LostLink::Lost(self.error.to_string()))
    }
}

impl<K: Connector> Drop for OpenConnection<'_, K> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        let _ = catch_text(|| drop(connection));
    }
}

/// Code over a connection has panicked, which leaves it in a state that nobody knows.
fn panicked(whose: &str, panic: JobPanic) -> RunFailure {
    let error = DatabaseError::Query(format!("{whose} has panicked: {}", panic.text).into());
    RunFailure { error, link: Err(LostLink::Panicked(panic)) }
}

fn flatten<T>(caught: Result<JobResult<T>, String>) -> JobResult<T> {
    caught.unwrap_or_else(|panic| Err(format!("{CONNECTOR} has panicked: {panic}").into()))
}

const CONNECTOR: &str = "the code of the database";
