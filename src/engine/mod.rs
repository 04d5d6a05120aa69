//! One turn of the loop, without I/O: the order in which sockets are read, services are applied and
//! called, deadlines expire and sockets are written, and how much of each a turn allows. The host,
//! the simulation, the benchmarks and the tests of the hub run this code, each with its own [`Io`].
//!
//! In reading order:
//!
//! - [`Engine`]: the state of a turn, and the order of its parts
//! - `io`: the interface of an engine to its surroundings; `step`: what tests see of a turn
//! - `read`, `apply`, `call`, `write`: the parts of a turn
//! - `intake`, with the feature `senders`: what other threads have sent for services, with
//!   `no_intake` in its place in other builds; `batches`: whose turn it is
//! - `stop`: the clean stop
//! - `budget`: how much a turn may do for all sockets together
//! - `readiness`: what the poll has reported about each connection
//! - `source`, with the feature `processes`: something else that is read, with `no_source` in its
//!   place in other builds

mod apply;
mod batches;
mod budget;
mod call;
#[cfg(feature = "senders")]
mod intake;
#[cfg(not(feature = "senders"))]
#[path = "no_intake.rs"]
mod intake;
mod io;
mod read;
mod readiness;
#[cfg(feature = "processes")]
mod source;
#[cfg(not(feature = "processes"))]
#[path = "no_source.rs"]
mod source;
mod step;
mod stop;
mod write;

use std::collections::VecDeque;

use crate::hub::{Hub, Output, WorkerId, give_up};
use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;

use budget::Budget;
use call::Calls;
use readiness::ReadinessTable;
use source::SourceSlot;
use stop::Stop;

pub use batches::{NextBatch, OwnBatches};
pub use intake::Intake;
pub use io::{
    Arrival, CallResult, CloseMode, Connections, FileOrder, FilePart, HostEvent, Io, IoFacts, Left,
    LoopSource, NotStarted, PLUGGED, ProgramFacts, ReadResult, RunExit, Services, StopKind,
    TlsRead,
};
#[cfg(feature = "admin")]
pub use io::{LoopCall, LoopTask};
pub use readiness::{PeerEnd, Ready};
pub use step::TurnStep;
pub use stop::Turn;

/// All sockets and services of a host, and the work that one turn leaves for the next.
#[derive(Debug)]
pub struct Engine {
    hub: Hub,
    limits: Limits,
    readiness: ReadinessTable,
    /// Sockets to be read although no event came: a turn had no time for the rest, or they were
    /// held back.
    reads: VecDeque<SocketId>,
    /// Sockets that were read in this turn and are to be read in the next, behind all others.
    reads_again: Vec<SocketId>,
    /// Sockets that have used up the writes of a turn, or for which the turn had no time.
    writes: VecDeque<SocketId>,
    /// The rest of this turn's budget.
    budget: Budget,
    /// When the last turn read sockets.
    read_at: Time,
    /// How many turns in a row were long.
    long_turns: u64,
    /// The buffer for reads that do not go straight into a message.
    buffer: Vec<u8>,
    /// Services that have sent more than this turn takes.
    cut_short: Vec<WorkerId>,
    /// Ends of services that have not been applied.
    exits: Vec<RunExit>,
    calls: Calls,
    /// Outputs of the hub that wait until services have been called.
    held: VecDeque<Output>,
    stop: Stop,
    source: SourceSlot,
}

impl Engine {
    /// An engine for a hub with all its services, and the bounds of the host.
    #[must_use]
    pub fn new(hub: Hub, limits: &Limits) -> Self {
        Self {
            hub,
            limits: *limits,
            readiness: ReadinessTable::with_capacity(limits.tables_len()),
            reads: VecDeque::new(),
            reads_again: Vec::new(),
            writes: VecDeque::new(),
            budget: Budget::new(limits),
            read_at: Time::ZERO,
            long_turns: 0,
            buffer: untouched(limits.read_buffer_bytes),
            cut_short: Vec::new(),
            exits: Vec::new(),
            calls: Calls::default(),
            held: VecDeque::new(),
            stop: Stop::default(),
            source: SourceSlot::default(),
        }
    }

