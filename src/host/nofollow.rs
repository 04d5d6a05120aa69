//! Opens what a path leads to without following any link, folder by folder.
//!
//! Callers resolve a path first: what its links come to has to be below the root. The
//! place that it comes to has no links; one that stands there now has been put there since, and
//! leads nowhere. So nothing is opened but what could have been found, and nothing outside is
//! opened even for a moment. A folder that is moved away meanwhile counts as where it was.
//!
//! The system's `openat2` could do so in one call, since Linux 5.6 and where no sandbox refuses it.
//! `/proc` could tell where an open file lies, where it is mounted. This works everywhere, at one
//! call for each folder on the way.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::host::sys;

/// Opens the file or folder at a path without links, such as `canonicalize` gives.
///
/// # Errors
/// It has a link by now, or whatever the system says.
pub(super) fn open(path: &Path, flags: i32) -> io::Result<File> {
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
}
