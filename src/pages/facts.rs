//! [`Metrics`]: what a host has counted and what it holds, as a value. The hub fills it; `metrics`
//! and `status` make pages of it.

use std::time::Duration;

use crate::limits::Limits;
use crate::pages::{BackplaneMetrics, DatabaseMetrics};

/// What a host has counted since its start, and what it holds at the moment. All counts only grow.
/// A `MetricsHandle` takes them, and [`Metrics::into_text`] writes them for Prometheus.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// How long the host has been there.
    pub uptime: Duration,
    /// Whether a stop has begun.
    pub is_stopping: bool,
    /// What it listens on, in the order of [`Host::addresses`](crate::Host::addresses) before a
    /// stop. Of more than 256 listeners, the last ones are counted together.
    pub listeners: Vec<ListenerMetrics>,
    /// How many connections were not served, by reason: `full` (`max-connections`), `per_ip`
    /// (`max-per-ip`), `rate` (`new-per-ip`), `descriptors`, `proxy` (`proxy-protocol`) or
    /// `handshakes` (`max-handshakes`: the address has a quarter). The last two are there in builds
    /// with the feature. With `descriptors`, it is how often accepting had to pause; connections
    /// wait meanwhile.
    pub refused: Vec<(&'static str, u64)>,
    /// How many TLS handshakes have ended, by how: `full`, `resumed` (with a session of before) or
    /// `failed`, of connections that ended before the handshake was over, also without a byte.
    /// Empty in builds without the feature `tls`.
    pub tls_handshakes: Vec<(&'static str, u64)>,
    /// How many requests were answered, by the number of the status: 101, and those with a reason
    /// phrase in [`Status`](crate::Status).
    pub responses: Vec<(u16, u64)>,
    /// How many were answered with another status.
    pub other_responses: u64,
    /// The services, in the order in which they were mounted or found.
    pub services: Vec<ServiceMetrics>,
    /// The databases, by their names. Empty in builds without the feature `database`.
    pub databases: Vec<DatabaseMetrics>,
    /// The backplane, if there is one.
    pub backplane: Option<BackplaneMetrics>,
    /// How long turns of the loop took, from the end of one wait to the begin of the next.
    pub turns: Histogram,
    /// How long peers took from a ping to their next bytes, which most often are the pong.
    pub pings: Histogram,
    /// Memory that grows with what peers and services do.
    pub memory: MemoryMetrics,
    /// The bounds of the host.
    pub limits: Limits,
    /// How many lines the log has dropped, if
    /// [`Server::log_lines_dropped`](crate::Server::log_lines_dropped) has set who knows.
    pub log_lines_dropped: Option<u64>,
    /// What the system says of this process, as far as it can be read.
    pub process: ProcessMetrics,
}

/// What was counted for one service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceMetrics {
    /// Its path: where it was mounted, or its place in the document root.
    pub path: String,
    /// Where it comes from.
    pub kind: ServiceKind,
    /// Whether it runs.
    pub state: ServiceState,
    /// How many sockets are open.
    pub sockets: u64,
    /// How many have opened.
    pub sockets_opened: u64,
    /// How many have closed, by [`ServiceMetrics::closes`].
    pub(crate) closes: [u64; CLOSE_CODES.len()],
    /// Messages of peers that it was given.
    pub messages_received: u64,
    /// Messages that it has sent, once for each socket that gets them.
    pub messages_sent: u64,
    /// Bytes that were read from its sockets, after their requests.
    pub received_bytes: u64,
    /// Bytes that were written to its sockets, answers to requests included.
    pub sent_bytes: u64,
    /// Bytes that wait for its peers.
    pub outbox_bytes: u64,
    /// Transactions that it has not taken, such as messages.
    pub mail_messages: u64,
    /// What these count, in bytes.
    pub mail_bytes: u64,
    /// Open sockets that are not read at the moment, because the service or a listener is behind,
    /// or by a rate.
    pub paused_sockets: u64,
    /// How often a socket became such a one.
    pub pauses: u64,
    /// Sockets that were closed because their peers read too slowly.
    pub slow_closes: u64,
    /// Topics with a subscription.
    pub topics: u64,
    /// Subscriptions to topics.
    pub subscriptions: u64,
    /// How often it was started, also under sockets that stayed open.
    pub starts: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How often it ended by itself, by a panic, or could not be started. The process of a program
    /// whose sockets are kept counts as well.
    pub failures: u64,
    /// Callbacks on the loop that took longer than `max-callback`.
    pub slow_callbacks: u64,
    /// Messages of other processes or hosts that a listening service missed, since its mail was
    /// full.
    pub unheard: u64,
    /// The system's numbers of its processes, if it is a program.
    pub pids: Vec<u32>,
    /// Its workers, by their numbers, if it has several.
    pub workers: Vec<WorkerMetrics>,
}

