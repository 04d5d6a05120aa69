//! `Host`: the poll loop, one turn of which is [`Host::turn`].

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::host::bell::Tower;
use crate::host::calls::Locals;
use crate::host::files::{Files, StaticRoot};
use crate::host::listener::{self, Listener};
use crate::host::programs::{Programs, ProgramsPlan};
use crate::host::stop::{Signals, Stop, Stopper};
use crate::host::stream::{Stream, Streams, Tidings};
use crate::host::trim::Trims;
use crate::host::worker::{Exit, Factory, Worker};
use crate::hub::{Budget, Hub, StationId};
use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;

/// A server that listens. It does its work within [`Host::run`] or [`Host::turn`], on the
/// thread that calls them, and services run on threads of their own, but for those on the loop
/// (see [`Thread`](crate::service::Thread)). A host may be moved to another thread, preferably
/// before its first turn: services on the loop stay behind, as if they had ended.
pub struct Host {
    pub(super) hub: Hub,
    pub(super) limits: Limits,
    poll: Poll,
    events: Events,
    clock: Instant,
    pub(super) listeners: Vec<Listener>,
    address: SocketAddr,
    pub(super) streams: Streams,
    /// Sockets to be read though no event came: a turn cut them short, or they were held back.
    pub(super) reads: VecDeque<SocketId>,
    /// Those that were read in this turn and are to be read in the next, behind all others.
    pub(super) reads_again: Vec<SocketId>,
    /// Sockets that have taken all that one turn may write, or for which it had no time.
    pub(super) writes: VecDeque<SocketId>,
    /// What is left for this turn.
    pub(super) budget: Budget,
    pub(super) buffer: Vec<u8>,
    pub(super) tower: Tower,
    pub(super) factories: Vec<Factory>,
    /// By the index of the station.
    pub(super) workers: Vec<Option<Worker>>,
    /// Services that have sent more than this turn takes.
    pub(super) cut_short: Vec<StationId>,
    /// Whether a service on a thread of its own got mail in this turn.
    pub(super) mailed: bool,
    pub(super) exits: Receiver<Exit>,
    /// Services on the loop.
    pub(super) locals: Locals,
    /// Threads of services that have ended.
    pub(super) leaving: Vec<JoinHandle<()>>,
    /// For workers, to tell their exits.
    pub(super) exit_sender: Sender<Exit>,
    pub(super) files: Option<Files>,
    pub(super) programs: Programs,
    pub(super) stopper: Stopper,
    signals: Option<Signals>,
    pub(super) stop: Stop,
    pub(super) trims: Trims,
}

/// What a host is made from.
pub(crate) struct HostPlan {
    /// The hub, with all services mounted.
    pub(crate) hub: Hub,
    /// The bounds of the host itself.
    pub(crate) limits: Limits,
    /// What makes the services, by the index of the station.
    pub(crate) factories: Vec<Factory>,
    /// The files for plain GET.
    pub(crate) static_root: Option<StaticRoot>,
    /// Where programs are looked for.
    pub(crate) programs: Option<ProgramsPlan>,
}

/// Whether there is another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is.
    Another,
    /// The host has stopped.
    Last,
}

impl Host {
    /// Listens on all `addresses`.
    pub(crate) fn new(plan: HostPlan, addresses: &[SocketAddr]) -> io::Result<Self> {
        let HostPlan { mut hub, limits, factories, static_root, programs } = plan;
        hub.date_by(unix_seconds);
        let poll = Poll::new()?;
        let tower = Tower::new(Waker::new(poll.registry(), WAKER)?);
        let mut listeners = Vec::new();
        for mut listener in listener::bind_all(addresses)? {
            let token = Token(LISTENERS.0 + listeners.len());
            poll.registry().register(listener.source(), token, Interest::READABLE)?;
            listeners.push(listener);
        }
        let files =
            static_root.map(|root| Files::start(root, &limits, tower.alarm())).transpose()?;
        let address = listeners[0].address();
        let programs = Programs::start(programs, address, &tower)?;
        let workers = factories.iter().map(|_| None).collect();
        let locals = Locals::of(&factories);
        let stopper = Stopper::new(tower.alarm());
        let (exit_sender, exits) = crossbeam_channel::unbounded();
        Ok(Self {
            hub,
            limits,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            clock: Instant::now(),
            listeners,
            address,
            streams: Streams::with_capacity(limits.tables_len()),
            reads: VecDeque::new(),
            reads_again: Vec::new(),
            budget: Budget::new(&limits),
            writes: VecDeque::new(),
            buffer: untouched(limits.read_buffer_bytes),
            tower,
            factories,
            workers,
            cut_short: Vec::new(),
            mailed: false,
            exits,
            exit_sender,
            locals,
            leaving: Vec::new(),
            files,
            programs,
            stopper,
            signals: None,
            stop: Stop::default(),
            trims: Trims::default(),
        })
    }

    /// Runs until it is stopped.
    ///
    /// # Errors
    /// Polling fails, which the system does for no reason that a server could mend.
    pub fn run(mut self) -> io::Result<()> {
        while self.turn(None)? == Turn::Another {}
        Ok(())
    }

