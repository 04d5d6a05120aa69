//! Log lines of a [`Pump`]: the LOG lines of its programs, warnings with a limit for each kind, and
//! the last lines of standard error of a process that has exited.

use std::fmt;

use log::Level;

use crate::hub::{Subject, more_like_this};
use crate::process::pump::{ProcessId, Pump};
use crate::process::warning_kind::WarningKind;
use crate::time::Time;

impl Pump {
    /// Logs a line of a program, unless it is over the limit of lines that it shares with its
    /// standard error.
    pub fn log(&mut self, id: ProcessId, level: Level, text: &str) {
        let Some(child) = self.children.get_mut(&id.0) else { return };
        let about = Subject { pid: Some(child.leader()), ..self.plan.about() };
        let now = self.clock.now();
        let mut tell = |level, line: &str| about.log(level, format_args!("{line}"));
        if level <= Level::Warn {
            child.outlives_errors(&mut self.buffer, now, &mut tell);
        }
        if level <= log::max_level() && child.may_log(level, now, &mut tell) {
            about.log(level, format_args!("{text}"));
        }
    }

    /// Logs a warning about a program, or counts it once there were too many of this kind.
    pub(super) fn warn(&mut self, id: ProcessId, kind: WarningKind, text: fmt::Arguments<'_>) {
        let now = self.clock.now();
        self.warn_of_more(now);
        if self.flood.admits(kind, now) {
            Subject { pid: self.leader(id), ..self.plan.about() }.warn(text);
        }
    }

    pub(super) fn warn_of_more(&mut self, now: Time) {
        while let Some((count, kind)) = self.flood.overdue(now) {
            let text = more_like_this(count, kind.as_ref().map(|kind| &*kind.shown));
            Subject::service(&self.plan.service).warn(format_args!("{text}"));
        }
    }

    /// The last lines of standard error of a process whose exit was among the events of the last
    /// poll, to follow the text about its exit.
    #[must_use]
    pub fn last_lines(&self, id: ProcessId) -> &str {
        self.gone.iter().find(|(gone, _)| *gone == id).map_or("", |(_, words)| words)
    }
}
