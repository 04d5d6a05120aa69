//! What operators of a server see of a host while it runs.
//!
//! - `handle`: [`MetricsHandle`], which asks the loop from any thread
//! - `own_process`: what the system says of this process

mod handle;
mod own_process;

pub use handle::{MetricsError, MetricsHandle};
