//! Children of whatever parent that this process has inherited as process 1.

#[cfg(not(feature = "programs"))]
use std::io;

/// The number of a child that has exited, if there is one. It stays a zombie, so that the number is
/// its own until somebody waits for it.
#[cfg(feature = "programs")]
pub fn exited_child() -> Option<u32> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: zero is a valid value for every field.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a local of the right type, which the call only writes. It fails
    // if there is no child.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } != 0 {
        return None;
    }
    // SAFETY: what the call has filled in is about a child; otherwise the field is still zero.
    u32::try_from(unsafe { info.si_pid() }).ok().filter(|&id| id > 0)
}

/// Waits for a child that has exited, after which it is no zombie.
#[cfg(feature = "programs")]
pub fn reap(id: u32) {
    let options = libc::WEXITED | libc::WNOHANG;
    // SAFETY: the call writes nothing without a place for that.
    unsafe { libc::waitid(libc::P_PID, id, std::ptr::null_mut(), options) };
}

/// Has the system drop the exits of all children; for a process that starts none itself.
///
/// # Errors
/// What the system says.
#[cfg(not(feature = "programs"))]
pub fn ignore_exits() -> io::Result<()> {
    // SAFETY: to ignore a signal uses no memory.
    let result = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    if result == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}
