//! `RawConfig`: the configuration file as a list of settings, each a known key with its value, in
//! an allowed section. `load` reads its lines. Values are not read yet: sections may come in any
//! order, and the values for one service override those for all.

use std::path::Path;

use crate::config::error::{ConfigFault, Problem};
#[cfg(feature = "admin")]
use crate::config::include::Includes;
use crate::config::ini;
use crate::config::input::ConfigInput;
use crate::config::key::Key;
use crate::config::keys;
use crate::config::nearest::nearest;
use crate::config::quoted::Quoted;
use crate::config::section::Section;
use crate::config::setting::Setting;
use crate::config::value_source::{FileLine, FileNames};
use crate::ws::Target;

/// The content of a file, and of those that it includes.
#[derive(Default)]
#[cfg_attr(feature = "admin", derive(Clone))]
pub(super) struct RawConfig {
    /// The file, if there is one.
    pub(super) names: FileNames,
    /// The files that are being read.
    #[cfg(feature = "admin")]
    pub(super) includes: Includes,
    /// Its settings for all services.
    pub(super) all: Vec<Setting>,
    /// Its settings for single services, in the order of their paths.
    pub(super) services: Vec<NamedSection>,
    /// Its settings for databases, in the order of their names.
    #[cfg(feature = "database")]
    pub(super) databases: Vec<NamedSection>,
    /// Its settings for the backplane: one section, if there is one.
    #[cfg(feature = "redis")]
    pub(super) backplane: Vec<NamedSection>,
    /// Its faults. Faulty lines are left out of the settings.
    pub(super) faults: Vec<ConfigFault>,
}

impl RawConfig {
    pub(super) fn of(file: &Path) -> Self {
        let mut sheet = Self::default();
        sheet.names.file = Some(file.to_owned());
        sheet
    }

    /// Adds a key in a section. A fault of its value is returned as well.
    pub(super) fn add(
        &mut self,
        here: &CurrentSection,
        name: &str,
        value: &str,
        line: FileLine,
        input: &impl ConfigInput,
    ) -> Result<(), Problem> {
        let plain = ini::plain(name);
        #[cfg(not(feature = "admin"))]
        if let Some(name) = for_admin(&plain, value) {
            return Err(Problem::Unbuilt { name: name.to_owned(), feature: "admin" });
        }
        let key = here.find(&plain);
        let settings = match here {
            CurrentSection::Nowhere => {
                let home = key.map(|key| key.section);
                return Err(Problem::NoSection { name: name.to_owned(), home });
            }
            // The section of these keys is unknown. A key that no section allows is a fault in any
            // case.
            CurrentSection::Unknown => {
                let key = key.ok_or_else(|| here.unknown(name, &plain))?;
                let (setting, fault) = Setting::of_line(key, value, line, input);
                if let Some(fault) = fault {
                    return Err(fault);
                }
                return if setting.is_allowed() { Ok(()) } else { Err(setting.refusal().problem) };
            }
            #[cfg(all(feature = "admin", not(all(feature = "database", feature = "redis"))))]
            CurrentSection::Unbuilt => return Ok(()),
            CurrentSection::All(_) => &mut self.all,
            CurrentSection::One(path, line) => &mut self.own(path, *line).settings,
            #[cfg(feature = "database")]
            CurrentSection::Database(name, line) => {
                &mut named(&mut self.databases, name, *line).settings
            }
            #[cfg(feature = "redis")]
            CurrentSection::Backplane(line) => &mut named(&mut self.backplane, "", *line).settings,
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
        let (setting, fault) = Setting::of_line(key, value, line, input);
        settings.push(setting);
        fault.map_or(Ok(()), Err)
    }

    /// The settings for the service at a path, whose section begins or continues in this line.
    pub(super) fn own(&mut self, path: &str, line: FileLine) -> &mut NamedSection {
        named(&mut self.services, path, line)
    }
}

/// The settings of one service, or of one database.
#[cfg_attr(feature = "admin", derive(Clone))]
pub(super) struct NamedSection {
    /// The path of the service, or the name of the database.
    pub(super) path: String,
    /// The line at which its section begins, or the first of several.
    pub(super) line: FileLine,
    pub(super) settings: Vec<Setting>,
}

/// The section that a line is in.
pub(super) enum CurrentSection {
    /// Before the first.
    Nowhere,
    /// In an unknown section, which is a fault already and resembles no known one.
    Unknown,
    /// In a section that this build does not have, which is a fault already. Its keys are none.
    #[cfg(all(feature = "admin", not(all(feature = "database", feature = "redis"))))]
    Unbuilt,
    /// In a section for all services.
    All(Section),
    /// In the section of the service with this path, which begins in this line.
    One(String, FileLine),
    /// In the section of the database with this name, which begins in this line.
    #[cfg(feature = "database")]
    Database(String, FileLine),
    /// In the section of the backplane, which begins in this line.
    #[cfg(feature = "redis")]
    Backplane(FileLine),
}

impl CurrentSection {
    /// Reads the text between the brackets in a line, and its fault. The keys of a wrong section
    /// are checked as those of the section that was probably meant.
    pub(super) fn parse(title: &str, line: FileLine) -> (Self, Option<Problem>) {
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
            #[cfg(feature = "database")]
            ("database", name) => {
                let fault = (!is_name(name)).then(|| {
                    let text = format!(
                        "a database is named by letters, digits, - and _, as in [database main], \
                         not by {}",
                        Quoted(name)
                    );
                    Problem::Section(text)
                });
                (Self::Database(name.to_owned(), line), fault)
            }
            // An error that names the feature costs more than the smallest build has.
            #[cfg(all(feature = "admin", not(feature = "database")))]
            ("database", _) => {
                let name = format!("[{title}]");
                (Self::Unbuilt, Some(Problem::Unbuilt { name, feature: "sqlite or postgres" }))
            }
            #[cfg(feature = "redis")]
            ("backplane", "") => (Self::Backplane(line), None),
            #[cfg(all(feature = "admin", not(feature = "redis")))]
            ("backplane", _) => {
                let name = format!("[{title}]");
                (Self::Unbuilt, Some(Problem::Unbuilt { name, feature: "redis" }))
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

    /// The key called `name`, which is a plain one. A database has keys of its own.
    #[cfg_attr(
        not(any(feature = "database", feature = "redis")),
        expect(clippy::unused_self, reason = "each key has a name of its own")
    )]
    fn find(&self, name: &str) -> Option<&'static Key> {
        #[cfg(feature = "database")]
        if let Self::Database(..) = self {
            return keys::databases::find(name).or_else(|| keys::find(name));
        }
        #[cfg(feature = "redis")]
        if let Self::Backplane(_) = self {
            return keys::backplane::find(name).or_else(|| keys::find(name));
        }
        keys::find(name)
    }

