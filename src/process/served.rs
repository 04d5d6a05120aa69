//! `Served`: a program of the document root as the host knows it, and how it is run. What the
//! two modes do on their threads is in `shared` and `per_socket`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use crate::host::RunService;
use crate::host::panic::catch_panic;
use crate::limits::Limits;
use crate::process::child::Stages;
use crate::process::found::{LookupError, Program};
use crate::process::groups::Groups;
use crate::process::pump::{Plan, ProcessId, Pump};
use crate::process::recording::Tape;
use crate::process::root::Root;
use crate::process::start::{Launch, StartError};
use crate::process::{per_socket, shared};
use crate::programs::{Mode, Place, Variable, own_variables};
use crate::service::Line;
use crate::ws::syntax::is_token;

/// How a program is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// One process for all sockets, or one for each.
    pub mode: Mode,
    /// The names of the variables of the host's environment that it gets besides PATH. Without LANG
    /// among them, that is `C.UTF-8`.
    pub pass_env: Vec<String>,
    /// Variables that it gets as well, which count before those. Each has to be
    /// [free](Variable::is_free).
    pub env: Vec<Variable>,
    /// The subprotocols that it speaks, if it has a process for each socket: of those that a peer
    /// offers, the first one in this list is agreed. Each has to be a token (RFC 9110, 5.6.2).
    pub protocols: Vec<String>,
    /// How long a process has to end when its time has come, in milliseconds, before it gets a
    /// SIGTERM.
    pub stop_ms: u64,
    /// How many processes a program may have that has one for each socket. Over it: 503.
    pub processes_max: usize,
    /// What becomes of its sockets when its process dies, if one serves all of them.
    pub on_death: OnDeath,
    /// What a change of its file does, if one process serves all sockets.
    pub on_change: OnChange,
    /// When the process of a new version takes over from the one that serves all sockets.
    pub replace_when: ReplaceWhen,
    /// Whether it answers the paths below its own.
    pub subpaths: Subpaths,
}

/// What becomes of the sockets of a program when the process dies that serves all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnDeath {
    /// They are closed with 1012, and the next socket starts the program anew.
    #[default]
    Close,
    /// They stay open, and the program is started anew, with pauses that grow if it keeps dying.
    /// It is handed over the sockets, and the mail that the old one had not read.
    Keep,
}

/// What a change of a program's file does to the process that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnChange {
    /// Nothing: the next start is of the new file.
    #[default]
    NextStart,
    /// It is replaced, once the file has not changed for a second or two: [`ReplaceWhen`].
    Replace,
}

/// When the new version of a program takes over from the process that serves all sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReplaceWhen {
    /// Once it is ready, for which it has [`Limits::admission_ms_max`]. Until then both run, and
    /// the old one serves; it goes on if the new one fails.
    #[default]
    AfterReady,
    /// It is started after the exit of the old one: for programs that hold a lock or a port, or
    /// save their state when they end.
    AfterExit,
}

/// What the paths below that of a program mean, unless other services have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subpaths {
    /// Nothing: they are not found.
    #[default]
    Refused,
    /// The program, which is told the rest of the path as `PATH_INFO`.
    Served,
}

impl Manner {
    /// One process for all sockets, without anything of the host's environment but PATH.
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

    /// What is wrong with it.
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

    /// The stages of an end.
    pub(super) const fn stages(&self) -> Stages {
        let terminate_after = Duration::from_millis(self.stop_ms);
        Stages { terminate_after, kill_after: KILL_AFTER }
    }
}

/// What the programs of a host have in common.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where they are.
    pub(crate) root: Root,
    /// Their processes.
    pub(crate) groups: Groups,
    /// Where the host listens.
    pub(crate) address: SocketAddr,
    /// What is recorded of them.
    pub(crate) tape: Tape,
}

/// A program that is a service.
#[derive(Debug)]
pub(crate) struct Served {
    site: Arc<Site>,
    key: String,
    pub(super) manner: Manner,
    /// To the thread that serves it, if one does.
    renewer: Sender<Renewal>,
    renewals: Receiver<Renewal>,
}

