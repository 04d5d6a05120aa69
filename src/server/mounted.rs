//! `Mounted`: a service that has been mounted.

use crate::limits::Limits;
use crate::pages::Page;
use crate::service::{Compression, OriginRule, ServiceOptions, Thread};

/// Overrides for one mounted service. For programs, `Own` is `ProgramOptions`.
#[derive(Debug)]
pub struct Mounted<'a, P = ()> {
    pub(super) options: &'a mut ServiceOptions,
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "no service is a program"))]
    pub(super) program: P,
}

#[expect(clippy::return_self_not_must_use, reason = "the values are on the server already")]
impl<P> Mounted<'_, P> {
    /// All its options, instead of those of the server.
    pub fn options(self, options: ServiceOptions) -> Self {
        *self.options = options;
        self
    }

    /// Its bounds, instead of those of the server. The bounds of the request head and of the host
    /// stay those of the server, since they apply before the service is known.
    pub fn limits(self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Which pages may open sockets to it, instead of the rule of the server.
    pub fn origin(self, origin: OriginRule) -> Self {
        self.options.origin = origin;
        self
    }

    /// Whether it compresses, instead of the setting of the server.
    pub fn compression(self, compression: Compression) -> Self {
        self.options.compression = compression;
        self
    }

    /// What a plain GET of its path shows.
    pub fn page(self, page: Page) -> Self {
        self.options.page = Some(page);
        self
    }
}

impl Mounted<'_> {
    /// Which thread it runs on, instead of the setting of the server.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn thread(self, thread: Thread) -> Self {
        self.options.thread = thread;
        self
    }
}
