//! The command line of this process, with the configuration file that it names.

use std::env;
use std::io;
use std::path::Path;

use switchboard::config::{self, Command, CommandError, Config};

/// Reads both. For a reload, `begun` is the configuration of the start: without a file the defaults
/// apply, but not if the file has been removed since.
///
/// # Errors
/// The first fault of the command line, or all faults of the configuration.
// One instance for the start and for reloads, which is not inlined into either.
#[inline(never)]
pub(crate) fn read(begun: Option<&Config>) -> Result<Command, CommandError> {
    let file = begun.and_then(|begun| begun.file.as_deref());
    let read = |path: &Path| {
        // Such as /dev/stdin and /dev/fd/63: a pipe is empty the second time.
        let is_read = file == Some(path) && path.starts_with("/dev");
        if is_read && path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("it is a pipe, which is read at the start alone"));
        }
        config::read_file(path).map_err(|error| {
            let is_removed = error.kind() == io::ErrorKind::NotFound && file == Some(path);
            if is_removed { io::Error::other(error) } else { error }
        })
    };
    Command::parse(env::args_os().skip(1), read)
}
