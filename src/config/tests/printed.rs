//! Manual pages and completions: they have what the lists of flags and keys have, and nothing else
//! shows the flag that prints them.

use super::*;
use crate::config::flags;
use crate::config::printed;

/// The text that `--print` prints with this word.
fn text(word: &str) -> String {
    match run(&["--print", word, "stray"], &[("server.conf", "nonsense")]) {
        Ok(Command::Print(text)) => text,
        other => panic!("{word} prints {other:?}"),
    }
}

#[test]
fn every_flag_is_in_the_page_and_in_completions() {
    let page = text("man");
    let mut rest = after(&page, ".SH OPTIONS\n");
    let completions = ["bash", "zsh", "fish"].map(text);
    let mut flags_len = 0;
    for flag in flags::shown() {
        flags_len += 1;
        let name = flag.long.trim_start_matches('-');
        rest = after(rest, &flag.long.replace('-', "\\-"));
        rest = after(rest, &format!("\n{}.\n", flag.meaning.replace('-', "\\-")));
        for (text, word) in completions.iter().zip([flag.long, flag.long, name]) {
            let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '-');
            assert!(words.any(|found| found == word), "{word}: {text}");
        }
    }
    assert!(flags_len >= 10, "the flags are found: {flags_len}");
    for exit in Exit::ALL {
        after(rest, &format!("\\fB{}\\fR\n{}.\n", exit.code(), exit.meaning()));
    }
}

#[test]
fn every_key_is_in_the_page() {
    let page = text("man5");
    let mut rest = &page[..];
    for key in keys::all() {
        let [name, default, meaning, allowed] =
            [key.name, key.default, key.meaning, key.allowed()].map(printed::escaped);
        let entry = format!(".TP\n\\fB{name}\\fR: {default}\n{meaning}.\nAllowed: {allowed}.\n");
        rest = after(rest, &entry);
    }
    let of_services = after(rest, ".SH [service /PATH]");
    let names = keys::all().filter(|key| key.is_for_services()).map(|key| key.name);
    after(of_services, &printed::escaped(&names.collect::<Vec<_>>().join(", ")));
}

/// What follows the first `part` of `text`.
fn after<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or_else(|| panic!("the page lacks, here: {part}"));
    &text[at + part.len()..]
}

#[test]
fn the_flag_is_hidden() {
    let help = run(&["--help"], &[]);
    let Ok(Command::Print(help)) = help else { panic!("no help: {help:?}") };
    // Another flag begins with its name.
    for text in [help, text("man"), text("bash"), text("zsh"), text("fish")] {
        let others = text.replace("print-config", "");
        assert!(!others.contains("--print") && !others.contains("-l print"), "{text}");
    }
    let rows: [(&[&str], &str); 4] = [
        (&["--print"], "--print needs a value: --print WHAT"),
        (&["--print=html"], "--print is \"html\", allowed is man, man5, bash, zsh or fish"),
        (&["--print", "Man"], "--print is \"Man\", allowed is man, man5, bash, zsh or fish"),
        (&["--prnt", "man"], "unknown flag \"--prnt\"; did you mean \"--port\"?"),
    ];
    for (words, expected) in rows {
        assert_eq!(run(words, &[]), Err((Exit::CommandLine, expected.to_owned())), "{words:?}");
    }
}
