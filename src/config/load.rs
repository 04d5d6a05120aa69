//! Reads a file, and those that it includes, into a [`RawConfig`].

use std::io;
use std::path::Path;
#[cfg(feature = "admin")]
use std::{ffi::OsStr, path::PathBuf};

use crate::config::error::{ConfigFault, Problem};
#[cfg(feature = "admin")]
use crate::config::include::{FILES_MAX, INCLUDE, named, unreadable};
use crate::config::ini::{self, IniError, IniLine};
use crate::config::input::{ConfigInput, FILE_BYTES_MAX};
#[cfg(any(feature = "database", feature = "redis"))]
use crate::config::raw_config::named as named_section;
use crate::config::raw_config::{CurrentSection, RawConfig};
#[cfg(feature = "admin")]
use crate::config::setting::expanded;
use crate::config::value_source::{FileLine, ValueSource};

impl RawConfig {
    /// Reads the file `named`, which has to exist. Without a name, reads the first existing file of
    /// [`NAMES`].
    pub(super) fn load(named: Option<&Path>, input: &impl ConfigInput) -> Self {
        let unnamed = NAMES.map(Path::new);
        for file in named.as_ref().map_or(&unnamed[..], std::slice::from_ref) {
            let text = match input.read(file) {
                Ok(bytes) if bytes.len() > FILE_BYTES_MAX => {
                    Err(ConfigFault { place: ValueSource::File, problem: Problem::TooLong })
                }
                Ok(bytes) => decode(bytes, main_line),
                Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
                    continue;
                }
                Err(error) => {
                    let problem = Problem::Unreadable(error.to_string());
                    Err(ConfigFault { place: ValueSource::File, problem })
                }
            };
            return match text {
                Ok(text) => Self::read(file, &text, input),
                Err(fault) => Self { faults: vec![fault], ..Self::of(file) },
            };
        }
        Self::default()
    }

    /// Reads `text` as that of `file`.
    pub(super) fn read(file: &Path, text: &str, input: &impl ConfigInput) -> Self {
        let mut sheet = Self::of(file);
        #[cfg(feature = "admin")]
        sheet.includes.begin(input.canonical(file), None, text.len());
        sheet.take(text, main_line, input);
        sheet
    }

    /// Takes the lines of a file. It begins without a section.
    fn take(&mut self, text: &str, place: impl Fn(usize) -> FileLine, input: &impl ConfigInput) {
        let mut here = CurrentSection::Nowhere;
        for (number, line) in ini::lines(text) {
            let at = place(number);
            let fault = match line {
                #[cfg(feature = "admin")]
                Ok(IniLine::Key { name, value }) if ini::plain(name) == INCLUDE => {
                    self.include(value, at, input);
                    None
                }
                Ok(IniLine::Key { name, value }) => self.add(&here, name, value, at, input).err(),
                Ok(IniLine::Section(title)) => {
                    let (section, fault) = CurrentSection::parse(title, at);
                    here = section;
                    // A section without keys still names a path.
                    if let CurrentSection::One(path, line) = &here {
                        self.own(path, *line);
                    }
                    #[cfg(feature = "database")]
                    if let CurrentSection::Database(name, line) = &here {
                        named_section(&mut self.databases, name, *line);
                    }
                    #[cfg(feature = "redis")]
                    if let CurrentSection::Backplane(line) = &here {
                        named_section(&mut self.backplane, "", *line);
                    }
                    fault
                }
                Err(error) => {
                    if error == IniError::OpenBracket {
                        here = CurrentSection::Unknown;
                    }
                    Some(Problem::Syntax(error))
                }
            };
            let place = ValueSource::Line(at);
            self.faults.extend(fault.map(|problem| ConfigFault { place, problem }));
        }
    }
}

#[cfg(feature = "admin")]
impl RawConfig {
    /// Reads the files that a line includes.
    fn include(&mut self, value: &str, at: FileLine, input: &impl ConfigInput) {
        let place = ValueSource::Line(at);
        let value = match expanded(value, input) {
            Ok(value) => value,
            Err(error) => {
                let problem = Problem::Expansion { name: INCLUDE, error };
                return self.faults.push(ConfigFault { place, problem });
            }
        };
        let files = match named(&value, self.names.of(at), input) {
            Ok(files) => files,
            Err(reason) => return self.refuse(&value, at, reason),
        };
        for file in files {
            if let Err(reason) = self.include_file(&file, at, input) {
                self.refuse(file.as_os_str(), at, reason);
            }
        }
    }

    /// Reads one file that a line includes. The error is why not.
    fn include_file(
        &mut self,
        file: &Path,
        at: FileLine,
        input: &impl ConfigInput,
    ) -> Result<(), String> {
        let canonical = input.canonical(file);
        if let Some(reason) = self.includes.refusal(&canonical, &self.names) {
            return Err(reason);
        }
        if self.names.included.len() == FILES_MAX {
            return Err(format!("and {FILES_MAX} files are included before it, which is the most"));
        }
        let bytes = input.read_included(file).map_err(|error| unreadable(&error))?;
        let bytes_len = bytes.len();
        if self.includes.bytes_len() + bytes_len > FILE_BYTES_MAX {
            return Err("with which all files are longer than 1 MiB, which is the most".to_owned());
        }
        self.names.included.push(PathBuf::from(file));
        let number = self.names.included.len();
        let place = |line| FileLine { file: number, line };
        match decode(bytes, place) {
            Ok(text) => {
                self.includes.begin(canonical, Some(at), bytes_len);
                self.take(&text, place, input);
                self.includes.end();
            }
            Err(fault) => self.faults.push(fault),
        }
        Ok(())
    }

    /// Adds the fault that a line includes something that cannot be read.
    fn refuse(&mut self, path: &OsStr, at: FileLine, reason: String) {
        let path = path.to_string_lossy().into_owned();
        let problem = Problem::Include { path, reason };
        self.faults.push(ConfigFault { place: ValueSource::Line(at), problem });
    }
}

/// A line of the first file.
const fn main_line(line: usize) -> FileLine {
    FileLine {
        #[cfg(feature = "admin")]
        file: 0,
        line,
    }
}

/// The text of a file.
fn decode(bytes: Vec<u8>, place: impl Fn(usize) -> FileLine) -> Result<String, ConfigFault> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ConfigFault { place: ValueSource::Line(place(line)), problem: Problem::NotText }
    })
}

/// The default file names: the current one, and that of the original system.
const NAMES: [&str; 2] = ["server.conf", "server.config"];
