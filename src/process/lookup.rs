//! `DocumentRoot`: which executable a path names. It reads the disk each time, so that new files
//! are found without a restart, and keeps only listings that a caller holds for a moment. A disk
//! may block, so this runs on separate threads, never on the loop.
//!
//! A program has one key, however it is spelled: its path without the extension of the file, a
//! folder instead of its `ws_service`, and the target of a link instead of the link to a folder. A
//! path that could mean two files means neither. A link to a file is a program of its own.
//!
//! Links are followed, and their target has to be below the root; it is opened without following
//! links. Only the name in the request decides whether a file is hidden: the target of a link may
//! be in a hidden place, as in mounts of Kubernetes and the layouts of package managers.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf, absolute};
use std::rc::Rc;

use crate::host::nofollow::{self, LOOKS_MAX};
use crate::process::executable::{Executable, LookupError, is_executable};
use crate::process::file_names;
use crate::process::listings::{Listings, Names};
use crate::process::spelling::{folders, spell};
use crate::sys;

/// The folder whose executables are services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRoot {
    /// As configured; it may be a link.
    given: PathBuf,
    /// Without links.
    pub(super) path: PathBuf,
    /// The name of the only executable in it that is served, if not all are.
    pub(super) only: Option<OsString>,
    /// The paths that are programs even if their files look like interpreters, libraries or
    /// packages.
    pub(super) named: Vec<String>,
}

/// A folder that was read.
pub(super) struct Folder {
    /// The one spelling of its URL path, without the slash at its end.
    pub(super) url: String,
    pub(super) path: PathBuf,
    pub(super) names: Rc<Names>,
}

impl DocumentRoot {
    /// The folder at `path`.
    ///
    /// # Errors
    /// It does not exist, or is no folder.
    pub fn new(path: impl AsRef<Path>) -> io::Result<Self> {
        let given = absolute(path)?;
        let path = nofollow::resolve_folder(&given)?;
        Ok(Self { given, path, only: None, named: Vec::new() })
    }

