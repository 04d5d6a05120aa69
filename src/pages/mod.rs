//! Answers to plain HTTP requests. Values only; files are read elsewhere.
//!
//! In reading order:
//!
//! - `file`: the answer with a file, but for its bytes; `media`: the media type of a
//!   file by its name
//! - `escape`: texts of peers in the log and in JSON
//! - with the feature `admin`, `facts`: what a host has counted, as values; `database_facts`,
//!   `backplane_facts`: and of databases, and of the backplane; `metrics`: the page of
//!   it for Prometheus, with `samples` of the `families` of metrics; `status`: its state as JSON;
//!   `readiness`: whether it is ready for sockets

#[cfg(feature = "admin")]
mod backplane_facts;
#[cfg(feature = "admin")]
mod database_facts;
#[doc(hidden)]
pub mod escape;
#[cfg(feature = "admin")]
mod facts;
#[cfg(feature = "admin")]
mod families;
#[doc(hidden)]
pub mod file;
#[doc(hidden)]
pub mod media;
#[cfg(feature = "admin")]
mod metrics;
#[cfg(feature = "admin")]
mod readiness;
#[cfg(feature = "admin")]
mod samples;
#[cfg(feature = "admin")]
mod status;

#[cfg(feature = "admin")]
pub use backplane_facts::BackplaneMetrics;
#[cfg(feature = "redis")]
#[doc(hidden)]
pub use backplane_facts::BackplaneWatch;
#[cfg(feature = "admin")]
pub use database_facts::DatabaseMetrics;
#[cfg(all(feature = "admin", feature = "database"))]
#[doc(hidden)]
pub use database_facts::DatabaseWatch;
#[cfg(feature = "admin")]
pub use facts::{
    Histogram, ListenerMetrics, MemoryMetrics, Metrics, ProcessMetrics, ServiceKind,
    ServiceMetrics, ServiceState, WorkerMetrics,
};
#[cfg(feature = "admin")]
pub use metrics::MetricsText;
#[cfg(feature = "admin")]
pub use readiness::{HostReadiness, NotReady};
