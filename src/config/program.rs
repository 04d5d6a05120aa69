//! `ProgramConfig`: what a program of the document root is told by keys of its own.

use crate::config::error::{Fault, Problem};
use crate::config::resolve::given;
use crate::config::sheet::Setting;
use crate::config::value::names::items;
use crate::host::program::{Manner, OnChange, OnDeath, Subpaths};
use crate::programs::Mode;

/// How programs are run, by key. The keys `mode` and `framing` come in any order, and so stand
/// apart here; [`ProgramConfig::manner`] is what the host is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramConfig {
    /// One process for all sockets of a program, or one for each.
    pub processes: Processes,
    /// What a message is, if each socket has a process.
    pub framing: Framing,
    /// The variables of the environment that it gets besides PATH.
    pub pass_env: Vec<String>,
    /// How long it has to end by itself, in milliseconds.
    pub stop_ms: u64,
    /// Most processes of one program, if each socket has one.
    pub processes_max: usize,
    /// What becomes of its sockets when it dies.
    pub on_death: OnDeath,
    /// What a change of its file does.
    pub on_change: OnChange,
    /// Whether it answers the paths below its own.
    pub subpaths: Subpaths,
}

/// How many processes a program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// One for all sockets, which speaks in counted lines.
    Shared,
    /// One for each socket, which knows of no protocol.
    PerSocket,
}

/// What a message is to a program that has a process for each socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line of text.
    Lines,
    /// The bytes of one read.
    Bytes,
}

impl ProgramConfig {
    /// What the host is told.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner {
            mode: self.mode(),
            pass_env: self.pass_env.clone(),
            stop_ms: self.stop_ms,
            processes_max: self.processes_max,
            on_death: self.on_death,
            on_change: self.on_change,
            subpaths: self.subpaths,
        }
    }

    /// What its keys `mode` and `framing` come to.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match (self.processes, self.framing) {
            (Processes::Shared, _) => Mode::Shared,
            (Processes::PerSocket, Framing::Lines) => Mode::Lines,
            (Processes::PerSocket, Framing::Bytes) => Mode::Bytes,
        }
    }
}

impl Default for ProgramConfig {
    fn default() -> Self {
        let usual = Manner::SHARED;
        Self {
            processes: Processes::Shared,
            framing: Framing::Lines,
            pass_env: usual.pass_env,
            stop_ms: usual.stop_ms,
            processes_max: usual.processes_max,
            on_death: usual.on_death,
            on_change: usual.on_change,
            subpaths: usual.subpaths,
        }
    }
}

/// Those of a program's `own` keys, which lie over those `below`, are faults that are about a mode
/// which it does not have.
pub(super) fn check_mode<'a>(
    program: &ProgramConfig,
    own: &'a [Setting],
    below: impl Iterator<Item = &'a Setting>,
    faults: &mut Vec<Fault>,
) {
    let (names, cure): (&[&'static str], _) = match program.processes {
        Processes::Shared => (
            &["framing", "max-processes"],
            "this is for mode per-socket alone: set that mode, or leave this out",
        ),
        Processes::PerSocket if program.on_death == OnDeath::Keep => (
            &["on-death"],
            "with mode per-socket no other process can take over: use mode shared, or close",
        ),
        Processes::PerSocket => (&[], ""),
    };
    let mode = own.iter().chain(below).find(|setting| setting.is_of("mode"));
    // What could not be read contradicts nothing.
    let is_read = |setting: &Setting| faults.iter().all(|fault| fault.place != setting.place);
    let idle = own.iter().filter(|setting| names.iter().any(|name| setting.is_of(name)));
    let contradictions: Vec<_> = idle
        .filter(|setting| is_read(setting) && mode.is_none_or(is_read))
        .map(|setting| {
            let given = vec![given("mode", mode), given(setting.key.name, Some(setting))];
            Fault { place: setting.place, problem: Problem::Contradiction { given, cure } }
        })
        .collect();
    faults.extend(contradictions);
}

/// `none`, or a list of variables, separated by commas or blanks, none of them twice.
pub(super) fn variables(text: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let is_none = |text: &str| text.eq_ignore_ascii_case("none");
    if is_none(text) {
        return Some(names);
    }
    // Who writes it means the whole environment, and not a variable of this name.
    if items(text).all(|name| name.eq_ignore_ascii_case("all")) {
        return None;
    }
    for name in items(text) {
        if !is_variable(name) || is_none(name) {
            return None;
        }
        if names.iter().all(|other| other != name) {
            names.push(name.to_owned());
        }
    }
    Some(names).filter(|names| !names.is_empty())
}

/// Whether shells and POSIX take a word for the name of a variable.
fn is_variable(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_environment() {
        let rows: [(&str, Option<&[&str]>); 15] = [
            ("none", Some(&[])),
            ("None", Some(&[])),
            ("HOME", Some(&["HOME"])),
            ("HOME, LANG _x1", Some(&["HOME", "LANG", "_x1"])),
            ("HOME,HOME", Some(&["HOME"])),
            ("HOME, ALL", Some(&["HOME", "ALL"])),
            ("", None),
            (",", None),
            ("all", None),
            ("All,", None),
            ("HOME none", None),
            ("None, HOME", None),
            ("none, none", None),
            ("HOME=/root", None),
            ("1ST", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
            assert_eq!(variables(text), expected, "{text:?}");
        }
    }
}
