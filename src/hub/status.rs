//! `ServiceStatus`: the state of a service as a value, for those who operate the server.

use log::Level;

use crate::hub::report::{LogField, log_fields};
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ServiceId};
use crate::pages::{ServiceKind, ServiceState};
use crate::service::SocketId;
use crate::time::Time;

/// The state of a service at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceStatus<'a> {
    /// Its path.
    pub path: &'a str,
    /// Where it comes from.
    pub kind: ServiceKind,
    /// Whether it runs: it does if one of its workers does.
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

impl Hub {
    /// The state of a service.
    #[must_use]
    pub fn service_status(&self, service: ServiceId, now: Time) -> ServiceStatus<'_> {
        let ServiceEntry { path, is_program, topics, workers, .. } = &self.services[service];
        let workers = || workers.all().iter().map(|worker| &self.workers[*worker]);
        let sum = |of: fn(&WorkerSlot) -> usize| workers().map(of).sum();
        let states = workers().map(|worker| worker.state_at(now));
        ServiceStatus {
            path,
            kind: if *is_program { ServiceKind::Program } else { ServiceKind::Mounted },
            state: states.max_by_key(|state| rank(*state)).unwrap_or(ServiceState::Idle),
            sockets_len: sum(|worker| worker.members.len()),
            waiting_len: sum(|worker| worker.waiting.len()),
            mail_len: sum(|worker| worker.mail.len()),
            mail_bytes: sum(|worker| worker.mail.bytes()),
            topics_len: topics.len(),
            restarts: workers().map(WorkerSlot::restarts).fold(0, u32::saturating_add),
        }
    }

    /// The states of all services, in the order in which they were mounted.
    pub fn service_statuses(&self, now: Time) -> impl Iterator<Item = ServiceStatus<'_>> {
        self.services.ids().map(move |service| self.service_status(service, now))
    }
}

impl WorkerSlot {
    /// Whether it runs.
    pub(super) fn state_at(&self, now: Time) -> ServiceState {
        let is_in_pause = self.retry.since(now) > 0;
        match self.state {
            RunState::Idle | RunState::Starting if is_in_pause => ServiceState::Pausing,
            RunState::Idle => ServiceState::Idle,
            RunState::Starting => ServiceState::Starting,
            RunState::Running => ServiceState::Running,
            RunState::Finishing => ServiceState::Finishing,
        }
    }

    /// How often it was started again.
    pub(super) fn restarts(&self) -> u32 {
        self.starts.saturating_sub(1)
    }
}

/// Of the states of workers, the one with the highest rank is that of their service.
const fn rank(state: ServiceState) -> u8 {
    match state {
        ServiceState::Idle => 0,
        ServiceState::Pausing => 1,
        ServiceState::Finishing => 2,
        ServiceState::Starting => 3,
        ServiceState::Running => 4,
    }
}

impl Hub {
    /// Logs the state of the server, and that of each service. It looks at each socket once.
    pub fn log_status(&self, now: Time) {
        let level = Level::Info;
        if level > log::max_level() {
            return;
        }
        let number = |len: usize| LogField::Number(len as u64);
        let is_paused = |id: &SocketId| {
            self.sockets.get(*id).is_some_and(|socket| socket.flags.has(SocketFlag::Held))
        };
        let paused_len = self.sockets.ids().iter().filter(|id| is_paused(id)).count();
        let is_running = |status: &ServiceStatus<'_>| status.state == ServiceState::Running;
        let running_len = self.service_statuses(now).filter(is_running).count();
        let mut fields = vec![
            ("version", LogField::Word(env!("CARGO_PKG_VERSION"))),
            // The clock begins with the host.
            ("uptime_s", LogField::Number(now.as_ms() / 1_000)),
            ("sockets", number(self.sockets.len())),
            ("paused", number(paused_len)),
            ("services", number(self.services.ids().count())),
            ("running", number(running_len)),
            ("memory_bytes", number(self.held_bytes())),
        ];
        let dropped = self.counters.log_lines_dropped().map(LogField::Number);
        fields.extend(dropped.map(|dropped| ("log_lines_dropped", dropped)));
        log_fields(level, TARGET, ["state of the server", "state of the server: "], &fields);
        for status in self.service_statuses(now) {
            let fields = [
                ("service", LogField::Text(status.path)),
                ("kind", LogField::Word(status.kind.name())),
                ("state", LogField::Word(status.state.name())),
                ("sockets", number(status.sockets_len)),
                ("waiting", number(status.waiting_len)),
                ("mail", number(status.mail_len)),
                ("mail_bytes", number(status.mail_bytes)),
                ("topics", number(status.topics_len)),
                ("restarts", LogField::Number(status.restarts.into())),
            ];
            log_fields(level, TARGET, ["state of a service", "state of a service: "], &fields);
        }
    }
}

const TARGET: &str = "switchboard::status";
