//! The system calls that the standard library and mio lack, each with the reason why it is sound.
//! All unsafe code is in this folder. `dual` listens for IPv6 and IPv4 at once, `heap` returns
//! memory, `orphans` ends and waits for children of others, `process` sets attributes of this
//! process, `signals` catches signals.
#![expect(unsafe_code, reason = "system calls have no safe form")]

pub(crate) mod dual;
pub(crate) mod heap;
pub(crate) mod orphans;
pub(crate) mod process;
pub(crate) mod signals;

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
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local of the right type, which the call only writes. It fails for
    // unknown clocks; this one exists since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
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

/// Calls for child processes and their pipes, which only programs need.
#[cfg(feature = "programs")]
pub(crate) mod children {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// Gives a child the limit of descriptors that this process had before it was raised. A program
    /// that waits with `select` cannot use more than 1,024, and some programs close all possible
    /// descriptors.
    pub(crate) fn restore_descriptor_limit(id: u32) {
        let Some(&given) = super::DESCRIPTORS_GIVEN.get() else { return };
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
    /// written to when nobody reads it, without a SIGPIPE.
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

    /// The effective user of this process, who owns the files that it makes.
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
}

/// The limit of descriptors before it was raised.
static DESCRIPTORS_GIVEN: OnceLock<libc::rlim_t> = OnceLock::new();
/// What POSIX systems allow at least, near enough.
const DESCRIPTORS_FALLBACK: usize = 256;
/// Behind standard input, output and error.
const FIRST_INHERITED: RawFd = libc::STDERR_FILENO + 1;
/// No descriptor has this number or one above it, unless an administrator has raised `fs.nr_open`.
const DESCRIPTORS_END: RawFd = 1 << 20;
