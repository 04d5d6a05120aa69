//! The programs of a server: where they are, and how they are run.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(doc)]
use crate::limits::Limits;
use crate::process::{DocumentRoot, ProgramsPlan, Recording, Tape};
use crate::programs::{Mode, ProgramOptions};
use crate::server::Server;
use crate::server::error::BindError;
use crate::server::mounted::Mounted;
use crate::server::programs_error::ProgramsError;
#[cfg(feature = "workers")]
use crate::service::Workers;
use crate::service::{ServiceOptions, Start};

/// The settings.
pub(super) struct ProgramsSetup {
    root: RootChoice,
    recording: Option<Recording>,
    /// How they are run.
    options: ProgramOptions,
    /// Overrides for single programs, by path.
    own: Vec<(String, (ServiceOptions, ProgramOptions))>,
}

/// Where programs are.
enum RootChoice {
    None,
    /// Below this folder.
    Folder(PathBuf),
    /// This file is the only one.
    File(PathBuf),
}

impl ProgramsSetup {
    /// There are no programs.
    pub(super) const NONE: Self = Self {
        root: RootChoice::None,
        recording: None,
        options: ProgramOptions::SHARED,
        own: Vec::new(),
    };

    /// The settings that the host runs its programs with, if it has any. `usual` has the options of
    /// services. The paths in `taken` have other services.
    pub(super) fn into_plan(
        mut self,
        usual: &ServiceOptions,
        taken: Vec<String>,
    ) -> Result<Option<ProgramsPlan>, BindError> {
        let tape = self.recording.take().map(Tape::new).unwrap_or_default();
        Ok(self.plan(usual, tape)?.map(|plan| ProgramsPlan { taken, ..plan }))
    }

    pub(super) fn plan(
        &self,
        usual: &ServiceOptions,
        tape: Tape,
    ) -> Result<Option<ProgramsPlan>, BindError> {
        let root = match &self.root {
            RootChoice::None => return Ok(None),
            RootChoice::Folder(folder) => {
                let root = DocumentRoot::new(folder).map_err(ProgramsError::DocumentRoot)?;
                root.naming(self.own.iter().map(|(path, _)| path.clone()))
            }
            RootChoice::File(file) => DocumentRoot::of_file(file)
                .map_err(|error| ProgramsError::Program(file.clone(), error))?,
        };
        let own = self.own.iter().map(|(path, (service, own))| (path.as_str(), service, own));
        for (path, service, options) in [("", usual, &self.options)].into_iter().chain(own) {
            service.limits.check().map_err(BindError::Limits)?;
            #[cfg(feature = "workers")]
            service.check_worker_count(path).map_err(BindError::Workers)?;
            if let Some(fault) = options.fault() {
                return Err(ProgramsError::Options(path.to_owned(), fault).into());
            }
        }
        let mut own = HashMap::new();
        for (path, (service, options)) in &self.own {
            let start = start_of(service.start, options.mode, usual.start);
            let start = start.map_err(|fault| ProgramsError::Options(path.clone(), fault))?;
            let service = ServiceOptions { start, ..service.clone() };
            #[cfg(feature = "workers")]
            let service = service.for_mode(options.mode);
            own.insert(path.clone(), (service, options.clone()));
        }
        // A program without options of its own is unknown until a socket asks for it.
        let all = ServiceOptions { start: Start::Lazy, ..usual.clone() };
        #[cfg(feature = "workers")]
        let all = all.for_mode(self.options.mode);
        let all = (all, self.options.clone());
        Ok(Some(ProgramsPlan { root, all, own, tape, taken: Vec::new() }))
    }
}

#[cfg(feature = "workers")]
impl ServiceOptions {
    /// The options of a program in this mode. With a process for each socket, more threads would
    /// serve no more of them at a time.
    fn for_mode(self, mode: Mode) -> Self {
        match mode {
            Mode::Shared => self,
            Mode::Lines | Mode::Text | Mode::Bytes => Self { workers: Workers::ONE, ..self },
        }
    }
}

/// When a program with these options starts. `usual` holds for all services, and so means nothing
/// to a program that has a process for each socket.
fn start_of(start: Start, mode: Mode, usual: Start) -> Result<Start, String> {
    match (start, mode) {
        (_, Mode::Shared) | (Start::Lazy, Mode::Lines | Mode::Text | Mode::Bytes) => Ok(start),
        (Start::Eager, Mode::Lines | Mode::Text | Mode::Bytes) if usual == Start::Eager => {
            Ok(Start::Lazy)
        }
        (Start::Eager, Mode::Lines | Mode::Text | Mode::Bytes) => Err(NEVER_EAGER.to_owned()),
    }
}

impl Server {
    /// Serves the executables below a folder: `/dir/name` is `name` or `name.*` in the folder
    /// `dir`, and `/dir/` is `ws_service` or `ws_service.*` there. They are looked up while the
    /// host runs, for paths without a mounted service. `docs/programs.md` has the protocol of their
    /// pipes.
    ///
    /// The options of the server apply to them, except that each has a thread of its own. At most
    /// [`Limits::PROGRAMS_MAX`] run. Each takes the memory of a service,
    /// [`Limits::program_memory_bytes_max`], and with
    /// [`OnDeath::Keep`](crate::programs::OnDeath::Keep) [`Limits::kept_memory_bytes_max`].
    /// [`Server::bind`] returns an error if the folder cannot be used.
    pub fn document_root(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::Folder(folder.into());
        self
    }

    /// Serves a single executable of any name at `/`, instead of those of a document root.
    /// [`Server::program`] with that path sets options of its own.
    pub fn only_program(&mut self, file: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::File(file.into());
        self
    }

    /// Records a run as a transcript, whose format is in `docs/programs.md`: the first run of the
    /// program that is started first, if one process serves all of its sockets.
    pub fn record(&mut self, recording: Recording) -> &mut Self {
        self.programs.recording = Some(recording);
        self
    }

    /// Sets how programs are run: by default, one process serves all sockets of a program.
    pub fn program_options(&mut self, options: ProgramOptions) -> &mut Self {
        self.programs.options = options;
        self
    }

    /// Options of the program at a path, which has no extension; they begin as those of the server.
    /// Only a program with such options can be [eager](Start::Eager), if one process serves all of
    /// its sockets; while there is no such program, it counts as one that keeps failing. Without a
    /// program, the other options have no effect. A path that is named here may also be that of a
    /// file that looks as if it were executable by accident: see [`DocumentRoot::naming`].
    pub fn program(&mut self, path: &str) -> MountedProgram<'_> {
        let both = (self.options.clone(), self.programs.options.clone());
        let own = &mut self.programs.own;
        own.push((path.to_owned(), both));
        let last = own.len() - 1;
        let (_, (options, program)) = &mut own[last];
        Mounted { options, program }
    }
}

/// A program of the document root, for options that differ from those of the server.
pub type MountedProgram<'a> = Mounted<'a, &'a mut ProgramOptions>;

impl MountedProgram<'_> {
    /// Sets how it is run.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn program_options(self, options: ProgramOptions) -> Self {
        *self.program = options;
        self
    }
}

const NEVER_EAGER: &str = "start is eager, allowed is lazy: in mode per-socket, a program has no \
                           process without a socket; use mode shared, or leave start out";
