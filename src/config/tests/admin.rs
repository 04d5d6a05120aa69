//! Files and variables for the tests of what the feature `admin` reads.

use super::*;
use crate::config::ConfigInput;

/// All the files, folders and variables that there are.
#[derive(Clone, Copy, Default)]
pub(super) struct World<'a> {
    pub(super) files: &'a [(&'a str, &'a str)],
    pub(super) variables: &'a [(&'a str, &'a [u8])],
}

impl ConfigInput for World<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }

    /// The newest first, which is no order of names.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let paths = self.files.iter().rev().map(|(name, _)| Path::new(name));
        let inside = paths.filter(|path| path.parent() == Some(folder));
        let names: Vec<_> = inside.filter_map(|path| path.file_name()).map(Into::into).collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        let found = self.variables.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| OsStr::from_bytes(value).to_owned())
    }
}

impl World<'_> {
    /// The result of a command line.
    pub(super) fn run(&self, words: &[&str]) -> Result<Command, String> {
        Command::parse(words.iter().map(OsString::from), *self).map_err(|error| error.to_string())
    }

    /// The configuration, or its faults.
    pub(super) fn config(&self) -> Result<Config, String> {
        match self.run(&[])? {
            Command::Run(config) => Ok(config),
            other => panic!("the words ask for no other command: {other:?}"),
        }
    }
}

/// The result of a single file with variables.
pub(super) fn with(text: &str, variables: &[(&str, &[u8])]) -> Result<Config, String> {
    World { files: &[("server.conf", text)], variables }.config()
}
