//! `ServiceOptions`: limits and rules of a service. The configuration yields them, a server mounts
//! a service with them, and the hub applies them.

use crate::limits::Limits;
use crate::pages::Page;
use crate::service::callbacks::Thread;
use crate::service::origin::OriginRule;

/// Limits and rules of a service. Minor versions add fields, so use struct update syntax:
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
    /// The bounds for its sockets and mail.
    pub limits: Limits,
    /// Which pages may open sockets to it.
    pub origin: OriginRule,
    /// Whether its messages may be compressed.
    pub compression: Compression,
    /// Which thread it runs on. A program always has a thread of its own.
    pub thread: Thread,
    /// What a plain GET of its path shows.
    pub page: Option<Page>,
}

impl ServiceOptions {
    /// These bounds, and the default of everything else: sockets for pages of the same host and
    /// port, no compression, a thread of its own, no page.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            origin: OriginRule::Same,
            compression: Compression::Off,
            thread: Thread::Own,
            page: None,
        }
    }
}

impl Default for ServiceOptions {
    /// With the bounds of [`Limits::SERVER`].
    fn default() -> Self {
        Self::new(Limits::SERVER)
    }
}

/// Whether a service compresses messages to sockets that offer it (RFC 7692). It costs time on the
/// thread that polls all sockets. The length of a compressed message reveals something about its
/// content: leave compression off in a service that sends secrets together with text that others
/// choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// The service does not compress, and no socket may.
    #[default]
    Off,
    /// The service compresses. Needs the feature `deflate`.
    #[cfg(feature = "deflate")]
    On,
}

impl Compression {
    /// Parses `on` or `off`, in any case. A build without `deflate` knows `off` only.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        #[cfg(feature = "deflate")]
        if name.eq_ignore_ascii_case("on") {
            return Some(Self::On);
        }
        if name.eq_ignore_ascii_case("off") { Some(Self::Off) } else { None }
    }
}
