//! `Connector`: how one kind of database is connected and used.

use std::error::Error;
use std::time::Duration;

#[cfg(doc)]
use crate::database::{Database, DatabaseError, DatabaseOptions};
use crate::database::{JobError, JobResult};

/// How one kind of database is connected and used: what a [`Database`] needs to know of it. A
/// database of your own is such a type, and so is one that the crate does not have:
///
/// ```
/// use switchboard::database::{
///     ConnectionPlan, Connector, Database, DatabaseOptions, JobResult, Step,
/// };
///
/// # struct Link;
/// # impl Link {
/// #     fn open(_: &str) -> JobResult<Self> { Ok(Self) }
/// #     fn execute(&mut self, _: &str) -> JobResult<u64> { Ok(1) }
/// # }
/// struct Accounts;
///
/// impl Connector for Accounts {
///     type Connection = Link;
///
///     fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Link> {
///         Link::open("accounts.example:5000")
///     }
///
///     fn transact(&self, link: &mut Link, step: Step) -> JobResult<()> {
///         link.execute(step.sql()).map(drop)
///     }
///
///     fn check(&self, link: &mut Link) -> JobResult<()> {
///         link.execute("SELECT 1").map(drop)
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let accounts = Database::open("accounts", Accounts, DatabaseOptions::new())?;
/// let changed = accounts.write(|link| link.execute("UPDATE account SET credit = 0"))?;
/// # assert_eq!(changed, 1);
/// # Ok(())
/// # }
/// ```
///
/// All methods are called on the threads of the database, which may block. A panic in one of them
/// counts as an error, after which the connection is replaced.
pub trait Connector: Send + Sync + 'static {
    /// A connection. It stays on the thread that has made it, so it need not be `Send`.
    type Connection: 'static;

    /// Opens a connection, and passes on the [`ConnectionPlan::query_timeout`]. It has to end by
    /// itself within some seconds.
    ///
    /// # Errors
    /// There is no connection now. It is tried again, after 0.1 s at first and every 5 s in the
    /// end. The error is in the log, so it must not have a password in it.
    fn connect(&self, plan: &ConnectionPlan<'_>) -> JobResult<Self::Connection>;

    /// Takes a step of a transaction, most often by [`Step::sql`].
    ///
    /// # Errors
    /// The step was not taken. After [`Step::Commit`], nothing of the transaction may remain.
    fn transact(&self, connection: &mut Self::Connection, step: Step) -> JobResult<()>;

    /// Asks something cheap, such as `SELECT 1`: a connection that was idle for 50 ms is checked
    /// before it gets a job. So a server that was started again meanwhile fails no job.
    ///
    /// # Errors
    /// The connection is of no use. It is replaced, and the job waits.
    fn check(&self, connection: &mut Self::Connection) -> JobResult<()>;

    /// Which connections there are; [`Layout::Clients`] by default.
    fn layout(&self) -> Layout {
        Layout::Clients
    }

    /// What an error means: one that a job or another method has returned, as it was returned. Its
    /// own type is found by `downcast_ref`, along the chain of its sources. By default, each is a
    /// [`Fault::Query`].
    #[expect(unused_variables, reason = "the names of the arguments are documentation")]
    fn fault(
        &self,
        connection: &mut Self::Connection,
        error: &(dyn Error + Send + Sync + 'static),
    ) -> Fault {
        Fault::Query
    }

    /// A job is about to begin, within the transaction if it is one of [`Access::Write`]. A
    /// database without a limit of time for a query may begin one here.
    ///
    /// # Errors
    /// The job does not run, and fails with this.
    #[expect(unused_variables, reason = "the names of the arguments are documentation")]
    fn begin_job(&self, connection: &mut Self::Connection, access: Access) -> JobResult<()> {
        Ok(())
    }

    /// A job has ended, and its transaction has not.
    ///
    /// # Errors
    /// The job has left the connection in a state that cannot be mended: it is replaced.
    #[expect(unused_variables, reason = "the names of the arguments are documentation")]
    fn end_job(&self, connection: &mut Self::Connection, access: Access) -> JobResult<()> {
        Ok(())
    }

    /// The clean end of a connection, after the last job. By default, it is dropped. With
    /// [`Layout::OneWriter`], the writer comes last.
    #[expect(unused_variables, reason = "the names of the arguments are documentation")]
    fn finish(&self, connection: Self::Connection, access: Access) {}

    /// Where the database is, for the log and the status, without a password. Empty by default.
    fn address(&self) -> String {
        String::new()
    }
}

/// What a connection is opened for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectionPlan<'a> {
    /// The name of the database.
    pub name: &'a str,
    /// Which jobs it gets.
    pub access: Access,
    /// How long a query may take. The database has to end one that takes longer, with an error that
    /// is a [`Fault::Timeout`].
    pub query_timeout: Duration,
}

/// What a job does, and what a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It writes, in a transaction. A connection of [`Layout::Clients`] gets jobs of both kinds.
    Write,
}

/// Which connections a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// [`DatabaseOptions::connections`], each for jobs of both kinds. Each job that writes has a
    /// transaction of its own.
    Clients,
    /// One that writes, and [`DatabaseOptions::connections`] that read, for a database with one
    /// writer at a time. Jobs that wait together to write, up to 64, share a transaction, in which
    /// each has a savepoint. So many small ones cost one commit.
    OneWriter,
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins.
    Begin,
    /// It ends, and what it has changed remains.
    Commit,
    /// It ends, and nothing of it remains. This may come after an error, when there is none.
    Rollback,
    /// A job begins in it. This step and the next two are for [`Layout::OneWriter`].
    Savepoint,
    /// A job has ended, and what it has changed is part of the transaction.
    Release,
    /// A job has failed, and nothing of it remains. [`Step::Release`] follows.
    RollBackTo,
}

impl Step {
    /// The step as SQL. Some databases want another `BEGIN`.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::Savepoint => "SAVEPOINT job",
            Self::Release => "RELEASE SAVEPOINT job",
            Self::RollBackTo => "ROLLBACK TO SAVEPOINT job",
        }
    }
}

/// What an error of a database means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The query is wrong, or was refused: [`DatabaseError::Query`].
    Query,
    /// It took too long: [`DatabaseError::Timeout`].
    Timeout,
    /// Another process holds a lock, and nothing has happened: [`DatabaseError::Busy`].
    Busy,
    /// The connection is lost: [`DatabaseError::Lost`]. It is replaced.
    Lost,
}

impl Fault {
    /// The error of a job that has failed like this.
    pub(super) fn error(self, source: JobError) -> crate::database::DatabaseError {
        use crate::database::DatabaseError as E;
        match self {
            Self::Query => E::Query(source),
            Self::Timeout => E::Timeout(source),
            Self::Busy => E::Busy,
            Self::Lost => E::Lost(source),
        }
    }
}