    /// Runs one turn: waits for something to happen, `timeout` at most, and does all that has
    /// come up. To be called again while it gives [`Turn::Another`].
    ///
    /// The order within a turn: wait; read the clock, once; accept; read; apply what services
    /// sent; renew programs; expire deadlines; call the services on the loop; carry out what the
    /// hub wants; give way to services that got mail; apply and carry out once more, if any has
    /// answered meanwhile.
    ///
    /// # Errors
    /// Polling fails.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Turn> {
        self.wait(timeout)?;
        let now = self.now();
        self.budget = Budget::new(&self.limits);
        self.sort_events();
        self.heed_stops(now);
        self.accept(now);
        self.read_all(now);
        self.apply_batches(now);
        self.apply_exits(now);
        self.apply_files(now);
        self.apply_programs(now);
        self.hub.expire(now);
        self.call_services(now);
        self.write_on(now);
        self.carry_out(now);
        self.give_way();
        // What came back meanwhile need not wait for another look at the events.
        if !self.tower.is_empty() {
            self.apply_batches(now);
            self.carry_out(now);
        }
        self.apply_later();
        self.reads.extend(self.reads_again.drain(..));
        self.trim_when_due(now);
        Ok(self.progress(now))
    }

    /// Makes SIGINT and SIGTERM stop this host like [`Stopper::stop`]. For one host of a
    /// process; a second call moves the signals there.
    ///
    /// # Errors
    /// What the system says.
    pub fn stop_on_signals(&mut self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        self.poll.registry().register(signals.source(), SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Where it listens first, with the true port; also after a stop.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, with the true ports. Nothing any more once a stop has begun.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(Listener::address)
    }

    /// What stops it from any thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// How many sockets there are.
    #[must_use]
    pub fn sockets_len(&self) -> usize {
        self.hub.sockets_len()
    }

    pub(super) fn now(&self) -> Time {
        Time::from_ms(u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Sleeps until something happens.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.tower.doze();
        let timeout = if self.has_work() { Some(Duration::ZERO) } else { self.patience(timeout) };
        let polled = self.poll.poll(&mut self.events, timeout);
        self.tower.awake();
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            polled => polled,
        }
    }

    /// Whether something has come that no event tells.
    pub(super) fn has_work(&self) -> bool {
        !self.reads.is_empty()
            || !self.writes.is_empty()
            || self.locals.has_work()
            || !self.tower.is_empty()
            || !self.exits.is_empty()
            || self.files.as_ref().is_some_and(|files| !files.is_empty())
            || self.programs.has_work()
            || self.stopper.requests() > self.stop.seen
    }

    /// How long there is nothing to do: until a deadline, or what the caller allows.
    fn patience(&self, timeout: Option<Duration>) -> Option<Duration> {
        let accept = self.listeners.iter().filter_map(Listener::deadline).min();
        let deadline =
            [self.hub.deadline(), accept, self.stop.end, self.trims.at].into_iter().flatten().min();
        // The clock counts whole milliseconds, so this one has to be over.
        let wait = deadline.map(|at| match at.since(self.now()) {
            0 => Duration::ZERO,
            ms => Duration::from_millis(ms.saturating_add(1)),
        });
        [wait, self.locals.patience(), timeout].into_iter().flatten().min()
    }

    /// Takes up what the events tell.
    fn sort_events(&mut self) {
        for event in &self.events {
            let token = event.token();
            if token == SIGNALS {
                let signals = self.signals.as_mut().map_or(0, Signals::take);
                (0..signals).for_each(|_| self.stopper.stop());
                continue;
            }
            if let Some(listener) = self.listeners.get_mut(token.0.wrapping_sub(LISTENERS.0)) {
                listener.set_ready();
                continue;
            }
            // Sockets are dropped after the events of their turn and accepted after those of
            // the next, so that whoever is in this place now is the one that is meant.
            let Some(id) = self.hub.id_at(token.0) else { continue };
            let Some(stream) = self.streams.get_mut(id) else { continue };
            if event.is_writable() && stream.set_writable() && stream.set_writing() {
                self.writes.push_back(id);
            }
            let tidings = match (event.is_read_closed(), event.is_write_closed()) {
                _ if event.is_error() => Tidings::Lost,
                (true, true) => Tidings::Lost,
                (true, false) => Tidings::Ending,
                (false, _) => Tidings::None,
            };
            stream.set_tidings(tidings);
            let readable = event.is_readable() || tidings != Tidings::None;
            if readable && stream.set_reading() {
                self.reads.push_back(id);
            }
        }
    }

    fn accept(&mut self, now: Time) {
        for index in 0..self.listeners.len() {
            for _ in 0..self.limits.turn_accepts_max {
                let listener = &mut self.listeners[index];
                let Some((source, peer)) = listener.accept(now) else { break };
                let Some(id) = self.hub.accept(peer, listener.reach(), now) else { continue };
                let mut stream = Stream::new(id, source);
                let both = Interest::READABLE | Interest::WRITABLE;
                let token = Token(id.index());
                match self.poll.registry().register(stream.source(), token, both) {
                    Ok(()) => self.streams.insert(id, stream),
                    Err(error) => {
                        let text = format_args!("cannot poll socket {id}: {error}");
                        self.hub.warn(None, "cannot poll a socket", text, now);
                        self.hub.remove(id, now);
                    }
                }
            }
        }
    }
}

/// The seconds since 1970, for dates; 0 for a clock that is set to an earlier time.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A buffer of zeros, whose pages cost no memory until they are used: those of what is long enough
/// the system maps fresh, while the allocator clears, and so touches, what is shorter.
fn untouched(len: usize) -> Vec<u8> {
    let mut buffer = vec![0; len.max(MAPPED_BYTES_MIN)];
    buffer.truncate(len);
    buffer
}

const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
/// Below are the places of sockets.
const LISTENERS: Token = Token(SocketId::INDEX_MAX + 1);
/// How many events one turn takes up; the others wait for the next.
const EVENTS_MAX: usize = 1_024;
/// From here on the allocators of glibc and others have the system map pages.
const MAPPED_BYTES_MIN: usize = 128 << 10;
