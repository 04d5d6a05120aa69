//! Signals: the handler writes the request to a pipe, since a handler may do little else.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use mio::unix::pipe;

/// A request that a signal makes to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalKind {
    /// To stop (SIGINT, SIGTERM).
    Stop,
    /// To read its configuration again (SIGHUP).
    Reload,
    /// To wait for children that have exited (SIGCHLD).
    #[cfg(any(feature = "programs", feature = "processes"))]
    Reap,
    /// To log its state (SIGUSR1).
    Status,
}

impl SignalKind {
    const fn signals(self) -> &'static [libc::c_int] {
        match self {
            Self::Stop => &[libc::SIGINT, libc::SIGTERM],
            Self::Reload => &[libc::SIGHUP],
            #[cfg(any(feature = "programs", feature = "processes"))]
            Self::Reap => &[libc::SIGCHLD],
            Self::Status => &[libc::SIGUSR1],
        }
    }

    /// The pipe that the handler of its signals writes to.
    const fn pipe(self) -> &'static AtomicI32 {
        match self {
            Self::Stop => &STOP_PIPE,
            Self::Reload => &RELOAD_PIPE,
            #[cfg(any(feature = "programs", feature = "processes"))]
            Self::Reap => &REAP_PIPE,
            Self::Status => &STATUS_PIPE,
        }
    }

    /// The action of its signals once they have no pipe any more.
    fn action_after(self) -> libc::sighandler_t {
        match self {
            // A tool that rotates logs may send it at any time, and must not end the process.
            Self::Status => nothing as extern "C" fn(libc::c_int) as libc::sighandler_t,
            Self::Stop | Self::Reload => libc::SIG_DFL,
            #[cfg(any(feature = "programs", feature = "processes"))]
            Self::Reap => libc::SIG_DFL,
        }
    }
}

/// The signals of a wish write a byte to a pipe until this is dropped, which keeps the pipe open.
#[derive(Debug)]
pub(crate) struct SignalPipe {
    wish: SignalKind,
    pipe: pipe::Sender,
}

impl SignalPipe {
    /// Makes the signals of a wish write to `pipe`, which must not block, instead of an earlier
    /// pipe.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn new(wish: SignalKind, pipe: pipe::Sender) -> io::Result<Self> {
        let caught = Self { wish, pipe };
        // This lock is released before `caught` is dropped, whose drop takes it again.
        let _change = change();
        wish.pipe().store(caught.pipe.as_fd().as_raw_fd(), Ordering::SeqCst);
        catch_signals(wish)?;
        if wish == SignalKind::Reload && HELD_RELOAD.swap(false, Ordering::SeqCst) {
            on_signal(libc::SIGHUP);
        }
        Ok(caught)
    }
}

impl Drop for SignalPipe {
    /// The signals end the process again, as by default, unless they write to another pipe by now;
    /// SIGUSR1 does nothing.
    /// This pipe is closed when no handler writes to it any more, since the system may give its
    /// number to another file.
    fn drop(&mut self) {
        let (own, order) = (self.pipe.as_fd().as_raw_fd(), Ordering::SeqCst);
        let change = change();
        if self.wish.pipe().compare_exchange(own, -1, order, order).is_ok() {
            for &signal in self.wish.signals() {
                // SAFETY: the default action is valid for all, and the handler that does nothing
                // is; no memory is involved.
                unsafe { libc::signal(signal, self.wish.action_after()) };
            }
        }
        drop(change);
        // A handler counts itself before it looks for a pipe. So a handler that found this pipe is
        // counted by now; it runs on another thread, and its write does not block. A later handler
        // finds another pipe or none.
        while HANDLERS.load(order) > 0 {
            thread::yield_now();
        }
    }
}

/// Keeps the signals of a wish from ending the process. Without a pipe, a reload is kept for a
/// later [`SignalPipe`]. Returns whether the process was started with any of them ignored.
///
/// # Errors
/// The error of the system.
pub(crate) fn catch_signals(wish: SignalKind) -> io::Result<bool> {
    let mut was_ignored = false;
    for &signal in wish.signals() {
        let handler: extern "C" fn(libc::c_int) = on_signal;
        // SAFETY: zero is a valid value for every field: no flags, an empty mask.
        let (mut action, mut old): (libc::sigaction, libc::sigaction) =
            unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the action is initialized, and its handler makes only a call that is allowed
        // within a signal handler; the other pointer is to a local, which the call only writes.
        if unsafe { libc::sigaction(signal, &raw const action, &raw mut old) } != 0 {
            return Err(io::Error::last_os_error());
        }
        was_ignored |= old.sa_sigaction == libc::SIG_IGN;
    }
    Ok(was_ignored)
}

