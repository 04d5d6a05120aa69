//! The poll loop: `Host` waits for events, and has its engine run one turn after the other.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{fmt, io};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::engine::{Engine, Intake, PLUGGED, PeerEnd, Ready, Services, StopKind, Turn};
use crate::host::clock::{Clock, SystemClock, unix_seconds};
use crate::host::events::EventSender;
use crate::host::factory::Factory;
use crate::host::files::{FileBounds, FileReader, StaticRoot};
use crate::host::io::HostIo;
use crate::host::loop_service::LoopServices;
use crate::host::notify::{Datagrams, Facts, Notifier, ReloadReporter};
use crate::host::resolver::{NoticeSender, ResolverPlan};
use crate::host::status_signal::{StatusSignal, StatusSignals};
use crate::host::stopper::{Signals, Stopper};
use crate::host::wake::WakeQueue;
use crate::hub::{Hub, ProxyProtocol};
use crate::limits::Limits;
use crate::net::address::ListenAddress;
use crate::net::listener::{Listener, MakeListener, listen_on_all};
use crate::net::streams::Streams;
use crate::net::tls::TlsPlan;
use crate::service::shared_values::SharedValues;
use crate::service::thread_mark::{mark_loop, unmark_loop};
use crate::service::{SenderTable, SocketId};
use crate::sys::listeners::PortUse;
use crate::time::Time;
use crate::ws::Transport;

/// A server that listens. It works within [`Host::run`] or [`Host::turn`], on the thread that calls
/// them. Services run on threads of their own, or on this one: see
/// [`Thread`](crate::service::Thread).
///
/// A host may move to another thread, preferably before its first turn: services on the loop end
/// then, and their sockets are closed with 1012.
///
/// To drop a host drops its sockets without a close frame, and asks its services to finish without
/// waiting for their threads. For a clean end, stop it and go on until [`Turn::Last`].
pub struct Host {
    pub(super) engine: Engine,
    pub(super) io: HostIo,
    pub(super) events: Events,
    pub(super) clock: Clock,
    /// When the turn that is not over began, by this clock.
    pub(super) turn_begun: Option<Duration>,
    address: ListenAddress,
    stopper: Stopper,
    signals: Option<Signals>,
    /// What SIGUSR1 does, if the host has it.
    status_signals: Option<Box<dyn StatusSignals>>,
    pub(super) trims: Trims,
    /// What ends with the host. It is dropped last.
    pub(super) attached: Option<Box<dyn Any + Send>>,
}

/// The parts of a host.
pub(crate) struct HostPlan {
    /// The hub, with all services mounted.
    pub(crate) hub: Hub,
    /// The bounds of the host itself.
    pub(crate) limits: Limits,
    /// The factories of the services, by the index of the service.
    pub(crate) factories: Vec<Factory>,
    /// The files for plain GET.
    pub(crate) static_root: Option<StaticRoot>,
    /// Answers paths that none of these has.
    pub(crate) resolver: Option<Box<dyn ResolverPlan>>,
    /// The addresses of TCP that it listens on.
    pub(crate) addresses: Vec<(SocketAddr, Transport)>,
    /// Whether other sockets may listen on them.
    pub(crate) port_use: PortUse,
    /// Whether all connections begin with a header of the PROXY protocol.
    pub(crate) protocol: ProxyProtocol,
    /// What else it listens on.
    pub(crate) others: Vec<MakeListener>,
    /// The certificates of TLS listeners.
    pub(crate) tls: Option<TlsPlan>,
    /// What services find by name.
    pub(crate) values: SharedValues,
}

/// When a host trims by itself.
#[derive(Debug, Default)]
pub(super) struct Trims {
    pub(super) by_itself: bool,
    /// When it trims next; `None` while little has been freed.
    pub(super) at: Option<Time>,
    /// The earliest time of the next trim.
    pub(super) rest: Time,
}

