//! `HostWaker`: ends the wait of a host from any thread.

use std::io;

use crate::host::poll::Host;
use crate::host::wake::LoopWaker;

/// Ends the wait of a host, from any thread. A program whose own loop calls [`Host::turn`] wakes
/// itself with it, after another thread has left something for it.
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
///
/// use switchboard::{Limits, Server, Turn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut host = Server::new(Limits::SMALL).bind("127.0.0.1:0")?;
/// let (waker, (sender, jobs)) = (host.waker(), mpsc::channel());
/// thread::spawn(move || {
///     sender.send("stop").expect("the loop runs");
///     waker.wake().expect("the host can be woken");
/// });
/// while host.turn(None)? == Turn::Another {
///     if jobs.try_iter().any(|job| job == "stop") {
///         host.stopper().stop();
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Senders, stoppers and services wake the host by themselves.
#[derive(Clone, Debug)]
pub struct HostWaker(LoopWaker);

impl HostWaker {
    /// Ends the wait of [`Host::turn`] that goes on, or else the next one, and makes the descriptor
    /// of the host readable until its next turn. Several calls before that are one. Each costs a
    /// system call. It has no effect on a host that has ended.
    ///
    /// # Errors
    /// The error of the system.
    pub fn wake(&self) -> io::Result<()> {
        self.0.wake_anyway()
    }
}

impl Host {
    /// A handle that ends its wait, from any thread.
    #[must_use]
    pub fn waker(&self) -> HostWaker {
        HostWaker(self.io.wake_queue.loop_waker())
    }
}
