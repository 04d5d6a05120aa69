//! `Parent`: starts the processes of a server, and stops them. It serves nobody itself.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Waker;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::host::{ListenAddress, Notifier, Terminal};
use crate::net::listener_set::ListenerSet;
use crate::prefork::child::{ChildStart, ServerProcess, when};
use crate::prefork::exchange::Exchange;
use crate::prefork::operators::Operators;
use crate::prefork::overseer::Overseer;
use crate::prefork::plan::{LATE_STOP, ParentPlan};
use crate::prefork::signals::{ParentSignals, SIGNALS_LEN};
use crate::sys::orphans;
use crate::sys::passing::ServerSignal;
use crate::sys::signals::SignalKind;

/// The parent of several processes that serve the same addresses. It keeps the listeners, and
/// starts a process that has ended again. Signals for it are passed on.
pub struct Parent {
    pub(super) poll: Poll,
    pub(super) signals: ParentSignals,
    /// `None` once a stop has begun: then nobody listens any more.
    pub(super) listeners: Option<ListenerSet>,
    pub(super) children: Vec<ServerProcess>,
    pub(super) phase: ParentPhase,
    pub(super) manager: Overseer,
    pub(super) terminal: Terminal,
    pub(super) reload: Box<dyn Fn()>,
    pub(super) start_again: Box<dyn Fn(usize)>,
    pub(super) open_log: fn(),
    #[cfg(feature = "tls")]
    pub(super) tickets: Option<crate::net::tls::TicketSecret>,
    pub(super) end: ParentEnd,
    /// How long the clean stop of a process takes at most.
    drain: Duration,
    /// The exit code of a process that refuses its configuration.
    refusal: Option<i32>,
    /// When those that are left are killed.
    pub(super) kill: Option<Instant>,
    pub(super) operators: Option<Operators>,
    pub(super) exchange: Exchange,
    /// The children whose links may have more to read than one turn takes.
    pub(super) unread: BTreeSet<usize>,
}

/// How far a parent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParentPhase {
    /// The first processes are started. One that ends has found a fault.
    Starting,
    Running,
    Stopping,
}

/// How all processes have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentEnd {
    /// By a clean stop.
    Clean,
    /// One could not start or stop. Its exit code, if it had one.
    Failed(Option<i32>),
}

impl Parent {
    /// Listens. Connections wait until [`Parent::run`].
    ///
    /// # Errors
    /// The error of the system.
    pub fn open(plan: ParentPlan, notifier: Option<Notifier>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let signals = ParentSignals::catch(poll.registry())?;
        Self::open_with(poll, signals, plan, notifier)
    }

    pub(super) fn open_with(
        poll: Poll,
        signals: ParentSignals,
        plan: ParentPlan,
        notifier: Option<Notifier>,
    ) -> io::Result<Self> {
        let operators = match plan.admin {
            Some(admin) => {
                let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
                Some(Operators::open(admin, plan.message_bytes_max, waker)?)
            }
            None => None,
        };
        Ok(Self {
            poll,
            signals,
            listeners: Some(ListenerSet::open(plan.listeners, plan.processes)?),
            children: (0..plan.processes).map(ServerProcess::new).collect(),
            phase: ParentPhase::Starting,
            manager: Overseer::new(notifier),
            terminal: plan.terminal,
            reload: plan.reload,
            start_again: plan.start_again,
            open_log: plan.open_log,
            #[cfg(feature = "tls")]
            tickets: plan.tickets,
            end: ParentEnd::Clean,
            drain: plan.drain,
            refusal: plan.refusal,
            kill: None,
            operators,
            exchange: Exchange::new(plan.processes),
            unread: BTreeSet::new(),
        })
    }

