//! The house rules, executed. A rule that is not tested here is not a rule. In reading order:
//!
//! - `modules`: which module may import which; `circles`: no file imports what imports it
//! - `places`: which packages and calls stand where; `shape`: how long things may be
//! - `names`: no two types have one name; `parameters`: none is a `bool`
//! - `words`: phrases that no text or document has
//! - here: leftovers, first lines, what a build has
//! - `source`: the sources; `tokens`: one as the compiler reads it; `paths`: the names in it

mod circles;
mod modules;
mod names;
mod parameters;
mod paths;
mod places;
mod shape;
mod source;
mod tokens;
mod words;

use std::collections::BTreeSet;
use std::process::Command;

use source::{Source, none, root, sources};

/// What never stands in a source, comments included: leftovers, and words that say nothing.
const NEVER: [&str; 14] = [
    // Not every target has them, and `tests/run` builds for this one alone.
    "AtomicU64",
    "AtomicI64",
    "todo!",
    "dbg!",
    "unimplemented!",
    "TODO",
    "FIXME",
    "XXX",
    "fn get_",
    "fn do_",
    "fn process",
    "Manager",
    "Helper",
    "mod util",
];

const MINIMAL_CRATES_MAX: usize = 16;

#[test]
fn nothing_is_left_behind() {
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|source| !source.is_tidy()) {
        for (number, line) in (1..).zip(source.text.lines()) {
            // `get_mut` is the library's own name.
            let line = line.replace("fn get_mut(", "fn mut(");
            let words = NEVER.iter().filter(|word| line.contains(**word));
            faults.extend(words.map(|word| format!("{}:{number}: {word}", source.path)));
        }
    }
    none(&faults);
}

/// A test fails by what it has seen, and not by how long that took on the machine of the day. The
/// deadline of waits is defined in one place, and so are the time limits that no test reaches.
#[test]
fn no_test_depends_on_the_speed_of_a_machine() {
    let tests = |source: &Source| {
        let is_support = source.path == "tests/support/mod.rs";
        source.path.starts_with("tests/") && !is_support && !source.is_tidy()
    };
    let mut faults = find(tests, |line| {
        let is_bound = line.contains("assert") && line.contains("elapsed() <");
        let waits = ["thread::sleep", "recv_timeout(", "wait_timeout("];
        waits.iter().any(|wait| line.contains(wait)) || is_bound && !line.contains("< DEADLINE")
    });
    let real = |source: &Source| {
        tests(source) && source.text.lines().any(|line| line.starts_with("use support::"))
            || source.path.starts_with("tests/programs/")
            || source.path.starts_with("tests/chatroom/")
    };
    faults.extend(find(real, |line| line.contains("..Limits::") || line.contains("new(Limits::")));
    none(&faults);
}

#[test]
fn files_begin_with_what_they_are() {
    let headless =
        |source: &Source| !source.text.lines().next().is_some_and(|l| l.starts_with("//! "));
    let faults: Vec<_> = sources().into_iter().filter(headless).map(|s| s.path).collect();
    none(&faults);
}

#[test]
fn the_minimal_build_has_few_packages() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--no-default-features", "--features", "host"])
        .args(["--prefix", "none", "--format", "{p}", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    let crates: BTreeSet<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.len() <= MINIMAL_CRATES_MAX, "{} crates: {crates:?}", crates.len());
    assert!(crates.len() > 5, "the packages are found: {crates:?}");
}

/// The faulty lines of the files that `of` picks.
fn find(of: impl Fn(&Source) -> bool, is_fault: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|source| of(source)) {
        for (number, line) in source.code_lines().filter(|(_, line)| is_fault(line)) {
            faults.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    faults
}
