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
        // A pipe would be empty.
        if file == Some(path) && is_input(path) {
            return Err(io::Error::other("it is read at the start alone"));
        }
        config::read_file(path).map_err(|error| {
            let is_removed = error.kind() == io::ErrorKind::NotFound && file == Some(path);
            if is_removed { io::Error::other(error) } else { error }
        })
    };
    Command::parse(env::args_os().skip(1), read)
}

/// Whether it is what this process was given to read, such as `/dev/stdin` and `/dev/fd/63`.
fn is_input(path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    path.starts_with(b"/dev/stdin") || path.starts_with(b"/dev/fd/")
}
