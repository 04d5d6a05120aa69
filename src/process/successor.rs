//! `Successor`: the process of a new version beside the one that serves. It gets only HELLO, and
//! takes over once it has written READY and the old one has ended. If it fails before, the old one
//! goes on. Output behind its READY waits until it serves.
//!
//! If the old one dies meanwhile, the new one replaces it at once, ready or not. If the file or the
//! section changes again, a new one that is not ready is ended, and the next one is started after
//! it.

use log::Level;

use crate::process::groups::ProcessExit;
use crate::process::program_service::EXITING;
use crate::process::pump::ProcessId;
use crate::process::shared::SharedRun;
use crate::process::shared_process::{
    EndReason, INPUT_CLOSED, ReadyState, SharedProcess, Successor,
};
use crate::programs::OnDeath;
use crate::programs::{CommandResult, ProgramCommand, ProgramEvent};
use crate::service::{Inbound, Outbound};
use crate::ws::{Close, CloseCode};

impl SharedRun<'_> {
    /// Starts the process of a new version, which takes over once it is ready.
    pub(super) fn start_beside(&mut self, why: &str) {
        match self.launch() {
            Ok(process) => {
                let text = format_args!("{why}: the new version is started beside the old one");
                self.about().log(Level::Info, text);
                self.successor = Some(Successor { process, said: Vec::new(), due: None });
            }
            Err(how) => self.warn_of_failure(&how),
        }
    }

    /// The process that serves, unless it is being ended.
    pub(super) fn serving(&self) -> Option<&SharedProcess> {
        self.process.as_ref().filter(|process| process.ending.is_none())
    }

    /// The successor, unless it is being ended.
    pub(super) fn heir(&self) -> Option<&SharedProcess> {
        let heir = self.successor.as_ref().map(|successor| &successor.process);
        heir.filter(|heir| heir.ending.is_none())
    }

    /// Whether this is the process that serves.
    pub(super) fn serves(&self, id: ProcessId) -> bool {
        self.process.as_ref().is_some_and(|process| process.id == id)
    }

    /// Whether the successor takes the place of the process, should that exit now. Once the host
    /// stops, only one that is ready does, and gets the mail that is left.
    pub(super) fn has_heir(&self) -> bool {
        self.heir().is_some_and(|heir| heir.is_ready() || self.over.is_none())
    }

    /// The successor has written output.
    pub(super) fn read_successor(&mut self, id: ProcessId, bytes: &[u8]) {
        let Some(successor) = self.running_successor(id) else { return };
        match successor.process.reader.receive(bytes) {
            (used, Some(CommandResult::Command(ProgramCommand::Ready(admission)))) => {
                successor.process.readiness = ReadyState::Ready(admission);
                successor.said = bytes[used..].to_vec();
                self.pump.pause_output(id);
                if self.serving().is_some() {
                    self.end_in_order("its new version is ready");
                }
            }
            (_, Some(CommandResult::FatalError(fault))) => self.kill_successor(fault.to_string()),
            // The first line is READY or an error.
            (_, Some(CommandResult::Command(_) | CommandResult::LineError(_)) | None) => {}
        }
    }

    /// The successor has closed a pipe. Most often it is about to exit. If it is ready, the closed
    /// pipe is noticed again once it serves.
    pub(super) fn end_successor(&mut self, id: ProcessId, what: &'static str) {
        let Some(successor) = self.running_successor(id) else { return };
        if !successor.process.is_ready() {
            successor.process.ending = Some(EndReason::Closed(what));
            self.pump.stop(id, EXITING);
        }
    }

    /// The successor is not to be waited for.
    pub(super) fn kill_successor(&mut self, how: String) {
        let Some(successor) = &mut self.successor else { return };
        successor.process.ending.get_or_insert(EndReason::Failed(how));
        self.pump.kill(successor.process.id);
    }

    /// Ends the successor, unless it is ready.
    pub(super) fn dismiss_unready(&mut self) {
        if self.successor.as_ref().is_some_and(|successor| !successor.process.is_ready()) {
            self.dismiss();
        }
    }

    /// Ends the successor in order.
    pub(super) fn dismiss(&mut self) {
        let Some(successor) = &mut self.successor else { return };
        let (id, stop_ms) = (successor.process.id, self.options.stop_ms);
        if successor.process.ending.is_none() {
            successor.process.ending = Some(EndReason::InOrder(String::new()));
            let input = self.pump.input(id);
            input
                .into_iter()
                .for_each(|i| ProgramEvent::Stop { ms: stop_ms }.encode(&self.place, i));
            self.pump.resume_output(id);
            self.pump.stop(id, self.options.stages());
        }
    }

    /// The successor has exited before it served.
    pub(super) fn successor_exited(&mut self, id: ProcessId, exit: ProcessExit) {
        let Some(successor) = self.successor.take_if(|s| s.process.id == id) else { return };
        let Successor { process, due, .. } = successor;
        let (how, orderly) = process.end(exit);
        if !orderly {
            self.warn_of_failure(&format!("{how}{}", self.pump.last_lines(id)));
        }
        if let Some(why) = due {
            self.replace(why);
        }
    }

    /// The process has exited after it had read so much, and its successor takes its place.
    pub(super) fn take_over(&mut self, level: Level, how: &str, read: u64) {
        let Some(Successor { process, said, due }) = self.successor.take() else { return };
        let (id, admission) = (process.id, process.admission().cloned());
        let (level, sockets) = match &mut self.handover {
            Some(handover) => {
                handover.end(read);
                (level, format!("; sockets kept: {}", handover.len()))
            }
            None => match self.close_members() {
                closed if closed.is_empty() => (level, closed),
                // Users notice it.
                closed => (Level::Warn, closed),
            },
        };
        self.about().log(level, format_args!("{how}; the new version serves{sockets}"));
        if self.options.on_death == OnDeath::Keep {
            self.handover.get_or_insert_default();
        }
        self.line.reset(0);
        self.attempts.begin(self.now());
        self.serve_by(process);
        if let Some(admission) = admission {
            self.pump.resume_output(id);
            self.ready(admission);
            self.apply_all(&said);
            // No process has got it meanwhile.
            if self.pump.input(id).is_none() {
                self.end(EndReason::Closed(INPUT_CLOSED));
            }
        }
        if let Some(why) = due {
            self.replace(why);
        }
    }

    /// Whether a transaction is about a socket of an earlier process, which is closed.
    pub(super) fn is_for_nobody(&mut self, inbound: &Inbound) -> bool {
        let id = inbound.id();
        let is_kept = self.handover.is_some();
        match inbound {
            Inbound::Close { .. } => {
                self.members.remove(&id);
                return self.leaving.remove(&id);
            }
            Inbound::Open { .. } if !is_kept => drop(self.members.insert(id)),
            #[cfg(feature = "processes")]
            Inbound::Gap { .. } | Inbound::Heard { .. } => {}
            Inbound::Open { .. }
            | Inbound::Ask { .. }
            | Inbound::Data { .. }
            | Inbound::Full { .. }
            | Inbound::Drained { .. } => {}
        }
        self.leaving.contains(&id)
    }

    /// Closes the sockets of the process. Returns how many, for the log. Sockets whose OPEN it has
    /// not got are for the next one.
    fn close_members(&mut self) -> String {
        let members = std::mem::take(&mut self.members);
        let (to, len) = (members.iter().copied().collect::<Vec<_>>(), members.len());
        if len == 0 {
            return String::new();
        }
        let close = Close::new(CloseCode::RESTART, "the service is replaced by a new version");
        self.line.apply(Outbound::Close { to: to.into(), close });
        self.leaving.extend(members);
        let cure = match self.options.on_death {
            OnDeath::Close => ", which on-death: keep would keep",
            OnDeath::Keep => "",
        };
        format!("; sockets closed: {len}{cure}")
    }

    fn running_successor(&mut self, id: ProcessId) -> Option<&mut Successor> {
        let is_it = |s: &&mut Successor| s.process.id == id && s.process.ending.is_none();
        self.successor.as_mut().filter(is_it)
    }

    fn warn_of_failure(&self, how: &str) {
        self.about().warn(format_args!("the new version is not taken, the old one serves: {how}"));
    }
}
