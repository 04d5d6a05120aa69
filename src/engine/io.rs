//! The interface of an engine to its surroundings: connections, services, and events of helper
//! threads. A host implements it with sockets and threads, the simulation with values.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

use crate::engine::step::TurnStep;
use crate::hub::{Descriptors, Fetch, Hub, ListenerTraits, LookupJob, RunEnd, RunId, WorkerId};
use crate::service::{SocketId, TlsInfo};
use crate::time::Time;
use crate::ws::Response;
use crate::ws::proxy::ProxyHeader;

/// Everything that an engine needs.
pub trait Io: Connections + Services {
    /// Events that the engine passes to the host.
    type Notice;

    /// The next event that a helper thread has sent.
    fn next_event(&mut self) -> Option<HostEvent<Self::Notice>>;

    /// How many events are there.
    fn events_len(&self) -> usize;

    /// Applies an event that the engine passes to the host.
    fn apply_notice(&mut self, notice: Self::Notice, hub: &mut Hub, now: Time);

    /// Orders a lookup of a program. The answer comes as an event.
    fn look_up(&mut self, lookup: LookupJob);

    /// Sends an order to the thread that reads files. What it has read comes as an event.
    fn order_file(&mut self, order: FileOrder);

    /// What it knows of itself, for operators.
    fn facts(&self) -> IoFacts {
        IoFacts::default()
    }

    /// Shows the hub between the steps of a turn. It is for tests; a host does nothing here.
    fn observe(&mut self, _: TurnStep, _: &Hub, _: Time) {}
}

/// Connections, each at the index of its socket. No call blocks. The engine uses only sockets whose
/// connections it has inserted and not closed.
pub trait Connections {
    /// A connection that has no socket yet. Dropped, it is closed.
    type Connection;

    /// How many listeners there are.
    fn listeners_len(&self) -> usize;

    /// The name of a listener, for the log.
    fn listener_name(&self, _: usize) -> String {
        String::new()
    }

    /// Whether the connections of a listener begin with a TLS handshake. If none does, this method
    /// and the next one need not be implemented.
    fn is_secure_listener(&self, _: usize) -> bool {
        false
    }

    /// Whether a connection is one of TLS. Each read of it needs the large buffer of the engine.
    fn is_sealed(&self, _: SocketId) -> bool {
        false
    }

    /// Accepts one connection, if there is one.
    fn accept(&mut self, listener: usize, now: Time) -> Option<Arrival<Self::Connection>>;

    /// Puts a connection at the index of its socket.
    ///
    /// # Errors
    /// The system cannot poll it; it is closed.
    fn insert(&mut self, id: SocketId, connection: Self::Connection) -> io::Result<()>;

    /// Stops listening.
    fn close_listeners(&mut self);

    /// Reads once.
    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult;

    /// Writes once; returns how many bytes have left, 0 if it would block.
    ///
    /// # Errors
    /// The connection is lost, and why.
    fn write(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, &'static str> {
        self.write_vectored(id, &[IoSlice::new(bytes)])
    }

    /// Writes once, all chunks together, like [`Connections::write`].
    ///
    /// # Errors
    /// The connection is lost, and why.
    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str>;

    /// How many of the bytes that were written the peer has not acknowledged.
    fn queued_len(&mut self, id: SocketId) -> usize;

    /// Ends our half of the connection.
    fn end_writing(&mut self, id: SocketId);

    /// Closes a connection.
    fn close(&mut self, id: SocketId, mode: CloseMode);
}

/// Services, on threads of their own or on the loop.
pub trait Services {
    /// How many services have sent something.
    fn senders_len(&self) -> usize;

    /// Removes and returns a service that has sent something. It is queued again by what it sends
    /// later.
    fn next_sender(&mut self) -> Option<WorkerId>;

    /// Queues a service again: it has sent more than one turn takes.
    fn add_sender(&mut self, worker: WorkerId);

    /// Begins the next batch of a service, once the last one is applied. Returns whether there is
    /// anything to apply.
    fn begin_batch(&mut self, worker: WorkerId) -> bool;

