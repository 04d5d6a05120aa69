//! Completions for bash.

use std::fmt::Write;

use crate::config::flag::Flag;
use crate::config::printed::candidates::Candidates;

/// The script for these flags. It needs bash 4, and no package of completions.
pub(in crate::config) fn completion(flags: impl Iterator<Item = &'static Flag>) -> String {
    let (mut cases, mut all) = (String::new(), Vec::new());
    for flag in flags {
        let short = flag.short.map(|letter| format!("-{letter}"));
        let names = short.iter().map(String::as_str).chain([flag.long]);
        let names: Vec<_> = names.collect();
        let found = match Candidates::of(flag) {
            Candidates::NoValue => None,
            Candidates::Unknown => Some(String::new()),
            Candidates::Files => Some("_switchboard_names -f \"$word\"; ".to_owned()),
            Candidates::Folders => Some("_switchboard_names -d \"$word\"; ".to_owned()),
            Candidates::Words(words) => {
                let words = words.join(" ");
                Some(format!("COMPREPLY=($(compgen -W '{words}' -- \"$word\")); "))
            }
        };
        if let Some(found) = found {
            writeln!(cases, "    {}) {found}return ;;", names.join(" | "))
                .expect("a string takes every text");
        }
        all.extend(names.into_iter().map(str::to_owned));
    }
    let all = all.join(" ");
    format!("{HEAD}{cases}  esac\n  COMPREPLY=($(compgen -W '{all}' -- \"$word\"))\n}}\n{END}")
}

const HEAD: &str = "\
# Completions of switchboard for bash. The binary prints them.

_switchboard_names() { # -f|-d WORD
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$2\")
}

_switchboard() {
  local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # Of --flag=value, readline makes three words.
  if [ \"$word\" = = ]; then
    word=
  elif [ \"$flag\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $flag in
";

const END: &str = "complete -F _switchboard switchboard\n";