/// What was counted for one of several workers of a service.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Whether it runs.
    pub state: ServiceState,
    /// How many of its sockets are open.
    pub sockets: u64,
    /// Transactions that it has not taken, such as messages.
    pub mail_messages: u64,
    /// What these count, in bytes.
    pub mail_bytes: u64,
    /// How often it was started, also under sockets that stayed open.
    pub starts: u64,
    /// How often it ended by itself, by a panic, or could not be started.
    pub failures: u64,
}

/// Where a service comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceKind {
    /// It was mounted before the host started.
    Mounted,
    /// It is a program that was found at run time.
    Program,
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceState {
    /// It does not; the next socket starts it.
    Idle,
    /// It has been started and is not ready.
    Starting,
    /// It is ready.
    Running,
    /// It was asked to finish.
    Finishing,
    /// It has failed, and pauses before its next start: sockets get 503.
    Pausing,
}

/// The connections through one listener.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListenerMetrics {
    /// The address, or the path of a Unix socket.
    pub address: String,
    /// How many connections there are, requests included.
    pub connections: u64,
    /// How many have come, without those that were dropped at once.
    pub connections_accepted: u64,
}

/// Memory in bytes that grows with what peers and services do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryMetrics {
    /// What waits for peers.
    pub outbox: u64,
    /// What waits for services.
    pub mail: u64,
    /// Requests and messages that are not whole, and bytes that were read and wait.
    pub input: u64,
    /// What services on threads of their own, and senders, have sent that the loop has not applied.
    pub batches: u64,
    /// The budget, `memory-max`, if there is one.
    pub max: Option<u64>,
}

/// What the system says of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessMetrics {
    /// Its number.
    pub pid: Option<u32>,
    /// Memory that is in use, in bytes.
    pub resident_memory_bytes: Option<u64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// How many may be open (`ulimit -n`), unless there is no limit.
    pub max_fds: Option<u64>,
    /// Time on processors, of all threads.
    pub cpu: Option<Duration>,
    /// When it started, since 1970.
    pub started: Option<Duration>,
}

/// How many values were at most as large as each bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histogram {
    /// Bounds that grow, each with the number of all values up to it.
    pub buckets: Vec<(Duration, u64)>,
    /// How many values there were.
    pub count: u64,
    /// The sum of all values.
    pub sum: Duration,
}

impl ServiceMetrics {
    /// A service of this path that has done nothing.
    #[must_use]
    pub(crate) const fn new(path: String, kind: ServiceKind, state: ServiceState) -> Self {
        Self {
            path,
            kind,
            state,
            sockets: 0,
            sockets_opened: 0,
            closes: [0; CLOSE_CODES.len()],
            messages_received: 0,
            messages_sent: 0,
            received_bytes: 0,
            sent_bytes: 0,
            outbox_bytes: 0,
            mail_messages: 0,
            mail_bytes: 0,
            paused_sockets: 0,
            pauses: 0,
            slow_closes: 0,
            topics: 0,
            subscriptions: 0,
            starts: 0,
            restarts: 0,
            failures: 0,
            slow_callbacks: 0,
            unheard: 0,
            pids: Vec::new(),
            workers: Vec::new(),
        }
    }

    /// How many sockets have closed with each code: `1000` to `1015`, `3xxx` or `4xxx`. It is the
    /// code of the side that closed first, as in the log.
    pub fn closes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLOSE_CODES.into_iter().zip(self.closes)
    }

    /// Whether it is ready.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == ServiceState::Running
    }
}

impl Histogram {
    /// From bounds, the number of values in the bucket below each, and of those beyond, and the
    /// sum.
    pub(crate) fn new(
        bounds: impl Iterator<Item = Duration>,
        mut counts: impl Iterator<Item = u64>,
        sum: Duration,
    ) -> Self {
        let mut count = 0;
        let mut buckets = Vec::new();
        for bound in bounds {
            count += counts.next().unwrap_or_default();
            buckets.push((bound, count));
        }
        Self { buckets, count: count + counts.sum::<u64>(), sum }
    }
}

impl ServiceKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mounted => "mounted",
            Self::Program => "program",
        }
    }
}

impl ServiceState {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Finishing => "finishing",
            Self::Pausing => "pausing",
        }
    }
}

impl std::fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name().fmt(f)
    }
}

impl std::fmt::Display for ServiceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name().fmt(f)
    }
}

/// The codes of closes that are counted together.
pub(crate) const CLOSE_CODES: [&str; 18] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011",
    "1012", "1013", "1014", "1015", "3xxx", "4xxx",
];
