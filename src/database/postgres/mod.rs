//! PostgreSQL (feature `postgres`): several clients, each of which reads and writes.
//!
//! - `options`: the server and how it is reached
//! - `stream`: the bytes to and from the server
//! - `connection`: one connection; `part`: a part of a job that is undone alone
//! - here: what a [`Database`](crate::database::Database) needs

mod connection;
mod options;
mod part;
mod stream;

use std::error::Error;
use std::io;

use postgres::error::{DbError, Severity, SqlState};

use crate::connecting::client_tls;
use crate::database::{Access, ConnectionPlan, Connector, Fault, JobResult, Step};

use connection::Misuse;
pub use connection::PostgresConnection;
pub use options::Postgres;
use options::Trust;
pub use part::PostgresPart;

impl Postgres {
    /// Reads the files of the password and of the authorities, as each connection does.
    ///
    /// # Errors
    /// Why one of them is of no use, with the name of its key in `server.conf`.
    pub fn check_files(&self) -> JobResult<()> {
        self.read_password()?;
        if let Some(file) = self.trust().and_then(Trust::file) {
            client_tls(Some(file))?;
        }
        Ok(())
    }
}

impl Connector for Postgres {
    type Connection = PostgresConnection;

    fn connect(&self, plan: &ConnectionPlan<'_>) -> JobResult<PostgresConnection> {
        PostgresConnection::open(self, plan)
    }

    fn transact(&self, connection: &mut PostgresConnection, step: Step) -> JobResult<()> {
        connection.transact(step)
    }

    fn check(&self, connection: &mut PostgresConnection) -> JobResult<()> {
        connection.check()
    }

    fn fault(
        &self,
        connection: &mut PostgresConnection,
        error: &(dyn Error + Send + Sync + 'static),
    ) -> Fault {
        if connection.is_closed() || error.is::<Misuse>() {
            return Fault::Lost;
        }
        let is_refused_part = connection.take_refused_part();
        match fault(error) {
            // A job that reads has not begun a transaction, so an earlier one has left it.
            Fault::Query
                if is_in_failed_transaction(error)
                    && !connection.is_in_transaction()
                    && !is_refused_part =>
            {
                Fault::Lost
            }
            fault => fault,
        }
    }

    fn finish(&self, connection: PostgresConnection, _: Access) {
        connection.close();
    }

    fn address(&self) -> String {
        self.shown_address()
    }
}

/// The first error of PostgreSQL in a chain.
fn own_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a postgres::Error> {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.find_map(|error| error.downcast_ref::<postgres::Error>())
}

fn is_in_failed_transaction(error: &(dyn Error + 'static)) -> bool {
    let code = own_error(error).and_then(postgres::Error::code);
    code == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

/// What an error means: the first one of PostgreSQL in its chain says it.
fn fault(error: &(dyn Error + 'static)) -> Fault {
    let Some(error) = own_error(error) else { return Fault::Query };
    let Some(answer) = error.as_db_error() else {
        let is_io = error.source().is_some_and(|source| source.is::<io::Error>());
        return if is_io || error.is_closed() { Fault::Lost } else { Fault::Query };
    };
    if ends_session(answer) {
        return Fault::Lost;
    }
    let code = answer.code();
    if *code == SqlState::QUERY_CANCELED {
        return Fault::Timeout;
    }
    // The server has undone the transaction.
    let locked = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ];
    if locked.contains(code) { Fault::Busy } else { Fault::Query }
}

/// Whether the server closes the connection after this error: it says so before the end arrives.
fn ends_session(answer: &DbError) -> bool {
    matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

#[cfg(test)]
mod tests;
