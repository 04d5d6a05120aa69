//! Counters for operators: how often something has happened since the start of the host. They are
//! plain numbers, since one thread has the hub, and are added to where the event is. Without the
//! feature `admin` they have no size, and adding does nothing.

use std::time::Duration;

use crate::hub::{Hub, WorkerId};
use crate::ws::CloseCode;

/// How often something has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count(#[cfg(feature = "admin")] u64);

/// How many values are at most as large as each of `N` bounds, and how many are larger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buckets<const N: usize> {
    /// Those that are larger than the bound before.
    within: [Count; N],
    beyond: Count,
    sum: Count,
}

/// The counters of one service.
#[derive(Clone, Debug)]
pub(super) struct ServiceCounters {
    /// Sockets that have opened.
    pub(super) opened: Count,
    /// Sockets that have left, by the class of their code.
    pub(super) closes: [Count; CLOSES_LEN],
    /// Messages that were put into the mail.
    pub(super) messages_received: Count,
    /// Messages that were put into outboxes.
    pub(super) messages_sent: Count,
    pub(super) received_bytes: Count,
    pub(super) sent_bytes: Count,
    /// How often a socket was not read any more for a while.
    pub(super) pauses: Count,
    /// Sockets that were closed since they read too slowly.
    pub(super) slow_closes: Count,
    /// How often it ended by a fault.
    pub(super) failures: Count,
    /// Callbacks on the loop that took too long.
    pub(super) slow_callbacks: Count,
    /// Messages of others that its full mail did not take.
    #[cfg(feature = "processes")]
    pub(super) unheard: Count,
}

/// The counters of everything else.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) refused: [Count; RefusalKind::LEN],
    /// TLS handshakes, by how they ended.
    pub(super) handshakes: [Count; HandshakeEnd::LEN],
    /// By the number of the status, from 100 on.
    responses: [Count; STATUS_LEN],
    pub(super) turns: Buckets<{ TURN_BOUNDS_NS.len() }>,
    pub(super) pings: Buckets<{ PING_BOUNDS_MS.len() }>,
    /// By the index of the listener.
    #[cfg(feature = "admin")]
    pub(super) listeners: Vec<ListenerCounters>,
    /// Knows how many lines the log has dropped.
    #[cfg(feature = "admin")]
    log_lines_dropped: Option<fn() -> u64>,
    #[cfg(all(feature = "admin", feature = "database"))]
    databases: Vec<crate::pages::DatabaseWatch>,
    #[cfg(feature = "redis")]
    backplane: Option<crate::pages::BackplaneWatch>,
}

/// The connections that have come through one listener.
#[cfg(feature = "admin")]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ListenerCounters {
    pub(super) came: Count,
    pub(super) left: Count,
}

/// Why a connection was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum RefusalKind {
    /// There are too many.
    Full,
    /// Its address has too many.
    PerAddress,
    /// Its address connects too often.
    Rate,
    /// The PROXY protocol is broken, or its peer is not trusted.
    Proxy,
    /// Its address has too many of the TLS handshakes.
    Handshakes,
    /// The system had no descriptor for it.
    #[cfg(feature = "admin")]
    Descriptors,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum HandshakeEnd {
    /// The connection is open.
    Full,
    /// It is open, and goes on with a session of before, without a signature.
    Resumed,
    /// The connection has ended before.
    Failed,
}

impl Count {
    /// It has happened so often.
    #[inline(always)]
    #[cfg_attr(
        not(feature = "admin"),
        expect(unused_variables, clippy::unused_self, reason = "nothing is counted")
    )]
    pub(crate) const fn add(&mut self, more: u64) {
        #[cfg(feature = "admin")]
        {
            self.0 = self.0.wrapping_add(more);
        }
    }

    /// How often; without the feature, 0.
    #[cfg_attr(not(feature = "admin"), expect(clippy::unused_self, reason = "there is no number"))]
    pub(crate) const fn get(self) -> u64 {
        #[cfg(feature = "admin")]
        return self.0;
        #[cfg(not(feature = "admin"))]
        0
    }
}

