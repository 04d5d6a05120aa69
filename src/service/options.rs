//! `ServiceOptions`: limits and rules of a service. The configuration yields them, a server mounts
//! a service with them, and the hub applies them.

use crate::limits::Limits;
use crate::service::callbacks::Thread;
use crate::service::origin::OriginRule;
use crate::service::page::Page;
#[cfg(feature = "processes")]
use crate::service::share::Share;
#[cfg(feature = "workers")]
use crate::service::workers::Workers;

/// The options of one service, for [`Server::options`](crate::Server::options) and
/// [`Mounted::options`](crate::Mounted::options). Minor versions add fields, so use struct update
/// syntax:
///
/// ```
/// use switchboard::{Limits, OriginRule, ServiceOptions};
///
/// let limits = Limits { message_bytes_max: 4_096, ..Limits::SERVER };
/// let options = ServiceOptions { origin: OriginRule::Any, ..ServiceOptions::new(limits) };
/// assert_eq!(options.page, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceOptions {
    /// The bounds for its sockets and its mail.
    /// [`Mounted::limits`](crate::Mounted::limits) says which fields stay the server's.
    pub limits: Limits,
    /// The pages that may open sockets to it.
    pub origin: OriginRule,
    /// Whether its messages may be compressed.
    pub compression: Compression,
    /// The thread that it runs on. A program always has a thread of its own.
    pub thread: Thread,
    /// The answer to a plain GET of its path; `None`: a 426, which says that an upgrade is
    /// required.
    pub page: Option<Page>,
    /// How many workers it has, and what chooses the one of a socket.
    #[cfg(feature = "workers")]
    pub workers: Workers,
    /// Which of its messages reach the other processes of its server, and other hosts.
    #[cfg(feature = "processes")]
    pub share: Share,
    /// When it starts. A program has to have options of its own
    /// (`Server::program`) to be eager.
    pub start: Start,
}

impl ServiceOptions {
    /// These bounds, and the default of everything else: sockets for pages of the same host and
    /// port, no compression, a thread of its own, one worker, no page, a start with the first
    /// socket.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            origin: OriginRule::Same,
            compression: Compression::Off,
            thread: Thread::Own,
            page: None,
            #[cfg(feature = "workers")]
            workers: Workers::ONE,
            #[cfg(feature = "processes")]
            share: Share::None,
            start: Start::Lazy,
        }
    }

    /// How many workers it has.
    #[cfg(feature = "workers")]
    pub(crate) const fn workers_len(&self) -> usize {
        self.workers.count()
    }

    /// How many workers it has.
    #[cfg(not(feature = "workers"))]
    #[expect(clippy::unused_self, reason = "each service has one")]
    pub(crate) const fn workers_len(&self) -> usize {
        1
    }
}

#[cfg(feature = "workers")]
impl ServiceOptions {
    /// Whether a service can have so many workers.
    ///
    /// # Errors
    /// It cannot; what was found, and what is allowed.
    pub(crate) fn check_worker_count(&self, path: &str) -> Result<(), String> {
        let (count, max) = (self.workers.count(), Workers::MAX);
        if (1..=max).contains(&count) {
            return Ok(());
        }
        Err(format!("the service {path} has {count} workers, allowed are 1 to {max}"))
    }

    /// Whether the service at `path` can have its workers.
    ///
    /// # Errors
    /// It cannot; what was found, and what is allowed.
    pub(crate) fn check_workers(&self, path: &str) -> Result<(), String> {
        self.check_worker_count(path)?;
        let count = self.workers.count();
        if count > 1 && self.thread == Thread::Loop {
            return Err(format!(
                "the service {path} has {count} workers on the loop (thread), which has one \
                 thread: allowed is one worker there, or threads of their own (thread: own)"
            ));
        }
        Ok(())
    }
}

impl Default for ServiceOptions {
    /// With the bounds of [`Limits::SERVER`].
    fn default() -> Self {
        Self::new(Limits::SERVER)
    }
}

/// When a service starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With its first socket, and after its end with the next one.
    #[default]
    Lazy,
    /// With the host, in its first turn. After its end it is started again without a socket: at
    /// once, then after pauses that double from 1 s to 64 s if it keeps ending within a minute. The
    /// host serves all others meanwhile. Once a clean stop has begun, it is not started again.
    Eager,
}

impl Start {
    /// Parses `lazy` or `eager`, in any case; `None` for other names.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("lazy") {
            return Some(Self::Lazy);
        }
        if name.eq_ignore_ascii_case("eager") { Some(Self::Eager) } else { None }
    }
}

/// Whether a service agrees to compression with sockets that offer it (permessage-deflate, RFC
/// 7692). Messages below
/// [`Limits::deflate_threshold_bytes`](crate::Limits::deflate_threshold_bytes) are not compressed.
///
/// Compression costs work on the thread that polls all sockets. The length of a compressed message
/// also says something about its content, so leave it off where a message has both secrets and
/// text that others choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// No message is compressed, in either direction.
    #[default]
    Off,
    /// Messages may be compressed in both directions. Needs the feature `deflate`.
    #[cfg(feature = "deflate")]
    On,
}

impl Compression {
    /// Parses `on` or `off`, in any case; `None` for other names, and for `on` without the feature
    /// `deflate`.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        #[cfg(feature = "deflate")]
        if name.eq_ignore_ascii_case("on") {
            return Some(Self::On);
        }
        if name.eq_ignore_ascii_case("off") { Some(Self::Off) } else { None }
    }
}
