//! `Candidates`: what may follow a flag on the command line, for completions.

use std::ffi::OsStr;

use crate::config::Config;
use crate::config::flag::{Effect, Flag};
use crate::config::key::Key;

/// The values of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidates {
    /// It takes none.
    NoValue,
    /// Some value that a shell does not know.
    Unknown,
    /// The name of a file.
    Files,
    /// The name of a folder.
    Folders,
    /// One of these words.
    Words(Vec<&'static str>),
}

impl Candidates {
    /// Those of a flag.
    pub(super) fn of(flag: &Flag) -> Self {
        match flag.effect {
            Effect::File { .. } => Self::Files,
            Effect::Key { value: "DIR", .. } => Self::Folders,
            Effect::Key { key, .. } => words(key).map_or(Self::Unknown, Self::Words),
            Effect::OneOf { texts, .. } => {
                Self::Words(texts.iter().map(|(word, _)| *word).collect())
            }
            Effect::Louder
            | Effect::Quieter
            | Effect::Instead(_)
            | Effect::PrintConfig
            | Effect::Print(_) => Self::NoValue,
        }
    }
}

/// The values of a key if all of them are words, as in "shared or per-socket".
fn words(key: &Key) -> Option<Vec<&'static str>> {
    let (most, last) = key.allowed().rsplit_once(" or ")?;
    let words: Vec<_> = most.split(", ").chain([last]).collect();
    // Some keys take lists, in which a text such as "an address" would be two hosts.
    let is_value = |word: &&str| {
        !word.contains(' ') && key.set(&mut Config::default(), OsStr::new(word)).is_some()
    };
    words.iter().all(is_value).then_some(words)
}

/// Whether a flag may be repeated to some effect.
pub(super) const fn repeats(flag: &Flag) -> bool {
    match flag.effect {
        Effect::Key { key, .. } => key.repeats(),
        Effect::Louder | Effect::Quieter => true,
        Effect::File { .. }
        | Effect::Instead(_)
        | Effect::PrintConfig
        | Effect::Print(_)
        | Effect::OneOf { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn words_are_those_that_are_allowed() {
        let rows: [(&str, Option<&[&str]>); 6] = [
            ("host", None),
            ("access-log", Some(&["all", "sockets", "off"])),
            ("rate-policy", Some(&["wait", "close"])),
            ("port", None),
            ("mail-max", None),
            ("thread", None),
        ];
        for (name, expected) in rows {
            assert_eq!(words(keys::known(name)).as_deref(), expected, "{name}");
        }
    }
}