    /// Runs one turn, after the poll and [`Engine::notify`]. No more follows after [`Turn::Last`].
    pub fn turn(&mut self, io: &mut impl Io, now: Time) -> Turn {
        self.budget = Budget::new(&self.limits);
        // A stop that was requested before a peer's bytes came applies to these bytes.
        self.apply_events(io, now);
        self.source.take(&mut self.hub, &mut self.budget, now);
        self.accept_all(io, now);
        self.read_all(io, now);
        self.apply_batches(io, now);
        #[cfg(feature = "senders")]
        self.stop_in_turn(io, now);
        self.apply_exits(io, now);
        self.hub.expire(now);
        if io.has_loop_services() {
            self.call_services(io, now);
        }
        self.write_on(io, now);
        self.carry_out(io, now);
        if io.has_delivered() && !self.has_work(io) {
            io.yield_to_services();
        }
        // Applies what has arrived meanwhile, without waiting for the next poll.
        if io.senders_len() > 0 {
            self.apply_batches(io, now);
            self.carry_out(io, now);
        }
        self.apply_later(io);
        self.reads.extend(self.reads_again.drain(..));
        let turn = self.progress(io, now);
        #[cfg(feature = "processes")]
        self.hub.flush_shared();
        turn
    }

    /// Whether another turn has work even if no event comes.
    #[must_use]
    pub fn has_work(&self, io: &impl Io) -> bool {
        !self.reads.is_empty()
            || !self.writes.is_empty()
            || !self.exits.is_empty()
            || !self.calls.is_empty()
            || self.source.has_work()
            || io.senders_len() > 0
            || io.events_len() > 0
    }

    /// When another turn has work even if no event comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        [self.hub.deadline(), self.stop.end].into_iter().flatten().min()
    }

    /// Reads a source in each turn after an event with the place [`PLUGGED`].
    pub fn plug(&mut self, source: Box<dyn LoopSource>) {
        self.source.plug(source);
    }

    /// A run of a service has ended.
    fn ended(&mut self, exit: &RunExit, io: &mut impl Io, now: Time) {
        self.hub.ended(exit.run, &exit.end, now);
        io.observe(TurnStep::Ended(exit.run.worker), &self.hub, now);
    }

    /// The hub.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The hub, for what happens between two turns.
    pub const fn hub_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }

    /// Frees memory that is not needed now. Returns for how many sockets the tables have entries
    /// left.
    pub fn trim(&mut self) -> usize {
        let places_len = self.hub.trim();
        self.readiness.trim(places_len);
        give_up(&mut self.reads);
        self.reads_again.shrink_to_fit();
        give_up(&mut self.writes);
        give_up(&mut self.held);
        places_len
    }
}

#[cfg(test)]
impl Engine {
    /// Puts the sockets of so many places into all lists of a turn.
    pub(crate) fn crowd(&mut self, places: std::ops::Range<usize>) {
        for id in places.filter_map(|place| self.hub.id_at(place)) {
            self.reads.push_back(id);
            self.writes.push_back(id);
        }
        // Between turns it is empty.
        self.reads_again.reserve(self.reads.len());
    }

    /// For how many sockets the tables and lists have capacity.
    pub(crate) fn capacities(&self) -> [usize; 4] {
        let places_len = self.readiness.places_len();
        let lists = [self.reads.capacity(), self.reads_again.capacity(), self.writes.capacity()];
        [places_len, lists[0], lists[1], lists[2]]
    }
}

/// A buffer of zeros, whose pages cost no memory until they are used. That holds for long buffers,
/// which the system maps fresh. Shorter ones are cleared, and so touched, by the allocator.
fn untouched(len: usize) -> Vec<u8> {
    let mut buffer = vec![0; len.max(MAPPED_BYTES_MIN)];
    buffer.truncate(len);
    buffer
}

/// From this size on, the allocators of glibc and others have the system map pages.
const MAPPED_BYTES_MIN: usize = 128 << 10;
