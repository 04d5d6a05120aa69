//! A host in a poll loop of the program's own, which waits for other things as well: the descriptor
//! and the timeout of that wait.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::host::poll::Host;

impl Host {
    /// How long a loop of the program's own may wait before it calls [`Host::turn`]. Zero: there is
    /// work now. `None`: until the descriptor of the host is readable.
    ///
    /// Such a loop waits in `poll`, `epoll` or the like for the host and for other things. Each
    /// round of it has three steps:
    ///
    /// 1. Call this method, directly before the wait. It also makes services on threads, senders,
    ///    file reads and [`Stopper`](crate::Stopper)s wake the descriptor. Without it, they would
    ///    not. A [`HostWaker`](crate::HostWaker) always does.
    /// 2. Wait until the descriptor is readable, for this time at most. Round up to the unit of the
    ///    wait. Watch it by level, as `poll` does and `epoll` without `EPOLLET`. Never read it.
    /// 3. Call `turn(Some(Duration::ZERO))`, which does not wait. A call too many costs a system
    ///    call and does no harm, so the reason for the end of the wait may be left out of account.
    ///
    /// After [`Turn::Last`](crate::Turn::Last), drop the host. That closes the descriptor, so
    /// remove it from an `epoll` before. Until then it stays the same.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rustix::event::{PollFd, PollFlags, Timespec, poll};
    /// use switchboard::{Limits, Server, Turn};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut host = Server::new(Limits::SMALL).bind("127.0.0.1:0")?;
    /// # host.stopper().stop();
    /// loop {
    ///     let timeout = host.poll_timeout().map(Timespec::try_from).transpose()?;
    ///     // The other descriptors of the program stand in this list as well.
    ///     poll(&mut [PollFd::new(&host, PollFlags::IN)], timeout.as_ref())?;
    ///     if host.turn(Some(Duration::ZERO))? == Turn::Last {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.io.wake_queue.begin_sleep();
        // What came before that did not wake the poll.
        if self.has_work() { Some(Duration::ZERO) } else { self.wait_time(None, self.elapsed()) }
    }
}

/// For [`Host::poll_timeout`]: readable when the host has work. It belongs to the host.
impl AsFd for Host {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.poll.registry().as_fd()
    }
}

/// The same for libraries that take numbers.
impl AsRawFd for Host {
    fn as_raw_fd(&self) -> RawFd {
        self.io.poll.as_raw_fd()
    }
}
