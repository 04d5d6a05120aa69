//! `RawConfig`: the configuration file as a list of settings, each a known key with its value, in
//! an allowed section. Values are not read yet: sections may come in any order, and the values for
//! one service override those for all.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::error::{ConfigFault, Problem, Quoted, ValueSource};
use crate::config::ini::{self, IniError, IniLine};
use crate::config::key::Key;
use crate::config::keys;
use crate::config::nearest::nearest;
use crate::config::section::Section;
use crate::config::setting::Setting;
use crate::ws::Target;

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

/// The content of a file.
#[derive(Default)]
pub(super) struct RawConfig {
    /// The file, if there is one.
    pub(super) file: Option<PathBuf>,
    /// Its settings for all services.
    pub(super) all: Vec<Setting>,
    /// Its settings for single services, in the order of their paths.
    pub(super) services: Vec<ServiceSection>,
    /// Its faults. Faulty lines are left out of the settings.
    pub(super) faults: Vec<ConfigFault>,
}

impl RawConfig {
    /// Reads the file `named`, which has to exist. Without a name, reads the first existing file of
    /// [`NAMES`].
    pub(super) fn load(named: Option<&Path>, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Self {
        let unnamed = NAMES.map(Path::new);
        for file in named.as_ref().map_or(&unnamed[..], std::slice::from_ref) {
            let text = match read(file) {
                Ok(bytes) => decode(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
                    continue;
                }
                Err(error) => {
                    let problem = Problem::Unreadable(error.to_string());
                    Err(ConfigFault { place: ValueSource::File, problem })
                }
            };
            return match text {
                Ok(text) => Self::read(file, &text),
                Err(fault) => Self { faults: vec![fault], ..Self::of(file) },
            };
        }
        Self::default()
    }

    /// Reads `text` as that of `file`.
    pub(super) fn read(file: &Path, text: &str) -> Self {
        let mut sheet = Self::of(file);
        let mut here = CurrentSection::Nowhere;
        for (number, line) in ini::lines(text) {
            let fault = match line {
                Ok(IniLine::Key { name, value }) => sheet.add(&here, name, value, number).err(),
                Ok(IniLine::Section(title)) => {
                    let (section, fault) = CurrentSection::parse(title, number);
                    here = section;
                    // A section without keys still names a path.
                    if let CurrentSection::One(path, line) = &here {
                        sheet.own(path, *line);
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
            let place = ValueSource::Line(number);
            sheet.faults.extend(fault.map(|problem| ConfigFault { place, problem }));
        }
        sheet
    }

    fn of(file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..Self::default() }
    }

    fn add(
        &mut self,
        here: &CurrentSection,
        name: &str,
        value: &str,
        line: usize,
    ) -> Result<(), Problem> {
        let plain = ini::plain(name);
        let key = keys::find(&plain);
        let settings = match here {
            CurrentSection::Nowhere => {
                let home = key.map(|key| key.section);
                return Err(Problem::NoSection { name: name.to_owned(), home });
            }
            // The section of these keys is unknown. A key that no section allows is a fault in any
            // case.
            CurrentSection::Unknown => {
                let key = key.ok_or_else(|| here.unknown(name, &plain))?;
                let setting = Setting { key, value: value.into(), place: ValueSource::Line(line) };
                return if setting.is_allowed() { Ok(()) } else { Err(setting.refusal().problem) };
            }
            CurrentSection::All(_) => &mut self.all,
            CurrentSection::One(path, line) => &mut self.own(path, *line).settings,
        };
        let Some(key) = key else { return Err(here.unknown(name, &plain)) };
        if !here.holds(key) {
            let here = here.title();
            return Err(Problem::Elsewhere { name: key.name, here, home: key.section });
        }
        let first = settings.iter().find(|setting| setting.key.name == key.name);
        if let Some(first) = first.filter(|_| !key.repeats()) {
            return Err(Problem::Twice { name: key.name, first: first.place });
        }
        settings.push(Setting { key, value: value.into(), place: ValueSource::Line(line) });
        Ok(())
    }

    /// The settings for the service at a path, whose section begins or continues in this line.
    fn own(&mut self, path: &str, line: usize) -> &mut ServiceSection {
        // A tree would be 4 kB more of code. That a new section moves those behind it costs more
        // than the rest only with ten thousands of them.
        let found = self.services.binary_search_by(|section| section.path.as_str().cmp(path));
        let at = found.unwrap_or_else(|at| {
            let begun = ServiceSection { path: path.to_owned(), line, settings: Vec::new() };
            self.services.insert(at, begun);
            at
        });
        &mut self.services[at]
    }
}

/// The settings of one service.
pub(super) struct ServiceSection {
    pub(super) path: String,
    /// The line at which its section begins, or the first of several.
    pub(super) line: usize,
    pub(super) settings: Vec<Setting>,
}

/// The section that a line is in.
enum CurrentSection {
    /// Before the first.
    Nowhere,
    /// In an unknown section, which is a fault already and resembles no known one.
    Unknown,
    /// In a section for all services.
    All(Section),
    /// In the section of the service with this path, which begins in this line.
    One(String, usize),
}

impl CurrentSection {
    /// Reads the text between the brackets in a line, and its fault. The keys of a wrong section
    /// are checked as those of the section that was probably meant.
    fn parse(title: &str, line: usize) -> (Self, Option<Problem>) {
        let (word, path) = title.split_once(char::is_whitespace).unwrap_or((title, ""));
        let word = ini::plain(word);
        match (word.as_str(), path.trim_start()) {
            ("server", "") => (Self::All(Section::Server), None),
            ("limits", "") => (Self::All(Section::Limits), None),
            ("service", "") => (Self::One("/path".to_owned(), line), Some(Problem::NoPath)),
            ("service", path) if Target::is_path(path) => (Self::One(path.to_owned(), line), None),
            // A path that no request can have would be a section without effect.
            ("service", path) => {
                let (meant, path) = (meant_path(path), path.to_owned());
                let shown = meant.clone().unwrap_or_else(|| Quoted(&path).to_string());
                (Self::One(shown, line), Some(Problem::Path { path, meant }))
            }
            (word, _) => {
                let path = title.find('/').and_then(|at| meant_path(&title[at..]));
                let here = match (path, nearest(word, ["server", "limits", "service"])) {
                    (Some(path), _) => Self::One(path, line),
                    (None, Some("server")) => Self::All(Section::Server),
                    (None, Some("limits")) => Self::All(Section::Limits),
                    (None, Some(_)) => Self::One("/path".to_owned(), line),
                    (None, None) => Self::Unknown,
                };
                let meant = (!matches!(here, Self::Unknown)).then(|| here.title());
                (here, Some(Problem::UnknownSection { title: title.to_owned(), meant }))
            }
        }
    }

    /// Whether `key` is allowed here.
    fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Nowhere | Self::Unknown => false,
            Self::All(section) => key.section == *section,
            Self::One(..) => key.is_for_services(),
        }
    }

    /// The fault that no key has this name, with the nearest name of a key in this section, or else
    /// in others.
    fn unknown(&self, name: &str, plain: &str) -> Problem {
        if let Some(feature) = keys::unbuilt(plain) {
            return Problem::Unbuilt { name: plain.to_owned(), feature };
        }
        let here = keys::all().filter(|key| self.holds(key));
        let elsewhere = keys::all().filter(|key| !self.holds(key));
        let near = nearest(plain, here.chain(elsewhere).map(|key| key.name)).and_then(keys::find);
        let nearest = near.map(|key| (key.name, (!self.holds(key)).then_some(key.section)));
        Problem::UnknownKey { name: name.to_owned(), here: self.title(), nearest }
    }

    /// The section as it is written.
    fn title(&self) -> String {
        match self {
            Self::Nowhere => String::new(),
            Self::Unknown => "its section".to_owned(),
            Self::All(section) => section.title().to_owned(),
            Self::One(path, _) => format!("[service {path}]"),
        }
    }
}

/// The path that was probably meant: with a slash in front, or decoded.
fn meant_path(wrong: &str) -> Option<String> {
    let target = Target::parse(wrong).or_else(|_| Target::parse(&format!("/{wrong}")));
    target.ok().map(|target| target.path).filter(|path| Target::is_path(path))
}

/// The text of a file, if it is not too long.
fn decode(bytes: Vec<u8>) -> Result<String, ConfigFault> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ConfigFault { place: ValueSource::File, problem: Problem::TooLong });
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ConfigFault { place: ValueSource::Line(line), problem: Problem::NotText }
    })
}

/// The default file names: the current one, and that of the original system.
const NAMES: [&str; 2] = ["server.conf", "server.config"];
/// More than any configuration needs. A name given by mistake may be any file.
const FILE_BYTES_MAX: usize = 1 << 20;