impl Host {
    /// Listens on all that the plan names.
    pub(crate) fn new(plan: HostPlan) -> io::Result<Self> {
        let HostPlan { mut hub, limits, factories, static_root, resolver, .. } = plan;
        let HostPlan { addresses, port_use, protocol, others, tls, values, .. } = plan;
        // What one read of a TLS connection decrypts has to fit.
        let read_buffer_min = tls.as_ref().map_or(0, TlsPlan::read_buffer_bytes_min);
        let read_buffer_bytes = limits.read_buffer_bytes.max(read_buffer_min);
        let limits = Limits { read_buffer_bytes, ..limits };
        let redirects = tls.as_ref().is_some_and(TlsPlan::redirects);
        hub.date_by(unix_seconds);
        let poll = Poll::new()?;
        let wake_queue = WakeQueue::new(Waker::new(poll.registry(), WAKER)?);
        let mut listeners = Vec::new();
        for listener in listen_on_all(&addresses, port_use, protocol, others)? {
            let token = Token(LISTENERS.0 + listeners.len());
            let source = listener.source();
            poll.registry().register(&mut SourceFd(&source), token, Interest::READABLE)?;
            listeners.push(listener);
        }
        if redirects && let Some(port) = tls_addresses(&listeners).next().map(|own| own.port()) {
            hub.redirect_to_tls(Some(port));
        }
        let tcp = listeners.iter().find_map(|listener: &Listener| listener.address().tcp());
        let first = || listeners[0].address().clone();
        let address = tcp.map_or_else(first, ListenAddress::Tcp);
        let (sender, events) = crossbeam_channel::unbounded();
        let event_sender = EventSender::new(sender, wake_queue.loop_waker());
        let start_files =
            |root| FileReader::start(root, FileBounds::of(&limits), event_sender.clone());
        let files = static_root.map(start_files).transpose()?;
        let start_resolver =
            |plan: Box<dyn ResolverPlan>| plan.start(tcp, NoticeSender(event_sender.clone()));
        let resolver = resolver.map(start_resolver).transpose()?;
        let sender_table = SenderTable::new(|| Arc::new(wake_queue.loop_waker()));
        let io = HostIo {
            poll,
            listeners,
            streams: Streams::with_capacity(limits.tables_len(), tls),
            wake_queue,
            workers: Vec::new(),
            mailed: false,
            loop_services: LoopServices::of(&factories, sender_table.clone(), SystemClock),
            intake: Intake::new(&sender_table),
            sender_table,
            factories,
            leaving: Vec::new(),
            events,
            event_sender: event_sender.clone(),
            has_reader: Arc::new(AtomicBool::new(files.is_some())),
            files,
            resolver,
            reports: None,
            values,
        };
        Ok(Self {
            engine: Engine::new(hub, &limits),
            io,
            events: Events::with_capacity(EVENTS_MAX),
            clock: Clock::start(),
            turn_begun: None,
            address,
            stopper: Stopper::new(event_sender),
            signals: None,
            status_signals: None,
            trims: Trims::default(),
            attached: None,
        })
    }

    /// Runs until it is stopped: by a [`Stopper`], or by signals after [`Host::stop_on_signals`].
    ///
    /// # Errors
    /// Polling fails, which no system does without a severe fault. All sockets are dropped then.
    pub fn run(mut self) -> io::Result<()> {
        // A turn ends here when the next wait begins: one look at the clock serves both.
        while self.turn_on(None)? == Turn::Another {}
        Ok(())
    }

