//! `Mounted`: a service that has been mounted; `Mounting`: how the server keeps it.

use crate::host::{Factory, Make};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::server::error::BindError;
#[cfg(feature = "processes")]
use crate::service::Share;
#[cfg(feature = "workers")]
use crate::service::Workers;
use crate::service::{
    Callbacks, Compression, OriginRule, Page, Service, ServiceOptions, Start, Thread,
};

/// A mounted service, for options that differ from those of the server. Each method takes effect at
/// once, and replaces what the server or an earlier call said. Programs have `ProgramOptions` as
/// well.
///
/// ```
/// use switchboard::{Handler, Limits, OriginRule, Page, Server, handler};
///
/// struct Quiet;
/// impl Handler for Quiet {}
///
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/quiet", || handler(Quiet)).origin(OriginRule::Any).page(Page::talk());
/// ```
#[derive(Debug)]
pub struct Mounted<'a, P = ()> {
    pub(super) options: &'a mut ServiceOptions,
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "no service is a program"))]
    pub(super) program: P,
}

#[expect(clippy::return_self_not_must_use, reason = "the values are on the server already")]
impl<P> Mounted<'_, P> {
    /// Replaces all of its options. Call it before the others.
    pub fn options(self, options: ServiceOptions) -> Self {
        *self.options = options;
        self
    }

    /// Replaces its limits. Those of the request head and of the host stay the server's, because
    /// they apply before the service is known, or to all services: `head_bytes_max`, `headers_max`,
    /// `request_line_bytes_max`, `handshake_ms_max`, the counts of sockets and files, the turn, and
    /// the stop. [`Server::bind`](crate::Server::bind) checks them.
    pub fn limits(self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Sets which pages may open sockets to it.
    pub fn origin(self, origin: OriginRule) -> Self {
        self.options.origin = origin;
        self
    }

    /// Sets whether it compresses.
    pub fn compression(self, compression: Compression) -> Self {
        self.options.compression = compression;
        self
    }

    /// Sets when it starts.
    pub fn start(self, start: Start) -> Self {
        self.options.start = start;
        self
    }

    /// Sets how many workers it has, and what chooses the one of a socket.
    #[cfg(feature = "workers")]
    pub fn workers(self, workers: Workers) -> Self {
        self.options.workers = workers;
        self
    }

    /// Sets which of its messages reach the other processes of the server, if it has several.
    #[cfg(feature = "processes")]
    pub fn share(self, share: Share) -> Self {
        self.options.share = share;
        self
    }

    /// Sets the answer to a plain GET of its path, which is a 426 without this: a page that is held
    /// in memory ([`Page::html`]), or one that a closure makes for each request (`Page::of`).
    pub fn page(self, page: Page) -> Self {
        self.options.page = Some(page);
        self
    }
}

impl Mounted<'_> {
    /// Sets the thread that it runs on.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn thread(self, thread: Thread) -> Self {
        self.options.thread = thread;
        self
    }
}

/// A mounted service, as the server keeps it.
pub(super) struct Mounting {
    pub(super) path: String,
    pub(super) options: ServiceOptions,
    pub(super) own: Make<dyn Service>,
    /// `None` if it has no callbacks for the loop to call.
    pub(super) callbacks: Option<Make<dyn Callbacks>>,
}

impl Mounting {
    /// Mounts it. Returns what makes the service.
    pub(super) fn mount(self, hub: &mut Hub) -> Result<Factory, BindError> {
        let Self { path, options, own, callbacks } = self;
        options.limits.check().map_err(BindError::Limits)?;
        let thread = options.thread;
        #[cfg(feature = "workers")]
        options.check_workers(&path).map_err(BindError::Workers)?;
        hub.mount(&path, options).map_err(BindError::Path)?;
        match (thread, callbacks) {
            (Thread::Own, _) => Ok(Factory::thread(own)),
            (Thread::Loop, Some(callbacks)) => Ok(Factory::Loop(callbacks)),
            (Thread::Loop, None) => Err(BindError::Thread(path)),
        }
    }
}
