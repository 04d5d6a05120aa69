//! One server as several processes on the same addresses. The parent process keeps the listeners
//! and starts the others, its children; each child runs a host. A child that has gone is started
//! again with the listeners that it had, so that no connection which waits there is lost.
//!
//! In reading order:
//!
//! - `place`: [`ChildPlace`], what a child process gets from its parent
//! - `plan`: [`ParentPlan`], what a parent listens on, and what it does besides
//! - `parent`: [`Parent`], which starts and stops its children; `due`: when it does; `traffic`:
//!   what passes over its links
//! - `child`: `ServerProcess`, one of them, as the parent sees it; `report`: what it reports
//! - `link`: the link to it; `line`: what is sent there; `publication`: how that says what services
//!   share; `unsent`: what waits at an end of it
//! - `operators`: listeners for operators; `gather`: what is asked, until each process has
//!   answered; `answers`: one answer of all; `sums`: their metrics as one page
//! - `exchange`: what services of one process share with the others
//! - of a child: `follow`, what it does for its parent; `from_parent`, what comes; `desk`, how it
//!   answers; `shared`, what its services share; `queue`, what it sends
//! - `overseer`: what the service manager gets of all of them; `signals`: signals for the parent

mod answers;
mod child;
mod desk;
mod due;
mod exchange;
mod follow;
mod from_parent;
mod gather;
mod line;
mod link;
mod operators;
mod overseer;
mod parent;
mod place;
mod plan;
mod publication;
mod queue;
mod report;
mod shared;
mod signals;
mod sums;
mod traffic;
mod unsent;

// For the fuzz targets.
pub use line::{LinkFault, LinkLine, LinkReader, from_word, to_word};
pub use parent::{Parent, ParentEnd};
pub use place::ChildPlace;
pub use plan::ParentPlan;
pub use publication::{event_of, publication};
