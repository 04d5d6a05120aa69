//! `Server`: the embedder's way to a running host. It collects what is mounted and wires it;
//! everything that happens afterwards is the host's.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use crate::host::program::{DocumentRoot, LookupError, Manner, Recording, Tape};
use crate::host::{Factory, Host, HostPlan, Make, ProgramsPlan, Reloader, Terms};
use crate::hub::{Compression, Files, Hub, Mount, OriginRule, PathError};
use crate::limits::{Limits, LimitsError};
use crate::pages::Page;
use crate::service::{Callbacks, Service, Thread};
use crate::time::Time;

/// A server in the making.
///
/// ```
/// use switchboard::{Handler, Limits, Message, Peer, Server, handler};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn message(&mut self, peer: &mut Peer, message: Message) {
///         peer.send(message);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/echo", || handler(Echo));
/// let host = server.bind("127.0.0.1:0")?;
/// println!("listening on {}", host.address());
/// let stopper = host.stopper();
/// let thread = std::thread::spawn(move || host.run());
/// stopper.stop();
/// thread.join().expect("the host does not panic")?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    limits: Limits,
    origin: OriginRule,
    compression: Compression,
    thread: Thread,
    static_root: Option<PathBuf>,
    root: Root,
    recording: Option<Recording>,
    manner: Manner,
    programs: Vec<(String, Terms)>,
    mounts: Vec<Mounting>,
}

/// Where programs are.
enum Root {
    None,
    /// Below this folder.
    Folder(PathBuf),
    /// This file is the only one.
    File(PathBuf),
}

/// A service as it was mounted.
struct Mounting {
    path: String,
    mount: Mount,
    thread: Thread,
    own: Make<dyn Service>,
    /// `None` if it has no callbacks for the loop to call.
    callbacks: Option<Make<dyn Callbacks>>,
}

