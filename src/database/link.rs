//! `OpenConnection`: a connection, and how code runs over it. A panic in the code of a job or of a
//! connector is an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::database::job::Job;
use crate::database::{
    Access, ConnectionPlan, Connector, DatabaseError, Fault, JobError, JobResult, Step,
};

/// A connection. Its drop does not panic.
pub(super) struct OpenConnection<'a, K: Connector> {
    connector: &'a K,
    connection: Option<K::Connection>,
}

/// The connection is of no use any more, because of this.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LostLink(pub(super) String);

/// How a step or a job has failed, and whether the connection is of use afterwards.
pub(super) struct RunFailure {
    pub(super) error: DatabaseError,
    pub(super) link: Result<(), LostLink>,
}

impl<'a, K: Connector> OpenConnection<'a, K> {
    pub(super) fn open(connector: &'a K, plan: &ConnectionPlan<'_>) -> JobResult<Self> {
        let connection = flatten(catch(|| connector.connect(plan)))?;
        Ok(Self { connector, connection: Some(connection) })
    }

    /// Runs a job. A panic in it leaves the connection in a state that nobody knows.
    pub(super) fn run(
        &mut self,
        access: Access,
        job: &mut dyn Job<K::Connection>,
    ) -> Result<Result<(), LostLink>, RunFailure> {
        let Self { connector, connection } = self;
        let Some(connection) = connection else { return Ok(Err(LostLink(String::new()))) };
        let run = catch(|| {
            connector.begin_job(connection, access)?;
            job.run(connection)
        });
        match run {
            Err(panic) => {
                let link = Err(LostLink(format!("a job has panicked: {panic}")));
                let error = DatabaseError::Query(format!("the job has panicked: {panic}").into());
                Err(RunFailure { error, link })
            }
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
        // Whatever the error means otherwise.
        checked.map_err(|failure| LostLink(failure.error.to_string()))
    }

    /// Ends the connection cleanly.
    pub(super) fn finish(mut self, access: Access) {
        if let Some(connection) = self.connection.take() {
            let _ = catch(|| self.connector.finish(connection, access));
        }
    }

    fn end_job(&mut self, access: Access) -> Result<(), LostLink> {
        let ended = self.call(|connector, connection| connector.end_job(connection, access));
        ended.map_err(|failure| LostLink(failure.error.to_string()))
    }

    fn call(
        &mut self,
        act: impl FnOnce(&K, &mut K::Connection) -> JobResult<()>,
    ) -> Result<(), RunFailure> {
        let Self { connector, connection } = self;
        let Some(connection) = connection else { return Ok(()) };
        match catch(|| act(connector, connection)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failure(error)),
            Err(panic) => {
                let text = format!("the code of the database has panicked: {panic}");
                let error = DatabaseError::Query(text.clone().into());
                Err(RunFailure { error, link: Err(LostLink(text)) })
            }
        }
    }

    /// What an error means.
    fn failure(&mut self, error: JobError) -> RunFailure {
        let Self { connector, connection } = self;
        let fault = connection.as_mut().map(|connection| {
            catch(|| connector.fault(connection, error.as_ref())).unwrap_or(Fault::Lost)
        });
        let fault = fault.unwrap_or(Fault::Lost);
        let link = match fault {
            Fault::Lost => Err(LostLink(chain(error.as_ref()))),
            Fault::Query | Fault::Timeout | Fault::Busy => Ok(()),
        };
        RunFailure { error: fault.error(error), link }
    }
}

impl<K: Connector> Drop for OpenConnection<'_, K> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        let _ = catch(|| drop(connection));
    }
}

/// Calls code of others; the error is the text of its panic.
pub(super) fn catch<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("without a text").to_owned();
        // The drop of the panic's value may panic again; only that value is left behind.
        catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(std::mem::forget);
        text
    })
}

/// An error with its sources, for the log.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // Some errors have the text of their source in their own.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

fn flatten<T>(caught: Result<JobResult<T>, String>) -> JobResult<T> {
    caught.unwrap_or_else(|panic| {
        Err(format!("the code of the database has panicked: {panic}").into())
    })
}
