//! `exit_descriptor`: notifies a poll that a child has exited.
//!
//! Linux has a descriptor for that since 5.3. If the call is missing, or a sandbox refuses it, a
//! thread waits for each child instead. SIGCHLD would need no threads. But it belongs to the whole
//! process, and a host may be only a part of that. Also, a signal that comes while another is
//! pending is lost, so that each signal would require a look at all children.
//!
//! The number of a child may belong to another process once the child has been waited for, and the
//! thread cannot prevent that. It is still correct:
//!
//! - The descriptor never becomes readable too early: until the child is waited for, the number is
//!   its own, and the thread waits for that number only. It leaves the child a zombie.
//! - If the child is waited for while the thread waits, too, its exit has woken the thread, which
//!   finds that there is no such child. The kernel looks the number up when the wait begins, and
//!   keeps the result; a new child with that number changes nothing.
//! - If the child is waited for before the thread has begun to wait, the thread may find a new
//!   child by that number. It then waits until that one exits, takes nothing from its owner, and
//!   notifies no poll: an owner that waits for a child before it is notified of its exit has
//!   dropped the descriptor.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::thread;

use crate::sys::children;

/// A descriptor that becomes readable when the child process `id` exits.
///
/// # Errors
/// What the system says.
pub(super) fn exit_descriptor(id: u32) -> io::Result<OwnedFd> {
    match children::exit_descriptor(id) {
        // For a child the call itself never says that it is not permitted.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            by_thread(id)
        }
        opened => opened,
    }
}

/// The same, by a thread that ends with the child.
fn by_thread(id: u32) -> io::Result<OwnedFd> {
    let descriptor = children::counter()?;
    let mut counter = File::from(descriptor.try_clone()?);
    let begun =
        thread::Builder::new().name("exit".to_owned()).stack_size(STACK_BYTES).spawn(move || {
            children::wait_for_exit(id);
            // The channel has capacity for one number, and this is the only one.
            let _ = counter.write_all(&1_u64.to_ne_bytes());
        });
    match begun {
        Ok(_) => Ok(descriptor),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!(
                "this system has no pidfd_open, and no thread left that could wait for the \
                 program instead ({error}): allow more threads, or run fewer programs"
            ),
        )),
    }
}

/// For two system calls.
const STACK_BYTES: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    use super::*;

    /// A child that ends with its input.
    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs")
    }

    /// Whether a descriptor is readable, once it is or within a time.
    fn is_readable(descriptor: &OwnedFd, within: Duration) -> bool {
        let (mut poll, mut events) = (Poll::new().expect("one is left"), Events::with_capacity(1));
        let raw = descriptor.as_raw_fd();
        let registered =
            poll.registry().register(&mut SourceFd(&raw), Token(0), Interest::READABLE);
        registered.expect("it can be polled");
        poll.poll(&mut events, Some(within)).expect("polling works");
        events.iter().any(mio::event::Event::is_readable)
    }

    #[test]
    fn a_thread_tells_of_the_exit_and_leaves_the_child_a_zombie() {
        let mut child = cat();
        let descriptor = by_thread(child.id()).expect("there is a thread");
        assert!(!is_readable(&descriptor, Duration::ZERO), "it runs");
        drop(child.stdin.take());
        assert!(is_readable(&descriptor, DEADLINE));
        assert!(children::has_exited(child.id()).expect("it is still a child"));
        assert!(child.wait().expect("nobody has waited for it").success());
    }

    #[test]
    fn a_thread_ends_with_a_child_that_its_owner_waits_for() {
        let mut child = cat();
        let descriptor = by_thread(child.id()).expect("there is a thread");
        child.kill().expect("it runs");
        child.wait().expect("it is killed");
        let mut number = [0; 8];
        File::from(descriptor).read_exact(&mut number).expect("the thread tells it");
        // And one that begins after that finds nothing.
        let late = by_thread(child.id()).expect("there is a thread");
        assert!(is_readable(&late, DEADLINE));
    }

    const DEADLINE: Duration = Duration::from_secs(60);
}