impl Server {
    /// A server with these bounds, without services.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            origin: OriginRule::Same,
            compression: Compression::Off,
            thread: Thread::Own,
            static_root: None,
            root: Root::None,
            recording: None,
            manner: Manner::SHARED,
            programs: Vec::new(),
            mounts: Vec::new(),
        }
    }

    /// Which pages may open sockets to the services that are mounted from here on: by default
    /// those that come from the same host and port.
    pub fn origin(&mut self, origin: OriginRule) -> &mut Self {
        self.origin = origin;
        self
    }

    /// Whether the services that are mounted from here on compress: by default they do not.
    pub fn compression(&mut self, compression: Compression) -> &mut Self {
        self.compression = compression;
        self
    }

    /// Which thread the services run on that are mounted from here on: by default each has one
    /// of its own.
    pub fn thread(&mut self, thread: Thread) -> &mut Self {
        self.thread = thread;
        self
    }

    /// Serves the files below a folder where a plain GET meets no service. Names that begin
    /// with a dot, and links that lead out, are not there for it.
    pub fn static_root(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.static_root = Some(folder.into());
        self
    }

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
        self.root = Root::Folder(folder.into());
        self
    }

    /// Serves a single executable, whatever its name, at `/`, instead of those of a document
    /// root. [`Server::program`] with that path says what is not as usual about it.
    pub fn only_program(&mut self, file: impl Into<PathBuf>) -> &mut Self {
        self.root = Root::File(file.into());
        self
    }

    /// Records the first run of a program that serves all of its sockets by one process, as a
    /// transcript: `docs/programs.md` says what is in it. With several programs it is the one
    /// that is started first.
    pub fn record(&mut self, recording: Recording) -> &mut Self {
        self.recording = Some(recording);
        self
    }

    /// How programs of the document root are run: by default, one process serves all sockets of
    /// a program.
    pub fn manner(&mut self, manner: Manner) -> &mut Self {
        self.manner = manner;
        self
    }

    /// What is not as usual about the program at a path, which is without the extension of its
    /// file. Without such a program, it has no effect. Its thread is always its own.
    pub fn program(&mut self, path: &str) -> Program<'_> {
        self.programs.push((path.to_owned(), self.usual_terms()));
        let last = self.programs.len() - 1;
        Program(&mut self.programs[last].1)
    }

    /// Gives a path a service: `/dir/name`, or `/dir/` for the folder's own. The factory makes
    /// a fresh service whenever the first socket asks for it, and again after it has ended;
    /// it is called on the thread that the service then runs on.
    pub fn mount<S, F>(&mut self, path: &str, factory: F) -> Mounted<'_>
    where
        S: Service,
        F: Fn() -> S + Send + Sync + 'static,
    {
        let (mount, thread) = (self.usual_mount(), self.thread);
        let factory = Arc::new(factory);
        let callbacks = S::callbacks().map(|callbacks| -> Make<dyn Callbacks> {
            let factory = factory.clone();
            Arc::new(move || callbacks(factory()))
        });
        let own: Make<dyn Service> = Arc::new(move || Box::new(factory()));
        self.mounts.push(Mounting { path: path.to_owned(), mount, thread, own, callbacks });
        let last = self.mounts.len() - 1;
        Mounted(&mut self.mounts[last])
    }

    /// Listens on all of the addresses; port 0 lets the system choose.
    ///
    /// # Errors
    /// Limits that contradict each other, a path that cannot be mounted, a service on the loop
    /// that has a loop of its own, a folder of files that is not there, an address that cannot be
    /// listened on. Of a name with several addresses, those that this machine does not have are
    /// left out.
    pub fn bind(mut self, addresses: impl ToSocketAddrs) -> Result<Host, BindError> {
        let addresses: Vec<SocketAddr> =
            addresses.to_socket_addrs().map_err(BindError::Address)?.collect();
        self.limits.check().map_err(BindError::Limits)?;
        let tape = self.recording.take().map(Tape::new).unwrap_or_default();
        let programs = self.programs_plan(tape)?;
        let files = if self.static_root.is_some() { Files::Served } else { Files::None };
        let mut hub = Hub::new(self.limits, files, Time::ZERO);
        if programs.is_some() {
            hub.look_up();
        }
        let mut factories = Vec::new();
        for Mounting { path, mount, thread, own, callbacks } in self.mounts {
            mount.limits.check().map_err(BindError::Limits)?;
            hub.mount(&path, mount).map_err(BindError::Path)?;
            factories.push(match (thread, callbacks) {
                (Thread::Own, _) => Factory::Own(own),
                (Thread::Loop, Some(callbacks)) => Factory::Loop(callbacks),
                (Thread::Loop, None) => return Err(BindError::Thread(path)),
            });
        }
        let canonical = self.static_root.map(|root| root.canonicalize()).transpose();
        let static_root = canonical.map_err(BindError::StaticRoot)?;
        let plan = HostPlan { hub, limits: self.limits, factories, static_root, programs };
        Host::new(plan, &addresses).map_err(BindError::Listen)
    }

    /// Has a host that runs go on with the programs of this server, of which only what holds for
    /// programs counts: they are found, bounded and run like that from here on. Those that run
    /// are replaced if something of this or their file has changed, and told RELOAD otherwise. In
    /// what this differs else from what the host was bound with, it has to be started again; so it
    /// has for another document root, and programs that run compress as they do.
    ///
    /// # Errors
    /// Limits that contradict each other, a document root that is not there. Then nothing changes.
    pub fn reload(&self, reloader: &Reloader) -> Result<(), BindError> {
        self.limits.check().map_err(BindError::Limits)?;
        reloader.reload_programs(self.programs_plan(Tape::default())?);
        Ok(())
    }

    /// What holds for services that nothing else was said about.
    fn usual_mount(&self) -> Mount {
        let Self { limits, compression, .. } = *self;
        Mount { limits, origin: self.origin.clone(), page: None, compression }
    }

    /// What holds for programs that nothing else was said about.
    fn usual_terms(&self) -> Terms {
        Terms { mount: self.usual_mount(), manner: self.manner.clone() }
    }

    fn programs_plan(&self, tape: Tape) -> Result<Option<ProgramsPlan>, BindError> {
        let root = match &self.root {
            Root::None => return Ok(None),
            Root::Folder(folder) => DocumentRoot::new(folder).map_err(BindError::DocumentRoot)?,
            Root::File(file) => DocumentRoot::of_file(file)
                .map_err(|error| BindError::Program(file.clone(), error))?,
        };
        for (_, terms) in &self.programs {
            terms.mount.limits.check().map_err(BindError::Limits)?;
        }
        let own = self.programs.iter().cloned().collect();
        Ok(Some(ProgramsPlan { root, all: self.usual_terms(), own, tape }))
    }
}