impl<const N: usize> Default for Buckets<N> {
    fn default() -> Self {
        Self { within: [Count::default(); N], beyond: Count::default(), sum: Count::default() }
    }
}

impl<const N: usize> Buckets<N> {
    /// Counts a value.
    #[inline(always)]
    fn add(&mut self, value: u64, bounds: &[u64; N]) {
        let count = self.within.iter_mut().zip(bounds).find(|(_, bound)| value <= **bound);
        count.map_or(&mut self.beyond, |(count, _)| count).add(1);
        self.sum.add(value);
    }

    /// How many values are in each bucket, the last one without a bound.
    #[cfg(feature = "admin")]
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.within.iter().chain([&self.beyond]).map(|count| count.get())
    }

    /// The sum of all values.
    #[cfg(feature = "admin")]
    pub(super) const fn sum(&self) -> u64 {
        self.sum.get()
    }
}

impl ServiceCounters {
    /// A socket was closed with this code.
    pub(super) fn close(&mut self, code: CloseCode) {
        if let Some(count) = close_class(code).and_then(|class| self.closes.get_mut(class)) {
            count.add(1);
        }
    }
}

impl Default for ServiceCounters {
    fn default() -> Self {
        let [opened, messages_received, messages_sent] = [Count::default(); 3];
        let [received_bytes, sent_bytes, pauses] = [Count::default(); 3];
        let [slow_closes, failures, slow_callbacks] = [Count::default(); 3];
        let closes = [Count::default(); CLOSES_LEN];
        Self {
            opened,
            closes,
            messages_received,
            messages_sent,
            received_bytes,
            sent_bytes,
            pauses,
            slow_closes,
            failures,
            slow_callbacks,
            #[cfg(feature = "processes")]
            unheard: Count::default(),
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            refused: [Count::default(); RefusalKind::LEN],
            handshakes: [Count::default(); HandshakeEnd::LEN],
            responses: [Count::default(); STATUS_LEN],
            turns: Buckets::default(),
            pings: Buckets::default(),
            #[cfg(feature = "admin")]
            listeners: Vec::new(),
            #[cfg(feature = "admin")]
            log_lines_dropped: None,
            #[cfg(all(feature = "admin", feature = "database"))]
            databases: Vec::new(),
            #[cfg(feature = "redis")]
            backplane: None,
        }
    }
}

impl Counters {
    /// A connection is not served.
    pub(super) fn refuse(&mut self, kind: RefusalKind) {
        if let Some(count) = self.refused.get_mut(kind as usize) {
            count.add(1);
        }
    }

    /// A TLS handshake has ended.
    pub(super) fn end_handshake(&mut self, end: HandshakeEnd) {
        if let Some(count) = self.handshakes.get_mut(end as usize) {
            count.add(1);
        }
    }

    /// There was no descriptor so often.
    #[cfg(feature = "admin")]
    pub(super) const fn accept_pauses(&mut self, len: u64) {
        self.refused[RefusalKind::Descriptors as usize].add(len);
    }

    /// A request is answered with this status.
    pub(super) fn respond(&mut self, status: u16) {
        let place = usize::from(status.saturating_sub(STATUS_MIN));
        if let Some(count) = self.responses.get_mut(place) {
            count.add(1);
        }
    }

