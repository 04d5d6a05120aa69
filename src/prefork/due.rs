//! What is due in a parent: processes that are started again, or that are late.

use std::time::{Duration, Instant};

use crate::admin::{AdminCommand, RELOAD_TIME_MAX};
use crate::prefork::child::{ServerProcess, when};
use crate::prefork::operators::Operators;
use crate::prefork::parent::{Parent, ParentPhase, TARGET};
use crate::sys::passing::ServerSignal;

impl Parent {
    /// Passes on what operators ask for, and does what concerns this process.
    fn serve_operators(&mut self, now: Instant) {
        let Some(operators) = &mut self.operators else { return };
        let own = operators.ask(&mut self.children, &self.exchange, now);
        operators.tick(&mut self.children, &self.exchange, now);
        for command in own {
            match command {
                AdminCommand::Drain if self.phase != ParentPhase::Stopping => self.stop(now),
                AdminCommand::Reload => (self.reload)(),
                AdminCommand::LogLevel(level) => log::set_max_level(level),
                _ => {}
            }
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        self.serve_operators(now);
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
        self.end_late_reload(now);
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
            if self.children[number].due.is_none_or(|at| now < at) {
                continue;
            }
            match self.start(number, now) {
                Ok(()) => (self.start_again)(number),
                Err(error) => {
                    let pause = self.children[number].failed(now);
                    log::error!(
                        target: TARGET,
                        "process {number} cannot be started: {error}; this is tried again {}",
                        when(pause)
                    );
                }
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

    /// Reports to the service manager that a reload is over, although some have not ended theirs.
    fn end_late_reload(&mut self, now: Instant) {
        if !self.manager.end_late_reload(now) {
            return;
        }
        for child in self.children.iter().filter(|of| of.is_reloading()) {
            let Some(pid) = child.pid() else { continue };
            log::error!(
                target: TARGET,
                "process {} (pid {pid}) has not reloaded within {} s: it hangs, or waits for a \
                 disk. The service manager does not wait for it any longer; if it hangs, kill it, \
                 and another one is started",
                child.number,
                RELOAD_TIME_MAX.as_secs()
            );
        }
    }

    fn watchdog_time(&self) -> Option<Duration> {
        let ms = self.manager.watchdog_ms();
        (ms < u64::MAX).then(|| Duration::from_millis(ms.saturating_mul(3)))
    }

    /// When there is something to do although nothing comes.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = self.children.iter().filter_map(|child| child.due);
        let due = due.filter(|_| self.phase == ParentPhase::Running);
        let late = self.watchdog_time().filter(|_| self.phase == ParentPhase::Running);
        let late = late.and_then(|time| {
            let late = self.children.iter().filter_map(|child| child.late(time));
            // One that is late already has been killed.
            late.map(|at| at.max(now + LATE_PAUSE)).min()
        });
        let own = due.chain(late).chain(self.kill).chain(self.manager.deadline(now));
        let own = own.chain(self.operators.as_ref().map(Operators::deadline));
        own.min()
    }
}

const LATE_PAUSE: Duration = Duration::from_millis(10);
