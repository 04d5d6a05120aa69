//! The keys of programs: which of them contradict each other, and how many descriptors they need.

use std::env;

use crate::config::Config;
use crate::config::error::{ConfigFault, Problem};
use crate::config::setting::{Setting, given};
use crate::limits::Limits;
use crate::programs::{Mode, OnDeath, ProgramOptions};

impl Config {
    /// How many of so many descriptors programs get: what their processes may need. Programs with
    /// one process for all sockets get at most a quarter. Programs with a process for each socket
    /// get so much of the rest that each socket keeps one descriptor beside its process.
    pub(super) fn descriptors_of_programs(&self, left: usize) -> usize {
        if !self.document_root.is_dir() {
            return 0;
        }
        let in_all = Limits::PROGRAMS_MAX * (DESCRIPTORS_OF_PROCESS + DESCRIPTORS_OF_SERVICE);
        let shared = in_all.min(left / 4);
        let per_socket = |options: &ProgramOptions| match options.mode {
            Mode::Shared => 0,
            // As many again may be ending.
            Mode::Lines | Mode::Text | Mode::Bytes => options.processes_max.saturating_mul(2),
        };
        let own = self.services.iter().map(|service| per_socket(&service.program));
        // The number of programs without a section is unknown.
        let unnamed = per_socket(&self.all_programs).saturating_mul(Limits::PROGRAMS_MAX);
        let processes = own.fold(unnamed, usize::saturating_add);
        let all_of_them = processes.saturating_mul(DESCRIPTORS_OF_PROCESS);
        let fair = (left - shared) / (1 + DESCRIPTORS_OF_PROCESS) * DESCRIPTORS_OF_PROCESS;
        shared + all_of_them.min(fair)
    }

    /// The variables in `pass-env`, of any service, that the environment of this process lacks, so
    /// that programs do not get them.
    #[must_use]
    pub fn unset_variables(&self) -> Vec<&str> {
        let own = self.services.iter().map(|service| &service.program);
        let all = [&self.all_programs].into_iter().chain(own);
        let names = all.flat_map(|options| &options.pass_env);
        let mut unset: Vec<_> = names.map(String::as_str).collect();
        unset.retain(|name| env::var_os(name).is_none());
        unset.sort_unstable();
        unset.dedup();
        unset
    }
}

/// Applies `framing` if each socket has a process, independent of the order: `mode` may come after
/// it, or be in the section that the values are inherited from. Of `settings`, the last of a key
/// counts.
pub(super) fn settle_framing<'a>(config: &mut Config, settings: impl Iterator<Item = &'a Setting>) {
    if config.all_programs.mode == Mode::Shared {
        return;
    }
    for setting in settings.filter(|setting| setting.is_of("framing")) {
        // Values that are not allowed have been refused already.
        let _ = setting.key.set(config, &setting.value);
    }
}

/// A program's `own` keys override those `below`. They are faults if they are for a mode that the
/// program does not have.
pub(super) fn check_mode<'a>(
    options: &ProgramOptions,
    own: &'a [Setting],
    below: impl Iterator<Item = &'a Setting>,
    faults: &mut Vec<ConfigFault>,
) {
    let (names, cure): (&[&'static str], _) = match options.mode {
        Mode::Shared => (
            &["framing", "protocols", "max-processes"],
            "this is for mode per-socket alone: set that mode, or leave this out",
        ),
        Mode::Lines | Mode::Text | Mode::Bytes if options.on_death == OnDeath::Keep => (
            &["on-death"],
            "with mode per-socket no other process can take over: use mode shared, or close",
        ),
        Mode::Lines | Mode::Text | Mode::Bytes => (&[], ""),
    };
    let mode = own.iter().chain(below).find(|setting| setting.is_of("mode"));
    // A value that could not be read contradicts nothing.
    let is_read = |setting: &Setting| faults.iter().all(|fault| fault.place != setting.place);
    let idle = own.iter().filter(|setting| names.iter().any(|name| setting.is_of(name)));
    let contradictions: Vec<_> = idle
        .filter(|setting| is_read(setting) && mode.is_none_or(is_read))
        .map(|setting| {
            let given = vec![given("mode", mode), given(setting.key.name, Some(setting))];
            ConfigFault { place: setting.place, problem: Problem::Contradiction { given, cure } }
        })
        .collect();
    faults.extend(contradictions);
}

/// Three pipes, and the descriptor that reports its exit.
const DESCRIPTORS_OF_PROCESS: usize = 4;
/// A poll, and its waker.
const DESCRIPTORS_OF_SERVICE: usize = 2;
