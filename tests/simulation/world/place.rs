//! A service of a world, or one of its workers, running or not, and what is recorded of its mail.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "processes")]
use switchboard::Share;
use switchboard::hub::{Hub, RunId, ServiceId, WorkerId};
use switchboard::service::Compression;
use switchboard::time::Time;
use switchboard::{Limits, ServiceOptions, Start};

use super::profile::ServiceProfile;
use super::service::{Order, Worker};

/// A service, running or not, and what is recorded of its mail.
pub struct Place {
    /// None as long as it is a program that has not been found.
    pub id: Option<ServiceId>,
    /// The worker that this place is, and the place of the first worker of its service.
    pub worker_id: Option<WorkerId>,
    pub first: usize,
    /// Whether that has several workers.
    pub has_crew: bool,
    pub profile: ServiceProfile,
    pub limits: Limits,
    pub compression: Compression,
    /// What its service shares with those of other hosts.
    #[cfg(feature = "processes")]
    pub share: Share,
    pub is_on_loop: bool,
    /// Since when it has had to be called, if it was not in the last turn.
    pub due_since: Option<Time>,
    /// In which turn it was called last.
    pub called_turn: u64,
    /// In which turn it has had its share and had sent more.
    pub cut_turn: Cell<u64>,
    pub worker: Option<Worker>,
    /// The number of the run that the hub has begun last.
    pub run: u32,
    pub is_ready: bool,
    pub is_asked: bool,
    /// What served its sockets has gone, and the next one is not ready.
    pub is_reset: bool,
    /// Whether those who came in this turn were asked about, in each of its lives.
    pub lives: Vec<bool>,
    /// When other limits were given to it, and how much mail it had then.
    pub remounted: Time,
    pub excess: (usize, usize),
    /// How often in a row it has ended soon, and until when it is not started again.
    pub failures: u32,
    pub retry: Time,
    pub started: Time,
    /// When it starts, and in which turn it has ended last.
    pub start: Start,
    pub ended_turn: Option<u64>,
    /// The turn in which it was found last, if it is a program.
    pub found: Option<u64>,
    /// In which turn it has become a program that is known.
    pub mounted: Option<u64>,
    pub must_start: bool,
    /// Transactions that the hub has put into the mail of this run.
    pub put: u64,
    /// The mail was full when the last turn ended, and has not had capacity since.
    pub is_full: bool,
    /// How often the mail had capacity again after it was full.
    pub openings: u64,
    pub put_bytes: usize,
    /// What the service has reported as taken.
    pub taken: u64,
    pub taken_bytes: usize,
    pub topics: BTreeMap<u8, BTreeSet<usize>>,
    /// Its sockets that it answers later.
    pub later: BTreeSet<u64>,
    /// Orders of runs that have ended.
    pub stale: Vec<(u32, Order)>,
}

impl Place {
    /// The run of this number, if the service was mounted.
    pub fn run_id(&self, number: u32) -> Option<RunId> {
        self.worker_id.map(|worker| RunId { worker, number })
    }

    /// The hub has it now.
    pub fn set_id(&mut self, hub: &Hub, id: ServiceId) {
        (self.id, self.worker_id) = (Some(id), Some(hub.first_of(id)));
    }

    pub fn new(first: usize, profile: ServiceProfile, limits: Limits) -> Self {
        Self {
            id: None,
            worker_id: None,
            first,
            has_crew: false,
            profile,
            limits,
            compression: Compression::Off,
            #[cfg(feature = "processes")]
            share: Share::None,
            is_on_loop: false,
            due_since: None,
            called_turn: 0,
            cut_turn: Cell::new(0),
            worker: None,
            run: 0,
            is_ready: false,
            is_asked: false,
            is_reset: false,
            lives: Vec::new(),
            remounted: Time::ZERO,
            excess: (0, 0),
            failures: 0,
            retry: Time::ZERO,
            started: Time::ZERO,
            start: Start::Lazy,
            ended_turn: None,
            found: None,
            mounted: None,
            must_start: false,
            put: 0,
            is_full: false,
            openings: 0,
            put_bytes: 0,
            taken: 0,
            taken_bytes: 0,
            topics: BTreeMap::new(),
            later: BTreeSet::new(),
            stale: Vec::new(),
        }
    }

    /// What it is mounted with.
    pub fn options(&self) -> ServiceOptions {
        let Self { compression, start, .. } = *self;
        ServiceOptions {
            compression,
            start,
            #[cfg(feature = "processes")]
            share: self.share,
            ..ServiceOptions::new(self.limits)
        }
    }

    /// How many transactions the service has not taken.
    pub fn waiting(&self) -> usize {
        usize::try_from(self.put.saturating_sub(self.taken)).expect("they are in memory")
    }

    pub fn waiting_bytes(&self) -> usize {
        self.put_bytes.saturating_sub(self.taken_bytes)
    }

    /// Whether the mail has so much capacity that all sockets are read and admitted.
    pub fn is_roomy(&self) -> bool {
        self.waiting() <= self.limits.mail_messages_max / 2
            && self.waiting_bytes() <= self.limits.mail_bytes_max / 2
    }
}
