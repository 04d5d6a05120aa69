//! `WorkerSlot`: the worker of a service: whether it runs, and its mail.

use crate::hub::backoff::Backoff;
use crate::hub::ids::RunId;
use crate::hub::mailbox::Mailbox;
use crate::hub::paced::Pace;
use crate::service::SocketId;
use crate::time::Time;

/// The hub's side of one worker.
#[derive(Debug, Default)]
pub(super) struct WorkerSlot {
    pub(super) state: RunState,
    /// The number of the run; what an earlier run sends is ignored.
    pub(super) run: u32,
    /// How often it was started, also under sockets that stayed open.
    #[cfg(feature = "admin")]
    pub(super) starts: u32,
    pub(super) started: Time,
    pub(super) backoff: Backoff,
    /// Until when it is not started, or gets no questions, because it keeps failing.
    pub(super) retry: Time,
    /// The sockets that are not read because the mail is full, each once.
    pub(super) held: Vec<SocketId>,
    /// How many turns others of these had since the last of one in the middle of a large message.
    pub(super) small_turns: u8,
    pub(super) mail: Mailbox,
    /// The sockets that it answers later.
    #[cfg(feature = "database")]
    pub(super) later: std::collections::HashSet<SocketId>,
    pub(super) pace: Pace,
}

/// Whether a worker runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RunState {
    /// It does not; the next socket starts it, or the hub if it is eager.
    #[default]
    Idle,
    /// It has been started and is not ready.
    Starting,
    /// It is ready.
    Running,
    /// It was asked to finish, because it is unused and its place is needed.
    Finishing,
}

impl WorkerSlot {
    /// Whether this run of it is going on.
    pub(super) fn is_in(&self, run: RunId) -> bool {
        self.run == run.number && self.state != RunState::Idle
    }

    /// Begins a run; returns its number.
    pub(super) fn begin(&mut self, now: Time) -> u32 {
        self.state = RunState::Starting;
        self.run += 1;
        #[cfg(feature = "admin")]
        {
            self.starts = self.starts.saturating_add(1);
        }
        self.started = now;
        self.run
    }

    /// Begins again within a run, after a pause of this length.
    pub(super) fn reset(&mut self, pause_ms: u64, now: Time) {
        if self.state != RunState::Finishing {
            self.state = RunState::Starting;
        }
        self.retry = now.after(pause_ms);
        #[cfg(feature = "admin")]
        {
            self.starts = self.starts.saturating_add(1);
        }
    }

    /// Ends a run. If the end was not asked for, no other run begins for a while. Returns the
    /// sockets that waited until the worker takes what they had sent.
    pub(super) fn end(&mut self, now: Time) -> Vec<SocketId> {
        if self.state != RunState::Finishing {
            self.retry = now.after(self.backoff.fail(now.since(self.started)));
        }
        self.state = RunState::Idle;
        self.held = Vec::new();
        self.pace = Pace::default();
        let awaited = std::mem::take(&mut self.mail).into_awaited();
        #[cfg(feature = "database")]
        let awaited = awaited.into_iter().chain(std::mem::take(&mut self.later)).collect();
        awaited
    }
}
