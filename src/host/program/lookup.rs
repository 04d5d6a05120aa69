//! `DocumentRoot`: which executable a path names. It looks at the disk each time, so that new
//! files are found without a restart, and remembers nothing. A disk may block: the loop never
//! calls this, threads of their own do.
//!
//! One program has one key, however it is spelled: its path without the extension of the file,
//! and a folder instead of its `ws_service`. A path that could mean two files means neither.
//!
//! Links may lead anywhere, so what they come to has to be below the root, and not hidden
//! there. That place has no links, and is opened without following any.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::host::nofollow;
use crate::host::sys::{self, children};
use crate::programs::INDEX;
use crate::ws::Status;

/// The folder whose executables are services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRoot {
    /// Without links.
    path: PathBuf,
    /// The name of the one executable in it that counts, if not all do.
    only: Option<OsString>,
}

/// An executable that was found. It is held open together with its folder.
#[derive(Debug)]
pub struct Program {
    key: String,
    /// Where it is, for people.
    path: PathBuf,
    /// Opened without a way to read or write it, so that neither a pipe nor a device would notice.
    folder: File,
    name: OsString,
    /// The very file that was looked at, opened like the folder.
    file: File,
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
    /// A file is there, which nobody may execute.
    NotExecutable(PathBuf),
    /// Several executables are there.
    Ambiguous(Vec<String>),
    /// The system does not let us look.
    System(io::Error),
}

