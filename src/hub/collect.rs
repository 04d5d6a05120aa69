//! Collects [`Metrics`]: counters at once, and what sockets hold in several steps, since there may
//! be many.

use std::time::Duration;

use crate::hub::counters::{
    Counters, HANDSHAKE_ENDS, ListenerCounters, PING_BOUNDS_MS, REFUSALS, ServiceCounters,
    TURN_BOUNDS_NS,
};
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket::Membership;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{Hub, ServiceId};
use crate::limits::Limits;
use crate::pages::{Histogram, ListenerMetrics, Metrics, ServiceMetrics, WorkerMetrics};
use crate::time::Time;
use crate::ws::Status;

/// Metrics that are being collected. [`Hub::begin_collecting`] makes it.
#[derive(Debug)]
pub struct Collection {
    metrics: Metrics,
    /// The place of the next socket to be looked at.
    next: usize,
}

impl Hub {
    /// Begins to collect, with all counters and the state of services.
    #[must_use]
    pub fn begin_collecting(&self, now: Time) -> Box<Collection> {
        let limits = *self.workers.limits_of(None);
        let Counters { refused, handshakes, turns, pings, listeners, .. } = &self.counters;
        let refused = REFUSALS.into_iter().zip(refused);
        let handshakes = handshakes.iter().filter(|_| cfg!(feature = "tls"));
        let mut metrics = Metrics {
            uptime: Duration::from_millis(now.as_ms()),
            is_stopping: self.drain.is_some(),
            listeners: listeners.iter().map(listener).collect(),
            refused: refused
                .filter(|((_, is_built), _)| *is_built)
                .map(|((reason, _), count)| (reason, count.get()))
                .collect(),
            tls_handshakes: HANDSHAKE_ENDS
                .into_iter()
                .zip(handshakes.map(|count| count.get()))
                .collect(),
            services: self.services.ids().map(|id| self.service(id, now)).collect(),
            turns: Histogram::new(
                TURN_BOUNDS_NS.into_iter().map(Duration::from_nanos),
                turns.counts(),
                Duration::from_nanos(turns.sum()),
            ),
            pings: Histogram::new(
                PING_BOUNDS_MS.into_iter().map(Duration::from_millis),
                pings.counts(),
                Duration::from_millis(pings.sum()),
            ),
            #[cfg(feature = "database")]
            databases: self.counters.databases().collect(),
            #[cfg(feature = "redis")]
            backplane: self.counters.backplane(),
            limits,
            log_lines_dropped: self.counters.log_lines_dropped(),
            ..Metrics::default()
        };
        metrics.memory.mail = metrics.services.iter().map(|service| service.mail_bytes).sum();
        metrics.memory.max =
            (limits.held_bytes_max != Limits::OFF_COUNT).then_some(limits.held_bytes_max as u64);
        for (number, count) in self.counters.responses() {
            match Status::new(number) {
                Some(status) if status.phrase().is_empty() => metrics.other_responses += count,
                _ => metrics.responses.push((number, count)),
            }
        }
        Box::new(Collection { metrics, next: 0 })
    }

    /// Adds what the next sockets hold. Returns the metrics once no socket is left. A call takes
    /// about a millisecond.
    ///
    /// # Errors
    /// There are more sockets: call it again, in another turn.
    pub fn collect(&self, mut collection: Box<Collection>) -> Result<Metrics, Box<Collection>> {
        let Collection { metrics, next } = &mut *collection;
        let (next, end) = (*next, self.sockets.places_len().min(*next + STEP_LEN));
        let head_max = self.workers.limits_of(None).head_bytes_max;
        for socket in (next..end).filter_map(|place| self.sockets.at(place)) {
            let (outbox, all) = (socket.session.held_bytes().0, socket.held_bytes(head_max));
            metrics.memory.outbox += outbox as u64;
            metrics.memory.input += (all - outbox) as u64;
            let service = socket.worker.map(|worker| self.workers[worker].service.index());
            let Some(service) = service.and_then(|index| metrics.services.get_mut(index)) else {
                continue;
            };
            service.outbox_bytes += socket.session.unsent_len() as u64;
            let is_open = socket.membership == Membership::Member;
            service.paused_sockets += u64::from(is_open && socket.flags.has(SocketFlag::Held));
        }
        if end < self.sockets.places_len() {
            collection.next = end;
            return Err(collection);
        }
        Ok(collection.metrics)
    }

    fn service(&self, id: ServiceId, now: Time) -> ServiceMetrics {
        let status = self.service_status(id, now);
        let ServiceEntry { topics, workers, .. } = &self.services[id];
        let mut metrics = ServiceMetrics {
            sockets: status.sockets_len as u64,
            mail_messages: status.mail_len as u64,
            mail_bytes: status.mail_bytes as u64,
            topics: status.topics_len as u64,
            subscriptions: topics.subscriptions_len() as u64,
            restarts: status.restarts.into(),
            ..ServiceMetrics::new(status.path.to_owned(), status.kind, status.state)
        };
        let workers = workers.all();
        for worker in workers {
            self.workers[*worker].add_to(&mut metrics);
        }
        if workers.len() > 1 {
            let each = workers.iter().map(|worker| self.workers[*worker].metrics(now));
            metrics.workers = each.collect();
        }
        metrics
    }
}

impl WorkerSlot {
    /// What was counted for it alone.
    fn metrics(&self, now: Time) -> WorkerMetrics {
        WorkerMetrics {
            state: self.state_at(now),
            sockets: self.members.len() as u64,
            mail_messages: self.mail.len() as u64,
            mail_bytes: self.mail.bytes() as u64,
            starts: self.starts.into(),
            failures: self.counters.failures.get(),
        }
    }

    /// Adds what it has counted to that of its service.
    fn add_to(&self, metrics: &mut ServiceMetrics) {
        let ServiceCounters { opened, closes, messages_received, messages_sent, .. } =
            &self.counters;
        let ServiceCounters { received_bytes, sent_bytes, pauses, slow_closes, .. } =
            &self.counters;
        metrics.sockets_opened += opened.get();
        for (sum, count) in metrics.closes.iter_mut().zip(closes) {
            *sum += count.get();
        }
        metrics.messages_received += messages_received.get();
        metrics.messages_sent += messages_sent.get();
        metrics.received_bytes += received_bytes.get();
        metrics.sent_bytes += sent_bytes.get();
        metrics.pauses += pauses.get();
        metrics.slow_closes += slow_closes.get();
        metrics.starts += u64::from(self.starts);
        metrics.failures += self.counters.failures.get();
        metrics.slow_callbacks += self.counters.slow_callbacks.get();
        #[cfg(feature = "processes")]
        {
            metrics.unheard += self.counters.unheard.get();
        }
    }
}

fn listener(counters: &ListenerCounters) -> ListenerMetrics {
    let ListenerCounters { came, left } = counters;
    ListenerMetrics {
        connections: came.get() - left.get(),
        connections_accepted: came.get(),
        ..ListenerMetrics::default()
    }
}

/// How many sockets one step looks at.
const STEP_LEN: usize = 8_192;
