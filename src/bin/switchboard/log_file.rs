//! `LogFile`: the file of the log (`log-file`), which is opened again when a tool has renamed it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A file to whose end lines are written.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens or makes the file. A FIFO is opened only if it has a reader: this does not wait for
    /// one.
    ///
    /// # Errors
    /// The system does not open it. The text names the key.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(MODE);
        match options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
            Ok(file) => Ok(Self { path: path.to_owned(), file }),
            Err(error) => {
                let is_fifo = error.raw_os_error() == Some(libc::ENXIO);
                let cure = if is_fifo { "; a FIFO needs a reader first" } else { "" };
                let path = path.display();
                Err(format!("log-file is {path}, which cannot be opened: {error}{cure}"))
            }
        }
    }

    /// Opens it again. If that fails, the file that was open stays.
    ///
    /// # Errors
    /// Those of [`LogFile::open`].
    pub(crate) fn open_again(&mut self) -> Result<(), String> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Writes once. A FIFO or a terminal that takes no more is waited for, but not for ever: the
    /// file may be opened again meanwhile.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for _ in 0..WAITS_MAX {
            match io::Write::write(&mut self.file, bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(WAIT),
                written => return written,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Whether its last line lacks the line feed. A disk that was full may have cut it, also in an
    /// earlier run.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn ends_within_line(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        let mut last = [b'\n'];
        if metadata.is_file() && metadata.len() > 0 {
            // The descriptor of the log is for writing alone.
            File::open(&self.path)?.read_exact_at(&mut last, metadata.len() - 1)?;
        }
        Ok(last != [b'\n'])
    }
}

/// The permissions of a new file, before the umask: a log is not for all users.
const MODE: u32 = 0o640;
/// How long a file is waited for that takes no more, and how often for one line.
const WAIT: Duration = Duration::from_millis(10);
const WAITS_MAX: u32 = 100;
