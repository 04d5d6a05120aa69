//! The sockets, the services with their mail, and the deadlines, sans-I/O: without system calls and
//! without a clock. It requests actions as outputs.
//!
//! In reading order:
//!
//! - [`Hub`]: the tables, and what a host calls in each turn
//! - `peers`: what peers do; `surplus`: connections beyond the limits; `reading`: which sockets are
//!   read, and which wait
//! - `listener_traits`: what the connections of a listener have in common
//! - `identity`: who a peer is behind a proxy; `proxied`: what proxies have said
//! - `tls`: TLS handshakes, and what they have shown; `redirect`: requests without TLS
//! - `handshake`: from a request to the 101; `answer`: other answers; `refusal`: what some say
//! - `lookup`: from a path without a service to a program; `queue`: the order of lookups
//! - `fetch`: or to a file; `pending`: a request that waits for either
//! - `lifecycle`: services start and end, sockets open and leave; `eager`: services that start
//!   without a socket; `backoff`: the pause of services that keep failing; `reset`: a program is
//!   replaced and its sockets stay
//! - `workers`: those of a service; `worker_choice`, with a feature: which of them a socket gets
//! - `apply`: the transactions of services; `later`, with the feature `database`: sockets that are
//!   answered later; `pace`, `paced`: senders that wait for listeners
//! - `rates`: how many messages a socket may send in a time; `meter`: how much of a rate is used
//! - `deflate`, with the feature of that name: compression; with the feature `processes`,
//!   `backplane_trait`, `backplane`: what services share
//! - `deadlines`: what is done when they come; `drain`: the clean stop; `renew`: other limits and
//!   rules while sockets are open
//! - `dates`: the date of answers; `counters`: what has happened; `hosts`: those of requests
//! - `socket` with `socket_flags` and `unread`, `service_entry`, `worker_slot`, `mailbox`: the
//!   state of each; `tables`, `worker_table`, `worker_list`, `roster`: lists of them
//! - `output`: actions for the host, with `ids` of services, workers and runs; `run_end`
//! - `access_log`: log lines about sockets and requests; `report`: and about services
//! - with the feature `admin`: `notes` and `listeners`, what else such a line has in JSON;
//!   `status`, `collect` and `readiness`, the state of services, counters, and whether sockets are
//!   welcome; `operate`, what operators do; `inspect`, what tests of services ask
//! - `tree`, `topics`, `wheel`, `ordered`, `addresses` with `address_key`, `flood`: tables of one
//!   purpose each
//! - `memory`: the memory budget of all sockets; `shares`: how much of a pool one address may hold,
//!   `holders`: what a place counts for; `trim`: frees memory that is not needed any more

mod access_log;
mod address_key;
mod addresses;
mod answer;
mod apply;
mod backoff;
#[cfg(feature = "processes")]
mod backplane;
#[cfg(feature = "processes")]
mod backplane_trait;
#[cfg(feature = "admin")]
mod collect;
mod counters;
mod dates;
mod deadlines;
#[cfg(feature = "deflate")]
mod deflate;
mod drain;
mod eager;
mod fetch;
mod flood;
mod handshake;
mod holders;
mod hosts;
mod identity;
mod ids;
#[cfg(feature = "testing")]
mod inspect;
#[cfg(feature = "database")]
mod later;
mod lifecycle;
mod listener_traits;
#[cfg(feature = "admin")]
mod listeners;
mod lookup;
mod mailbox;
mod memory;
mod meter;
#[cfg(feature = "admin")]
mod notes;
#[cfg(feature = "admin")]
mod operate;
mod ordered;
mod output;
mod pace;
mod paced;
mod peers;
mod pending;
mod proxied;
mod queue;
mod rates;
#[cfg(feature = "admin")]
mod readiness;
mod reading;
mod redirect;
mod refusal;
mod renew;
mod report;
mod reset;
mod roster;
mod run_end;
mod service_entry;
mod shares;
mod socket;
mod socket_flags;
#[cfg(feature = "admin")]
mod status;
mod surplus;
mod tables;
#[cfg(test)]
mod tests;
mod tls;
mod topics;
mod tree;
mod trim;
mod unread;
mod wheel;
#[cfg(feature = "workers")]
mod worker_choice;
mod worker_list;
mod worker_slot;
mod worker_table;
mod workers;

use std::collections::VecDeque;

use crate::limits::Limits;
use crate::service::{Compression, Inbound, ServiceOptions, SocketId};
use crate::session::{Next, SpareMemory};
use crate::time::Time;

