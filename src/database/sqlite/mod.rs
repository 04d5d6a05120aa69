//! SQLite (feature `sqlite`): one connection that writes, and several that read, in the mode WAL.
//!
//! - `options`: the file and its options
//! - `connection`: one connection, which ends its own queries
//! - here: what a [`Database`](crate::database::Database) needs

mod connection;
mod options;
#[cfg(test)]
mod tests;

use std::error::Error;

use rusqlite::ffi::ErrorCode;

use crate::database::{Access, ConnectionPlan, Connector, Fault, JobResult, Layout, Step};

pub use connection::SqliteConnection;
pub use options::{Sqlite, Synchronous};

impl Connector for Sqlite {
    type Connection = SqliteConnection;

    fn connect(&self, plan: &ConnectionPlan<'_>) -> JobResult<SqliteConnection> {
        SqliteConnection::open(self, plan)
    }

    fn transact(&self, connection: &mut SqliteConnection, step: Step) -> JobResult<()> {
        connection.transact(step)
    }

    fn check(&self, connection: &mut SqliteConnection) -> JobResult<()> {
        // This reads the file, as SELECT 1 would not.
        match connection.query_row("PRAGMA schema_version", [], |_| Ok(())) {
            // A lock says nothing about the connection.
            Err(error) if fault(&error) == Fault::Busy => Ok(()),
            checked => Ok(checked?),
        }
    }

    fn layout(&self) -> Layout {
        Layout::OneWriter
    }

    fn fault(
        &self,
        _: &mut SqliteConnection,
        error: &(dyn Error + Send + Sync + 'static),
    ) -> Fault {
        fault(error)
    }

    fn begin_job(&self, connection: &mut SqliteConnection, access: Access) -> JobResult<()> {
        connection.begin_job(access)
    }

    fn end_job(&self, connection: &mut SqliteConnection, access: Access) -> JobResult<()> {
        connection.end_job(access)
    }

    fn finish(&self, connection: SqliteConnection, access: Access) {
        if access == Access::Write {
            connection.checkpoint();
        }
    }

    fn address(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}

/// What an error means: the first one of SQLite in its chain says it.
fn fault(error: &(dyn Error + 'static)) -> Fault {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    let code = chain.find_map(|error| error.downcast_ref::<rusqlite::Error>()?.sqlite_error_code());
    match code {
        // Only the limit of time interrupts.
        Some(ErrorCode::OperationInterrupted) => Fault::Timeout,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
        // What of the last commit is on the disk is unknown, and so is the state of the file.
        Some(ErrorCode::SystemIoFailure) => Fault::Lost,
        _ => Fault::Query,
    }
}
