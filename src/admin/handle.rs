//! [`MetricsHandle`]: the metrics of a host and whether it is ready, from any thread.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::admin::own_process;
use crate::engine::{HostEvent, IoFacts, LoopTask};
use crate::host::Host;
use crate::host::resolver::NoticeSender;
use crate::hub::Hub;
use crate::pages::{HostReadiness, Metrics};
use crate::time::Time;

/// Takes the [`Metrics`] of a host while it runs, from any thread. [`Host::metrics_handle`] makes
/// it, and clones are about the same host.
///
/// ```
/// use std::thread;
/// use std::time::Duration;
///
/// use switchboard::{Limits, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Server::new(Limits::SERVER).bind("127.0.0.1:0")?;
/// let (handle, stopper) = (host.metrics_handle(), host.stopper());
/// let runs = thread::spawn(|| host.run());
/// let metrics = handle.metrics(Duration::from_secs(5))?;
/// println!("{} turns of the loop", metrics.turns.count);
/// // The page that Prometheus reads:
/// let page: String = metrics.into_text().collect();
/// # assert!(page.contains("switchboard_loop_turns_total"));
/// stopper.stop();
/// runs.join().expect("it does not panic")?;
/// assert!(handle.metrics(Duration::from_secs(5)).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MetricsHandle {
    notices: NoticeSender,
    /// What the host listens on. A stop closes it, while the counters stay.
    listeners: Arc<[String]>,
}

/// Why there are no metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricsError {
    /// The host has gone.
    Ended,
    /// The host has not answered in time: it has no turn, or one takes long.
    Late,
}

impl Host {
    /// A handle that takes the metrics of this host while it runs, from any thread.
    #[must_use]
    pub fn metrics_handle(&self) -> MetricsHandle {
        MetricsHandle {
            notices: self.notice_sender(),
            listeners: self.addresses().map(ToString::to_string).collect(),
        }
    }
}

impl MetricsHandle {
    /// The metrics as of now. The loop copies its counters between two parts of a turn, and adds up
    /// what sockets hold over several turns if there are many thousands, so that no turn becomes
    /// long. A socket that comes or goes meanwhile may be missing in these sums.
    ///
    /// This waits for the loop, for `timeout` at most. Do not call it in a callback on the loop,
    /// which would only wait for itself. Before Linux 6.2 it counts the open descriptors of the
    /// process one by one.
    ///
    /// # Errors
    /// The host has gone, or has not answered in time.
    pub fn metrics(&self, timeout: Duration) -> Result<Metrics, MetricsError> {
        let deadline = deadline(timeout);
        let (mut metrics, facts) = self
            .ask(deadline, |hub, facts, now| (hub.collect(hub.begin_collecting(now)), facts()))?;
        let mut metrics = loop {
            match metrics {
                Ok(metrics) => break metrics,
                Err(more) => metrics = self.ask(deadline, |hub, _, _| hub.collect(more))?,
            }
        };
        self.complete(facts, &mut metrics);
        Ok(metrics)
    }

    /// Whether the host is ready for sockets, and why not. It looks at each service, and waits for
    /// the loop as [`MetricsHandle::metrics`] does.
    ///
    /// # Errors
    /// The host has gone, or has not answered in time.
    pub fn readiness(&self, timeout: Duration) -> Result<HostReadiness, MetricsError> {
        self.ask(deadline(timeout), |hub, facts, _| hub.readiness(facts().descriptors))
    }

    /// Adds what the hub does not know.
    pub(super) fn complete(&self, facts: IoFacts, metrics: &mut Metrics) {
        metrics.process = own_process::metrics();
        let IoFacts { accept_pauses, batch_bytes, programs, .. } = facts;
        metrics.memory.batches = batch_bytes;
        for (reason, count) in &mut metrics.refused {
            *count += if *reason == "descriptors" { accept_pauses } else { 0 };
        }
        // Before the first connection of a listener, the hub does not know it.
        metrics.listeners.resize_with(self.listeners.len().min(LISTENERS_MAX), Default::default);
        for (listener, address) in metrics.listeners.iter_mut().zip(&*self.listeners) {
            listener.address.clone_from(address);
        }
        for (service, program) in metrics.services.iter_mut().zip(programs) {
            service.failures += program.failures;
            service.pids = program.pids;
        }
    }

    /// Asks the loop.
    fn ask<T: Send + 'static>(
        &self,
        deadline: Instant,
        question: impl FnOnce(&Hub, &dyn Fn() -> IoFacts, Time) -> T + Send + 'static,
    ) -> Result<T, MetricsError> {
        let (sender, answer) = bounded(1);
        let task = move |hub: &mut Hub, facts: &dyn Fn() -> IoFacts, now| {
            // Nobody may wait for it any more.
            let _ = sender.try_send(question(hub, facts, now));
        };
        self.notices.send_event(HostEvent::Task(LoopTask(Box::new(task))));
        answer.recv_deadline(deadline).map_err(|error| match error {
            RecvTimeoutError::Timeout => MetricsError::Late,
            // A host that goes drops what it is asked.
            RecvTimeoutError::Disconnected => MetricsError::Ended,
        })
    }
}

fn deadline(timeout: Duration) -> Instant {
    let now = Instant::now();
    // A time that no clock shows is no limit.
    now.checked_add(timeout).unwrap_or(now + NO_LIMIT)
}

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the host has ended",
            Self::Late => "the host has not answered in time",
        })
    }
}

impl Error for MetricsError {}

/// The hub counts the connections of more listeners together.
const LISTENERS_MAX: usize = 256;
/// About a century.
const NO_LIMIT: Duration = Duration::from_secs(3_000_000_000);
