//! `ProgramService`: a program of the document root as a service of the host, with its options. The
//! code of the two modes is in `shared` and `per_socket`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::hub::RunEnd;
use crate::limits::Limits;
use crate::process::child::Stages;
use crate::process::current_root::CurrentRoot;
use crate::process::executable::{Executable, LookupError};
use crate::process::facts::Processes;
use crate::process::groups::Groups;
use crate::process::pump::{ProcessId, Pump};
use crate::process::pump_plan::PumpPlan;
use crate::process::recording::Tape;
use crate::process::replacement_turn::ReplacementTurn;
use crate::process::start::{Launch, StartError};
use crate::programs::{Mode, ProgramOptions, ProgramPlace, Variable, WorkerNumber, own_variables};
#[cfg(feature = "processes")]
use crate::service::Share;

/// What the programs of a host have in common.
#[derive(Debug)]
pub(crate) struct ProgramsShared {
    /// Where they are.
    pub(crate) root: CurrentRoot,
    /// Their processes.
    pub(crate) groups: Groups,
    /// Where the host listens first, if it listens by TCP.
    pub(crate) address: Option<SocketAddr>,
    /// The recording.
    pub(crate) tape: Tape,
}

impl ProgramOptions {
    /// The stages of an end.
    pub(super) const fn stages(&self) -> Stages {
        Stages { terminate_after_ms: self.stop_ms, kill_after_ms: KILL_AFTER_MS }
    }
}

/// A program that is a service.
#[derive(Debug)]
pub(crate) struct ProgramService {
    shared: Arc<ProgramsShared>,
    key: String,
    pub(super) options: ProgramOptions,
    /// Which of its messages are shared.
    #[cfg(feature = "processes")]
    pub(super) share: Share,
    /// Those of its run.
    pub(super) processes: Processes,
    /// For its workers that run.
    renewals: Renewals,
    /// Which of them may be replaced now.
    pub(super) turn: ReplacementTurn,
}

/// The new options that workers have not applied yet, by the number of the worker.
type Renewals = Arc<Mutex<BTreeMap<usize, Renewal>>>;

/// The new options of a running program after a reload. The program is replaced if its options or
/// its file have changed.
#[derive(Clone, Debug)]
pub(crate) struct Renewal {
    /// How it is run.
    pub(crate) options: ProgramOptions,
    /// Its bounds.
    pub(crate) limits: Limits,
}

impl ProgramService {
    /// The program with this key.
    pub(crate) fn new(shared: Arc<ProgramsShared>, key: String, options: ProgramOptions) -> Self {
        let (processes, renewals) = (Processes::default(), Renewals::default());
        let turn = ReplacementTurn::default();
        Self {
            shared,
            key,
            options,
            #[cfg(feature = "processes")]
            share: Share::None,
            processes,
            renewals,
            turn,
        }
    }

    /// The same program, which shares these of its messages.
    #[cfg(feature = "processes")]
    pub(super) fn sharing(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// The same program with other options, for its next run.
    pub(crate) fn renewed(&self, options: ProgramOptions) -> Self {
        let processes = self.processes.clone();
        Self {
            processes,
            #[cfg(feature = "processes")]
            share: self.share,
            ..Self::new(self.shared.clone(), self.key.clone(), options)
        }
    }

    /// Leaves these options to its workers, of which there are so many; returns the same program
    /// with these options.
    pub(crate) fn renew_running(&self, renewal: &Renewal, workers_len: usize) -> Self {
        let for_each = (0..workers_len).map(|worker| (worker, renewal.clone()));
        lock(&self.renewals).extend(for_each);
        Self {
            shared: self.shared.clone(),
            key: self.key.clone(),
            options: renewal.options.clone(),
            #[cfg(feature = "processes")]
            share: self.share,
            processes: self.processes.clone(),
            renewals: self.renewals.clone(),
            turn: self.turn.clone(),
        }
    }

    /// The latest options for a worker since its last call. Earlier ones are dropped.
    pub(super) fn last_renewal(&self, worker: usize) -> Option<Renewal> {
        lock(&self.renewals).remove(&worker)
    }

    /// A pump for so many processes of it, which are those of one worker.
    ///
    /// # Errors
    /// The system has no descriptors for it.
    pub(super) fn pump(
        &self,
        programs_max: usize,
        worker: Option<WorkerNumber>,
    ) -> Result<Pump, RunEnd> {
        let plan = PumpPlan {
            service: self.key.clone(),
            worker,
            programs_max,
            input_high_bytes: INPUT_HIGH_BYTES,
            groups: self.shared.groups.clone(),
        };
        let pump = Pump::new(plan);
        let mut pump =
            pump.map_err(|error| RunEnd::Failed(format!("there is no poll: {error}")))?;
        pump.processes = self.processes.clone();
        Ok(pump)
    }

    /// Looks it up each time, so that a changed file is used.
    pub(super) fn find(&self) -> Result<Executable, LookupError> {
        self.shared.root.now().find(&self.key)
    }

    /// Why it is not found, for the log.
    pub(super) fn why_not(&self, error: &LookupError) -> String {
        match error {
            LookupError::Nothing => {
                let root = self.shared.root.now();
                format!("no executable below {:?} (document-root) has its path", root.path)
            }
            LookupError::NotExecutable(_)
            | LookupError::Outside(_)
            | LookupError::Ambiguous(_)
            | LookupError::System(_) => error.to_string(),
        }
    }

    /// Starts a process of it, with these variables besides its own.
    pub(super) fn start(
        &self,
        program: &Executable,
        options: &ProgramOptions,
        pump: &mut Pump,
        variables: Vec<Variable>,
    ) -> Result<ProcessId, StartError> {
        let own = own_variables(options.mode, &self.key, pump.worker());
        let free = options.env.iter().cloned();
        let variables: Vec<_> = free.chain(variables).chain(own).collect();
        let pass_env = &options.pass_env;
        let id = pump.start(Launch { program, pass_env, variables: &variables })?;
        // Transcripts are of counted lines.
        if options.mode == Mode::Shared
            && let Some(recording) = self.shared.tape.take()
        {
            pump.record(id, recording);
        }
        Ok(id)
    }

    /// Its path and address.
    pub(super) fn place(&self) -> ProgramPlace {
        ProgramPlace { service: self.key.clone(), address: self.shared.address }
    }
}

fn lock(renewals: &Renewals) -> MutexGuard<'_, BTreeMap<usize, Renewal>> {
    renewals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a run ends whose mode has changed.
pub(super) const OTHER_MODE: &str = "its mode has changed";
/// How long sockets are refused when a limit of the system keeps a process from being started.
pub(super) const NO_ROOM_MS: u64 = 1_000;
/// How long a process has to exit once it has closed a pipe, before it is made to.
pub(super) const EXITING: Stages =
    Stages { terminate_after_ms: 1_000, kill_after_ms: KILL_AFTER_MS };
/// How many bytes may wait for a process before nothing more is written to it. A pipe holds as many
/// again.
const INPUT_HIGH_BYTES: usize = 65_536;
/// From SIGTERM to SIGKILL.
const KILL_AFTER_MS: u64 = 2_000;