/// Held while a pipe and the actions of its signals are changed. Otherwise a pipe that another
/// thread sets in between would be left without a handler. No handler takes it.
fn change() -> MutexGuard<'static, ()> {
    static CHANGE: Mutex<()> = Mutex::new(());
    CHANGE.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn on_signal(signal: libc::c_int) {
    let wish = match signal {
        libc::SIGHUP => SignalKind::Reload,
        #[cfg(any(feature = "programs", feature = "processes"))]
        libc::SIGCHLD => SignalKind::Reap,
        libc::SIGUSR1 => SignalKind::Status,
        _ => SignalKind::Stop,
    };
    HANDLERS.fetch_add(1, Ordering::SeqCst);
    let mut pipe = wish.pipe().load(Ordering::SeqCst);
    if pipe < 0 && wish == SignalKind::Reload {
        HELD_RELOAD.store(true, Ordering::SeqCst);
        // A thread that has set the pipe meanwhile may have read the flag before.
        pipe = wish.pipe().load(Ordering::SeqCst);
    }
    let byte = 0_u8;
    // SAFETY: `write` may be called within a signal handler, and reads one byte of a local. The
    // pipe is open while this handler is counted; without one, the call fails. It may change errno,
    // which is put back, since the interrupted code may be about to read it.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(pipe, (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
    HANDLERS.fetch_sub(1, Ordering::SeqCst);
}

/// Makes SIGUSR1 and SIGUSR2 do nothing instead of ending the process, since other servers use them
/// for requests. They get a handler and are not ignored: programs would inherit that.
pub fn outlive_user_signals() {
    for signal in [libc::SIGUSR1, libc::SIGUSR2] {
        let handler: extern "C" fn(libc::c_int) = nothing;
        // SAFETY: the handler does nothing; a signal that cannot be set stays as it is.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

extern "C" fn nothing(_: libc::c_int) {}

static STOP_PIPE: AtomicI32 = AtomicI32::new(-1);
static RELOAD_PIPE: AtomicI32 = AtomicI32::new(-1);
#[cfg(any(feature = "programs", feature = "processes"))]
static REAP_PIPE: AtomicI32 = AtomicI32::new(-1);
static STATUS_PIPE: AtomicI32 = AtomicI32::new(-1);
/// How many handlers look for a pipe or write to it.
static HANDLERS: AtomicUsize = AtomicUsize::new(0);
/// Whether a reload was asked for before it had a pipe.
static HELD_RELOAD: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;

    /// Hosts start and end on any threads. The last pipe gets the signals.
    #[test]
    fn one_that_ends_takes_no_handler_from_the_next() {
        fn begin_and_end() {
            let (sender, _receiver) = pipe::new().expect("there are descriptors");
            let own = sender.as_fd().as_raw_fd();
            let caught = SignalPipe::new(SignalKind::Stop, sender).expect("it can be caught");
            for _ in 0..10 {
                // SAFETY: zero is a valid value for every field.
                let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
                // SAFETY: without a new action the call only writes, to a local of its type.
                unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut action) };
                // It was all the time, since no other pipe has this number.
                let is_last = STOP_PIPE.load(Ordering::SeqCst) == own;
                assert!(!is_last || action.sa_sigaction != libc::SIG_DFL);
            }
            drop(caught);
        }
        let threads = [(); 2].map(|()| thread::spawn(|| (0..20_000).for_each(|_| begin_and_end())));
        assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
    }

    /// The system may give the number of a pipe that is closed to another file at once.
    #[test]
    fn a_pipe_is_closed_when_no_handler_writes_to_it() {
        let (sender, mut receiver) = pipe::new().expect("there are descriptors");
        let caught = SignalPipe::new(SignalKind::Reload, sender).expect("it can be caught");
        on_signal(libc::SIGHUP);
        let mut bytes = [0; 2];
        assert_eq!(receiver.read(&mut bytes).expect("the signal has been written"), 1);
        // A handler has begun on another thread, and found the pipe.
        HANDLERS.fetch_add(1, Ordering::SeqCst);
        let is_over = Arc::new(AtomicBool::new(false));
        let closing = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                drop(caught);
                is_over.load(Ordering::SeqCst)
            }
        });
        while RELOAD_PIPE.load(Ordering::SeqCst) >= 0 {
            thread::yield_now();
        }
        // The other thread runs for a while, in which it could close the pipe.
        (0..10_000).for_each(|_| thread::yield_now());
        let is_open =
            receiver.read(&mut bytes).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        is_over.store(true, Ordering::SeqCst);
        HANDLERS.fetch_sub(1, Ordering::SeqCst);
        assert!(closing.join().expect("it only drops") && is_open);
        assert_eq!(receiver.read(&mut bytes).expect("it is closed"), 0);
    }
}
