//! `LogTarget`: where the lines of the log go.

use std::io::{self, Write};

use switchboard::config::Config;

#[cfg(feature = "admin")]
use super::log_file::LogFile;

/// Where the lines of the log go.
#[derive(Debug)]
pub(crate) enum LogTarget {
    StandardError,
    #[cfg(feature = "admin")]
    File(LogFile),
}

impl LogTarget {
    /// The target of a configuration.
    ///
    /// # Errors
    /// The file cannot be opened. The text names the key.
    #[cfg(feature = "admin")]
    pub(crate) fn of(config: &Config) -> Result<Self, String> {
        let file = config.log_file.as_ref().map(|path| LogFile::open(path)).transpose()?;
        Ok(file.map_or(Self::StandardError, Self::File))
    }

    /// Standard error, in a build without files.
    #[cfg(not(feature = "admin"))]
    pub(crate) const fn of(_: &Config) -> Result<Self, String> {
        Ok(Self::StandardError)
    }

    /// Its name in messages.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::StandardError => "standard error",
            #[cfg(feature = "admin")]
            Self::File(_) => "the file of the log",
        }
    }
}

impl Write for LogTarget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::StandardError => io::stderr().write(bytes),
            #[cfg(feature = "admin")]
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
