//! Threads of a host.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread called `name`. The code for that, 1 kB, is there once, and not for each `body`.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let body: Box<dyn FnOnce() + Send> = Box::new(body);
    Builder::new().name(name).spawn(body)
}
