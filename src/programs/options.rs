//! `ProgramOptions`: how a program is run. The configuration yields them, a server takes them, and
//! `process` applies them.

#[cfg(doc)]
use crate::limits::Limits;
use crate::programs::environment::{Mode, Variable};
use crate::ws::syntax::is_token;

/// How a program is run, besides its [`ServiceOptions`](crate::service::ServiceOptions). Minor
/// versions add fields, so begin with [`ProgramOptions::SHARED`] and use struct update syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOptions {
    /// One process for all sockets, or one for each.
    pub mode: Mode,
    /// The names of variables of the host's environment that it gets besides PATH. Unless LANG is
    /// among them, LANG is `C.UTF-8`.
    pub pass_env: Vec<String>,
    /// Variables that it gets as well; they override those of `pass_env`. Each has to be
    /// [free](Variable::is_free).
    pub env: Vec<Variable>,
    /// The subprotocols that it speaks, if it has a process for each socket. The first one in this
    /// list that the peer offers is agreed. Each has to be a token (RFC 9110, 5.6.2).
    pub protocols: Vec<String>,
    /// How long a process that is asked to end has for it, in milliseconds, before it gets a
    /// SIGTERM.
    pub stop_ms: u64,
    /// How many processes a program with one for each socket may have. Over it: 503.
    pub processes_max: usize,
    /// What happens to its sockets when its process dies, if one process serves all of them.
    pub on_death: OnDeath,
    /// What a change of its file does, if one process serves all sockets.
    pub on_change: OnChange,
    /// When the process of a new version takes over from the one that serves all sockets.
    pub replace_when: ReplaceWhen,
    /// Whether it answers the paths below its own.
    pub subpaths: Subpaths,
}

/// What happens to the sockets of a program when the process that serves all of them dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnDeath {
    /// They are closed with 1012, and the next socket starts the program again.
    #[default]
    Close,
    /// They stay open, and the program is started again, with growing pauses if it keeps dying. The
    /// new process takes over the sockets, and the mail that the old one had not read.
    Keep,
}

/// What a change of a program's file does to the running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnChange {
    /// Nothing: the next start runs the new file.
    #[default]
    NextStart,
    /// It is replaced, once the file has not changed for a second or two: [`ReplaceWhen`].
    Replace,
}

/// When the new version of a program takes over from the process that serves all sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReplaceWhen {
    /// Once it is ready, within [`Limits::admission_ms_max`]. Until then both run, and the old one
    /// serves. If the new one fails, the old one goes on.
    #[default]
    AfterReady,
    /// After the exit of the old one. For programs that hold a lock or a port, or save their state
    /// when they end.
    AfterExit,
}

/// What paths below that of a program mean, unless other services have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subpaths {
    /// Nothing: they are not found.
    #[default]
    Refused,
    /// The program, which gets the rest of the path in `PATH_INFO`.
    Served,
}

impl ProgramOptions {
    /// One process for all sockets, with no variable of the host's environment except PATH.
    pub const SHARED: Self = Self {
        mode: Mode::Shared,
        pass_env: Vec::new(),
        env: Vec::new(),
        protocols: Vec::new(),
        stop_ms: 5_000,
        processes_max: 256,
        on_death: OnDeath::Close,
        on_change: OnChange::NextStart,
        replace_when: ReplaceWhen::AfterReady,
        subpaths: Subpaths::Refused,
    };

    /// What is wrong with them.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Some(variable) = self.env.iter().find(|variable| !variable.is_free()) {
            let name = &variable.name;
            return Some(format!(
                "the variable {name:?} cannot be set: allowed is a name of letters, digits and _ \
                 that the host does not set itself, and a value without NUL"
            ));
        }
        let protocol = self.protocols.iter().find(|name| !is_token(name.as_bytes()))?;
        Some(format!("{protocol:?} is not a subprotocol, which is a token"))
    }
}

impl Default for ProgramOptions {
    /// Those of [`ProgramOptions::SHARED`].
    fn default() -> Self {
        Self::SHARED
    }
}
