//! `--print-config`: what holds, and where each value comes from, as a text that a server reads as
//! the same configuration. It has no form of its own for each kind of value: a value is printed as
//! it was written, with its variables replaced.

use std::fmt::Write;

use crate::config::Config;
use crate::config::expand::{MASK, ValueForm};
use crate::config::ini::{self, IniLine};
use crate::config::key::{Key, ReloadTime};
use crate::config::keys;
#[cfg(any(feature = "database", feature = "redis"))]
use crate::config::masked::has_password;
use crate::config::raw_config::RawConfig;
use crate::config::section::Section;
use crate::config::setting::Setting;
use crate::config::value_source::{FileNames, ValueSource};
use crate::limits::Limits;

/// The text for a valid configuration. `steps` are those of the log level.
pub(super) fn print(sheet: &RawConfig, flags: &[Setting], steps: i64, config: &Config) -> String {
    let mut page = PrintedConfig { names: &sheet.names, body: String::new(), is_readable: true };
    for section in [Section::Server, Section::Limits] {
        page.push(format_args!("\n{}\n", section.title()));
        for key in keys::all().filter(|key| key.section == section) {
            if key.name == "log-level" && steps != 0 {
                let level = config.log_level.as_str().to_ascii_lowercase();
                page.value(key.name, &level, "command line");
                continue;
            }
            let is_of_key = |setting: &&Setting| setting.is_of(key.name);
            let flags: Vec<_> = flags.iter().filter(is_of_key).collect();
            let of_file: Vec<_> = sheet.all.iter().filter(is_of_key).collect();
            let counting = if flags.is_empty() { &of_file[..] } else { &flags[..] };
            match counting {
                [] => page.default(key, config),
                // Of a flag that adds nothing to itself, the last counts.
                [.., last] if !key.repeats() => page.setting(last, &config.all.limits),
                all => all.iter().for_each(|one| page.setting(one, &config.all.limits)),
            }
        }
    }
    for section in &sheet.services {
        let path = &section.path;
        let place = comment(&sheet.names.place(section.line));
        page.push(format_args!("\n[service {path}]  # {place}\n"));
        let limits = config.service(path).map_or(&config.all.limits, |own| &own.options.limits);
        section.settings.iter().for_each(|setting| page.setting(setting, limits));
        let has_own = section.settings.iter().any(|setting| setting.is_of("outbox-max"));
        if !has_own && limits.outbox_bytes_max != config.all.limits.outbox_bytes_max {
            page.follows("outbox-max", &size(limits.outbox_bytes_max), "max-message");
        }
    }
    #[cfg(feature = "database")]
    for section in &sheet.databases {
        let place = comment(&sheet.names.place(section.line));
        page.push(format_args!("\n[database {}]  # {place}\n", section.path));
        let limits = &config.all.limits;
        section.settings.iter().for_each(|setting| page.setting(setting, limits));
    }
    #[cfg(feature = "redis")]
    for section in &sheet.backplane {
        let place = comment(&sheet.names.place(section.line));
        page.push(format_args!("\n[backplane]  # {place}\n"));
        section.settings.iter().for_each(|setting| page.setting(setting, &config.all.limits));
    }
    page.text()
}

/// The text so far.
struct PrintedConfig<'a> {
    names: &'a FileNames,
    body: String,
    /// Whether a server reads it as the same configuration.
    is_readable: bool,
}

