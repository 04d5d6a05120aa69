//! `Sheet`: a configuration file as a list of settings, each a known key with its value, in
//! the section where it may stand. Values are not looked at yet: sections may come in any
//! order, and what is for one service lies over what is for all.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::fault::{Fault, Place, Problem};
use crate::config::ini::{self, IniError, Line};
use crate::config::key::{Key, Section};
use crate::config::keys::KEYS;
use crate::config::nearest::nearest;
use crate::ws::Target;

/// What a file says.
#[derive(Default)]
pub(super) struct Sheet {
    /// What it says for all.
    pub(super) all: Vec<Setting>,
    /// What it says for single services, by path.
    pub(super) services: BTreeMap<String, Vec<Setting>>,
}

impl Sheet {
    /// Reads `text`. What is wrong with it is left out and becomes a fault.
    pub(super) fn read(text: &str, faults: &mut Vec<Fault>) -> Self {
        let mut sheet = Self::default();
        let mut here = Here::Nowhere;
        for (number, line) in ini::lines(text) {
            let mut report = |problem| faults.push(Fault { place: Place::Line(number), problem });
            match line {
                Ok(Line::Section(title)) => {
                    here = Here::parse(title).unwrap_or_else(|problem| {
                        report(problem);
                        Here::Unknown
                    });
                }
                Ok(Line::Key { name, value }) => {
                    sheet.add(&here, name, value, number).unwrap_or_else(report);
                }
                Err(error) => {
                    if error == IniError::OpenBracket {
                        here = Here::Unknown;
                    }
                    report(Problem::Syntax(error));
                }
            }
        }
        sheet
    }

    fn add(&mut self, here: &Here, name: &str, value: &str, line: usize) -> Result<(), Problem> {
        let plain = ini::plain(name);
        let key = Key::find(&plain);
        let settings = match here {
            Here::Unknown => return Ok(()),
            Here::Nowhere => {
                let home = key.map(|key| key.section);
                return Err(Problem::NoSection { name: name.to_owned(), home });
            }
            Here::All(_) => &mut self.all,
            Here::One(path) => self.services.entry(path.clone()).or_default(),
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
        settings.push(Setting { key, value: value.into(), place: Place::Line(line) });
        Ok(())
    }
}

/// A key with a value, and where it comes from.
pub(super) struct Setting {
    pub(super) key: &'static Key,
    /// The value as it was written.
    pub(super) value: OsString,
    pub(super) place: Place,
}

impl Setting {
    /// The fault that the value is not allowed.
    pub(super) fn refusal(&self) -> Fault {
        let value = self.value.to_string_lossy().into_owned();
        let (name, allowed) = (self.key.name, self.key.allowed());
        Fault { place: self.place, problem: Problem::NotAllowed { name, value, allowed } }
    }
}

/// The section that a line is in.
enum Here {
    /// Before the first.
    Nowhere,
    /// In one that cannot be told, which is a fault already; its keys are not judged.
    Unknown,
    /// In one that is for all.
    All(Section),
    /// In that of the service with this path.
    One(String),
}

impl Here {
    /// Reads what stands between the brackets.
    fn parse(title: &str) -> Result<Self, Problem> {
        let (word, path) = title.split_once(char::is_whitespace).unwrap_or((title, ""));
        match (ini::plain(word).as_str(), path.trim_start()) {
            ("server", "") => Ok(Self::All(Section::Server)),
            ("limits", "") => Ok(Self::All(Section::Limits)),
            ("service", "") => Err(Problem::NoPath),
            // A path that no request can have would be a section without effect.
            ("service", path) => match Target::parse(path) {
                Ok(target) if target.path == path => Ok(Self::One(target.path)),
                Ok(_) | Err(_) => Err(Problem::Path { path: path.to_owned() }),
            },
            (word, _) => {
                let nearest = nearest(word, ["server", "limits", "service"]);
                Err(Problem::UnknownSection { title: title.to_owned(), nearest })
            }
        }
    }

    /// Whether `key` may stand here.
    fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Nowhere | Self::Unknown => false,
            Self::All(section) => key.section == *section,
            Self::One(_) => key.is_for_services(),
        }
    }

    /// The fault that no key has this name, with the nearest name of a key: of those here, or
    /// else of those elsewhere.
    fn unknown(&self, name: &str, plain: &str) -> Problem {
        let here = KEYS.iter().filter(|key| self.holds(key));
        let elsewhere = KEYS.iter().filter(|key| !self.holds(key));
        let near = nearest(plain, here.chain(elsewhere).map(|key| key.name)).and_then(Key::find);
        let nearest = near.map(|key| (key.name, (!self.holds(key)).then_some(key.section)));
        Problem::UnknownKey { name: name.to_owned(), here: self.title(), nearest }
    }

    /// The section as it is written.
    fn title(&self) -> String {
        match self {
            Self::Nowhere | Self::Unknown => String::new(),
            Self::All(section) => section.title().to_owned(),
            Self::One(path) => format!("[service {path}]"),
        }
    }
}