    /// A root that has one program and nothing else: the executable at `file`, whatever its
    /// name, is what `/` names. A link is followed.
    ///
    /// # Errors
    /// It does not exist, or is no executable file.
    pub fn of_file(file: impl AsRef<Path>) -> Result<Self, LookupError> {
        let given = absolute(file)?;
        let file = given.canonicalize()?;
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(LookupError::Nothing);
        };
        let (path, only) = (folder.to_owned(), Some(name.to_owned()));
        let root = Self { given, path, only, named: Vec::new() };
        root.find("/")?;
        Ok(root)
    }

    /// The same root, in which these paths, without the extensions of their files, may name a file
    /// that would be taken for executable by accident: an interpreter, a library, or a file in a
    /// virtual environment or a folder of packages.
    #[must_use]
    pub fn naming(self, paths: impl IntoIterator<Item = String>) -> Self {
        Self { named: paths.into_iter().collect(), ..self }
    }

    /// The same root, with the links on the way to it followed again.
    ///
    /// # Errors
    /// As when it was made.
    pub(super) fn again(&self) -> Result<Self, LookupError> {
        let again = match self.only {
            None => Self::new(&self.given)?,
            Some(_) => Self::of_file(&self.given)?,
        };
        Ok(again.naming(self.named.iter().cloned()))
    }

    /// Whether both were given as the same path, or lead to the same place.
    pub(super) fn is_given_as(&self, other: &Self) -> bool {
        let is_same = self.given == other.given || self.path == other.path;
        is_same && self.only.is_some() == other.only.is_some()
    }

    /// The program that a decoded path names: `/foo/bar` is the executable `bar` or `bar.*` in
    /// the folder `foo`, `/foo/` is `ws_service` or `ws_service.*` there. Folders, pipes and
    /// the like are passed over, and so are pages, data, and copies such as `bar.py.bak`. Names
    /// that begin with a dot or with an underscore have no path.
    ///
    /// # Errors
    /// There is none, or none that is executable, or more than one.
    pub fn find(&self, path: &str) -> Result<Executable, LookupError> {
        self.find_in(path, &mut Listings::new())
    }

    /// The same, in folders that were read a moment ago.
    pub(crate) fn find_in(
        &self,
        path: &str,
        listings: &mut Listings,
    ) -> Result<Executable, LookupError> {
        if let Some(only) = &self.only {
            let key = Some(path).filter(|path| *path == "/").ok_or(LookupError::Nothing)?;
            return open(key.to_owned(), self.path.join(only));
        }
        let (url, name) = file_names::split(path).ok_or(LookupError::Nothing)?;
        for _ in 0..LOOKS_MAX {
            if let Some(program) = self.look(url, name, listings)? {
                return Ok(program);
            }
        }
        Err(LookupError::Nothing)
    }

    /// One search for a program; `None` if its file was removed meanwhile, as when a mount of
    /// Kubernetes is switched.
    fn look(
        &self,
        url: &str,
        name: &str,
        listings: &mut Listings,
    ) -> Result<Option<Executable>, LookupError> {
        let folder = match self.folder(url, listings) {
            Err(LookupError::Nothing) => return Ok(None),
            folder => folder?,
        };
        let is_there = || spell(&self.path, url).is_ok_and(|(place, _)| place == folder.path);
        let (stem, found) = match self.only(&folder, name) {
            // A folder that is being removed may already be empty.
            Err(LookupError::Nothing) if !is_there() => return Ok(None),
            Ok(None) => {
                // A file that was removed or renamed since the folder was read is missing in a new
                // listing. A broken link is still in it.
                let is_gone = |file: &String| folder.path.join(file).symlink_metadata().is_err();
                if folder.names.meant(name).take(FILES_MAX).any(is_gone) {
                    listings.forget(&folder.path);
                }
                return Ok(None);
            }
            Ok(Some(found)) => found,
            Err(error) => return Err(error),
        };
        // The name without its extension has to mean the same file.
        if stem != name {
            let Some((_, same)) = self.only(&folder, stem)? else { return Ok(None) };
            if found != same {
                return Ok(None);
            }
        }
        match open(file_names::key(&folder.url, stem), found) {
            Err(LookupError::Nothing) => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The program nearest above a decoded path that names none itself, among those whose keys
    /// `serves` accepts: `/count/more` is below `/count`, and below the folder's `/`. It is
    /// sought as deep as there are folders, so that a long path costs no more than a short one.
    ///
    /// Returns with it the beginning of the path that names it.
    ///
    /// # Errors
    /// There is none, or the nearest cannot be executed, or is more than one.
    pub fn find_above<'p>(
        &self,
        path: &'p str,
        serves: impl Fn(&str) -> bool,
    ) -> Result<(Executable, &'p str), LookupError> {
        self.find_above_in(path, serves, &mut Listings::new())
    }

    /// The same, in folders that were read a moment ago.
    pub(crate) fn find_above_in<'p>(
        &self,
        path: &'p str,
        serves: impl Fn(&str) -> bool,
        listings: &mut Listings,
    ) -> Result<(Executable, &'p str), LookupError> {
        // Several names of the path may be sought in one folder.
        listings.keep_small();
        let found = self.nearest_above(path, serves, listings);
        listings.drop_small();
        found
    }

    fn nearest_above<'p>(
        &self,
        path: &'p str,
        serves: impl Fn(&str) -> bool,
        listings: &mut Listings,
    ) -> Result<(Executable, &'p str), LookupError> {
        // A root of one program has no folders that lead to it.
        let folders =
            if self.only.is_some() { vec![String::new()] } else { folders(&self.path, path) };
        let slashes = path.match_indices('/').map(|(at, _)| at).take(folders.len() + 1);
        let slashes: Vec<_> = slashes.enumerate().collect();
        // Before each slash stands a name, in the folder before it, and up to it goes a folder.
        let above = slashes.into_iter().rev().flat_map(|(index, at)| {
            let before = index.checked_sub(1).and_then(|before| folders.get(before));
            [(folders.get(index), &path[..=at]), (before, &path[..at])]
        });
        let mut seen = HashSet::new();
        for (folder, above) in above.filter(|(_, above)| !above.is_empty() && *above != path) {
            let name = above.rsplit('/').next().unwrap_or_default();
            // A name in a folder means the same, whatever links lead to the folder.
            if folder.is_some_and(|folder| !seen.insert((folder, name))) {
                continue;
            }
            let key = || folder.map(|folder| file_names::key(folder, file_names::stem_of(name)));
            match self.find_in(above, listings) {
                Ok(program) if serves(program.key()) => return Ok((program, above)),
                Err(LookupError::Nothing | LookupError::Outside(_)) => {}
                Err(error) if serves(key().as_deref().unwrap_or(above)) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Err(LookupError::Nothing)
    }

    /// The one executable that `name` means in a folder: its name without extension, and its
    /// place. `None` if a file of that name was removed meanwhile. Any peer can ask for any name,
    /// so what names tell comes first, and the number of files that are looked at has a bound.
    pub(super) fn only<'n>(
        &self,
        folder: &'n Folder,
        name: &str,
    ) -> Result<Option<(&'n str, PathBuf)>, LookupError> {
        let (mut found, mut accidents) = (Vec::<(&String, PathBuf)>::new(), Vec::new());
        let (mut unfit, mut outside, mut lost) = (None, None, false);
        // Any number of files may be numbered copies of this one.
        let is_original = LazyCell::new(|| is_file(folder, name));
        let is_whole =
            |whole: &str| if whole == name { *is_original } else { is_file(folder, whole) };
        let is_none = |file: &str| file_names::is_data(file) || file_names::is_copy(file, is_whole);
        let files = folder.names.meant(name).filter(|file| !is_none(file));
        for (looked_at, file) in files.enumerate() {
            if looked_at == FILES_MAX {
                let text = format!(
                    "more than {FILES_MAX} files have this name and an extension; move those away \
                     that are no programs"
                );
                return Err(LookupError::System(io::Error::new(ErrorKind::QuotaExceeded, text)));
            }
            let (place, metadata) = match self.entry(folder, file) {
                Ok(entry) => entry,
                // A link that leads out, or a file that was removed, cannot serve.
                Err(error) => {
                    match error {
                        LookupError::Outside(_) => outside = outside.or(Some(error)),
                        _ => lost = true,
                    }
                    continue;
                }
            };
            if !metadata.is_file() || (file_names::is_source(file) && !is_script(&place)) {
                continue;
            }
            let is_accident = self.is_accident(folder, file, &place);
            if !is_executable(&metadata) {
                unfit = unfit.or(Some(place).filter(|_| !is_accident));
                continue;
            }
            // A link and its target in one folder count as one file.
            let found = if is_accident { &mut accidents } else { &mut found };
            if found.iter().all(|(_, other)| *other != place) {
                found.push((file, place));
            }
            // Two are enough to say so.
            if !is_accident && found.len() > 1 {
                break;
            }
        }
        if found.is_empty() && unfit.is_none() {
            let is_named = |file| {
                self.named.contains(&file_names::key(&folder.url, file_names::stem_of(file)))
            };
            found = accidents.into_iter().filter(|(file, _)| is_named(file)).collect();
        }
        match (found.pop(), unfit) {
            (None, None) if lost => Ok(None),
            (None, None) => Err(outside.unwrap_or(LookupError::Nothing)),
            (None, Some(place)) => Err(LookupError::NotExecutable(place)),
            (Some((file, place)), _) if found.is_empty() => {
                Ok(Some((file_names::stem_of(file), place)))
            }
            (Some(last), _) => {
                found.push(last);
                Err(LookupError::Ambiguous(found.into_iter().map(|(f, _)| f.clone()).collect()))
            }
        }
    }

    /// Whether a file is probably executable by accident, and not intended as a service.
    fn is_accident(&self, folder: &Folder, file: &str, place: &Path) -> bool {
        let target = place.file_name().unwrap_or_default().to_string_lossy();
        folder.url.split('/').any(|name| file_names::is_of_packages(name.as_ref()))
            || self.is_packaged(place)
            || [file, &target].into_iter().any(file_names::is_library)
            || (file_names::is_interpreter(&target) && !is_script(place))
    }

    /// Whether a place lies in a virtual environment or in a folder of packages. If the root itself
    /// is an environment, files directly in it count as meant, those in its subfolders do not.
    pub(super) fn is_packaged(&self, place: &Path) -> bool {
        let has = |folder: &Path, mark| self.path.join(folder).join(mark).exists();
        let is_environment = |folder| has(folder, "pyvenv.cfg") || has(folder, "conda-meta");
        let own = self.below(place);
        let is_direct = own.parent() == Some(Path::new(""));
        own.ancestors().skip(1).any(|folder| match folder.file_name() {
            Some(name) => file_names::is_of_packages(name) || is_environment(folder),
            None => !is_direct && is_environment(folder),
        })
    }

    /// Reads a folder.
    pub(super) fn folder(&self, url: &str, listings: &mut Listings) -> Result<Folder, LookupError> {
        let (path, url) = spell(&self.path, url)?;
        let names = listings.names(&path)?;
        Ok(Folder { url, path, names })
    }

    /// The place of a name in a folder once its links are followed, and the metadata of the file.
    pub(super) fn entry(
        &self,
        folder: &Folder,
        name: &str,
    ) -> Result<(PathBuf, Metadata), LookupError> {
        #[cfg(test)]
        tests::count();
        let place = nofollow::resolve(&self.path, &folder.path.join(name))?;
        let metadata = fs::symlink_metadata(&place)?;
        Ok((place, metadata))
    }

    /// A path relative to the root.
    pub(super) fn below<'p>(&self, place: &'p Path) -> &'p Path {
        place.strip_prefix(&self.path).unwrap_or(place)
    }
}

/// Opens a file at a place that has no links, and its folder.
fn open(key: String, path: PathBuf) -> Result<Executable, LookupError> {
    let name = path.file_name().ok_or(LookupError::Nothing)?.to_owned();
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
    Ok(Executable { key, path, folder, name, file })
}

/// Whether a name in a folder is that of a file.
fn is_file(folder: &Folder, name: &str) -> bool {
    #[cfg(test)]
    tests::count();
    folder.path.join(name).is_file()
}

/// Whether a file names an interpreter in its first line. A Rust source may begin with `#![`.
pub(super) fn is_script(place: &Path) -> bool {
    let mut first = [0; 3];
    // Without waiting, in case it is a pipe by now.
    let read =
        nofollow::open(place, libc::O_NONBLOCK).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first.starts_with(b"#!") && first[2] != b'['
}

/// The most files of one name, with whatever extensions, that are looked at for one request.
const FILES_MAX: usize = 256;

#[cfg(test)]
pub(super) mod tests;