    /// All addresses that its processes listen on.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        let all = self.listeners.iter().flat_map(ListenerSet::addresses);
        all.map(|(address, _)| address)
    }

    /// Those of TCP with TLS.
    pub fn tls_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let all = self.listeners.iter().flat_map(ListenerSet::addresses);
        all.filter(|(_, is_secure)| *is_secure).filter_map(|(address, _)| address.tcp())
    }

    /// The addresses for operators.
    pub fn admin_addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.operators.iter().flat_map(Operators::addresses)
    }

    /// Starts the processes, and returns when all have ended after a stop. `on_ready` is called
    /// once all of them serve. The first one is ready before others are started, so that a fault
    /// that all would find is logged once.
    ///
    /// # Errors
    /// Polling fails, or the first process cannot be started.
    pub fn run(mut self, on_ready: impl FnOnce(&Self)) -> io::Result<ParentEnd> {
        let mut on_ready = Some(on_ready);
        let mut events = Events::with_capacity(64);
        self.start(0, Instant::now())?;
        loop {
            self.flush_links()?;
            let now = Instant::now();
            let due = if self.unread.is_empty() { self.deadline(now) } else { Some(now) };
            let timeout = due.map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = Instant::now();
            self.take_events(&events, now);
            if events.iter().any(|event| event.token().0 < SIGNALS_LEN) {
                for signal in self.signals.take() {
                    self.signalled(signal, now);
                }
            }
            self.tick(now);
            if self.phase == ParentPhase::Running
                && let Some(on_ready) = on_ready.take()
            {
                on_ready(&self);
            }
            if self.phase == ParentPhase::Stopping && self.pids().next().is_none() {
                return Ok(self.end);
            }
        }
    }

    fn take_events(&mut self, events: &Events, now: Instant) {
        let of_children = |event: &Event| {
            let place = event.token().0.checked_sub(SIGNALS_LEN)?;
            (place < 2 * self.children.len()).then_some(place)
        };
        let unread = std::mem::take(&mut self.unread);
        for place in events.iter().filter_map(of_children).collect::<Vec<_>>() {
            match place % 2 {
                0 => self.take_reports(place / 2, now),
                _ if unread.contains(&(place / 2)) => {}
                _ => self.take_lines(place / 2),
            }
        }
        unread.into_iter().for_each(|number| self.take_lines(number));
    }

    fn pids(&self) -> impl Iterator<Item = u32> {
        self.children.iter().filter_map(ServerProcess::pid)
    }

    pub(super) fn start(&mut self, number: usize, now: Instant) -> io::Result<()> {
        let Some(listeners) = &self.listeners else { return Ok(()) };
        let start = ChildStart {
            listeners: listeners.of(number).collect(),
            count: self.children.len(),
            watchdog_ms: self.manager.watchdog_ms(),
            #[cfg(feature = "tls")]
            hello: self.tickets.as_mut().map_or_else(String::new, |secret| {
                super::place::TICKETS.to_owned() + &secret.to_text()
            }),
            #[cfg(not(feature = "tls"))]
            hello: String::new(),
        };
        let [reports, link] = self.children[number].start(start, now)?;
        let (registry, place) = (self.poll.registry(), SIGNALS_LEN + 2 * number);
        registry.register(&mut SourceFd(&reports), Token(place), Interest::READABLE)?;
        registry.register(&mut SourceFd(&link), Token(place + 1), Interest::READABLE)
    }

    fn take_reports(&mut self, number: usize, now: Instant) {
        let was_ready = self.children[number].is_ready();
        while let Some(report) = self.children[number].report(now) {
            if report.needs_time && self.phase == ParentPhase::Stopping {
                self.manager.extend(now);
            }
        }
        if self.phase == ParentPhase::Starting && !was_ready && self.children[number].is_ready() {
            self.go_on_starting(now);
        }
        self.end_reload();
    }

    /// One of the first processes is ready.
    fn go_on_starting(&mut self, now: Instant) {
        for number in 0..self.children.len() {
            if self.children[number].pid().is_none()
                && let Err(error) = self.start(number, now)
            {
                log::error!(target: TARGET, "process {number} cannot be started: {error}");
                self.fail(None, now);
            }
        }
        if self.phase == ParentPhase::Starting && self.children.iter().all(ServerProcess::is_ready)
        {
            self.phase = ParentPhase::Running;
            self.manager.ready(now);
        }
    }

    fn end_reload(&mut self) {
        if !self.children.iter().any(ServerProcess::is_reloading) {
            self.manager.end_reload();
        }
    }

    fn signalled(&mut self, signal: SignalKind, now: Instant) {
        match signal {
            SignalKind::Reap => self.reap(now),
            SignalKind::Stop => self.stop(now),
            SignalKind::Reload if self.terminal.has_gone() => {
                log::info!(
                    target: TARGET,
                    "SIGHUP, and the terminal has gone: the server stops; nohup or setsid let it \
                     run on"
                );
                self.stop(now);
            }
            SignalKind::Reload => {
                (self.reload)();
                self.children.iter_mut().for_each(ServerProcess::reload);
                if self.phase == ParentPhase::Running
                    && self.children.iter().any(ServerProcess::is_reloading)
                {
                    self.manager.begin_reload(now);
                }
            }
            SignalKind::Status => {
                (self.open_log)();
                self.signal_all(ServerSignal::Status);
            }
        }
    }

    pub(super) fn signal_all(&self, signal: ServerSignal) {
        self.children.iter().for_each(|child| child.signal(signal));
    }

    /// Begins a stop. The next one waits for nothing.
    pub(super) fn stop(&mut self, now: Instant) {
        if self.phase == ParentPhase::Stopping {
            self.kill = Some(now + KILL_TIME);
        } else {
            self.phase = ParentPhase::Stopping;
            self.manager.stop();
            // A loop that hangs does not stop.
            self.kill = now.checked_add(self.drain.saturating_add(LATE_STOP));
        }
        self.listeners = None;
        self.signal_all(ServerSignal::Stop);
    }

    /// The server cannot start, or one of its processes has not ended cleanly.
    fn fail(&mut self, code: Option<i32>, now: Instant) {
        if self.end == ParentEnd::Clean {
            self.end = ParentEnd::Failed(code);
        }
        if self.phase != ParentPhase::Stopping {
            self.stop(now);
        }
    }

    /// Waits for what has exited: processes of the server, and of others that process 1 inherits.
    fn reap(&mut self, now: Instant) {
        while let Ok(Some(id)) = orphans::exited_child() {
            match self.children.iter().position(|child| child.pid() == Some(id)) {
                Some(number) => self.ended(number, now),
                None => orphans::reap(id),
            }
        }
    }

    pub(super) fn ended(&mut self, number: usize, now: Instant) {
        let was_ready = self.children[number].is_ready();
        self.take_last_lines(number);
        let Some((pid, status, pause)) = self.children[number].ended(now) else { return };
        if let Some(operators) = &mut self.operators {
            operators.ended(number);
        }
        self.exchange.ended(number);
        match self.phase {
            ParentPhase::Stopping => {
                // One that was not ready may have been asked to stop before it caught signals.
                if !status.success() && was_ready {
                    log::error!(target: TARGET, "process {number} (pid {pid}) has ended: {status}");
                    self.fail(status.code(), now);
                }
            }
            ParentPhase::Starting => {
                log::error!(
                    target: TARGET,
                    "process {number} (pid {pid}) has ended before it was ready: {status}"
                );
                self.fail(status.code(), now);
            }
            ParentPhase::Running => {
                let code = status.code().filter(|code| self.refusal == Some(*code));
                log::warn!(
                    target: TARGET,
                    "process {number} (pid {pid}) has ended: {status}{}; it is started again {}",
                    code.map_or("", |_| REFUSED),
                    when(pause)
                );
                self.end_reload();
            }
        }
    }
}

impl std::fmt::Debug for Parent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parent").field("phase", &self.phase).finish_non_exhaustive()
    }
}

pub(super) const TARGET: &str = "switchboard::server";
/// How long processes have that were asked to stop at once.
const KILL_TIME: Duration = Duration::from_secs(2);
/// What to do about a process that refuses its configuration.
const REFUSED: &str = " (it refuses the configuration: see --check-config)";
const WAKER: Token = Token(usize::MAX);
