//! `DatabaseOptions`: what holds for one database.

use std::time::Duration;

#[cfg(doc)]
use crate::database::{DatabaseError, Layout};
use crate::service::Start;

/// What holds for one database.
///
/// ```
/// use switchboard::database::DatabaseOptions;
///
/// let options = DatabaseOptions { connections: 8, ..DatabaseOptions::new() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// How many connections there are, each with a thread of its own; 4 by default. With
    /// [`Layout::OneWriter`] these read, and another one writes.
    pub connections: usize,
    /// How many jobs wait at most; 1,024 by default. Beyond that, a call waits up to
    /// [`DatabaseOptions::wait`], and on the loop it is a [`DatabaseError::Busy`] at once.
    pub queue: usize,
    /// How long a job waits at most, until it begins; 5 s by default.
    pub wait: Duration,
    /// How long a query may take; 10 s by default. The database itself ends one that takes longer.
    /// With SQLite it is the time of a whole job: that between queries counts as well.
    pub query_timeout: Duration,
    /// When the connections are opened: with the database, which is [`Start::Eager`] and the
    /// default, or for the first jobs. An eager database checks an idle connection every 5 s, and a
    /// host is not ready while its database has no connection.
    pub start: Start,
}

impl DatabaseOptions {
    /// The options that hold by default.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connections: 4,
            queue: 1_024,
            wait: Duration::from_secs(5),
            query_timeout: Duration::from_secs(10),
            start: Start::Eager,
        }
    }
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self::new()
    }
}
