//! `Parent`: starts the processes of a server, and stops them. It serves nobody itself.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::host::{ListenAddress, Notifier, Terminal};
use crate::net::listener_set::ListenerSet;
use crate::prefork::child::{ChildStart, ServerProcess};
use crate::prefork::overseer::Overseer;
use crate::prefork::plan::ParentPlan;
use crate::prefork::signals::{ParentSignals, SIGNALS_LEN};
use crate::sys::orphans;
use crate::sys::passing::ServerSignal;
use crate::sys::signals::SignalKind;

/// The parent of several processes that serve the same addresses. It keeps the listeners, and
/// starts a process that has ended again. Signals for it are passed on.
pub struct Parent {
    poll: Poll,
    signals: ParentSignals,
    /// `None` once a stop has begun: then nobody listens any more.
    listeners: Option<ListenerSet>,
    children: Vec<ServerProcess>,
    phase: ParentPhase,
    manager: Overseer,
    terminal: Terminal,
    open_log: fn(),
    #[cfg(feature = "tls")]
    tickets: Option<crate::net::tls::TicketSecret>,
    end: ParentEnd,
    /// When those that are left are killed.
    kill: Option<Instant>,
}

/// How far a parent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParentPhase {
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
        Ok(Self {
            signals: ParentSignals::catch(poll.registry())?,
            poll,
            listeners: Some(ListenerSet::open(plan.listeners, plan.processes)?),
            children: (0..plan.processes).map(ServerProcess::new).collect(),
            phase: ParentPhase::Starting,
            manager: Overseer::new(notifier),
            terminal: plan.terminal,
            open_log: plan.open_log,
            #[cfg(feature = "tls")]
            tickets: plan.tickets,
            end: ParentEnd::Clean,
            kill: None,
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
            let timeout = self.deadline(Instant::now());
            let timeout = timeout.map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = Instant::now();
            let reports =
                events.iter().filter_map(|event| event.token().0.checked_sub(SIGNALS_LEN));
            for number in reports.collect::<Vec<_>>() {
                self.take_reports(number, now);
            }
            for signal in self.signals.take() {
                self.signalled(signal, now);
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

    fn pids(&self) -> impl Iterator<Item = u32> {
        self.children.iter().filter_map(ServerProcess::pid)
    }

    fn start(&mut self, number: usize, now: Instant) -> io::Result<()> {
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
        let reports = self.children[number].start(start, now)?;
        let token = Token(SIGNALS_LEN + number);
        self.poll.registry().register(&mut SourceFd(&reports), token, Interest::READABLE)
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
                (self.open_log)();
                self.children.iter_mut().for_each(ServerProcess::reload);
                if self.phase != ParentPhase::Stopping
                    && self.children.iter().any(ServerProcess::is_reloading)
                {
                    self.manager.begin_reload();
                }
            }
            SignalKind::Status => {
                (self.open_log)();
                self.signal_all(ServerSignal::Status);
            }
        }
    }

    fn signal_all(&self, signal: ServerSignal) {
        self.children.iter().for_each(|child| child.signal(signal));
    }

    /// Begins a stop. The next one waits for nothing.
    fn stop(&mut self, now: Instant) {
        if self.phase == ParentPhase::Stopping {
            self.kill = Some(now + KILL_TIME);
        } else {
            self.phase = ParentPhase::Stopping;
            self.manager.stop();
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

    fn ended(&mut self, number: usize, now: Instant) {
        let was_ready = self.children[number].is_ready();
        let Some((pid, status, pause)) = self.children[number].ended(now) else { return };
        match self.phase {
            ParentPhase::Stopping => {
                // One that was asked to stop before it could listen to signals.
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
                log::warn!(
                    target: TARGET,
                    "process {number} (pid {pid}) has ended: {status}; it is started again {}",
                    when(pause)
                );
                self.end_reload();
            }
        }
    }

    /// Does what is due.
    fn tick(&mut self, now: Instant) {
        if self.phase == ParentPhase::Running {
            self.start_again(now);
            self.end_late(now);
        }
        if self.kill.is_some_and(|at| now >= at) {
            self.kill = None;
            self.signal_all(ServerSignal::Kill);
        }
        if self.phase == ParentPhase::Starting {
            return;
        }
        let Self { manager, children, phase, .. } = self;
        let status = || {
            let sockets: u64 = children.iter().map(ServerProcess::sockets).sum();
            let running = children.iter().filter(|child| child.pid().is_some()).count();
            let stop = if *phase == ParentPhase::Stopping { "stopping: " } else { "" };
            format!("{stop}{sockets} sockets, {running} processes")
        };
        manager.tick(status, now);
    }

    fn start_again(&mut self, now: Instant) {
        for number in 0..self.children.len() {
            if self.children[number].due.is_some_and(|at| now >= at)
                && let Err(error) = self.start(number, now)
            {
                let pause = self.children[number].failed(now);
                log::error!(
                    target: TARGET,
                    "process {number} cannot be started: {error}; this is tried again {}",
                    when(pause)
                );
            }
        }
    }

    /// Kills processes whose loop hangs: otherwise the watchdog of the service manager would end
    /// all of them.
    fn end_late(&self, now: Instant) {
        let time = self.watchdog_time();
        for child in &self.children {
            if let (Some(time), Some(pid)) = (time, child.pid())
                && child.late(time).is_some_and(|at| now >= at)
            {
                log::error!(
                    target: TARGET,
                    "process {} (pid {pid}) is killed: its loop hangs, or the machine is \
                     overloaded (WatchdogSec)",
                    child.number
                );
                child.signal(ServerSignal::Kill);
            }
        }
    }

    fn watchdog_time(&self) -> Option<Duration> {
        let ms = self.manager.watchdog_ms();
        (ms < u64::MAX).then(|| Duration::from_millis(ms.saturating_mul(3)))
    }

    /// When there is something to do although nothing comes.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = self.children.iter().filter_map(|child| child.due);
        let due = due.filter(|_| self.phase == ParentPhase::Running);
        let late = self.watchdog_time().filter(|_| self.phase == ParentPhase::Running);
        let late = late.and_then(|time| {
            let late = self.children.iter().filter_map(|child| child.late(time));
            // One that is late already has been killed.
            late.map(|at| at.max(now + LATE_PAUSE)).min()
        });
        due.chain(late).chain(self.kill).chain(self.manager.deadline(now)).min()
    }
}

fn when(pause: Duration) -> String {
    if pause.is_zero() { "at once".to_owned() } else { format!("in {} s", pause.as_secs()) }
}

impl std::fmt::Debug for Parent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parent").field("phase", &self.phase).finish_non_exhaustive()
    }
}

const TARGET: &str = "switchboard::server";
/// How long processes have that were asked to stop at once.
const KILL_TIME: Duration = Duration::from_secs(2);
const LATE_PAUSE: Duration = Duration::from_millis(10);
