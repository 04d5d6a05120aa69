//! `Workers`: how many workers a service has, and what chooses the one of a socket.

use std::borrow::Cow;
use std::num::NonZero;
use std::thread;

use crate::service::Request;
#[cfg(doc)]
use crate::service::Thread;

/// How many workers a service has, and which of them a socket gets. Each worker is a service of its
/// own: the factory is called once for each, and each has its own thread, mail and failures. A
/// program has a process for each. One worker is the default.
///
/// ```
/// use switchboard::{Handler, Limits, Server, WorkerKey, Workers, handler};
///
/// struct Room;
/// impl Handler for Room {}
///
/// let mut server = Server::new(Limits::SERVER);
/// // All sockets of `/room?name=tea` are with one worker, which has the state of that room.
/// let workers = Workers::cores().by(WorkerKey::Query("name".into()));
/// server.mount("/room", || handler(Room)).workers(workers);
/// ```
///
/// A socket gets its worker when its request has come, and keeps it. All that it sends goes to that
/// worker, in its order. Between workers there is no order.
///
/// What a worker sends reaches the whole service: [`Audience::all`], topics, and the ids of sockets
/// that other workers have. A worker that ends takes its own sockets along, and the others go on.
/// Each has the mail of a service ([`Limits::mail_messages_max`], [`Limits::mail_bytes_max`]), so
/// that N workers hold N times as much. The other limits are those of the service.
///
/// Workers share no memory, unless the factory gives them some. `tick` is called in each of them.
/// So a service that has to be alone, such as one with a counter for all, has one worker.
/// [`Context::worker`] says which one calls.
///
/// [`Audience::all`]: crate::service::Audience::all
/// [`Limits::mail_messages_max`]: crate::Limits::mail_messages_max
/// [`Limits::mail_bytes_max`]: crate::Limits::mail_bytes_max
/// [`Context::worker`]: crate::service::Context::worker
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workers {
    count: usize,
    key: WorkerKey,
}

/// What chooses the worker of a socket. Sockets with the same value have the same worker, as long
/// as the host runs: the value is hashed (SHA-1) with a secret that is new at each start, so that
/// no peer can compute which values have one worker. A socket without a value is as with
/// [`WorkerKey::Socket`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerKey {
    /// Each socket for itself: it gets the worker that has the fewest sockets. Those that pause
    /// because they keep failing come last, and before them those whose mail is full.
    #[default]
    Socket,
    /// The address of the peer: that of the client, if a trusted proxy says it. A /64 network of
    /// IPv6 counts as one address. A peer on a Unix socket has none.
    Peer,
    /// The first value of this name in the query ([`Request::query_value`]).
    Query(String),
    /// The first cookie of this name ([`Request::cookie`]).
    Cookie(String),
    /// The first header of this name ([`Request::header`]).
    Header(String),
    /// The requested path. It differs only among paths below a program with `subpaths`.
    Path,
}

impl Workers {
    /// One worker.
    pub const ONE: Self = Self { count: 1, key: WorkerKey::Socket };

    /// The most that a service may have.
    pub const MAX: usize = 64;

    /// So many workers, from 1 to [`Workers::MAX`]. [`Server::bind`](crate::Server::bind) returns
    /// an error for another number, and for several workers with [`Thread::Loop`].
    #[must_use]
    pub const fn new(count: usize) -> Self {
        Self { count, key: WorkerKey::Socket }
    }

    /// As many workers as this process may use cores, up to [`Workers::MAX`]; one if the system
    /// does not say.
    #[must_use]
    pub fn cores() -> Self {
        Self::new(thread::available_parallelism().map_or(1, NonZero::get).min(Self::MAX))
    }

    /// The same number, with a key that chooses among them.
    #[must_use]
    pub fn by(self, key: WorkerKey) -> Self {
        Self { key, ..self }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// What chooses among them.
    #[must_use]
    pub const fn key(&self) -> &WorkerKey {
        &self.key
    }
}

impl Default for Workers {
    /// One worker.
    fn default() -> Self {
        Self::ONE
    }
}

impl WorkerKey {
    /// The value of a request; `None` if it has none, or if each socket is for itself. The address
    /// is not here, since the hub has it.
    pub(crate) fn value_in<'a>(&self, request: &'a Request) -> Option<Cow<'a, str>> {
        match self {
            Self::Socket | Self::Peer => None,
            Self::Query(name) => request.query_value(name).map(Cow::Owned),
            Self::Cookie(name) => request.cookie(name).map(Cow::Borrowed),
            Self::Header(name) => request.header(name).map(Cow::Borrowed),
            Self::Path => Some(Cow::Borrowed(request.path())),
        }
    }

    /// Parses `socket`, `peer`, `path`, `query NAME`, `cookie NAME` or `header NAME`, where the
    /// words have any case; `None` for others.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (word, name) = (words.next()?.to_ascii_lowercase(), words.next());
        match (word.as_str(), name, words.next()) {
            ("socket", None, None) => Some(Self::Socket),
            ("peer", None, None) => Some(Self::Peer),
            ("path", None, None) => Some(Self::Path),
            ("query", Some(name), None) => Some(Self::Query(name.to_owned())),
            ("cookie", Some(name), None) => Some(Self::Cookie(name.to_owned())),
            ("header", Some(name), None) => Some(Self::Header(name.to_owned())),
            _ => None,
        }
    }
}
