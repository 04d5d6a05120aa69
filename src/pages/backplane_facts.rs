//! [`BackplaneMetrics`]: what was counted of a backplane, as a value.

#[cfg(feature = "redis")]
use std::fmt;
#[cfg(feature = "redis")]
use std::sync::Arc;
use std::time::Duration;

/// What was counted of the backplane, over which services share with other hosts. `published`,
/// `received`, `dropped_out`, `dropped_in` and `gaps` only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackplaneMetrics {
    /// Whether both connections stand.
    pub is_up: bool,
    /// Whether the host is not ready without that.
    pub is_required: bool,
    /// How many messages were published.
    pub published: u64,
    /// How many messages of other hosts have come.
    pub received: u64,
    /// How many messages of this host were dropped, which other hosts may have missed.
    pub dropped_out: u64,
    /// How many messages of other hosts were dropped, which this host has missed.
    pub dropped_in: u64,
    /// How often the host has found that messages of other hosts may be missing here. Its services
    /// that share get a gap then, and one for several that come together.
    pub gaps: u64,
    /// How many bytes wait to be published.
    pub queue_bytes: u64,
    /// How long the last sign of life took to the backplane and back.
    pub lag: Duration,
}

/// Returns the metrics of a backplane, without waiting for it.
#[cfg(feature = "redis")]
#[derive(Clone)]
pub struct BackplaneWatch(Arc<dyn Fn() -> BackplaneMetrics + Send + Sync>);

#[cfg(feature = "redis")]
impl BackplaneWatch {
    /// Metrics that this returns.
    pub(crate) fn new(metrics: impl Fn() -> BackplaneMetrics + Send + Sync + 'static) -> Self {
        Self(Arc::new(metrics))
    }

    /// The metrics now.
    pub(crate) fn metrics(&self) -> BackplaneMetrics {
        (self.0)()
    }
}

#[cfg(feature = "redis")]
impl fmt::Debug for BackplaneWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackplaneWatch").finish_non_exhaustive()
    }
}
