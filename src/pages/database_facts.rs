//! [`DatabaseMetrics`]: what was counted of a database, as a value.

#[cfg(feature = "database")]
use std::fmt;
#[cfg(feature = "database")]
use std::sync::Arc;

/// What was counted of one database since it was opened, and what it is doing. All counts only
/// grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseMetrics {
    /// Its name.
    pub name: String,
    /// Where it is, without a password; empty if that is not known.
    pub address: String,
    /// Whether there is a connection for each kind of job.
    pub is_up: bool,
    /// Whether the host is not ready without that.
    pub is_required: bool,
    /// Its connections.
    pub connections: u64,
    /// How many connections it has opened.
    pub connects: u64,
    /// How many jobs wait.
    pub queue: u64,
    /// How many jobs have ended that read, errors included.
    pub reads: u64,
    /// How many jobs have ended that write, errors included.
    pub writes: u64,
    /// How many of them were errors, by kind: `busy`, `unavailable`, `lost`, `timeout`, `query`.
    pub errors: Vec<(&'static str, u64)>,
}

/// Returns the metrics of a database, without waiting for it.
#[cfg(feature = "database")]
#[derive(Clone)]
pub struct DatabaseWatch(Arc<dyn Fn() -> DatabaseMetrics + Send + Sync>);

#[cfg(feature = "database")]
impl DatabaseWatch {
    /// Metrics that this returns.
    pub(crate) fn new(metrics: impl Fn() -> DatabaseMetrics + Send + Sync + 'static) -> Self {
        Self(Arc::new(metrics))
    }

    /// The metrics now.
    pub(crate) fn metrics(&self) -> DatabaseMetrics {
        (self.0)()
    }
}

#[cfg(feature = "database")]
impl fmt::Debug for DatabaseWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseWatch").finish_non_exhaustive()
    }
}
