//! `ServiceStatus`: the state of a service as a value, for those who operate the server.

use std::fmt;

use crate::hub::service_entry::ServiceEntry;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ServiceId};
use crate::time::Time;

/// The state of a service at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceStatus<'a> {
    /// Its path.
    pub path: &'a str,
    /// Where it comes from.
    pub kind: ServiceKind,
    /// Whether it runs.
    pub state: ServiceState,
    /// How many sockets are open.
    pub sockets_len: usize,
    /// How many wait to open.
    pub waiting_len: usize,
    /// How many transactions it has not taken yet, such as messages.
    pub mail_len: usize,
    /// What these count, in bytes.
    pub mail_bytes: usize,
    /// How many topics have a subscription.
    pub topics_len: usize,
    /// How often it was started again, also under sockets that stayed open.
    pub restarts: u32,
}

/// Where a service comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// It was mounted before the host started.
    Mounted,
    /// It is a program that was found at run time.
    Program,
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Hub {
    /// The state of a service.
    #[must_use]
    pub fn service_status(&self, service: ServiceId, now: Time) -> ServiceStatus<'_> {
        let entry = &self.services[service];
        let ServiceEntry { path, is_program, members, waiting, topics, worker, .. } = entry;
        let WorkerSlot { state, starts, retry, mail, .. } = worker;
        let is_in_pause = retry.since(now) > 0;
        ServiceStatus {
            path,
            kind: if *is_program { ServiceKind::Program } else { ServiceKind::Mounted },
            state: match state {
                RunState::Idle | RunState::Starting if is_in_pause => ServiceState::Pausing,
                RunState::Idle => ServiceState::Idle,
                RunState::Starting => ServiceState::Starting,
                RunState::Running => ServiceState::Running,
                RunState::Finishing => ServiceState::Finishing,
            },
            sockets_len: members.len(),
            waiting_len: waiting.len(),
            mail_len: mail.len(),
            mail_bytes: mail.bytes(),
            topics_len: topics.len(),
            restarts: starts.saturating_sub(1),
        }
    }

    /// The states of all services, in the order in which they were mounted.
    pub fn service_statuses(&self, now: Time) -> impl Iterator<Item = ServiceStatus<'_>> {
        self.services.ids().map(move |service| self.service_status(service, now))
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

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}
