//! Calls for child processes and their pipes, which only programs need.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys::DESCRIPTORS_GIVEN;

/// Gives a child the limit of descriptors that this process had before it was raised. A program
/// that waits with `select` cannot use more than 1,024, and some programs close all possible
/// descriptors.
pub(crate) fn restore_descriptor_limit(id: u32) {
    let Some(&given) = DESCRIPTORS_GIVEN.get() else { return };
    let Ok(id) = libc::pid_t::try_from(id) else { return };
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both pointers are null or to a local of the right type, and the calls keep none.
    // A child that has exited already has no use for it.
    unsafe {
        let none = std::ptr::null();
        let known = libc::prlimit(id, libc::RLIMIT_NOFILE, none, &raw mut limit) == 0;
        if known && given < limit.rlim_cur {
            limit.rlim_cur = given;
            libc::prlimit(id, libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut());
        }
    }
}

/// A descriptor that becomes readable when the child process `id` exits.
///
/// # Errors
/// The error of the system; before Linux 5.3, that the call is unknown.
pub(crate) fn exit_descriptor(id: u32) -> io::Result<OwnedFd> {
    let id = libc::pid_t::try_from(id).map_err(io::Error::other)?;
    // SAFETY: the call takes two numbers and uses no memory.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    let descriptor = RawFd::try_from(descriptor).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, so that it has no other owner. It is closed in children.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A descriptor that becomes readable when a number is written to it. Unlike a pipe it can be
/// written to without a reader, and without a SIGPIPE.
///
/// # Errors
/// The system has none left.
pub(crate) fn counter() -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and uses no memory.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, so that it has no other owner. It is closed in children.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Whether the child process `id` has exited. It stays a zombie, whose number the system gives
/// to no other process or group.
///
/// # Errors
/// It is no child, or no longer one.
pub(crate) fn has_exited(id: u32) -> io::Result<bool> {
    // SAFETY: zero is a valid value for every field.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to a local of the right type, which the call only writes.
    if unsafe { libc::waitid(libc::P_PID, id, &raw mut info, options) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: what the call has filled in is about a child; otherwise the field is still zero.
    Ok(unsafe { info.si_pid() } != 0)
}

/// Waits until the child process `id` has exited and is a zombie, or until the system says that
/// it is no child.
pub(crate) fn wait_for_exit(id: u32) {
    let options = libc::WEXITED | libc::WNOWAIT;
    loop {
        // SAFETY: zero is a valid value for every field.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a local of the right type, which the call only writes.
        let result = unsafe { libc::waitid(libc::P_PID, id, &raw mut info, options) };
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Starts a command in an open folder, even if that has been moved. The command is then started
/// by `fork`, which copies page tables.
pub(crate) fn begin_in(command: &mut Command, folder: OwnedFd) {
    let enter = move || {
        // SAFETY: the call takes a number and uses no memory.
        let result = unsafe { libc::fchdir(folder.as_raw_fd()) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: after the `fork` it makes one system call, and neither allocates nor locks.
    unsafe { command.pre_exec(enter) };
}

/// The effective user of this process, which owns the files that it makes.
pub(crate) fn own_user() -> u32 {
    // SAFETY: the call takes nothing, uses no memory, and cannot fail.
    unsafe { libc::geteuid() }
}

/// How many unread bytes a pipe holds. Works with either end, also after the other one has been
/// closed.
pub(crate) fn unread_len(pipe: &impl AsFd) -> u64 {
    let mut len: libc::c_int = 0;
    // SAFETY: the descriptor is open while it is borrowed; the pointer is to a local of the
    // right type, which the call only writes. It fails for no pipe.
    unsafe { libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut len) };
    u64::try_from(len).unwrap_or(0)
}

/// A signal for a group of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ask it to end (SIGTERM).
    Terminate,
    /// End it at once (SIGKILL).
    Kill,
}

/// Sends a signal to the child process `leader` and to its group. Call it before the leader is
/// waited for: after that, its number may belong to others.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    let signal = match signal {
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    // A number below two would mean other processes than a child.
    let Some(id) = libc::pid_t::try_from(leader).ok().filter(|&id| id > 1) else { return };
    // Processes that have gone get no signal. The leader may have left its group. If it has
    // not, it gets the signal once, since many programs end at once on a second SIGTERM.
    // SAFETY: all calls take numbers and use no memory.
    unsafe {
        libc::kill(-id, signal);
        if libc::getpgid(id) != id {
            libc::kill(id, signal);
        }
    }
}

/// A folder with a name for each descriptor of the process that reads it, if it exists.
pub(crate) const OWN_DESCRIPTORS: &str = "/proc/self/fd";