use addresses::Addresses;
use counters::Counters;
use dates::Dates;
use drain::Drain;
use eager::EagerServices;
use fetch::Fetches;
use hosts::Hosts;
use lookup::PendingLookups;
use mailbox::load_with;
use memory::Memory;
use ordered::Ordered;
use service_entry::ServiceEntry;
use socket_flags::SocketFlag;
use tables::{ServiceTable, SocketTable};
use tls::Handshakes;
use wheel::Wheel;
use worker_slot::{RunState, WorkerSlot};
use worker_table::WorkerTable;
use workers::Runs;

pub use access_log::AccessLog;
pub use backoff::Backoff;
#[cfg(feature = "processes")]
pub use backplane_trait::{Backplane, SharedEvent};
#[cfg(feature = "admin")]
pub use collect::Collection;
pub(crate) use counters::Count;
pub use fetch::FilePolicy;
pub(crate) use flood::{Flood, more_like_this};
pub use hosts::{AllowedHosts, HostNames, HostNamesError};
pub use identity::Proxies;
pub use ids::{RunId, ServiceId, WorkerId};
pub use listener_traits::{Descriptors, ListenerTraits, ProxyProtocol, Reach};
pub use lookup::LookupResult;
pub use output::{Fetch, LookupGoal, LookupJob, Output};
pub(crate) use report::Subject;
pub use run_end::RunEnd;
#[cfg(feature = "programs")]
pub(crate) use shares::holder;
pub(crate) use shares::{Holder, Pool};
#[cfg(feature = "admin")]
pub use status::ServiceStatus;
pub(crate) use tree::ServiceTree;
pub use tree::{PathError, Spellings};
pub(crate) use trim::{cut, give_up};

/// All sockets and all services of one host.
///
/// A host calls, in each turn of its loop: [`Hub::accept`], then [`Hub::may_read`] with
/// [`Hub::receive`] (or [`Hub::read_buffer`] and [`Hub::filled`]), [`Hub::end`] or [`Hub::fail`]
/// for sockets that are readable, then [`Hub::apply`] and [`Hub::ended`] for what services sent and
/// how they ended, then [`Hub::expire`], then [`Hub::poll`] until it returns `None`; for
/// [`Output::Write`] it calls [`Hub::wrote`], and [`Hub::remove`] if that says so. To stop, it
/// calls [`Hub::drain`], goes on until [`Hub::is_drained`], and then calls [`Hub::stop_services`].
#[derive(Debug)]
pub struct Hub {
    tree: ServiceTree,
    services: ServiceTable,
    workers: WorkerTable,
    sockets: SocketTable,
    /// How many sockets are beyond the limits.
    surplus_len: usize,
    addresses: Addresses,
    wheel: Wheel,
    /// The sockets that wait for a token, by the millisecond when there is one; each once.
    metered: Ordered,
    outputs: VecDeque<Output>,
    buffers: SpareMemory,
    memory: Memory,
    /// About how many bytes have been freed since the last [`Hub::trim`].
    freed: usize,
    handshakes: Handshakes,
    /// The port of TLS that plain requests are sent to.
    tls_port: Option<u16>,
    drain: Option<Drain>,
    eager: EagerServices,
    dates: Dates,
    counters: Counters,
    /// The path of the health check.
    health: Option<String>,
    files: FilePolicy,
    hosts: Hosts,
    proxies: Proxies,
    has_warned_of_proxy: bool,
    lookups: PendingLookups,
    fetches: Fetches,
    access: AccessLog,
    #[cfg(feature = "admin")]
    listeners: listeners::Listeners,
    /// Of requests that were refused.
    refusals: Flood<access_log::LineKind>,
    /// Of warnings: a flood of requests leaves out none of them.
    warnings: Flood<access_log::LineKind>,
    #[cfg(feature = "deflate")]
    deflate: deflate::Deflate,
    /// What keys of workers are hashed with.
    #[cfg(feature = "workers")]
    worker_secret: [u8; 16],
}

impl Hub {
    /// A hub without sockets and services.
    #[must_use]
    pub fn new(limits: Limits, files: FilePolicy, now: Time) -> Self {
        Self {
            tree: ServiceTree::default(),
            services: ServiceTable::default(),
            workers: WorkerTable::new(limits),
            sockets: SocketTable::with_capacity(limits.tables_len()),
            surplus_len: 0,
            addresses: Addresses::default(),
            wheel: Wheel::new(now, limits.tables_len()),
            metered: Ordered::default(),
            outputs: VecDeque::new(),
            buffers: SpareMemory::new(limits.spare_bytes_max),
            memory: Memory::default(),
            freed: 0,
            handshakes: Handshakes::default(),
            tls_port: None,
            drain: None,
            eager: EagerServices::default(),
            dates: Dates::default(),
            counters: Counters::default(),
            health: None,
            files,
            hosts: Hosts::default(),
            proxies: Proxies::NONE,
            has_warned_of_proxy: false,
            lookups: PendingLookups::default(),
            fetches: Fetches::default(),
            access: AccessLog::default(),
            #[cfg(feature = "admin")]
            listeners: listeners::Listeners::default(),
            refusals: Flood::default(),
            warnings: Flood::default(),
            #[cfg(feature = "deflate")]
            deflate: deflate::Deflate::default(),
            #[cfg(feature = "workers")]
            worker_secret: [0; 16],
        }
    }

