//! The programs of a server: where they are, and how they are run.

use std::path::PathBuf;

#[cfg(doc)]
use crate::limits::Limits;
use crate::process::{DocumentRoot, ProgramsPlan, Recording, Reloader, Tape};
use crate::programs::ProgramOptions;
use crate::server::Server;
use crate::server::error::BindError;
use crate::server::mounted::Mounted;
use crate::server::programs_error::ProgramsError;
use crate::service::ServiceOptions;

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

    fn plan(&self, usual: &ServiceOptions, tape: Tape) -> Result<Option<ProgramsPlan>, BindError> {
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
            if let Some(fault) = options.fault() {
                return Err(ProgramsError::Options(path.to_owned(), fault).into());
            }
        }
        let all = (usual.clone(), self.options.clone());
        let own = self.own.iter().cloned().collect();
        Ok(Some(ProgramsPlan { root, all, own, tape, taken: Vec::new() }))
    }
}

impl Server {
    /// Serves the executables below a folder: `/dir/name` is `name` or `name.*` in the folder
    /// `dir`, `/dir/` is `ws_service` or `ws_service.*` there. Mounted services come first;
    /// programs are looked up while the host runs. Each program is one child process for all of its
    /// sockets. `docs/programs.md` describes its input and output. Programs have the options of
    /// services that are mounted after this call, but each has a thread of its own.
    ///
    /// At most [`Limits::PROGRAMS_MAX`] are served. Each takes as much memory as a service, and
    /// [`Limits::program_memory_bytes_max`] more. A program whose sockets outlive it takes another
    /// [`Limits::kept_memory_bytes_max`].
    pub fn document_root(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::Folder(folder.into());
        self
    }

    /// Serves a single executable at `/`, whatever its name, instead of a document root.
    /// [`Server::program`] with that path overrides its options.
    pub fn only_program(&mut self, file: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::File(file.into());
        self
    }

    /// Records the first run of a program as a transcript, in the format of `docs/programs.md`.
    /// Only a program that serves all of its sockets by one process is recorded; of several
    /// programs, the one that starts first.
    pub fn record(&mut self, recording: Recording) -> &mut Self {
        self.programs.recording = Some(recording);
        self
    }

    /// How programs of the document root are run: by default, one process serves all sockets of
    /// a program.
    pub fn program_options(&mut self, options: ProgramOptions) -> &mut Self {
        self.programs.options = options;
        self
    }

    /// Overrides for the program at a path, which is without the extension of its file. Without
    /// such a program it has no effect. The program always has a thread of its own. A path that is
    /// named here is served even if its file looks executable by accident: see
    /// [`DocumentRoot::naming`].
    pub fn program(&mut self, path: &str) -> MountedProgram<'_> {
        let both = (self.options.clone(), self.programs.options.clone());
        let own = &mut self.programs.own;
        own.push((path.to_owned(), both));
        let last = own.len() - 1;
        let (_, (options, program)) = &mut own[last];
        Mounted { options, program }
    }

    /// Applies the program settings of this server to a running host. Running programs whose
    /// settings or file have changed are replaced; the others get RELOAD. Only program settings are
    /// reloaded: a new document root, a new compression setting and all other changes need a
    /// restart. Links on the way to the document root and to the static root are followed again.
    ///
    /// # Errors
    /// Limits that contradict each other, a document root that is not there. Then nothing changes.
    pub fn reload(&self, reloader: &Reloader) -> Result<(), BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        reloader.reload_programs(self.programs.plan(&self.options, Tape::default())?);
        Ok(())
    }
}

/// Overrides for one program of the document root.
pub type MountedProgram<'a> = Mounted<'a, &'a mut ProgramOptions>;

impl MountedProgram<'_> {
    /// How it is run, instead of the setting of the server.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn program_options(self, options: ProgramOptions) -> Self {
        *self.program = options;
        self
    }
}
