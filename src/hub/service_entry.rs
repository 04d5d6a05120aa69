//! `ServiceEntry`: the hub's side of one service: what its workers have in common.

use crate::hub::ids::WorkerId;
use crate::hub::paced::Pace;
use crate::hub::shares::Holder;
use crate::hub::topics::Topics;
use crate::hub::worker_list::WorkerList;
use crate::service::{ServiceOptions, Start};
use crate::time::Time;

/// The hub's side of one service. The sockets, and all that a message needs, are with its workers.
#[derive(Debug)]
pub(super) struct ServiceEntry {
    pub(super) path: String,
    /// Whether it was found at run time, and has to be found again before each run.
    pub(super) is_program: bool,
    /// The address that its last run counts for, if it is a program.
    pub(super) holder: Holder,
    /// How many sockets have requested it and still exist, including those that have left it.
    pub(super) sockets_len: u32,
    /// When the last of them went.
    pub(super) unused_since: Time,
    pub(super) options: ServiceOptions,
    pub(super) topics: Topics,
    /// The workers that hear what others send to a topic.
    #[cfg(feature = "processes")]
    pub(super) listeners: std::collections::BTreeMap<String, Vec<WorkerId>>,
    /// Senders and listeners, whichever workers they have.
    pub(super) pace: Pace,
    /// Its workers, one at least, by their numbers.
    pub(super) workers: WorkerList,
}

impl ServiceEntry {
    pub(super) fn new(path: String, options: ServiceOptions, workers: WorkerList) -> Self {
        Self {
            path,
            is_program: false,
            holder: None,
            sockets_len: 0,
            unused_since: Time::ZERO,
            options,
            topics: Topics::default(),
            #[cfg(feature = "processes")]
            listeners: std::collections::BTreeMap::new(),
            pace: Pace::default(),
            workers,
        }
    }

    /// Its first worker, which stands for the service where it does not matter which one is meant.
    pub(super) fn first(&self) -> WorkerId {
        self.workers.first()
    }

    /// Whether it starts without a socket.
    pub(super) fn is_eager(&self) -> bool {
        self.options.start == Start::Eager
    }
}