/// A service that has been mounted, for what is not as usual about it.
pub struct Mounted<'a>(&'a mut Mounting);

impl Mounted<'_> {
    /// Its own bounds, instead of the server's. Those of the request head and of the host
    /// stay the server's, since they hold before the service is known.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn limits(self, limits: Limits) -> Self {
        self.0.mount.limits = limits;
        self
    }

    /// Which pages may open sockets to it, instead of the server's rule.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn origin(self, origin: OriginRule) -> Self {
        self.0.mount.origin = origin;
        self
    }

    /// Whether it compresses, instead of the server's word.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn compression(self, compression: Compression) -> Self {
        self.0.mount.compression = compression;
        self
    }

    /// Which thread it runs on, instead of what the server says.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn thread(self, thread: Thread) -> Self {
        self.0.thread = thread;
        self
    }

    /// What a plain GET of its path shows.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn page(self, page: Page) -> Self {
        self.0.mount.page = Some(page);
        self
    }
}

/// A program of the document root, for what is not as usual about it.
pub struct Program<'a>(&'a mut Terms);

impl Program<'_> {
    /// Its own bounds, like [`Mounted::limits`].
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn limits(self, limits: Limits) -> Self {
        self.0.mount.limits = limits;
        self
    }

    /// Which pages may open sockets to it, instead of the server's rule.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn origin(self, origin: OriginRule) -> Self {
        self.0.mount.origin = origin;
        self
    }

    /// Whether it compresses, instead of the server's word.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn compression(self, compression: Compression) -> Self {
        self.0.mount.compression = compression;
        self
    }

    /// What a plain GET of its path shows, like [`Mounted::page`].
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn page(self, page: Page) -> Self {
        self.0.mount.page = Some(page);
        self
    }

    /// How it is run, instead of what the server says.
    #[expect(clippy::return_self_not_must_use, reason = "the value is on the server already")]
    pub fn manner(self, manner: Manner) -> Self {
        self.0.manner = manner;
        self
    }
}

/// Why a server cannot begin.
#[derive(Debug)]
pub enum BindError {
    /// The address cannot be made out.
    Address(io::Error),
    /// The limits contradict each other.
    Limits(LimitsError),
    /// A path cannot be mounted.
    Path(PathError),
    /// The service at this path is to be on the loop and has a loop of its own.
    Thread(String),
    /// The folder of programs cannot be used.
    DocumentRoot(io::Error),
    /// The only program cannot be served.
    Program(PathBuf, LookupError),
    /// The folder of files cannot be used.
    StaticRoot(io::Error),
    /// An address cannot be listened on, or the system lacks something else.
    Listen(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the address cannot be made out: {error}"),
            Self::Limits(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::Thread(path) => write!(
                f,
                "the service {path} is to run on the loop, allowed is a thread of its own: it has \
                 a loop of its own, and only what handler or gated makes has callbacks instead"
            ),
            Self::DocumentRoot(error) => {
                write!(f, "the document root cannot be used: {error}")
            }
            Self::Program(file, error) => write!(f, "{file:?} cannot be served: {error}"),
            Self::StaticRoot(error) => write!(f, "the static root cannot be used: {error}"),
            Self::Listen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Thread(_) => return None,
            Self::Address(error)
            | Self::DocumentRoot(error)
            | Self::StaticRoot(error)
            | Self::Listen(error) => error,
            Self::Limits(error) => error,
            Self::Path(error) => error,
            Self::Program(_, error) => error,
        })
    }
}

impl From<BindError> for io::Error {
    fn from(error: BindError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