    /// Gives a path a service.
    ///
    /// # Errors
    /// The path can name no service, or names one already.
    pub fn mount(&mut self, path: &str, options: ServiceOptions) -> Result<ServiceId, PathError> {
        let id = self.services.next_id();
        self.tree.add(path, id)?;
        let workers = self.make_workers(id, &options, Runs::Code);
        self.services.push(ServiceEntry::new(path.to_owned(), options, workers));
        self.start_all_soon(id);
        Ok(id)
    }

    /// Gives answers a date (RFC 9110, 6.6.1). The host's `clock` returns the seconds since 1970;
    /// it is read when an answer needs it, at most once a second. Without a clock, answers have no
    /// date.
    pub const fn date_by(&mut self, clock: fn() -> u64) {
        self.dates.set_clock(clock);
    }

    /// Plain requests of this path are answered with 200, before services and files. Once a clean
    /// stop has begun they are answered with 503; peers that connected before have a second to ask.
    pub fn set_health_path(&mut self, path: Option<String>) {
        self.health = path;
    }

    /// The next thing to do for the host.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether there is mail for a worker.
    #[must_use]
    pub fn has_mail(&self, worker: WorkerId) -> bool {
        !self.workers[worker].mail.batch.is_empty()
    }

    /// The mail for a worker, and the run that it is for.
    pub fn take_mail(&mut self, worker: WorkerId) -> (RunId, Vec<Inbound>) {
        self.swap_mail(worker, Vec::new())
    }

    /// Like [`Hub::take_mail`]. The next mail is collected in `spare`, an empty list that has
    /// its memory already.
    pub fn swap_mail(&mut self, worker: WorkerId, spare: Vec<Inbound>) -> (RunId, Vec<Inbound>) {
        debug_assert!(spare.is_empty(), "a list to be filled has nothing in it");
        let slot = &mut self.workers[worker];
        (RunId { worker, number: slot.run }, std::mem::replace(&mut slot.mail.batch, spare))
    }

    /// The socket that is in this place of the table now.
    #[must_use]
    pub fn id_at(&self, place: usize) -> Option<SocketId> {
        self.sockets.at(place)?.id(place)
    }

    /// How many sockets there are.
    #[must_use]
    pub fn sockets_len(&self) -> usize {
        self.sockets.len()
    }

    /// The bounds of a service.
    #[must_use]
    pub fn limits(&self, service: ServiceId) -> &Limits {
        &self.services[service].options.limits
    }

    /// The bounds of the service that a worker runs.
    #[must_use]
    pub fn limits_of(&self, worker: WorkerId) -> &Limits {
        &self.workers[worker].limits
    }

    /// Whether a service compresses.
    #[must_use]
    pub fn compression(&self, service: ServiceId) -> Compression {
        self.services[service].options.compression
    }

    /// All workers.
    pub fn worker_ids(&self) -> impl Iterator<Item = WorkerId> + use<> {
        self.workers.ids()
    }

    /// The path of a service.
    #[must_use]
    pub fn path(&self, service: ServiceId) -> &str {
        &self.services[service].path
    }

    /// Puts a transaction into the mail of a socket's worker, if the socket is a member.
    fn deliver(&mut self, id: SocketId, transaction: Inbound) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let (true, Some(worker)) = (socket.membership.is_told(), socket.worker) else { return };
        let WorkerSlot { mail, state, limits, counters, .. } = &mut self.workers[worker];
        // A service that has ended gets nothing; its next run knows none of its sockets.
        if *state == RunState::Idle {
            return;
        }
        if let Inbound::Data { message, .. } = &transaction {
            socket.load = load_with(socket.load, message.len());
            counters.messages_received.add(1);
        }
        let is_close = matches!(transaction, Inbound::Close { .. });
        if mail.push(transaction, limits) {
            self.outputs.push_back(Output::Mail(worker));
        }
        // Our close frame waits for what came before the close.
        if !is_close {
            socket.mailed = mail.last();
        }
    }

    /// Called after any event of a socket. Orders a write if there is anything to write or to end,
    /// and sets the deadline; after a write it is set in any case.
    fn schedule_write(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.flags.has(SocketFlag::Touched) {
            return;
        }
        if socket.session.unsent_len() > 0 || socket.session.next() != Next::Keep {
            socket.flags.set(SocketFlag::Touched);
            self.outputs.push_back(Output::Write(id));
            return;
        }
        self.schedule(id);
    }
}
