//! `RedisShared`: what both threads and the loop share.

use crate::backplane::channel;
use crate::backplane::counts::{Counts, EventCount};
use crate::backplane::incoming::Incoming;
use crate::backplane::options::RedisOptions;
use crate::backplane::outgoing::Outgoing;
use crate::backplane::topics::SubscribedTopics;
use crate::backplane::wire::NodeOrigin;
use crate::connecting::random;
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
    pub(super) topics: SubscribedTopics,
    incoming: Incoming,
    notices: NoticeSender,
    numbers: EventCount,
}

impl RedisShared {
    pub(super) fn new(options: RedisOptions, notices: NoticeSender) -> Self {
        Self {
            node: random(),
            counts: Counts::default(),
            outgoing: Outgoing::new(options.queue_bytes_max),
            topics: SubscribedTopics::default(),
            incoming: Incoming::new(options.queue_bytes_max),
            notices,
            numbers: EventCount::default(),
            options,
        }
    }

    /// Where the next message comes from.
    pub(super) fn origin(&self) -> NodeOrigin {
        NodeOrigin { node: self.node, number: self.numbers.add(1) }
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
        let counts = &self.counts;
        BackplaneMetrics {
            is_up: counts.is_up(),
            is_required: self.options.is_required,
            published: counts.published.get(),
            received: counts.received.get(),
            dropped_out: counts.dropped_out.get(),
            dropped_in: counts.dropped_in.get(),
            gaps: counts.gaps.get(),
            queue_bytes: self.outgoing.bytes() as u64,
            lag: counts.lag(),
        }
    }
}
