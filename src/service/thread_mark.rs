//! `ThreadMark`: whether a thread may wait for what the loop or a database has to do.

#[cfg(any(feature = "senders", feature = "database"))]
use std::cell::Cell;

/// What a thread does.
#[cfg(any(feature = "senders", feature = "database"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadMark {
    /// Nothing that concerns a host.
    Other,
    /// It is that of a service. It does not wait for the queue of senders.
    Service,
    /// It polls all sockets, and waits for nothing else.
    Loop,
}

#[cfg(any(feature = "senders", feature = "database"))]
thread_local! {
    static MARK: Cell<ThreadMark> = const { Cell::new(ThreadMark::Other) };
}

/// What this thread does.
#[cfg(any(feature = "senders", feature = "database"))]
pub(crate) fn thread_mark() -> ThreadMark {
    MARK.get()
}

/// This thread is that of a service.
pub(crate) fn mark_service() {
    #[cfg(any(feature = "senders", feature = "database"))]
    MARK.set(ThreadMark::Service);
}

/// This thread polls sockets from now on, also between two turns.
pub(crate) fn mark_loop() {
    #[cfg(any(feature = "senders", feature = "database"))]
    MARK.set(ThreadMark::Loop);
}

/// This thread has polled the sockets of a host that has ended.
pub(crate) fn unmark_loop() {
    #[cfg(any(feature = "senders", feature = "database"))]
    MARK.set(ThreadMark::Other);
}