    /// Waits for an event, for `timeout` at most (`None`: without a limit), and runs one turn:
    /// reads, callbacks of services on the loop, and writes. Call it again while it returns
    /// [`Turn::Another`]; without calls, no socket is served and no time limit is enforced. A loop
    /// that waits elsewhere asks [`Host::poll_timeout`] when to call it.
    ///
    /// It returns early if there is work left, and also for no visible reason. `turn_work_max` and
    /// `callback_ms_max` of [`Limits`] bound how long a turn takes.
    ///
    /// # Errors
    /// Polling fails.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Turn> {
        let turn = self.turn_on(timeout);
        // What the program does until its next call is no part of the turn.
        self.end_turn(self.clock.elapsed());
        turn
    }

    fn turn_on(&mut self, timeout: Option<Duration>) -> io::Result<Turn> {
        mark_loop();
        let now = self.wait(timeout)?;
        self.io.streams.begin_turn();
        self.sort_events();
        let turn = self.engine.turn(&mut self.io, now);
        self.trim_when_due(now);
        self.report(now);
        if turn == Turn::Last {
            self.io.sender_table.close();
            self.join_services();
            unmark_loop();
        }
        Ok(turn)
    }

    /// Makes SIGINT and SIGTERM stop this host: the first signal like [`Stopper::stop`], the next
    /// one like [`Stopper::stop_now`]. Signals that come before the host has a turn are one
    /// request.
    ///
    /// It sets the actions of both signals for the whole process, whatever they were: a handler,
    /// or ignored, as in a shell's background. Any thread may receive them; calls that the system
    /// does not restart, such as `poll`, return `Interrupted` there. Programs that are started
    /// have the default actions. A program with signal handling of its own keeps that, and calls a
    /// [`Stopper`].
    ///
    /// The host that called this last has the signals. When it is dropped, which [`Host::run`] does
    /// at its end, they have the default action: to end the process. No earlier handler and no
    /// other host gets them back.
    ///
    /// # Errors
    /// The system has no descriptor left for the pipe, or refuses the signal handler.
    pub fn stop_on_signals(&mut self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        self.io.poll.registry().register(signals.source(), SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Makes SIGUSR1 call `act` on the thread of this host.
    ///
    /// # Errors
    /// The system has no descriptor left for the pipe, or refuses the signal handler.
    #[doc(hidden)]
    pub fn on_status_signal(
        &mut self,
        act: impl FnMut(&Hub, Time) + Send + 'static,
    ) -> io::Result<()> {
        let mut signals = StatusSignal::new(act)?;
        self.io.poll.registry().register(signals.source(), STATUS_SIGNAL, Interest::READABLE)?;
        self.status_signals = Some(Box::new(signals));
        Ok(())
    }

    /// Reports to a service manager from the next turn on, which comes at once:
    ///
    /// - `READY=1` after that turn, in which all listeners are polled and eager services have been
    ///   started, whether they are ready or not
    /// - `STATUS=12 sockets, 3 services`, the services that run, at most every ten seconds
    /// - `WATCHDOG=1` after a turn, each third of the time of the watchdog: a callback on the loop
    ///   that hangs keeps it back, and so does a pause between two calls of [`Host::turn`]
    /// - `STOPPING=1` when a stop begins, and `EXTEND_TIMEOUT_USEC=` each second until it is over
    /// - what a [`ReloadReporter`] reports
    ///
    /// Nothing waits for the manager. If it cannot be reached, the log has one warning.
    pub fn report_by(&mut self, notifier: Notifier) {
        self.io.reports = Some(Box::new(Datagrams::new(notifier)));
    }

    /// Reports reloads to the service manager, from any thread: `RELOADING=1` with the time, then
    /// `READY=1` once the loop has applied what the reload has sent it. For a host that reports to
    /// no manager yet, it does nothing.
    #[must_use]
    pub fn reload_reporter(&self) -> ReloadReporter {
        ReloadReporter::new(self.io.reports.as_ref().map(|_| self.io.event_sender.clone()))
    }

    /// The first address that it listens on, with the actual port: one of TCP, if there is any. It
    /// stays the same after a stop.
    #[must_use]
    pub const fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// All addresses that it listens on, with the actual ports; none once a stop has begun.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.io.listeners.iter().map(Listener::address)
    }

    /// The TCP addresses with TLS that it listens on, with the actual ports; none once a stop has
    /// begun, and none in a build without TLS.
    pub fn tls_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        tls_addresses(&self.io.listeners)
    }

    /// A handle that stops it, from any thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// How many connections there are, those included that are not open yet or are being closed.
    #[must_use]
    pub fn sockets_len(&self) -> usize {
        self.hub().sockets_len()
    }

    /// Its time, which begins with it.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Its sockets and services.
    pub(crate) const fn hub(&self) -> &Hub {
        self.engine.hub()
    }

    /// The exact time by the clock of the loop.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    pub(super) fn has_work(&self) -> bool {
        self.engine.has_work(&self.io)
    }

    fn report(&mut self, now: Time) {
        let Self { engine, io, .. } = self;
        let Some(mut reports) = io.reports.take() else { return };
        let facts =
            || Facts { sockets_len: engine.hub().sockets_len(), services_len: io.running_len() };
        if engine.is_stopping() {
            reports.stop();
        }
        reports.report(&facts, now);
        io.reports = Some(reports);
    }

    /// Passes the events to the engine.
    fn sort_events(&mut self) {
        for event in &self.events {
            let token = event.token();
            if token == SIGNALS {
                match self.signals.as_mut().and_then(Signals::take) {
                    Some(StopKind::Clean) => self.stopper.stop(),
                    Some(StopKind::Now) => self.stopper.stop_now(),
                    None => {}
                }
                continue;
            }
            if token == STATUS_SIGNAL {
                let now = self.clock.now();
                if let Some(signals) = &mut self.status_signals {
                    signals.take(self.engine.hub(), now);
                }
                continue;
            }
            if let Some(listener) = self.io.listeners.get_mut(token.0.wrapping_sub(LISTENERS.0)) {
                listener.set_ready();
                continue;
            }
            let end = match event.is_read_closed() {
                _ if event.is_error() => PeerEnd::Lost,
                // A peer of a Unix socket that closes ends both halves. What it has sent is read.
                true => PeerEnd::HalfClosed,
                false => PeerEnd::None,
            };
            let (mut readable, writable) = (event.is_readable(), event.is_writable());
            // TLS pauses reads until its records have left, and no other event resumes them.
            if writable {
                readable |= self.io.streams.flush(token.0);
            }
            let ready = Ready { readable, writable, end };
            self.engine.notify(token.0, ready);
        }
    }
}

fn tls_addresses(listeners: &[Listener]) -> impl Iterator<Item = SocketAddr> {
    let secure = listeners.iter().filter(|listener| listener.traits().is_secure());
    secure.filter_map(|listener| listener.address().tcp())
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("address", &self.address).finish_non_exhaustive()
    }
}

const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
const STATUS_SIGNAL: Token = Token(usize::MAX - 2);
const _: () = assert!(PLUGGED < STATUS_SIGNAL.0 && PLUGGED > SocketId::INDEX_MAX + (1 << 16));
/// Lower tokens are the indices of sockets.
const LISTENERS: Token = Token(SocketId::INDEX_MAX + 1);
/// How many events one turn takes; the others wait for the next.
const EVENTS_MAX: usize = 1_024;