    /// Whether `key` is allowed here.
    fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Nowhere | Self::Unknown => false,
            #[cfg(all(feature = "admin", not(all(feature = "database", feature = "redis"))))]
            Self::Unbuilt => false,
            Self::All(section) => key.section == *section,
            Self::One(..) => key.is_for_services(),
            #[cfg(feature = "database")]
            Self::Database(..) => key.section == Section::Database,
            #[cfg(feature = "redis")]
            Self::Backplane(_) => key.section == Section::Backplane,
        }
    }

    /// The fault that no key has this name, with the nearest name of a key in this section, or else
    /// in others.
    fn unknown(&self, name: &str, plain: &str) -> Problem {
        if let Some(feature) = keys::unbuilt(plain) {
            return Problem::Unbuilt { name: plain.to_owned(), feature };
        }
        let here = keys::all().filter(|key| self.holds(key));
        #[cfg(feature = "database")]
        let here = here.chain(keys::databases::KEYS.iter().filter(|key| self.holds(key)));
        #[cfg(feature = "redis")]
        let here = here.chain(keys::backplane::KEYS.iter().filter(|key| self.holds(key)));
        let elsewhere = keys::all().filter(|key| !self.holds(key));
        let near = nearest(plain, here.chain(elsewhere).map(|key| key.name));
        let near = near.and_then(|name| self.find(name));
        let nearest = near.map(|key| (key.name, (!self.holds(key)).then_some(key.section)));
        Problem::UnknownKey { name: name.to_owned(), here: self.title(), nearest }
    }

    /// The section as it is written.
    fn title(&self) -> String {
        match self {
            Self::Nowhere => String::new(),
            Self::Unknown => "its section".to_owned(),
            #[cfg(all(feature = "admin", not(all(feature = "database", feature = "redis"))))]
            Self::Unbuilt => "its section".to_owned(),
            Self::All(section) => section.title().to_owned(),
            Self::One(path, _) => format!("[service {path}]"),
            #[cfg(feature = "database")]
            Self::Database(name, _) => format!("[database {name}]"),
            #[cfg(feature = "redis")]
            Self::Backplane(_) => "[backplane]".to_owned(),
        }
    }
}

/// The section with this name, which is added if there is none.
pub(super) fn named<'a>(
    sections: &'a mut Vec<NamedSection>,
    path: &str,
    line: FileLine,
) -> &'a mut NamedSection {
    // A tree would be 4 kB more of code. That a new section moves those behind it costs more
    // than the rest only with ten thousands of them.
    let found = sections.binary_search_by(|section| section.path.as_str().cmp(path));
    let at = found.unwrap_or_else(|at| {
        let begun = NamedSection { path: path.to_owned(), line, settings: Vec::new() };
        sections.insert(at, begun);
        at
    });
    &mut sections[at]
}

/// Whether a database may have this name.
#[cfg(feature = "database")]
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

/// The path that was probably meant: with a slash in front, or decoded.
fn meant_path(wrong: &str) -> Option<String> {
    let target = Target::parse(wrong).or_else(|_| Target::parse(&format!("/{wrong}")));
    target.ok().map(|target| target.path).filter(|path| Target::is_path(path))
}

/// What a line has that only a build with the feature `admin` reads. Without that feature it is an
/// error, so that a file means the same in each build that accepts it.
#[cfg(not(feature = "admin"))]
fn for_admin(plain: &str, value: &str) -> Option<&'static str> {
    if plain == "include" {
        return Some("include");
    }
    let is_replaced = |pair: &[u8]| pair[0] == b'$' && matches!(pair[1], b'{' | b'$');
    value.as_bytes().windows(2).any(is_replaced).then_some("${ or $$")
}
