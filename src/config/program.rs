//! `ProgramConfig`: what a program of the document root is told by keys of its own.

use std::env;

use crate::config::Config;
use crate::config::error::{Fault, Problem};
use crate::config::resolve::given;
use crate::config::sheet::Setting;
use crate::host::program::{Manner, OnDeath};
use crate::programs::Mode;
use crate::ws::syntax::items;

/// What the keys of programs come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramConfig {
    /// What the host is told.
    pub manner: Manner,
    /// The mode if each socket has a process, whether it has one or not: the keys `mode` and
    /// `framing` come in any order, and either may come alone.
    pub(super) per_socket: Mode,
}

impl ProgramConfig {
    /// One process serves all sockets.
    pub(super) const fn share(&mut self) {
        self.manner.mode = Mode::Shared;
    }

    /// Each socket has a process.
    pub(super) const fn split(&mut self) {
        self.manner.mode = self.per_socket;
    }

    /// Says which of the two modes it is if each socket has a process.
    pub(super) fn set_framing(&mut self, per_socket: Mode) {
        self.per_socket = per_socket;
        if self.manner.mode != Mode::Shared {
            self.split();
        }
    }
}

impl Default for ProgramConfig {
    fn default() -> Self {
        Self { manner: Manner::SHARED, per_socket: Mode::Lines }
    }
}

impl Config {
    /// The variables in `pass-env`, of any service, that the environment of this process lacks, so
    /// that programs do not get them.
    #[must_use]
    pub fn unset_variables(&self) -> Vec<&str> {
        let all = [&self.all].into_iter().chain(self.services.values());
        let names = all.flat_map(|service| &service.program.manner.pass_env);
        let mut unset: Vec<_> = names.map(String::as_str).collect();
        unset.retain(|name| env::var_os(name).is_none());
        unset.sort_unstable();
        unset.dedup();
        unset
    }
}

/// Those of a program's `own` keys, which lie over those `below`, are faults that are about a mode
/// which it does not have.
pub(super) fn check_mode<'a>(
    manner: &Manner,
    own: &'a [Setting],
    below: impl Iterator<Item = &'a Setting>,
    faults: &mut Vec<Fault>,
) {
    let (names, cure): (&[&'static str], _) = match manner.mode {
        Mode::Shared => (
            &["framing", "max-processes"],
            "this is for mode per-socket alone: set that mode, or leave this out",
        ),
        Mode::Lines | Mode::Bytes if manner.on_death == OnDeath::Keep => (
            &["on-death"],
            "with mode per-socket no other process can take over: use mode shared, or close",
        ),
        Mode::Lines | Mode::Bytes => (&[], ""),
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
