//! `Launch`: the start of a child process. What happens afterwards is not in here.
//!
//! The program is executed as `./name` in its own folder. The folder has been held open since the
//! lookup, so that links on the way cannot be changed. Just before, it is checked that the name
//! still means the file that was found. A user who exchanges it after the check can write to the
//! document root, and so may run programs anyway. The alternative is to execute the open file
//! itself. It leaves no such moment, but breaks programs: a script then is `/dev/fd/N`, and Python
//! searches there for the modules beside it.
//!
//! The standard library starts it with `posix_spawn`, which copies no page tables: it costs the
//! same in a host with much memory, and delays no other thread. So our code cannot run in the
//! child, for example to ask for a signal at the death of its parent (which would be the thread
//! that started it). The guarantees are: a host that stops ends all groups; if a host is killed,
//! programs see the end of their standard input. The standard library also clears the signal mask
//! and resets SIGPIPE to its default. Without `/proc` the folder has no name for `posix_spawn`, so
//! `fork` is used there, at a higher cost.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::executable::Executable;
use crate::programs::Variable;
use crate::sys::children;

/// A program that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Which one.
    pub program: &'a Executable,
    /// The variables of this process's environment that it gets in addition to PATH. LANG is
    /// `C.UTF-8` unless it is one of them.
    pub pass_env: &'a [String],
    /// The rest of its environment. The last value of a name counts, and overrides the others.
    pub variables: &'a [Variable],
}

/// Why a program does not start.
#[derive(Debug)]
pub enum StartError {
    /// The file has changed; look it up again.
    Replaced,
    /// Too many programs run.
    TooMany {
        /// How many may.
        max: usize,
    },
    /// The host has stopped.
    Stopped,
    /// The system refuses it.
    System(io::Error),
}

impl Launch<'_> {
    /// Starts it, as the leader of a process group of its own, with pipes for its standard
    /// input, output and error.
    pub(super) fn start(self) -> Result<Child, StartError> {
        if !self.program.is_same() {
            return Err(StartError::Replaced);
        }
        let mut command = Command::new(Path::new(".").join(self.program.name()));
        match self.program.folder_path() {
            Some(path) => drop(command.current_dir(path)),
            None => {
                let folder = self.program.folder().map_err(StartError::System)?;
                children::begin_in(&mut command, folder);
            }
        }
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or(PATH_FALLBACK.into()));
        command.env("LANG", LANG_FALLBACK);
        for name in self.pass_env {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        for Variable { name, value } in self.variables {
            command.env(name, OsStr::from_bytes(value));
        }
        command.spawn().map_err(StartError::System)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self {
            Self::Replaced => return f.write_str("the file was replaced just now"),
            Self::TooMany { max } => return write!(f, "{max} of it run, which is the most"),
            Self::Stopped => return f.write_str("the host has stopped"),
            Self::System(error) => error,
        };
        write!(f, "it cannot be started: {error}")?;
        if let Some(limit) = self.limit() {
            return write!(f, "; {limit}");
        }
        match error.raw_os_error() {
            Some(libc::ENOEXEC) => f.write_str(
                "; it is neither made for this machine nor a script whose first line is #! and an \
                 interpreter",
            ),
            // The program itself was found a moment ago.
            Some(libc::ENOENT) => f.write_str(
                "; the interpreter that its first line names is missing, or else its loader",
            ),
            Some(libc::EACCES) => f.write_str(
                "; this user may not execute it or its interpreter, or its file system is noexec",
            ),
            Some(libc::ETXTBSY) => f.write_str("; it is open for writing"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => error.source(),
            Self::Replaced | Self::TooMany { .. } | Self::Stopped => None,
        }
    }
}

impl StartError {
    /// The limit of the system that is reached, if one is. Then a start may succeed later, when
    /// other processes have ended.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        let Self::System(error) = self else { return None };
        match (error.raw_os_error(), error.kind()) {
            (Some(libc::EMFILE), _) => Some(
                "the limit of open files is reached: raise ulimit -n, or lower max-connections or \
                 max-processes",
            ),
            (Some(libc::ENFILE), _) => Some("all open files of the system are in use: fs.file-max"),
            // Also if there is no thread to wait for the process.
            (_, io::ErrorKind::WouldBlock) => Some(
                "the limit of processes and threads is reached, which is one of: ulimit -u of this \
                 user; the pids of a container (docker run --pids-limit) or of a unit of systemd \
                 (TasksMax); kernel.threads-max",
            ),
            (_, io::ErrorKind::OutOfMemory) => {
                Some("the memory of this machine or container is full")
            }
            _ => None,
        }
    }
}

/// The locale of programs for which no other is set. Without one, Java, Ruby, Tcl and others take
/// text for ASCII, while all text of a socket is UTF-8.
const LANG_FALLBACK: &str = "C.UTF-8";
/// The PATH of programs, if this process has none.
const PATH_FALLBACK: &str = "/usr/local/bin:/usr/bin:/bin";
