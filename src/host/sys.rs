//! The system calls that the standard library and mio lack, each with the reason why it is
//! sound. This is the only file with unsafe code.
#![expect(unsafe_code, reason = "system calls have no safe form")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// The number of descriptors that this process may have open, raised as far as the system
/// lets it without asking anybody.
#[must_use]
pub fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local of the right type, which the call only writes.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return DESCRIPTORS_FALLBACK;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
    // SAFETY: the pointer is to a local of the right type, which the call only reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        limit = raised;
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// The time of the system's last tick, some milliseconds ago at most, since some moment. It
/// costs a tenth of what the exact time does.
#[must_use]
pub(super) fn tick() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local of the right type, which the call only writes. It fails
    // for clocks that there are not, and this one there is, since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Makes a listener's connections send small messages at once. Linux passes the option on to
/// every accepted connection, which saves a call for each.
///
/// # Errors
/// What the system says.
pub(super) fn set_nodelay(listener: &impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open while it is borrowed; the pointer and the length are
    // those of a local that the call only reads.
    let result = unsafe {
        libc::setsockopt(
            listener.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// From now on SIGINT and SIGTERM write a byte to `pipe`, which must stay open for as long as
/// the process runs and must not block.
///
/// # Errors
/// What the system says.
pub(super) fn write_on_stop_signals(pipe: &impl AsFd) -> io::Result<()> {
    SIGNAL_PIPE.store(pipe.as_fd().as_raw_fd(), Ordering::SeqCst);
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let handler: extern "C" fn(libc::c_int) = on_stop_signal;
        // SAFETY: zero is a valid value for every field: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the action is initialized, and its handler makes only a call that is allowed
        // within a signal handler.
        if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// From now on SIGINT and SIGTERM end the process again, as they do by default; unless they
/// write to another pipe by now.
pub(super) fn forget_stop_signals(pipe: &impl AsFd) {
    let own = pipe.as_fd().as_raw_fd();
    if SIGNAL_PIPE.compare_exchange(own, -1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return;
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the default action is valid for both; no memory is involved.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

extern "C" fn on_stop_signal(_: libc::c_int) {
    let byte = 0_u8;
    // SAFETY: `write` may be called within a signal handler, and reads one byte of a local. It
    // may change errno, which is put back, since the interrupted code may be about to read it.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(SIGNAL_PIPE.load(Ordering::SeqCst), (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// The pipe that the signal handler writes to.
static SIGNAL_PIPE: AtomicI32 = AtomicI32::new(-1);
/// What POSIX systems allow at least, near enough.
const DESCRIPTORS_FALLBACK: usize = 256;
