//! `Mounted`: a service that has been mounted.

use crate::limits::Limits;
use crate::pages::Page;
use crate::service::{Compression, OriginRule, ServiceOptions, Thread};

/// A service that has been mounted, for what is not as usual about it. A program is one, too, with
/// `ProgramOptions` besides.
#[derive(Debug)]
pub struct Mounted<'a, P = ()> {
    pub(super) options: &'a mut ServiceOptions,
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "no service is a program"))]
    pub(super) program: P,
}

#[expect(clippy::return_self_not_must_use, reason = "the values are on the server already")]
impl<P> Mounted<'_, P> {
    /// All that holds for it, instead of what the server says.
    pub fn options(self, options: ServiceOptions) -> Self {
        *self.options = options;
        self
    }

    /// Its own bounds, instead of the server's. Those of the request head and of the host
    /// stay the server's, since they hold before the service is known.
    pub fn limits(self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Which pages may open sockets to it, instead of the server's rule.
    pub fn origin(self, origin: OriginRule) -> Self {
        self.options.origin = origin;
        self
    }

    /// Whether it compresses, instead of the server's word.
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
    /// Which thread it runs on, instead of what the server says.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn thread(self, thread: Thread) -> Self {
        self.options.thread = thread;
        self
    }
}
