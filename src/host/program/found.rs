//! What a lookup has come to: a [`Program`], which is held open from then on, or a
//! [`LookupError`]. How it was found is said in `lookup`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::nofollow::Missed;
use crate::host::sys::{self, children};
use crate::ws::Status;

/// An executable that was found. It is held open together with its folder.
#[derive(Debug)]
pub struct Program {
    pub(super) key: String,
    /// Where it is, for people.
    pub(super) path: PathBuf,
    /// Opened without a way to read or write it, so that neither a pipe nor a device would notice.
    pub(super) folder: File,
    pub(super) name: OsString,
    /// The very file that was looked at, opened like the folder.
    pub(super) file: File,
}

/// What tells a file from what it was before, and from the one that took its place: where it lies,
/// its length and mode, and when it and its entry were changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    place: (u64, u64),
    bytes: u64,
    mode: u32,
    /// In seconds and nanoseconds. The second one moves with whatever is done to the file, also
    /// by who puts the first one back.
    changed: [(i64, i64); 2],
}

/// Why a path names no program.
#[derive(Debug)]
pub enum LookupError {
    /// Nothing is there that could be a service.
    Nothing,
    /// A link is there that leads out of the document root, to this place.
    Outside(PathBuf),
    /// A file is there, which nobody may execute.
    NotExecutable(PathBuf),
    /// Several executables are there.
    Ambiguous(Vec<String>),
    /// The system does not let us look.
    System(io::Error),
}

impl Program {
    /// The one spelling of its path.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether everybody on this machine may change what it does.
    #[must_use]
    pub fn is_open_to_all(&self) -> bool {
        let open = |file: &File| file.metadata().is_ok_and(|found| found.mode() & 0o002 != 0);
        open(&self.file) || open(&self.folder)
    }

    /// What tells its file from others, and from itself once it has been changed.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        let found = self.file.metadata()?;
        Ok(Identity {
            place: place(&found),
            bytes: found.size(),
            mode: found.mode(),
            changed: [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())],
        })
    }

    /// The folder, as this process and a child of it that is about to execute may name it. `None`
    /// where no `/proc` has such names.
    pub(super) fn folder_path(&self) -> Option<PathBuf> {
        let path = Path::new(children::OWN_DESCRIPTORS).join(self.folder.as_raw_fd().to_string());
        let found = fs::metadata(&path).ok()?;
        self.folder.metadata().is_ok_and(|folder| place(&folder) == place(&found)).then_some(path)
    }

    /// The folder by a descriptor of its own.
    ///
    /// # Errors
    /// The system has none left.
    pub(super) fn folder(&self) -> io::Result<OwnedFd> {
        self.folder.try_clone().map(OwnedFd::from)
    }

    /// Its name in the folder.
    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Whether the name still means the file that was found.
    pub(super) fn is_same(&self) -> bool {
        let now = sys::open_at(&self.folder, &self.name, libc::O_PATH);
        let is_found =
            |now: &Metadata| self.file.metadata().is_ok_and(|found| place(&found) == place(now));
        now.and_then(|now| File::from(now).metadata()).is_ok_and(|now| is_found(&now))
    }
}

impl LookupError {
    /// The status that answers it.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Nothing | Self::Outside(_) => Status::NOT_FOUND,
            Self::NotExecutable(_) | Self::Ambiguous(_) | Self::System(_) => Status::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing is there"),
            Self::Outside(path) => {
                write!(f, "a link leads out of the document root, to {path:?}")
            }
            Self::NotExecutable(path) => {
                write!(f, "{path:?} is not executable: chmod +x makes it so")
            }
            Self::Ambiguous(names) => write!(
                f,
                "{} are executable, and only one of these names may be: rename the others, or \
                 chmod -x",
                names.join(" and ")
            ),
            Self::System(error) => write!(f, "it cannot be looked at: {error}"),
        }
    }
}

impl std::error::Error for LookupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            Self::Nothing | Self::Outside(_) | Self::NotExecutable(_) | Self::Ambiguous(_) => None,
        }
    }
}

impl From<Missed> for LookupError {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Outside(place) => Self::Outside(place),
            Missed::System(error) => error.into(),
        }
    }
}

impl From<io::Error> for LookupError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename => Self::Nothing,
            // Links in a circle, and a link that was put there just now.
            _ if error.raw_os_error() == Some(libc::ELOOP) => Self::Nothing,
            _ => Self::System(error),
        }
    }
}

/// Whether anybody may execute it. Whether this process may, the system tells at the start.
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.mode() & 0o111 != 0
}

/// What tells a file from all others.
fn place(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
