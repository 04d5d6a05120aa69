//! `DatabaseError`: why a job has not been done.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

#[cfg(doc)]
use crate::database::DatabaseOptions;

/// Why a job of a database has not been done.
#[derive(Debug)]
#[non_exhaustive]
pub enum DatabaseError {
    /// As many jobs wait as may wait, the job has waited for [`DatabaseOptions::wait`], or another
    /// process has locked the database. Nothing has happened: the job may be tried again later.
    Busy,
    /// There was no connection for as long as a job may wait, or the database was closed. Nothing
    /// has happened. The text says why there is none, if that is known: the last error of
    /// connecting, with its sources, as the log has it. It has 1 KiB at most.
    Unavailable(Option<Arc<str>>),
    /// The connection was lost during the job, which has happened or not. It is never repeated.
    Lost(JobError),
    /// A query took longer than [`DatabaseOptions::query_timeout`]. Nothing of it remains.
    Timeout(JobError),
    /// The job has failed: this is the error that it has returned, that its commit had, or the text
    /// of its panic. Nothing of it remains.
    Query(JobError),
    /// It was asked for on the thread that polls all sockets, which must not wait. A service on the
    /// loop has `Peer::later` instead.
    OnLoop,
}

/// What a job fails with: any error, such as that of a query, or a text.
pub type JobError = Box<dyn Error + Send + Sync>;

/// What a job returns. `?` makes a [`JobError`] of any error.
pub type JobResult<T> = Result<T, JobError>;

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str(
                "the database is busy, and nothing has happened: as many jobs wait as may wait \
                 (queue), this one has waited too long (wait), or another process has a lock",
            ),
            Self::Unavailable(why) => {
                f.write_str("there is no connection to the database, and nothing has happened")?;
                why.iter().try_for_each(|why| write!(f, ": {why}"))
            }
            Self::Lost(source) => write!(
                f,
                "the connection to the database was lost, and the job has happened or not: {source}"
            ),
            Self::Timeout(source) => {
                write!(f, "a query took longer than query-timeout allows: {source}")
            }
            Self::Query(source) => write!(f, "the database: {source}"),
            Self::OnLoop => f.write_str(
                "a service on the loop must not wait for a database: use Peer::later, or a thread \
                 of its own",
            ),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Busy | Self::Unavailable(_) | Self::OnLoop => None,
            Self::Lost(source) | Self::Timeout(source) | Self::Query(source) => {
                Some(source.as_ref())
            }
        }
    }
}

/// One error for several jobs: that of the commit that they have shared.
#[derive(Clone, Debug)]
pub(super) struct SharedError(pub(super) Arc<JobError>);

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref().as_ref())
    }
}