/// What the host tells a program that runs, when it has read its configuration again: all that
/// holds from here on. It is replaced if something of this, or its file, is not as it was.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// How it is run.
    pub(crate) manner: Manner,
    /// Its bounds.
    pub(crate) limits: Limits,
}

impl Served {
    /// The program with this key.
    pub(crate) fn new(site: Arc<Site>, key: String, manner: Manner) -> Self {
        let (renewer, renewals) = crossbeam_channel::unbounded();
        Self { site, key, manner, renewer, renewals }
    }

    /// The same program in another manner, for its next run.
    pub(crate) fn renewed(&self, manner: Manner) -> Self {
        Self::new(self.site.clone(), self.key.clone(), manner)
    }

    /// Has the thread that serves it go on like this; gives back the same program, likewise in
    /// this manner.
    pub(crate) fn renew_running(&self, renewal: Renewal) -> Self {
        let (renewer, renewals) = (self.renewer.clone(), self.renewals.clone());
        let (site, key, manner) = (self.site.clone(), self.key.clone(), renewal.manner.clone());
        // The other end is held here, so that it cannot fail.
        let _ = self.renewer.try_send(renewal);
        Self { site, key, manner, renewer, renewals }
    }

    /// What the host has told last since the last call: nothing of what it had before counts.
    pub(super) fn last_renewal(&self) -> Option<Renewal> {
        self.renewals.try_iter().last()
    }

    /// A pump for so many processes of it.
    pub(super) fn pump(&self, programs_max: usize) -> Result<Pump, String> {
        let plan = Plan {
            service: self.key.clone(),
            programs_max,
            input_high_bytes: INPUT_HIGH_BYTES,
            groups: self.site.groups.clone(),
        };
        Pump::new(plan).map_err(|error| format!("there is no poll: {error}"))
    }

    /// Looks for it, anew each time, so that a changed file is used from here on.
    pub(super) fn find(&self) -> Result<Program, LookupError> {
        self.site.root.now().find(&self.key)
    }

    /// Starts a process of it, with these variables besides its own.
    pub(super) fn start(
        &self,
        program: &Program,
        manner: &Manner,
        pump: &mut Pump,
        variables: Vec<Variable>,
    ) -> Result<ProcessId, StartError> {
        let own = own_variables(manner.mode, &self.key);
        let free = manner.env.iter().cloned();
        let variables: Vec<_> = free.chain(variables).chain(own).collect();
        let pass_env = &manner.pass_env;
        let id = pump.start(Launch { program, pass_env, variables: &variables })?;
        // Transcripts are of counted lines.
        if manner.mode == Mode::Shared
            && let Some(recording) = self.site.tape.take()
        {
            pump.record(id, recording);
        }
        Ok(id)
    }

    /// Where it serves.
    pub(super) fn place(&self) -> Place {
        Place { service: self.key.clone(), address: self.site.address }
    }

    /// The path of its service.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl RunService for Served {
    /// Serves until the host stops or the program has gone.
    fn run(&self, line: Line<'static>, limits: &Limits) -> String {
        // A panic would be ours. It ends this service and no other.
        let lived = catch_panic(|| match self.manner.mode {
            Mode::Shared => shared::serve(self, line, limits),
            Mode::Lines | Mode::Text | Mode::Bytes => per_socket::serve(self, line, limits),
        });
        match lived {
            Ok(Ok(how) | Err(how)) | Err(how) => how,
        }
    }
}

/// How long sockets are refused when a limit of the system keeps a process from being started.
pub(super) const NO_ROOM_MS: u64 = 1_000;
/// How long a process has to exit once it has closed a pipe, before it is made to.
pub(super) const EXITING: Stages =
    Stages { terminate_after: Duration::from_secs(1), kill_after: KILL_AFTER };
/// So much may wait for a process before it is told no more. A pipe holds as much again.
const INPUT_HIGH_BYTES: usize = 65_536;
/// From SIGTERM to SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(2);