    /// A turn of the loop took so long.
    #[inline(always)]
    pub(super) fn turn(&mut self, busy: Duration) {
        if cfg!(feature = "admin") {
            self.turns.add(u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX), &TURN_BOUNDS_NS);
        }
    }

    /// A peer has shown a sign of life so long after a ping.
    pub(super) fn pong(&mut self, ms: u64) {
        self.pings.add(ms, &PING_BOUNDS_MS);
    }

    /// A socket has come through the listener with this index.
    #[cfg(feature = "admin")]
    pub(super) fn arrive(&mut self, listener: usize) {
        if listener >= self.listeners.len() {
            self.listeners.resize(listener + 1, ListenerCounters::default());
        }
        self.listeners[listener].came.add(1);
    }

    /// A socket has gone that had come through this listener.
    #[cfg(feature = "admin")]
    pub(super) fn depart(&mut self, listener: usize) {
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.left.add(1);
        }
    }

    /// What was counted of databases.
    #[cfg(all(feature = "admin", feature = "database"))]
    pub(super) fn databases(&self) -> impl Iterator<Item = crate::pages::DatabaseMetrics> {
        self.databases.iter().map(crate::pages::DatabaseWatch::metrics)
    }

    /// What was counted of the backplane, if there is one.
    #[cfg(feature = "redis")]
    pub(super) fn backplane(&self) -> Option<crate::pages::BackplaneMetrics> {
        self.backplane.as_ref().map(crate::pages::BackplaneWatch::metrics)
    }

    /// How many lines the log has dropped, if that is known.
    #[cfg(feature = "admin")]
    pub(super) fn log_lines_dropped(&self) -> Option<u64> {
        self.log_lines_dropped.map(|count| count())
    }

    /// The statuses of answers, and how many had each; those without answers are left out.
    #[cfg(feature = "admin")]
    pub(super) fn responses(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = self.responses.iter().map(|count| count.get());
        (STATUS_MIN..).zip(counts).filter(|(_, count)| *count > 0)
    }
}

impl Hub {
    /// Sets what knows how many lines the log has dropped.
    #[cfg(feature = "admin")]
    pub const fn count_log_lines_dropped(&mut self, count: fn() -> u64) {
        self.counters.log_lines_dropped = Some(count);
    }

    /// Sets the databases, by their names.
    #[cfg(all(feature = "admin", feature = "database"))]
    pub fn watch_databases(&mut self, databases: Vec<crate::pages::DatabaseWatch>) {
        self.counters.databases = databases;
    }

    /// Sets the backplane.
    #[cfg(feature = "redis")]
    pub fn watch_backplane(&mut self, backplane: crate::pages::BackplaneWatch) {
        self.counters.backplane = Some(backplane);
    }

    /// The listeners, which are about to close, had to pause so often for lack of descriptors.
    #[cfg(feature = "admin")]
    pub fn count_accept_pauses(&mut self, len: u64) {
        self.counters.accept_pauses(len);
    }

    /// A turn of the loop took so long, from the end of one wait to the next.
    #[inline(always)]
    pub fn count_turn(&mut self, busy: Duration) {
        self.counters.turn(busy);
    }

    /// Callbacks of a worker on the loop were too slow.
    pub fn count_slow_callbacks(&mut self, worker: WorkerId, len: u64) {
        self.workers[worker].counters.slow_callbacks.add(len);
    }
}

impl RefusalKind {
    const LEN: usize = 6;
}

impl HandshakeEnd {
    const LEN: usize = 3;
}

/// The place of a code among those that are counted; `None` for a code that no close has.
fn close_class(code: CloseCode) -> Option<usize> {
    match code.number() {
        number @ 1000..=1015 => Some(usize::from(number) - 1000),
        3000..=3999 => Some(16),
        4000..=4999 => Some(17),
        _ => None,
    }
}

/// The names of [`RefusalKind`]s, in their order, and whether this build has them.
#[cfg(feature = "admin")]
pub(super) const REFUSALS: [(&str, bool); RefusalKind::LEN] = [
    ("full", true),
    ("per_ip", true),
    ("rate", true),
    ("proxy", cfg!(feature = "proxy")),
    ("handshakes", cfg!(feature = "tls")),
    ("descriptors", true),
];
/// The names of [`HandshakeEnd`]s, in their order.
#[cfg(feature = "admin")]
pub(super) const HANDSHAKE_ENDS: [&str; HandshakeEnd::LEN] = ["full", "resumed", "failed"];
/// 1000 to 1015, 3xxx and 4xxx.
pub(super) const CLOSES_LEN: usize = 18;
/// The bounds of turns, in nanoseconds.
pub(super) const TURN_BOUNDS_NS: [u64; 6] =
    [100_000, 1_000_000, 5_000_000, 25_000_000, 100_000_000, 500_000_000];
/// The bounds of the time from a ping to the next sign of life, in milliseconds.
pub(super) const PING_BOUNDS_MS: [u64; 5] = [10, 50, 200, 1_000, 5_000];
const STATUS_MIN: u16 = 100;
const STATUS_LEN: usize = 500;