impl DocumentRoot {
    /// The folder at `path`.
    ///
    /// # Errors
    /// It is not there, or is no folder.
    pub fn new(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().canonicalize()?;
        if !path.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, only: None })
    }

    /// A root that has one program and nothing else: the executable at `file`, whatever its
    /// name, is what `/` names. A link is followed.
    ///
    /// # Errors
    /// It is not there, or is no file that can be executed.
    pub fn of_file(file: impl AsRef<Path>) -> Result<Self, LookupError> {
        let file = file.as_ref().canonicalize()?;
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(LookupError::Nothing);
        };
        let root = Self { path: folder.to_owned(), only: Some(name.to_owned()) };
        root.find("/")?;
        Ok(root)
    }

    /// The program that a decoded path names: `/foo/bar` is the executable `bar` or `bar.*` in
    /// the folder `foo`, `/foo/` is `ws_service` or `ws_service.*` there. Folders, pipes and
    /// the like are passed over, and so is the page `bar.html`. Names that begin with a dot or
    /// with an underscore have no path.
    ///
    /// # Errors
    /// There is none, or none that can be executed, or more than one.
    pub fn find(&self, path: &str) -> Result<Program, LookupError> {
        if let Some(only) = &self.only {
            let key = Some(path).filter(|path| *path == "/").ok_or(LookupError::Nothing)?;
            return self.open(key.to_owned(), Path::new(only));
        }
        let (folder, name) = split(path).ok_or(LookupError::Nothing)?;
        let place = self.inner(&self.path.join(folder.trim_start_matches('/')))?;
        let place = self.path.join(place);
        let names = names(&place)?;
        let (stem, found) = self.only(&place, &names, name)?;
        // What the name without its extension means has to be the same file.
        let (_, same) = self.only(&place, &names, stem)?;
        if found != same {
            return Err(LookupError::Nothing);
        }
        let key = if stem == INDEX { "" } else { stem };
        self.open(format!("{folder}/{key}"), &found)
    }

    /// The program nearest above a decoded path that names none itself, among those whose keys
    /// `serves` lets pass: `/count/more` is below `/count`, and below the folder's `/`. It is
    /// sought as deep as there are folders, so that a long path costs no more than a short one.
    ///
    /// # Errors
    /// There is none, or the nearest cannot be executed, or is more than one.
    pub fn find_above(
        &self,
        path: &str,
        serves: impl Fn(&str) -> bool,
    ) -> Result<Program, LookupError> {
        let is_folder = |end: &usize| {
            let inner = self.inner(&self.path.join(path[..*end].trim_start_matches('/')));
            inner.is_ok_and(|inner| self.path.join(inner).is_dir())
        };
        let slashes = || path.match_indices('/').map(|(at, _)| at);
        let depth = slashes().take_while(is_folder).count();
        let near: Vec<_> = slashes().take(depth + 1).collect();
        // Before each slash stands a name, and up to it goes a folder.
        let above = near.into_iter().rev().flat_map(|at| [&path[..=at], &path[..at]]);
        for above in above.filter(|above| !above.is_empty() && *above != path) {
            match self.find(above) {
                // A folder's program is above what is below the folder, by that name alone.
                Ok(program) if program.key.ends_with('/') != above.ends_with('/') => {}
                Ok(program) if serves(&program.key) => return Ok(program),
                Err(error) if !matches!(error, LookupError::Nothing) && serves(above) => {
                    return Err(error);
                }
                Ok(_) | Err(_) => {}
            }
        }
        Err(LookupError::Nothing)
    }

    /// The one executable that `name` means in a folder: its name without extension, and its
    /// place below the root.
    fn only<'n>(
        &self,
        folder: &Path,
        names: &'n [String],
        name: &str,
    ) -> Result<(&'n str, PathBuf), LookupError> {
        let (mut found, mut unfit) = (Vec::new(), None);
        for file in names.iter().filter(|file| *file == name || stem_of(file) == name) {
            // What has gone, or leads out, is nothing that could serve.
            let Ok(inner) = self.inner(&folder.join(file)) else { continue };
            let Ok(metadata) = fs::symlink_metadata(self.path.join(&inner)) else { continue };
            if is_executable(&metadata) {
                // A link beside the file that it leads to is no second one.
                if found.iter().all(|(_, other)| *other != inner) {
                    found.push((file, inner));
                }
            } else if metadata.is_file() && !stands_beside(file) {
                unfit = Some(inner);
            }
        }
        match (found.pop(), unfit) {
            (None, None) => Err(LookupError::Nothing),
            (None, Some(inner)) => Err(LookupError::NotExecutable(self.path.join(inner))),
            (Some(only), _) if found.is_empty() => Ok((stem_of(only.0), only.1)),
            (Some(last), _) => {
                found.push(last);
                Err(LookupError::Ambiguous(found.into_iter().map(|(f, _)| f.clone()).collect()))
            }
        }
    }

    /// What a path comes to once its links are followed, as seen from the root.
    fn inner(&self, path: &Path) -> Result<PathBuf, LookupError> {
        let path = path.canonicalize()?;
        let inner = path.strip_prefix(&self.path).map_err(|_| LookupError::Nothing)?;
        let hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        if inner.components().any(hidden) {
            return Err(LookupError::Nothing);
        }
        Ok(inner.to_owned())
    }

    /// Opens a file at a place below the root that has no links, and its folder.
    fn open(&self, key: String, inner: &Path) -> Result<Program, LookupError> {
        let path = self.path.join(inner);
        let name = inner.file_name().ok_or(LookupError::Nothing)?.to_owned();
        let folder = path.parent().ok_or(LookupError::Nothing)?;
        let folder = nofollow::open(folder, libc::O_PATH | libc::O_DIRECTORY)?;
        let file = File::from(sys::open_at(&folder, &name, libc::O_PATH)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(LookupError::Nothing);
        }
        if !is_executable(&metadata) {
            return Err(LookupError::NotExecutable(path));
        }
        Ok(Program { key, path, folder, name, file })
    }
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
            Self::Nothing => Status::NOT_FOUND,
            Self::NotExecutable(_) | Self::Ambiguous(_) | Self::System(_) => Status::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing is there"),
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
            Self::Nothing | Self::NotExecutable(_) | Self::Ambiguous(_) => None,
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

/// A path's folder, without the slash at its end, and the name that it means there. `None` if
/// the path can name no program; the path of a request has been checked before, and this holds
/// for whoever calls.
fn split(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let name = if name.is_empty() { INDEX } else { name };
    // What stands before the first slash is empty.
    let mut folders = folder.split('/');
    let is_name = |name: &str| {
        let is_odd = |c: char| c.is_control() || c == '\\';
        !name.is_empty() && !name.starts_with(['.', '_']) && !name.contains(is_odd)
    };
    let proper = folders.next() == Some("") && folders.all(is_name) && is_name(name);
    proper.then_some((folder, name))
}

/// A file's name without its extension, which has letters, digits, and no dot: so that neither
/// `bar.py~` nor `bar.py.orig`, which editors leave behind, is a `bar`.
fn stem_of(file: &str) -> &str {
    let is_plain = |end: &str| !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric());
    match file.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && is_plain(end) => stem,
        Some(_) | None => file,
    }
}

/// Whether a file that nobody may execute is no mistake: a service's page, or the source of one
/// that is compiled in.
fn stands_beside(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == "html" || end == "rs")
}

/// Whether anybody may execute it. Whether this process may, the system tells at the start.
fn is_executable(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.mode() & 0o111 != 0
}

/// The names in a folder in their order, those that no path can have left out.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// What tells a file from all others.
fn place(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
