//! What `GUARANTEES.md` and `docs/rfc6455.md` promise is promised by tests that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every test that a text names, as `path.rs::name` in backquotes.
fn named(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|word| word.split_once("::")).filter(|(path, _)| is_source(path)).collect()
}

fn is_source(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
}

/// Which tests are missing, of those that a text names.
fn missing(text: &str) -> Vec<String> {
    let mut sources: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, name) in named(text) {
        let source = || fs::read_to_string(root().join(path)).unwrap_or_default();
        let tests = sources.entry(path).or_insert_with(|| tests_of(&source()));
        if !tests.contains(name) {
            faults.push(format!("{path} has no test {name}"));
        }
    }
    faults
}

/// The names of the tests in a source: functions below a `#[test]`, that are not left out. Figures
/// have a step of their own, which knows them by their names.
fn tests_of(source: &str) -> BTreeSet<String> {
    let (mut tests, mut is_test) = (BTreeSet::new(), false);
    for line in source.lines().map(str::trim_start) {
        match line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
            Some((name, _)) if std::mem::take(&mut is_test) => {
                tests.insert(name.to_owned());
            }
            Some(_) => {}
            None if line == FIGURE => is_test = true,
            None if line.starts_with("#[ignore") => is_test = false,
            None => is_test |= line == "#[test]",
        }
    }
    tests
}

/// Those which `tests/run figures` runs, and nothing else does.
#[test]
fn figures_are_named_so() {
    let mut figures = 0;
    for entry in fs::read_dir(root().join("tests")).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let source = fs::read_to_string(&path).unwrap_or_default();
        for after in source.split(FIGURE).skip(1) {
            assert!(after.trim_start().starts_with("fn figure_of_"), "{}", path.display());
            figures += 1;
        }
    }
    assert_eq!(figures, 6, "all figures are found");
}

const FIGURE: &str = "#[ignore = \"a figure: `tests/run figures` checks it in a release build\"]";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_named_test_exists() {
    for (document, least) in [("GUARANTEES.md", 40), ("docs/rfc6455.md", 100)] {
        let text = read(document);
        assert!(named(&text).len() >= least, "the tests of {document} are found");
        assert_eq!(missing(&text), [""; 0], "{document}");
    }
}

/// Each guarantee stands in a row of its own with its figure, and has at least one test.
#[test]
fn every_guarantee_has_a_test() {
    let text = read("GUARANTEES.md");
    let mut numbers = Vec::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("| ")) {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let Ok(number) = cells[0].parse::<u32>() else { continue };
        numbers.push(number);
        assert_eq!(cells.len(), 3, "number, statement, figure: {row}");
        assert!(cells[2].contains(|c: char| c.is_ascii_digit()), "a figure is a number: {row}");
        let name = cells[1].split(':').next().unwrap_or_default();
        let heading = format!("\n### {number}. {name}\n");
        let (_, tests) = text.split_once(&heading).unwrap_or_else(|| panic!("none is {heading:?}"));
        let tests = tests.split("\n#").next().unwrap_or_default();
        assert!(!named(tests).is_empty(), "no test: {row}");
    }
    assert_eq!(numbers, (1..=18).collect::<Vec<_>>());
}

/// Each section of RFC 6455 that has demands on servers is there.
#[test]
fn every_section_has_demands_that_are_met() {
    let text = read("docs/rfc6455.md");
    let rows = || text.lines().filter(|line| line.starts_with("| ") && line.contains(".rs::"));
    for section in [
        "4.2.1", "4.2.2", "4.4", "5.1", "5.2", "5.3", "5.4", "5.5", "5.5.1", "5.5.2", "5.5.3",
        "5.6", "5.8", "6.1", "6.2", "7.1.1", "7.1.2", "7.1.5", "7.1.6", "7.1.7", "7.2.2", "7.4.1",
        "7.4.2", "8.1", "9.1", "10.2", "10.4", "10.7",
    ] {
        let is_there = rows().any(|row| {
            let cell = row[2..].split(" | ").next().unwrap_or_default();
            cell.split([' ', ',']).any(|word| word == section)
        });
        assert!(is_there, "section {section} has no row");
    }
}

#[test]
fn a_test_is_found_where_it_is_and_nowhere_else() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[test]\n#[ignore = \"x\"]\nfn three() {}\n\
                  #[test]\n#[should_panic]\nfn four() {}\n";
    let found: Vec<_> = tests_of(source).into_iter().collect();
    assert_eq!(found, ["four", "one"]);
    assert_eq!(
        named("`a.rs::b` and `c::d`, `cargo test`, `e/f.rs::g`"),
        [("a.rs", "b"), ("e/f.rs", "g")]
    );
}
