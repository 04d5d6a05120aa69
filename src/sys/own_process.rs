//! Attributes of this process as a whole, set by `prctl`.

use std::io;
#[cfg(feature = "admin")]
use std::time::Duration;

/// Keeps other processes of the same user from reading the memory, the environment and the
/// descriptors of this one (`/proc/PID/mem`, `/proc/PID/environ`, `ptrace`). It then leaves no core
/// dump, and no debugger can attach. Root can still do all that. Programs that this process
/// executes are not affected. For a program's `main`, since it concerns the whole process.
///
/// # Errors
/// The error of the system: sandboxes may refuse the call.
pub fn hide_memory() -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, 0)
}

/// Makes this process the parent of its descendants' orphans, in place of process 1.
///
/// # Errors
/// The error of the system; before Linux 3.4, that the option is unknown.
#[cfg(feature = "programs")]
pub(crate) fn inherit_orphans() -> io::Result<()> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1)
}

/// The time that all threads of this process have had on processors.
#[cfg(feature = "admin")]
pub(crate) fn cpu_time() -> Duration {
    super::clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// How many ticks a second has in the files of `/proc`; 0 if that is not known.
#[cfg(feature = "admin")]
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: the call takes a number and uses no memory.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(0)
}

fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: with these options the call takes numbers and uses no memory.
    let result = unsafe { libc::prctl(option, value, NONE, NONE, NONE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
