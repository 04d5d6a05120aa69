//! `SharedProcess`: a process of a program that serves all sockets, its state, and its end.

use crate::limits::Limits;
use crate::process::groups::ProcessExit;
use crate::process::pump::ProcessId;
use crate::programs::{CommandReader, ProgramOptions};
use crate::service::Admission;
use crate::time::Time;

/// A process that runs.
pub(super) struct SharedProcess {
    pub(super) id: ProcessId,
    pub(super) reader: CommandReader,
    /// Its options since its start.
    pub(super) options: ProgramOptions,
    pub(super) limits: Limits,
    /// The HELLO that it got.
    pub(super) hello: Vec<u8>,
    pub(super) readiness: ReadyState,
    /// Why it is being ended. No mail is taken then.
    pub(super) ending: Option<EndReason>,
}

/// Whether a process has said READY.
pub(super) enum ReadyState {
    /// It has to say it by this time.
    Awaited(Time),
    /// It has, with this way of admission.
    Ready(Admission),
}

/// The process of a new version, beside the one that serves.
pub(super) struct Successor {
    pub(super) process: SharedProcess,
    /// Its output behind its READY.
    pub(super) said: Vec<u8>,
    /// Why another one has to be started after this one has gone or serves.
    pub(super) due: Option<&'static str>,
}

/// Why a process is being ended.
pub(super) enum EndReason {
    /// The end is no failure of the process.
    InOrder(String),
    /// It has closed a pipe, most often since it exits; which one.
    Closed(&'static str),
    /// It is not to serve any longer.
    Failed(String),
}

impl SharedProcess {
    /// How it admits sockets, once it is ready.
    pub(super) const fn admission(&self) -> Option<&Admission> {
        match &self.readiness {
            ReadyState::Ready(admission) => Some(admission),
            ReadyState::Awaited(_) => None,
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.admission().is_some()
    }

    /// By when it has to be ready, if that is waited for.
    pub(super) const fn ready_by(&self) -> Option<Time> {
        match (&self.readiness, &self.ending) {
            (ReadyState::Awaited(at), None) => Some(*at),
            (ReadyState::Awaited(_), Some(_)) | (ReadyState::Ready(_), _) => None,
        }
    }

    /// How it has ended, once it has exited; and whether that was in order.
    pub(super) fn end(&self, exit: ProcessExit) -> (String, bool) {
        let code = exit.status().and_then(|status| status.code());
        let before = if self.is_ready() { "" } else { " before READY" };
        let how = match (&self.ending, code) {
            (Some(EndReason::InOrder(why)), _) => return (format!("{why}; {exit}"), true),
            (Some(EndReason::Failed(why)), _) => format!("{why}; {exit}"),
            (Some(EndReason::Closed(_)) | None, Some(code)) if !self.is_ready() => {
                let hint = if code == 0 { "; does it call run() or serve()?" } else { "" };
                format!("{exit}{before}{hint}")
            }
            (Some(EndReason::Closed(what)), _) => format!("{what}{before}; {exit}"),
            (None, _) => format!("{exit}{before}"),
        };
        (how, false)
    }
}

/// What a program may close.
pub(super) const OUTPUT_CLOSED: &str = "it has closed its output";
pub(super) const INPUT_CLOSED: &str = "it reads no more";
