//! Databases for services: jobs that run on threads with connections, so that a service with many
//! sockets cannot overwhelm its database, and a slow database does not stop the loop.
//!
//! In reading order:
//!
//! - `pool`: [`Database`], which jobs are given to
//! - `connector`: [`Connector`], how one kind of database is connected and used
//! - `options`: [`DatabaseOptions`]; `error`: [`DatabaseError`], [`JobError`]
//! - `named`: the databases of a host, by their names
//! - `job`: a job and its answer; `lane`: those that wait for one kind of connection; `queue`: all
//!   that wait; `ending`: those that wait for too long, and the end; `counts`: what is counted of
//!   them
//! - `connection_thread`: a thread with a connection; `link`: code over a connection;
//!   `transaction`: jobs that write; `panics`: panics in that code; `report`: log lines
//! - [`sqlite`] and [`postgres`], with the features of these names

mod connection_thread;
mod connector;
mod counts;
mod ending;
mod error;
mod job;
mod lane;
mod link;
mod named;
mod options;
mod panics;
mod pool;
#[cfg(feature = "postgres")]
pub mod postgres;
mod queue;
mod report;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(test)]
mod tests;
mod transaction;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use crate::connecting::UrlError;
pub use connector::{Access, ConnectionPlan, Connector, Fault, Layout, Step};
pub use error::{DatabaseError, JobError, JobResult};
pub use named::NoDatabase;
pub use options::DatabaseOptions;
#[doc(hidden)]
pub use panics::will_log_panic;
pub use pool::Database;
