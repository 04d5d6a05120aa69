//! Attributes of this process as a whole, set by `prctl`.

use std::io;

/// Keeps other processes of the same user from reading the memory and the environment of this one
/// (`/proc/PID/mem`, `/proc/PID/environ`, `ptrace`), and its descriptors. It leaves no core dump
/// then, and no debugger attaches to it. Root may do all that as before. What this process executes
/// is not affected. For a program's `main`, since it concerns the whole process.
///
/// # Errors
/// What the system says: sandboxes may refuse the call.
pub fn hide_memory() -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, 0)
}

/// Makes this process the parent of what its descendants leave behind, in place of process 1.
///
/// # Errors
/// What the system says; before Linux 3.4 that it does not know how.
#[cfg(feature = "programs")]
pub(crate) fn inherit_orphans() -> io::Result<()> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1)
}

fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: with these options the call takes numbers and uses no memory.
    let result = unsafe { libc::prctl(option, value, NONE, NONE, NONE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
