//! What a server is told of programs: where they are, and how they are run.

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

/// What has been told.
pub(super) struct ProgramsSetup {
    root: RootChoice,
    recording: Option<Recording>,
    /// How they are run.
    options: ProgramOptions,
    /// What holds for single ones instead, by path.
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
    /// Nothing: there are none.
    pub(super) const NONE: Self = Self {
        root: RootChoice::None,
        recording: None,
        options: ProgramOptions::SHARED,
        own: Vec::new(),
    };

    /// What the programs of a host are made from, if it has any; `usual` is what holds for
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
    /// `dir`, `/dir/` is `ws_service` or `ws_service.*` there. They are looked up while the host
    /// runs, behind the services that are mounted, and each is one child process for all of its
    /// sockets. What goes over its pipes is in `docs/programs.md`. What holds for services that
    /// are mounted from here on holds for all of them, but that each has a thread of its own.
    ///
    /// At most [`Limits::PROGRAMS_MAX`] are served; each takes as much memory as a service does
    /// and [`Limits::program_memory_bytes_max`] besides, and one whose sockets outlive it
    /// [`Limits::kept_memory_bytes_max`].
    pub fn document_root(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::Folder(folder.into());
        self
    }

    /// Serves a single executable, whatever its name, at `/`, instead of those of a document
    /// root. [`Server::program`] with that path says what is not as usual about it.
    pub fn only_program(&mut self, file: impl Into<PathBuf>) -> &mut Self {
        self.programs.root = RootChoice::File(file.into());
        self
    }

    /// Records the first run of a program that serves all of its sockets by one process, as a
    /// transcript: `docs/programs.md` says what is in it. With several programs it is the one
    /// that is started first.
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

    /// What is not as usual about the program at a path, which is without the extension of its
    /// file. Without such a program, it has no effect. Its thread is always its own. A path that is
    /// named here may also be that of a file that would be taken for executable by accident: see
    /// [`DocumentRoot::naming`].
    pub fn program(&mut self, path: &str) -> MountedProgram<'_> {
        let both = (self.options.clone(), self.programs.options.clone());
        let own = &mut self.programs.own;
        own.push((path.to_owned(), both));
        let last = own.len() - 1;
        let (_, (options, program)) = &mut own[last];
        Mounted { options, program }
    }

    /// Has a host that runs go on with the programs of this server, of which only what holds for
    /// programs counts: they are found, bounded and run like that from here on. Those that run
    /// are replaced if something of this or their file has changed, and told RELOAD otherwise. In
    /// what this differs else from what the host was bound with, it has to be started again; so it
    /// has for another document root, and programs that run compress as they do. Links on the way
    /// to the document root and to the static root are followed once more.
    ///
    /// # Errors
    /// Limits that contradict each other, a document root that is not there. Then nothing changes.
    pub fn reload(&self, reloader: &Reloader) -> Result<(), BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        reloader.reload_programs(self.programs.plan(&self.options, Tape::default())?);
        Ok(())
    }
}

/// A program of the document root, for what is not as usual about it.
pub type MountedProgram<'a> = Mounted<'a, &'a mut ProgramOptions>;

impl MountedProgram<'_> {
    /// How it is run, instead of what the server says.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn program_options(self, options: ProgramOptions) -> Self {
        *self.program = options;
        self
    }
}