impl PrintedConfig<'_> {
    /// The whole text.
    fn text(&self) -> String {
        let mut text = String::new();
        if !self.is_readable {
            text += UNREADABLE;
        }
        text += HEAD;
        let file = self.names.file.iter();
        for name in file.chain(&self.names.included) {
            text += &format!("# Read: {}\n", comment(&name.to_string_lossy()));
        }
        text + &self.body
    }

    /// A setting, in a section with these limits.
    fn setting(&mut self, setting: &Setting, limits: &Limits) {
        let name = setting.key.name;
        let mut note = match setting.place {
            ValueSource::Line(at) => comment(&self.names.place(at)),
            ValueSource::File | ValueSource::CommandLine => "command line".to_owned(),
        };
        let expansion = setting.expansion.as_deref();
        for variable in expansion.iter().flat_map(|found| &found.variables) {
            note += &format!(", {variable}");
        }
        note += class_of(setting.key);
        let shown = setting.shown();
        let is_masked = expansion.is_some_and(|found| found.is_masked);
        match (shown.split_once('='), setting.value.to_str()) {
            (Some((variable, _)), _) if setting.key.form() == ValueForm::Assignment => {
                self.masked(name, &format!("{}={MASK}", variable.trim_end()), &note);
            }
            _ if is_masked => self.masked(name, &shown, &note),
            #[cfg(any(feature = "database", feature = "redis"))]
            _ if name == "url" && has_password(&setting.value.to_string_lossy()) => {
                self.masked(name, &shown, &note);
            }
            (_, None) => self.unwritable(name, &shown, &note),
            // The parts that were omitted hold as well.
            (_, Some(_)) if name == "mail-max" => {
                let (messages, bytes) = (limits.mail_messages_max, limits.mail_bytes_max);
                self.value(name, &format!("{messages} messages or {}", size(bytes)), &note);
            }
            (_, Some(value)) => self.value(name, value, &note),
        }
    }

    /// A value that is read as it is.
    fn value(&mut self, name: &str, value: &str, note: &str) {
        let written = value.replace('$', "$$");
        for separator in [": ", ":"] {
            let line = format!("{name}{separator}{written}  # {note}\n");
            let expected = IniLine::Key { name, value: &written };
            if ini::lines(&line).eq([(1, Ok(expected))]) {
                return self.push(format_args!("{line}"));
            }
        }
        self.unwritable(name, value, note);
    }

    /// A value of the command line or of a variable that has no form in a file, such as one with a
    /// line feed.
    fn unwritable(&mut self, name: &str, value: &str, note: &str) {
        self.is_readable = false;
        self.push(format_args!("# {name}: {value:?}  # {note}; no file can have this value\n"));
    }

    /// A value with a secret in it.
    fn masked(&mut self, name: &str, shown: &str, note: &str) {
        self.is_readable = false;
        self.push(format_args!("{name}: {}  # {note}\n", comment(shown)));
    }

    /// A key that is not given. It stays a comment: what follows from other keys follows from them
    /// in the printed text, too, and the default of `document-root` may be missing.
    fn default(&mut self, key: &Key, config: &Config) {
        let limits = &config.all.limits;
        match key.name {
            "outbox-max" if limits.outbox_bytes_max != Limits::SERVER.outbox_bytes_max => {
                self.follows(key.name, &size(limits.outbox_bytes_max), "max-message");
            }
            "new-per-ip" if limits.connection_rate.is_none() => {
                self.follows(key.name, "off", "max-per-ip");
            }
            name => {
                let class = class_of(key);
                self.push(format_args!("#{name}: {}  # default{class}\n", key.default));
            }
        }
    }

    fn follows(&mut self, name: &str, value: &str, other: &str) {
        self.push(format_args!("#{name}: {value}  # follows {other}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.body.write_fmt(text).expect("a string takes every text");
    }
}

/// When a change of a key applies, behind the place of its value.
const fn class_of(key: &Key) -> &'static str {
    match key.reload {
        ReloadTime::Live => "",
        ReloadTime::NextStart => "; restart",
    }
}

/// A text that neither ends a comment nor closes a quote that stands open before it.
fn comment(text: &str) -> String {
    let is_safe = |c: char| !c.is_control() && c != '"';
    let escape =
        |c: char| if is_safe(c) { String::from(c) } else { c.escape_unicode().to_string() };
    text.chars().map(escape).collect()
}

/// A number of bytes, with the largest unit.
fn size(bytes: usize) -> String {
    let units = [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")];
    let fitting = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    let (unit, name) = fitting.unwrap_or((1, ""));
    format!("{}{name}", bytes / unit)
}

/// The line that a server refuses, before the first section.
pub(super) const UNREADABLE: &str = "\
*** or a comment stands for a value, so that no server reads this: see below
";
const HEAD: &str = "\
# What holds, and where each value comes from. A line with # in front of a key is a default. A
# change applies at a reload (SIGHUP), or at the next start if restart stands there.
";