    /// Applies the batch, up to `left` deliveries. Returns how many of them are left.
    fn apply_batch(&mut self, worker: WorkerId, hub: &mut Hub, left: usize, now: Time) -> usize;

    /// Whether a service itself has sent more than was applied.
    fn has_more(&self, worker: WorkerId) -> bool;

    /// Whether other threads have sent more to the sockets of a service than was applied. If none
    /// can, this method and the next two need not be implemented.
    fn has_sent(&self, _: WorkerId) -> bool {
        false
    }

    /// Has a clean stop wait until all is applied that other threads have sent so far. Returns
    /// whether there is any.
    fn hold_stop(&mut self) -> bool {
        false
    }

    /// Whether a clean stop waits.
    fn holds_stop(&self) -> bool {
        false
    }

    /// Starts a run of a service.
    ///
    /// # Errors
    /// The run could not start, and why.
    fn start(&mut self, run: RunId, hub: &mut Hub, now: Time) -> Result<(), NotStarted>;

    /// Removes a service whose run has ended. Returns whether it was there.
    fn remove(&mut self, worker: WorkerId) -> bool;

    /// Passes its mail to a service on a thread of its own.
    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub);

    /// Asks a service to finish, once it has taken its mail.
    fn finish(&mut self, worker: WorkerId);

    /// Whether any service may run on the loop. If none does, this method and the next three need
    /// not be implemented.
    fn has_loop_services(&self) -> bool {
        false
    }

    /// Whether a service runs on the loop.
    fn is_on_loop(&self, _: WorkerId) -> bool {
        false
    }

    /// A service on the loop whose interval has passed.
    fn next_tick(&mut self) -> Option<WorkerId> {
        None
    }

    /// Calls a service on the loop with its mail, up to `left` deliveries.
    fn call(&mut self, _: WorkerId, _: &mut Hub, _left: &mut usize, _: Time) -> CallResult {
        CallResult::Done
    }

    /// How many services run.
    fn running_len(&self) -> usize;

    /// Whether a service on a thread of its own got mail since this was last asked.
    fn has_delivered(&mut self) -> bool;

    /// Lets services run that got mail in this turn: nothing else is left to do but wait for them.
    fn yield_to_services(&mut self);
}

