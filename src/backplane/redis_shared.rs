//! `RedisShared`: what both threads and the loop share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::backplane::channel;
use crate::backplane::counts::Counts;
use crate::backplane::incoming::Incoming;
use crate::backplane::link::random;
use crate::backplane::options::RedisOptions;
use crate::backplane::outgoing::Outgoing;
use crate::backplane::topics::Topics;
use crate::backplane::wire::Origin;
use crate::host::resolver::NoticeSender;
use crate::hub::SharedEvent;
use crate::pages::BackplaneMetrics;

/// What the threads and the loop share.
pub(super) struct RedisShared {
    pub(super) options: RedisOptions,
    /// This host, by chance, so that it knows its own messages.
    pub(super) node: u64,
    pub(super) counts: Counts,
    pub(super) outgoing: Outgoing,
    pub(super) topics: Topics,
    incoming: Incoming,
    notices: NoticeSender,
    numbers: AtomicU64,
}

impl RedisShared {
    pub(super) fn new(options: RedisOptions, notices: NoticeSender) -> Self {
        Self {
            node: random(),
            counts: Counts::default(),
            outgoing: Outgoing::new(options.queue_bytes_max),
            topics: Topics::default(),
            incoming: Incoming::new(options.queue_bytes_max),
            notices,
            numbers: AtomicU64::new(0),
            options,
        }
    }

    /// Where the next message comes from.
    pub(super) fn origin(&self) -> Origin {
        Origin { node: self.node, number: self.numbers.fetch_add(1, Ordering::Relaxed) }
    }

    /// The channel of this host alone.
    pub(super) fn own_channel(&self) -> String {
        channel::of_node(&self.options.prefix, &format!("{:016x}", self.node))
    }

    /// Has the loop apply what comes from others.
    pub(super) fn deliver(&self, event: SharedEvent) {
        self.incoming.push(event, &self.counts, &self.notices);
    }

    /// What operators see.
    pub(super) fn metrics(&self) -> BackplaneMetrics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        BackplaneMetrics {
            is_up: counts.is_up(),
            is_needed: self.options.is_required,
            published: count(&counts.published),
            received: count(&counts.received),
            dropped: vec![("out", count(&counts.dropped_out)), ("in", count(&counts.dropped_in))],
            gaps: count(&counts.gaps),
            queue_bytes: self.outgoing.bytes() as u64,
            lag: counts.lag(),
        }
    }
}
