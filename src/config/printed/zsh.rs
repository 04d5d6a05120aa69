//! Completions for zsh.

use std::fmt::Write;

use crate::config::flag::Flag;
use crate::config::printed::candidates::{Candidates, repeats};

/// The function `_switchboard` for these flags, as a file of `fpath`.
pub(in crate::config) fn completion(flags: impl Iterator<Item = &'static Flag>) -> String {
    let mut text = HEAD.to_owned();
    for flag in flags {
        let (value, action) = (flag.value().unwrap_or_default(), action(flag));
        let takes = action.is_some();
        let of_value = action.map(|action| format!(":{value}:{action}")).unwrap_or_default();
        let long = format!("{}{}", flag.long, if takes { "=" } else { "" });
        let short = flag.short.map(|letter| format!("-{letter}{}", if takes { "+" } else { "" }));
        let others = match (repeats(flag), flag.short) {
            (true, _) => "*".to_owned(),
            (false, Some(letter)) => format!("(-{letter} {})", flag.long),
            (false, None) => String::new(),
        };
        let names = match short {
            Some(short) => format!("'{others}'{{{short},{long}}}'"),
            None => format!("'{others}{long}"),
        };
        let meaning = escaped(flag.meaning);
        write!(text, " \\\n  {names}[{meaning}]{of_value}'").expect("a string takes every text");
    }
    text.push('\n');
    text
}

/// How the value of a flag is completed, if it takes one.
fn action(flag: &Flag) -> Option<String> {
    match Candidates::of(flag) {
        Candidates::NoValue => None,
        // An action of one blank shows what is expected.
        Candidates::Unknown => Some(" ".to_owned()),
        Candidates::Files => Some("_files".to_owned()),
        Candidates::Folders => Some("_files -/".to_owned()),
        Candidates::Words(words) => Some(format!("({})", words.join(" "))),
    }
}

/// A text between brackets and quotes.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    text.replace('\'', "'\\''")
}

const HEAD: &str = "\
#compdef switchboard
# Completions of switchboard for zsh. The binary prints them.
_arguments -s -S";
