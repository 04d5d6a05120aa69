//! Descriptors that a process passes to a child, signals for that child, and waits for the link
//! between both: what a server with several processes needs.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets a command have these descriptors, with the numbers that they have here. They have to be
/// open when it is started. Commands that other threads start meanwhile do not get them.
pub(crate) fn pass(command: &mut Command, descriptors: Vec<RawFd>) {
    let keep = move || {
        for &descriptor in &descriptors {
            // SAFETY: the call changes a flag of a descriptor, and uses no memory.
            if unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: after the `fork` it makes system calls alone, and neither allocates nor locks.
    unsafe { command.pre_exec(keep) };
}

/// Takes a descriptor that the parent process has passed. To be called once for each.
///
/// # Errors
/// It is not open.
pub(crate) fn take(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call changes a flag of a descriptor, if there is one, and uses no memory.
    if unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and its parent process gave it to this one, which has no other owner for
    // it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Waits until a link takes more bytes, or has ended.
///
/// # Errors
/// The error of the system.
pub(crate) fn wait_for_space(link: &impl AsFd) -> io::Result<()> {
    wait(link, libc::POLLOUT)
}

/// Waits until a link has ended, at either end. What comes over it wakes nobody here.
///
/// # Errors
/// The error of the system.
pub(crate) fn wait_for_end(link: &impl AsFd) -> io::Result<()> {
    wait(link, 0)
}

/// Waits for these events. The end of a link is always one.
fn wait(link: &impl AsFd, events: libc::c_short) -> io::Result<()> {
    let mut polled = libc::pollfd { fd: link.as_fd().as_raw_fd(), events, revents: 0 };
    loop {
        // SAFETY: the descriptor is open while it is borrowed; the pointer is to one local of the
        // right type, which the call reads and writes.
        if unsafe { libc::poll(&raw mut polled, 1, -1) } >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A signal that a server passes on to its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerSignal {
    /// To stop (SIGTERM).
    Stop,
    /// To read the configuration again (SIGHUP).
    Reload,
    /// To log the state (SIGUSR1).
    Status,
    /// To end at once (SIGKILL).
    Kill,
}

/// Sends a signal to a child process. It must not have been waited for: after that, its number may
/// belong to another process.
pub(crate) fn send(child: u32, signal: ServerSignal) {
    let signal = match signal {
        ServerSignal::Stop => libc::SIGTERM,
        ServerSignal::Reload => libc::SIGHUP,
        ServerSignal::Status => libc::SIGUSR1,
        ServerSignal::Kill => libc::SIGKILL,
    };
    // A number below two would mean other processes than a child.
    let Some(id) = libc::pid_t::try_from(child).ok().filter(|&id| id > 1) else { return };
    // SAFETY: the call takes numbers and uses no memory.
    unsafe { libc::kill(id, signal) };
}
