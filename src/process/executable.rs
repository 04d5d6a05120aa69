//! The result of a lookup: a [`Executable`], which is held open from then on, or a [`LookupError`].
//! The search itself is in `lookup`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::nofollow::OpenError;
use crate::sys::{self, children};
use crate::ws::Status;

/// An executable that was found. Its file and its folder are held open.
#[derive(Debug)]
pub struct Executable {
    pub(super) key: String,
    /// Where it is, for people.
    pub(super) path: PathBuf,
    /// Opened with `O_PATH`, which has no effect on a pipe or a device.
    pub(super) folder: File,
    pub(super) name: OsString,
    /// The file that was found, opened like the folder.
    pub(super) file: File,
}

/// The metadata of a file, which the system returns without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    place: (u64, u64),
    bytes: u64,
    /// In seconds and nanoseconds.
    modified: (i64, i64),
    /// The time of the last change of its inode, including mode and links. A user cannot set it.
    changed: (i64, i64),
}

/// The identity of a file when a process was started from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileVersion {
    stamp: FileStamp,
    /// A hash of the content. `None` if this process may not read the file.
    content: Option<u64>,
}

/// Why a path names no program.
#[derive(Debug)]
#[non_exhaustive]
pub enum LookupError {
    /// There is no file that could be a service.
    Nothing,
    /// There is a link that leads out of the document root, to this path.
    Outside(PathBuf),
    /// There is this file, which is not executable.
    NotExecutable(PathBuf),
    /// There are several executables, with these names.
    Ambiguous(Vec<String>),
    /// The system returned an error.
    System(io::Error),
}

impl Executable {
    /// Its canonical path.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether any user of this machine may change it.
    #[must_use]
    pub fn is_open_to_all(&self) -> bool {
        let open = |file: &File| file.metadata().is_ok_and(|found| found.mode() & 0o002 != 0);
        open(&self.file) || open(&self.folder)
    }

    /// The current metadata of its file.
    pub(super) fn stamp(&self) -> io::Result<FileStamp> {
        let found = self.file.metadata()?;
        Ok(FileStamp {
            place: place(&found),
            bytes: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// The current identity of its file. This reads the file.
    pub(super) fn version(&self) -> io::Result<FileVersion> {
        Ok(FileVersion { stamp: self.stamp()?, content: self.content().ok() })
    }

    /// A hash of its file.
    fn content(&self) -> io::Result<u64> {
        // Opening a pipe that has its name by now would release the pipe's writer.
        if !self.is_same() {
            return Err(ErrorKind::NotFound.into());
        }
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut file = File::from(sys::open_at(&self.folder, &self.name, flags)?);
        if place(&file.metadata()?) != place(&self.file.metadata()?) {
            return Err(ErrorKind::NotFound.into());
        }
        let (mut hasher, mut part) = (DefaultHasher::new(), Vec::new());
        loop {
            part.clear();
            // Parts of the same length, since the hash may depend on where they are cut.
            let len = (&mut file).take(PART_BYTES).read_to_end(&mut part)?;
            if len == 0 {
                return Ok(hasher.finish());
            }
            hasher.write(&part);
        }
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

impl FileVersion {
    /// Whether the file of a program is another version: another length, time of the last change or
    /// content. Another mode, link or place alone makes none, which is found out once.
    pub(super) fn is_left_by(&mut self, program: &Executable) -> bool {
        let Ok(stamp) = program.stamp() else { return false };
        if stamp == self.stamp {
            return false;
        }
        if (stamp.bytes, stamp.modified) != (self.stamp.bytes, self.stamp.modified) {
            return true;
        }
        let is_same = match (program.content().ok(), self.content) {
            (Some(found), Some(known)) => found == known,
            // A file that cannot be read is known by its inode alone.
            (None, _) | (_, None) => stamp.place == self.stamp.place,
        };
        if is_same {
            self.stamp = stamp;
        }
        !is_same
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
            Self::System(error) => error.source(),
            Self::Nothing | Self::Outside(_) | Self::NotExecutable(_) | Self::Ambiguous(_) => None,
        }
    }
}

impl From<OpenError> for LookupError {
    fn from(missed: OpenError) -> Self {
        match missed {
            OpenError::Outside(place) => Self::Outside(place),
            OpenError::System(error) => error.into(),
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
            // A loop of links, or a link that was put there since the path was resolved.
            _ if error.raw_os_error() == Some(libc::ELOOP) => Self::Nothing,
            _ => Self::System(error),
        }
    }
}

/// Whether any user may execute it. Whether this process may, shows when it is started.
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.mode() & 0o111 != 0
}

/// Device and inode, which identify a file.
fn place(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// How much of a file is read at once.
const PART_BYTES: u64 = 65_536;