/// A connection that has come.
#[derive(Debug)]
pub struct Arrival<C> {
    /// The connection.
    pub connection: C,
    /// Where it comes from; `None` for a Unix socket.
    pub peer: Option<SocketAddr>,
    /// What its listener says of it.
    pub listener: ListenerTraits,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadResult {
    /// The header of the PROXY protocol came, which is read before all else, or something else. It
    /// is boxed since all reads return this type.
    Identified(Option<Box<ProxyHeader>>),
    /// So many bytes came, at least one. If they do not fill the buffer, there are no more.
    Bytes(usize),
    /// A TLS connection was read, with this result.
    Tls(TlsRead),
    /// There are no bytes; a readiness event follows when there are.
    WouldBlock,
    /// The peer has ended its half.
    End,
    /// The connection is lost.
    Lost(&'static str),
}

/// The result of a read of a TLS connection.
#[derive(Debug, PartialEq, Eq)]
pub enum TlsRead {
    /// The handshake is over. This comes before all bytes. There may be bytes even if no event
    /// comes.
    Secured(Box<TlsInfo>),
    /// Plain bytes came, maybe none: records of TLS itself have no such bytes.
    Bytes {
        /// How many.
        len: usize,
        /// How many records were decrypted or made, also in vain. Each costs time of the turn.
        records: usize,
        /// Whether there may be more even if no event comes.
        left: Left,
    },
    /// There are no plain bytes. So many bytes of a record that is not whole are kept. An event
    /// follows when there are more, or when the system takes records that have to leave before.
    Drained(usize),
    /// The handshake has to wait for the next turn.
    Later,
}

/// Whether a read has left anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: an event follows when there are bytes.
    Nothing,
    /// There may be bytes even if no event comes.
    Unknown,
}

/// Something else than a connection that is read on the loop: what another part of the process
/// plugs in.
pub trait LoopSource: Send + fmt::Debug {
    /// Reads as much as a turn takes, until `left` messages have been put into outboxes; it counts
    /// down. Returns whether there may be more.
    fn take(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> Left;
}

/// The place that events of a source have, as a token of the poll. No socket has it.
pub const PLUGGED: usize = usize::MAX - 3;

/// What happens to the bytes that the system holds for the peer of a closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseMode {
    /// They are still sent (CLOSE, RFC 9293, 3.9.1.4).
    Graceful,
    /// They are dropped (ABORT, RFC 9293, 3.9.1.5).
    Abort,
}

/// The result of calling a service on the loop.
#[derive(Debug)]
pub enum CallResult {
    /// It has been called with all its mail.
    Done,
    /// It has had its share of the turn, and there is more.
    More,
    /// Its run has ended.
    Ended(RunExit),
}

/// Why a run could not start.
#[derive(Debug)]
pub enum NotStarted {
    /// The system gives it no thread; a later attempt may succeed.
    NoThread(String),
    /// The service has failed while it was made.
    Failed(RunEnd),
}

/// An event of a helper thread for the loop.
#[derive(Debug)]
pub enum HostEvent<N> {
    /// A service on a thread of its own has ended.
    Ended(RunExit),
    /// A part of a file was read.
    File(SocketId, FilePart),
    /// Another thread asks for something.
    #[cfg(feature = "admin")]
    Task(LoopTask),
    /// Another thread has something for this turn and the next ones, until nothing is left.
    #[cfg(feature = "processes")]
    Source(Box<dyn LoopSource>),
    /// A service on the loop has tasks.
    Tasks(WorkerId),
    /// A stop was asked for.
    Stop(StopKind),
    /// Events that the engine passes to the host.
    Notice(N),
}

/// The kind of stop that was asked for, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopKind {
    /// Sockets are closed, and services finish.
    Clean,
    /// The stop waits for nothing.
    Now,
}

/// The end of a service's run.
#[derive(Debug)]
pub struct RunExit {
    /// Which run.
    pub run: RunId,
    /// How it ended.
    pub end: RunEnd,
}

/// What the surroundings of an engine know of themselves, for operators.
#[derive(Clone, Debug, Default)]
pub struct IoFacts {
    /// How often accepting had to pause because there was no descriptor, since the listeners were
    /// opened.
    pub accept_pauses: u64,
    /// Whether any listener lacks descriptors now.
    pub descriptors: Descriptors,
    /// What services on threads of their own, and senders, have sent and the loop has not begun.
    pub batch_bytes: u64,
    /// The processes of services that are programs, by the index of the service.
    pub programs: Vec<ProgramFacts>,
}

/// The processes of a service.
#[derive(Clone, Debug, Default)]
pub struct ProgramFacts {
    /// The system's numbers of those that run.
    pub pids: Vec<u32>,
    /// How many have ended by a fault, or could not be started, while the run of the service went
    /// on.
    pub failures: u64,
}

/// What another thread has the loop call between two parts of a turn. It must not wait.
#[cfg(feature = "admin")]
pub struct LoopTask(pub Box<LoopCall>);

/// The function of a [`LoopTask`].
#[cfg(feature = "admin")]
pub type LoopCall = dyn FnOnce(&mut Hub, &dyn Fn() -> IoFacts, Time) + Send;

#[cfg(feature = "admin")]
impl fmt::Debug for LoopTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoopTask")
    }
}

/// What was read from a file.
#[derive(Debug)]
pub enum FilePart {
    /// A whole answer.
    Response(Response),
    /// The head of an answer whose body follows.
    Head(Response),
    /// A part of the body; an empty one ends it.
    Body(Vec<u8>),
}

/// An order for the thread that reads files.
#[derive(Debug)]
pub enum FileOrder {
    /// To open a file.
    Open(Box<Fetch>),
    /// To read the next part of the file of a socket.
    More(SocketId),
    /// To close the file of a socket.
    Close(SocketId),
}
