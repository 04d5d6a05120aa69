//! `ConfigInput`: what a configuration is read from. Tests and fuzz targets have their own.

#[cfg(feature = "admin")]
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
#[cfg(feature = "admin")]
use std::path::PathBuf;
#[cfg(feature = "admin")]
use std::{env, fs};

/// The files and the environment that a configuration is read from. A function that reads files is
/// one, with the folders and the environment of the process.
pub trait ConfigInput {
    /// The content of a file, of which 1 MiB and a byte are enough.
    ///
    /// # Errors
    /// The error of the system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The same for a file that another one includes: a regular one, so that no read waits.
    ///
    /// # Errors
    /// The error of the system, or that it is another kind of file.
    #[cfg(feature = "admin")]
    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        self.read(path)
    }

    /// The names in a folder, except those of folders.
    ///
    /// # Errors
    /// The error of the system.
    #[cfg(feature = "admin")]
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let is_folder = |entry: &fs::DirEntry| entry.path().is_dir();
        let mut names = Vec::new();
        for entry in fs::read_dir(here)? {
            let entry = entry?;
            if !is_folder(&entry) {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }

    /// The path without links and dots. Two paths of one file have the same.
    #[cfg(feature = "admin")]
    fn canonical(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }

    /// A variable of the environment, if it is set.
    #[cfg(feature = "admin")]
    fn variable(&self, name: &str) -> Option<OsString> {
        env::var_os(name)
    }
}

impl<F: Fn(&Path) -> io::Result<Vec<u8>>> ConfigInput for F {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self(path)
    }
}

/// No file besides the one whose text is given, and an empty environment.
pub(super) struct NoInput;

impl ConfigInput for NoInput {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::other("a text alone is read"))
    }

    #[cfg(feature = "admin")]
    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }

    #[cfg(feature = "admin")]
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.read(folder).map(|_| Vec::new())
    }

    #[cfg(feature = "admin")]
    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    #[cfg(feature = "admin")]
    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// Reads a file for [`Command::parse`](crate::config::Command::parse), but not more of it than
/// shows that it is too long.
///
/// # Errors
/// The errors of the system.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// More than any configuration needs, with all that it includes. A name given by mistake may be any
/// file.
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;
