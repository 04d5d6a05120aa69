//! Completions for fish.

use std::fmt::Write;

use crate::config::flag::Flag;
use crate::config::printed::candidates::Candidates;

/// The script for these flags.
pub(in crate::config) fn completion(flags: impl Iterator<Item = &'static Flag>) -> String {
    let mut text = HEAD.to_owned();
    for flag in flags {
        let short = flag.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
        let long = flag.long.trim_start_matches('-');
        let value = match Candidates::of(flag) {
            Candidates::NoValue => String::new(),
            Candidates::Unknown => " -x".to_owned(),
            Candidates::Files => " -r -F".to_owned(),
            Candidates::Folders => " -x -a '(__fish_complete_directories)'".to_owned(),
            Candidates::Words(words) => format!(" -x -a '{}'", words.join(" ")),
        };
        let meaning = flag.meaning.replace('\\', "\\\\").replace('\'', "\\'");
        writeln!(text, "complete -c switchboard{short} -l {long}{value} -d '{meaning}'")
            .expect("a string takes every text");
    }
    text
}

const HEAD: &str = "\
# Completions of switchboard for fish. The binary prints them.
complete -c switchboard -f
";
