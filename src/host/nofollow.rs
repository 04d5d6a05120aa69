//! Opens the file that a path below a root leads to. Its links may lead anywhere below the root.
//!
//! A path is resolved first. The result, which has no links, is then opened folder by folder
//! without following links: a link that is there now was made since, and is not followed. So
//! nothing outside the root is opened, even for a moment. A folder that is moved meanwhile counts
//! as being where it was.
//!
//! `openat2` could do this in one call, but it needs Linux 5.6, and some sandboxes refuse it.
//! `/proc` could show where an open file is, but it is not mounted everywhere. This way works
//! everywhere and costs one call for each folder on the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::sys;

/// Why nothing was opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Links lead out of the root, to this path.
    Outside(PathBuf),
    /// The system's reason.
    System(io::Error),
}

/// The path without links of a folder whose files are served.
///
/// # Errors
/// There is nothing at the path, or it is no folder.
pub(crate) fn resolve_folder(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    if path.is_dir() { Ok(path) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// Resolves the links of a path. The path of `root` has none.
///
/// # Errors
/// There is no file, or it is not below `root`.
pub(crate) fn resolve(root: &Path, path: &Path) -> Result<PathBuf, OpenError> {
    let path = path.canonicalize().map_err(OpenError::System)?;
    if path.starts_with(root) { Ok(path) } else { Err(OpenError::Outside(path)) }
}

/// Opens the file or folder that a path leads to, for reading. Also returns its path without links.
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

/// Opens a file or folder at a path without links, for reading. It opens nothing else: to open a
/// pipe releases its writer, and to open a device may have any effect. If something else replaces
/// the file after the check, it is opened without blocking, checked again and not read. A process
/// that can replace the file could open the replacement itself.
fn open_plain(path: &Path) -> io::Result<File> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let text = "neither a file nor a folder";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    open(path, libc::O_NONBLOCK)
}

/// Resolves `path` again if its file was removed meanwhile and the path still exists.
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

/// How often a path is resolved if its file is removed at that moment. A mount of Kubernetes
/// replaces all its files by changing one link.
pub(crate) const LOOKS_MAX: usize = 3;

/// Opens the file or folder at a path without links, such as `canonicalize` gives.
///
/// # Errors
/// The path has a link by now, or another error of the system.
pub(crate) fn open(path: &Path, flags: i32) -> io::Result<File> {
    let mut opened = OpenOptions::new().read(true).custom_flags(ON_THE_WAY).open("/")?;
    let mut parts = path.components().skip(1).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { ON_THE_WAY } else { flags };
        opened = sys::open_at(&opened, part.as_os_str(), flags)?.into();
    }
    Ok(opened)
}

/// A folder that is opened to reach what is in it. Permission to list it is not needed.
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

    /// As in a mount of Kubernetes, after a path has been resolved and before it is opened.
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
        // How often the file is replaced, how often it is looked for, and whether it is found.
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
