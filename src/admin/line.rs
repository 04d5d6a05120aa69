//! The log lines about requests of operators.

use std::net::SocketAddr;
use std::time::Instant;

use log::Level;

use crate::host::ListenAddress;
use crate::host::clock::{Clock, until};
use crate::hub::{Flood, more_like_this};
use crate::ws::Response;
use crate::ws::syntax::cut;

/// Logs what operators change, and what is refused. Of many refusals, some are counted.
#[derive(Debug)]
pub(super) struct RequestLog {
    refusals: Flood<u16>,
    clock: Clock,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self { refusals: Flood::default(), clock: Clock::start() }
    }
}

impl RequestLog {
    /// A request, by its method and target, has got an answer. What is read leaves no line, and
    /// what is sent to sockets only one at level debug, since there may be many.
    pub(super) fn answered(
        &mut self,
        line: &str,
        peer: Option<SocketAddr>,
        listener: &ListenAddress,
        answer: &Response,
    ) {
        let number = answer.status().number();
        let is_refused = number >= 400 && number != 503;
        if !is_refused && !line.starts_with("POST ") {
            return;
        }
        self.expire();
        if is_refused && !self.refusals.admits(number, self.clock.now()) {
            return;
        }
        let level = match number {
            401 | 403 | 421 => Level::Warn,
            202 if line.starts_with("POST /send") => Level::Debug,
            _ => Level::Info,
        };
        let reason = answer.reason();
        let from = peer.map(|peer| format!(" from {peer}")).unwrap_or_default();
        log::log!(
            target: TARGET,
            level,
            "{:?}{from} through {listener}: {number}: {}",
            cut(line),
            cut(reason)
        );
    }

    /// A request, by its method and target, has lost its place before it came whole. There is no
    /// line about a connection of which no request is known.
    pub(super) fn replaced(&mut self, line: &str) {
        self.expire();
        if !line.is_empty() && self.refusals.admits(REPLACED, self.clock.now()) {
            log::warn!(
                target: TARGET,
                "{:?}: dropped, since all places are taken and others have come (admin)",
                cut(line)
            );
        }
    }

    /// Logs the counts of refusals that are due.
    pub(super) fn expire(&mut self) {
        while let Some((count, status)) = self.refusals.overdue(self.clock.now()) {
            let status = status.map(|status| match status {
                REPLACED => "dropped for others".to_owned(),
                status => format!("refused with {status}"),
            });
            log::warn!(target: TARGET, "{}", more_like_this(count, status.as_deref()));
        }
    }

    /// When a count is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.refusals.deadline()?;
        Some(Instant::now() + until(due, self.clock.elapsed()))
    }
}

/// In the place of a status.
const REPLACED: u16 = 0;
const TARGET: &str = "switchboard::admin";
