//! Opens what a path below a root leads to, wherever its links lead, as long as that is below the
//! root as well.
//!
//! A path is resolved first, and the place that it comes to is opened without following any link,
//! folder by folder. That place has no links; one that is there now was made since, and is not
//! followed. So nothing is opened but what could have been found, and nothing outside is
//! opened even for a moment. A folder that is moved away meanwhile counts as where it was.
//!
//! The system's `openat2` could do so in one call, since Linux 5.6 and where no sandbox refuses it.
//! `/proc` could tell where an open file lies, where it is mounted. This works everywhere, at one
//! call for each folder on the way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::sys;

/// Why nothing was opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Links lead out of the root, to this place.
    Outside(PathBuf),
    /// The system's reason.
    System(io::Error),
}

/// The path without links of a folder whose files are served.
///
/// # Errors
/// It is not there, or is no folder.
pub(crate) fn resolve_folder(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    if path.is_dir() { Ok(path) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// The path without links of what a path leads to. The path of `root` has none.
///
/// # Errors
/// It is not there, or not below `root`.
pub(crate) fn resolve(root: &Path, path: &Path) -> Result<PathBuf, OpenError> {
    let path = path.canonicalize().map_err(OpenError::System)?;
    if path.starts_with(root) { Ok(path) } else { Err(OpenError::Outside(path)) }
}

/// Opens the file or folder that a path leads to, for reading; returns its path without links, too.
///
/// # Errors
/// As of [`resolve`] and [`open_plain`].
pub(crate) fn open_below(root: &Path, path: &Path) -> Result<(PathBuf, File), OpenError> {
    look(path, || {
        let place = resolve(root, path)?;
        let file = open_plain(&place).map_err(OpenError::System)?;
        Ok((place, file))
    })
}

/// Opens a file or folder at a path without links for reading, and nothing else: to open a pipe
/// releases its writer, and to open a device may do anything. One that replaces the file after the
/// check is opened, without waiting; a process that can do that can open it as well. So what was
/// opened is checked again before it is read.
fn open_plain(path: &Path) -> io::Result<File> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let text = "neither a file nor a folder";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    open(path, libc::O_NONBLOCK)
}

/// Looks again if what `path` led to was removed during a look, but the path is still there.
fn look<T>(path: &Path, mut once: impl FnMut() -> Result<T, OpenError>) -> Result<T, OpenError> {
    let mut more = 1..LOOKS_MAX;
    loop {
        match once() {
            Err(OpenError::System(_))
                if fs::symlink_metadata(path).is_ok() && more.next().is_some() => {}
            found => return found,
        }
    }
}

/// How often a path is resolved whose file is removed at that moment, as in a mount of Kubernetes,
/// which replaces all its files by one link.
pub(crate) const LOOKS_MAX: usize = 3;

/// Opens the file or folder at a path without links, such as `canonicalize` gives.
///
/// # Errors
/// It has a link by now, or whatever the system says.
pub(crate) fn open(path: &Path, flags: i32) -> io::Result<File> {
    let mut opened = OpenOptions::new().read(true).custom_flags(ON_THE_WAY).open("/")?;
    let mut parts = path.components().skip(1).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { ON_THE_WAY } else { flags };
        opened = sys::open_at(&opened, part.as_os_str(), flags)?.into();
    }
    Ok(opened)
}

/// A folder that is opened for the sake of what is in it, which its readers alone may list.
const ON_THE_WAY: i32 = libc::O_PATH | libc::O_DIRECTORY;

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn no_link_is_followed_wherever_it_stands() {
        let folder = env::temp_dir().join(format!("switchboard-nofollow-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).expect("it can be made");
        let folder = folder.canonicalize().expect("it is there");
        fs::write(folder.join("a/b/file"), "here").expect("it can be written");
        for (link, to) in [("a/link", "b"), ("link", "a"), ("a/b/link", "file")] {
            symlink(to, folder.join(link)).expect("it can be made");
        }
        let read = |name: &str| -> io::Result<String> {
            let mut text = String::new();
            open(&folder.join(name), 0)?.read_to_string(&mut text)?;
            Ok(text)
        };
        assert_eq!(read("a/b/file").expect("it has no link"), "here");
        for name in ["a/link/file", "link/b/file", "a/b/link"] {
            assert!(fs::exists(folder.join(name)).is_ok_and(|exists| exists), "{name}");
            assert!(read(name).is_err(), "{name}");
        }
        for folder in [Path::new("/"), &folder] {
            let opened = open(folder, libc::O_DIRECTORY).expect("it is there");
            assert!(opened.metadata().expect("it is open").is_dir());
        }
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn only_files_and_folders_are_opened() {
        let folder = env::temp_dir().join(format!("switchboard-plain-{}", std::process::id()));
        fs::create_dir_all(folder.join("folder")).expect("it can be made");
        let folder = folder.canonicalize().expect("it is there");
        fs::write(folder.join("file"), "here").expect("it can be written");
        drop(UnixListener::bind(folder.join("socket")).expect("it can be made"));
        let open = |name: &str| open_below(&folder, &folder.join(name)).map(drop);
        for name in ["file", "folder"] {
            open(name).expect("it is what is served");
        }
        for place in [folder.join("socket"), PathBuf::from("/dev/null")] {
            let error = open_plain(&place).expect_err("it is neither");
            assert_eq!(error.to_string(), "neither a file nor a folder", "{place:?}");
        }
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    /// As in a mount of Kubernetes, between the moments at which a path is resolved and opened.
    #[test]
    fn a_file_that_is_replaced_meanwhile_is_looked_for_again() {
        let folder = env::temp_dir().join(format!("switchboard-looks-{}", std::process::id()));
        fs::create_dir_all(folder.join("..0")).expect("it can be made");
        let folder = folder.canonicalize().expect("it is there");
        fs::write(folder.join("..0/file"), "here").expect("it can be written");
        symlink("..0", folder.join("..data")).expect("it can be made");
        symlink("..data/file", folder.join("file")).expect("it can be made");
        let mut version = 0;
        let mut switch = || {
            let (old, new) = (format!("..{version}"), format!("..{}", version + 1));
            version += 1;
            fs::rename(folder.join(old), folder.join(&new)).expect("it can be moved");
            symlink(new, folder.join("..new")).expect("it can be made");
            fs::rename(folder.join("..new"), folder.join("..data")).expect("it can be moved");
        };
        // How often it is replaced, how often it is looked for, and whether it is found.
        for (switches, expected, is_found) in
            [(0, 1, true), (1, 2, true), (2, 3, true), (3, 3, false)]
        {
            let (path, mut looks) = (folder.join("file"), 0);
            let found = look(&path, || {
                let place = resolve(&folder, &path)?;
                looks += 1;
                if looks <= switches {
                    switch();
                }
                open(&place, 0).map_err(OpenError::System)
            });
            assert_eq!((looks, found.is_ok()), (expected, is_found), "{switches} switches");
        }
        let mut looks = 0;
        let path = folder.join("nothing");
        let found = look(&path, || {
            looks += 1;
            resolve(&folder, &path)
        });
        assert!(found.is_err() && looks == 1, "what is not there is looked for once");
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
