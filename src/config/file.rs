//! Which file is read, and how it becomes text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::fault::{Fault, Place, Problem};
use crate::config::resolve::resolve;
use crate::config::sheet::{Setting, Sheet};

/// Reads a file for [`Command::parse`](crate::config::Command::parse), though no more of it
/// than shows that it is too long.
///
/// # Errors
/// Those of the system.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The configuration from the file `named`, which has to be there, or else from the first of
/// [`NAMES`] that is; with `flags` laid over it.
pub(super) fn load(
    named: Option<&Path>,
    flags: &[Setting],
    read: impl Fn(&Path) -> io::Result<Vec<u8>>,
) -> Result<Config, ConfigError> {
    let fail = |file: &Path, fault| ConfigError::new(Some(file), vec![fault]);
    let unnamed = NAMES.map(Path::new);
    for file in named.as_ref().map_or(&unnamed[..], std::slice::from_ref) {
        match read(file) {
            Ok(bytes) => {
                let text = decode(&bytes).map_err(|fault| fail(file, fault))?;
                return parse(file, text, flags);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                let problem = Problem::Unreadable(error.to_string());
                return Err(fail(file, Fault { place: Place::File, problem }));
            }
        }
    }
    finish(None, &Sheet::default(), flags, Vec::new())
}

/// The configuration from the text of `file`, with `flags` laid over it.
pub(super) fn parse(file: &Path, text: &str, flags: &[Setting]) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let sheet = Sheet::read(text, &mut faults);
    finish(Some(file), &sheet, flags, faults)
}

fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Fault { place: Place::File, problem: Problem::TooLong });
    }
    str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Fault { place: Place::Line(line), problem: Problem::NotText }
    })
}

fn finish(
    file: Option<&Path>,
    sheet: &Sheet,
    flags: &[Setting],
    mut faults: Vec<Fault>,
) -> Result<Config, ConfigError> {
    let config = resolve(sheet, flags, &mut faults);
    if faults.is_empty() {
        return Ok(Config { file: file.map(Path::to_owned), ..config });
    }
    Err(ConfigError::new(file, faults))
}

/// What is read without being named: the file, and what it was called in the original system.
const NAMES: [&str; 2] = ["server.conf", "server.config"];
/// Nobody writes more; a name given by mistake may be anything.
const FILE_BYTES_MAX: usize = 1 << 20;
