//! `ProgramConfig`: what a program of the document root is told by keys of its own.

use crate::host::program::{Manner, OnChange, OnDeath, Subpaths};
use crate::programs::Mode;

/// How programs are run, by key. The keys `mode` and `framing` come in any order, and so stand
/// apart here; [`ProgramConfig::manner`] is what the host is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramConfig {
    /// One process for all sockets of a program, or one for each.
    pub processes: Processes,
    /// What a message is, if each socket has a process.
    pub framing: Framing,
    /// The variables of the environment that it gets besides PATH.
    pub pass_env: Vec<String>,
    /// How long it has to end by itself, in milliseconds.
    pub stop_ms: u64,
    /// Most processes of one program, if each socket has one.
    pub processes_max: usize,
    /// What becomes of its sockets when it dies.
    pub on_death: OnDeath,
    /// What a change of its file does.
    pub on_change: OnChange,
    /// Whether it answers the paths below its own.
    pub subpaths: Subpaths,
}

/// How many processes a program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// One for all sockets, which speaks in counted lines.
    Shared,
    /// One for each socket, which knows of no protocol.
    PerSocket,
}

/// What a message is to a program that has a process for each socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line of text.
    Lines,
    /// The bytes of one read.
    Bytes,
}

impl ProgramConfig {
    /// What the host is told.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner {
            mode: self.mode(),
            pass_env: self.pass_env.clone(),
            stop_ms: self.stop_ms,
            processes_max: self.processes_max,
            on_death: self.on_death,
            on_change: self.on_change,
            subpaths: self.subpaths,
        }
    }

    /// What its keys `mode` and `framing` come to.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match (self.processes, self.framing) {
            (Processes::Shared, _) => Mode::Shared,
            (Processes::PerSocket, Framing::Lines) => Mode::Lines,
            (Processes::PerSocket, Framing::Bytes) => Mode::Bytes,
        }
    }
}

impl Default for ProgramConfig {
    fn default() -> Self {
        let usual = Manner::SHARED;
        Self {
            processes: Processes::Shared,
            framing: Framing::Lines,
            pass_env: usual.pass_env,
            stop_ms: usual.stop_ms,
            processes_max: usual.processes_max,
            on_death: usual.on_death,
            on_change: usual.on_change,
            subpaths: usual.subpaths,
        }
    }
}
