//! `PostgresPart`: a part of a job that is undone alone.

use std::fmt;
use std::ops::{Deref, DerefMut};

use postgres::Error;

#[cfg(doc)]
use crate::database::Database;
use crate::database::postgres::connection::PostgresConnection;

/// A part of a job that is undone alone: [`PostgresConnection::transaction`] begins it. Without
/// [`PostgresPart::commit`], its end undoes it.
pub struct PostgresPart<'a> {
    connection: &'a mut PostgresConnection,
    kind: Kind,
    /// Whether it has neither been kept nor undone.
    is_open: bool,
}

/// What a part is for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is all that there is.
    Transaction,
    /// There is a transaction around it.
    Savepoint,
}

impl PostgresConnection {
    /// Begins a part of a job that is undone alone, as [`postgres::Client::transaction`] does. In a
    /// job of [`Database::write`], and in another such part, it is a savepoint: what it has done
    /// also depends on the transaction around it.
    ///
    /// # Errors
    /// The server has refused it, or the connection is lost.
    pub fn transaction(&mut self) -> Result<PostgresPart<'_>, Error> {
        let kind = if self.is_in_transaction() { Kind::Savepoint } else { Kind::Transaction };
        match kind {
            Kind::Transaction => self.batch_execute("BEGIN")?,
            Kind::Savepoint => self.batch_execute("SAVEPOINT part")?,
        }
        self.enter_transaction();
        Ok(PostgresPart { connection: self, kind, is_open: true })
    }
}

impl PostgresPart<'_> {
    /// Keeps what it has done.
    ///
    /// # Errors
    /// The server has refused it, or the connection is lost.
    pub fn commit(mut self) -> Result<(), Error> {
        if self.kind == Kind::Transaction {
            // COMMIT would undo it and report nothing, if an error of a query was ignored.
            let checked = self.connection.batch_execute("SELECT 1");
            checked.inspect_err(|_| self.connection.note_refused_part())?;
        }
        self.end("COMMIT", "RELEASE part")
    }

    /// Undoes it, as its drop does.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn rollback(mut self) -> Result<(), Error> {
        self.undo()
    }

    fn undo(&mut self) -> Result<(), Error> {
        self.end("ROLLBACK", "ROLLBACK TO part; RELEASE part")
    }

    fn end(&mut self, transaction: &str, savepoint: &str) -> Result<(), Error> {
        match self.kind {
            Kind::Savepoint => {
                self.connection.batch_execute(savepoint)?;
                self.is_open = false;
                Ok(())
            }
            Kind::Transaction => {
                // It is over in any case.
                self.is_open = false;
                self.connection.leave_transaction();
                self.connection.batch_execute(transaction)
            }
        }
    }
}

impl Drop for PostgresPart<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // A connection that is lost undoes it as well.
            let _ = self.undo();
        }
    }
}

impl Deref for PostgresPart<'_> {
    type Target = PostgresConnection;

    fn deref(&self) -> &PostgresConnection {
        self.connection
    }
}

impl DerefMut for PostgresPart<'_> {
    fn deref_mut(&mut self) -> &mut PostgresConnection {
        self.connection
    }
}

impl fmt::Debug for PostgresPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresPart").field("kind", &self.kind).finish_non_exhaustive()
    }
}
