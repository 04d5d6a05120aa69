//! The system calls that the standard library and mio lack, each with the reason why it is sound.
//! All unsafe code is in this folder. `children` starts, signals and waits for child processes,
//! `heap` returns memory, `listeners` makes and takes listening sockets, `orphans` ends and waits
//! for children of others, `own_process` sets attributes of this process, `passing` passes
//! descriptors and signals to processes of the same server, `signals` catches signals, `sqlite`
//! asks what rusqlite does not, `unix_path` has the path of a Unix socket.
#![expect(unsafe_code, reason = "system calls have no safe form")]

#[cfg(feature = "programs")]
pub(crate) mod children;
pub(crate) mod heap;
pub(crate) mod listeners;
pub(crate) mod orphans;
pub(crate) mod own_process;
#[cfg(feature = "processes")]
pub(crate) mod passing;
pub(crate) mod signals;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod unix_path;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::time::Duration;

/// The number of descriptors that this process may have open. It is raised as far as the system
/// allows without privileges.
#[must_use]
pub fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local of the right type, which the call only writes.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return DESCRIPTORS_FALLBACK;
    }
    // Only the first time: after that, this is the raised limit.
    DESCRIPTORS_GIVEN.get_or_init(|| limit.rlim_cur);
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
    // SAFETY: the pointer is to a local of the right type, which the call only reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        limit = raised;
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// The time of the system's last tick, since an arbitrary moment. It is a few milliseconds old at
/// most, and costs a tenth of the exact time.
#[must_use]
pub(crate) fn tick() -> Duration {
    clock(libc::CLOCK_MONOTONIC_COARSE)
}

/// The exact time of the same clock, to compare with what other processes have read from it. An
/// `Instant` does not show it.
#[must_use]
pub(crate) fn monotonic() -> Duration {
    clock(libc::CLOCK_MONOTONIC)
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local of the right type, which the call only writes. It fails for
    // unknown clocks; those that are asked for exist since Linux 2.6.32.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Keeps programs from inheriting the descriptors that this process has inherited: all but standard
/// input, output and error are closed on exec. Descriptors that Switchboard opens have that flag
/// from the start. For a program's `main`, which knows which descriptors the process got.
///
/// One call does this since Linux 5.11. If it is missing or refused, the flag is set for each
/// possible descriptor number, which takes some 100 ms. (`/proc` lists the open ones, but is not
/// always mounted, and would cost the minimal binary 4 kB.)
///
/// # Errors
/// The error of the system.
pub fn seal_descriptors() -> io::Result<()> {
    let (first, last) = (FIRST_INHERITED, libc::c_uint::MAX);
    // SAFETY: the call changes a flag of descriptors, and neither closes any nor uses memory.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    // The call exists since Linux 5.9, the flag since 5.11, and sandboxes refuse unknown calls with
    // various errors.
    if result == 0 { Ok(()) } else { seal_each() }
}

fn seal_each() -> io::Result<()> {
    (FIRST_INHERITED..DESCRIPTORS_END).try_for_each(seal)
}

fn seal(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: the call changes a flag of a descriptor, if there is one, and uses no memory.
    let result = unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EBADF) { Ok(()) } else { Err(error) }
}

/// Opens the file of this name in a folder, without following a link. `flags` are those of `open`
/// that make no file.
///
/// # Errors
/// The error of the system.
pub(crate) fn open_at(folder: &impl AsFd, name: &OsStr, flags: libc::c_int) -> io::Result<OwnedFd> {
    let name = CString::new(name.as_bytes())?;
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_LARGEFILE;
    loop {
        // SAFETY: the folder is open while it is borrowed, the name ends in a zero, and the call
        // keeps neither. It reads no mode, since it makes no file.
        let opened = unsafe { libc::openat(folder.as_fd().as_raw_fd(), name.as_ptr(), flags) };
        if opened >= 0 {
            // SAFETY: the descriptor is new, so that it has no other owner.
            return Ok(unsafe { OwnedFd::from_raw_fd(opened) });
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Lets a listener's connections send small messages at once. On Linux, accepted connections
/// inherit the option, which saves a call for each.
///
/// # Errors
/// The error of the system.
pub(crate) fn set_nodelay(listener: &impl AsFd) -> io::Result<()> {
    set_option(listener, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)
}

/// How many bytes of a socket the system holds that its peer has not acknowledged. `None` if the
/// system does not report it.
pub(crate) fn queued_len(socket: &impl AsFd) -> usize {
    let mut len: libc::c_int = 0;
    // SAFETY: the descriptor is open while it is borrowed, and the call writes one number, to a
    // local of its type.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut len) };
    if result == 0 { usize::try_from(len).unwrap_or(0) } else { 0 }
}

/// Makes closing its descriptor reset the connection.
pub(crate) fn reset_on_close(socket: &impl AsFd) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(socket, libc::SOL_SOCKET, libc::SO_LINGER, linger)
}

/// Sets an option of a socket: a number, or a struct of numbers.
fn set_option<T: Copy>(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open while it is borrowed; the pointer and the length are
    // those of a local that the call only reads.
    let result = unsafe { libc::setsockopt(socket, level, name, (&raw const value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The limit of descriptors before it was raised.
static DESCRIPTORS_GIVEN: OnceLock<libc::rlim_t> = OnceLock::new();
/// What POSIX systems allow at least, near enough.
const DESCRIPTORS_FALLBACK: usize = 256;
/// Behind standard input, output and error.
const FIRST_INHERITED: RawFd = libc::STDERR_FILENO + 1;
/// No descriptor has this number or one above it, unless an administrator has raised `fs.nr_open`.
const DESCRIPTORS_END: RawFd = 1 << 20;
