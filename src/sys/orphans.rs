//! Orphans of other processes that this process has inherited.

use std::io;

/// The number of a child that has exited, if there is one. It stays a zombie, so that its number is
/// not used again until it is waited for.
///
/// # Errors
/// This process has no children at all.
#[cfg(any(feature = "programs", feature = "processes"))]
pub(crate) fn exited_child() -> io::Result<Option<u32>> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: zero is a valid value for every field.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a local of the right type, which the call only writes.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: what the call has filled in is about a child; otherwise the field is still zero.
    let id = u32::try_from(unsafe { info.si_pid() });
    Ok(id.ok().filter(|&id| id > 0))
}

/// Waits for a child that has exited, after which it is no zombie.
#[cfg(any(feature = "programs", feature = "processes"))]
pub(crate) fn reap(id: u32) {
    let options = libc::WEXITED | libc::WNOHANG;
    // SAFETY: the call writes nothing without a place for that.
    unsafe { libc::waitid(libc::P_PID, id, std::ptr::null_mut(), options) };
}

/// Kills a child. It must not have been waited for: after that, its number may belong to another
/// process.
///
/// # Errors
/// It acts for another user.
#[cfg(feature = "programs")]
pub(crate) fn kill(id: u32) -> io::Result<()> {
    let id = libc::pid_t::try_from(id).map_err(io::Error::other)?;
    // SAFETY: the call takes numbers and uses no memory.
    let result = unsafe { libc::kill(id, libc::SIGKILL) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets the system drop the exits of all children. For a process that starts none itself.
///
/// # Errors
/// The error of the system.
pub(crate) fn ignore_exits() -> io::Result<()> {
    // SAFETY: to ignore a signal uses no memory.
    let result = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    if result == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}
