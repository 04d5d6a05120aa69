//! The documents: their links and anchors lead somewhere, the book has all pages, the reference of
//! the configuration has all keys, and what commands and the map of the code name is there. For the
//! links in the book, see `tests/children/test_book.py`.

#![cfg(feature = "programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

#[test]
fn links_and_anchors_resolve() {
    let mut faults = Vec::new();
    let mut links_len = 0;
    for document in documents() {
        let text = read(&document);
        for link in links(&without_code(&text)) {
            links_len += 1;
            faults.extend(fault_of(&document, &link).map(|fault| format!("{document}: {fault}")));
        }
    }
    assert_eq!(faults, [""; 0]);
    assert!(links_len > 150, "the links are found: {links_len}");
}

/// `docs/SUMMARY.md` has each page of `docs` once, and nothing else.
#[test]
fn the_summary_lists_every_page() {
    let mut listed = links(&read("docs/SUMMARY.md"));
    listed.sort();
    let names = names_in("docs").into_iter().filter(|name| name.ends_with(".md"));
    let pages: Vec<_> = names.filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(listed, pages);
}

/// In their order, each with its default and with what is allowed.
#[test]
fn the_configuration_has_every_key() {
    let reference = read("docs/configuration.md");
    let mut section = "";
    let mut found = Vec::new();
    for line in reference.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.split('`').nth(1).unwrap_or_default();
        }
        let cells: Vec<_> = line.split(" | ").collect();
        if let [key, default, allowed, _] = cells[..]
            && let Some(key) = key.strip_prefix("| `")
        {
            let key = key.trim_end_matches('`');
            found.push(format!("{section} {key}: {default}: {}", allowed.replace('`', "")));
        }
    }
    let conf = read("server.conf");
    assert_eq!(found, keys_of(&conf));
    assert!(found.len() > 50, "the keys are found");

    // The names of the keys that a service may have of its own.
    let of_services = |text: &str| {
        let (_, after) = text.split_once("It may have").expect("it says what a service may have");
        let end = after.find(".\n").expect("the sentence has an end");
        let words = after[..end].split([' ', '\n', '#', ',', '`', ':']);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of_services(&reference), of_services(&conf));
}

/// Files, examples, tests, benchmarks, features and steps that commands name exist, and so do the
/// flags of the server.
#[test]
fn commands_name_what_exists() {
    let known = Known::new();
    let mut faults = Vec::new();
    let mut commands_len = 0;
    for document in documents() {
        for command in commands(&read(&document)) {
            commands_len += 1;
            let fault = known.fault_of(&command);
            faults.extend(fault.map(|fault| format!("{document}: `{command}`: {fault}")));
        }
    }
    assert_eq!(faults, [""; 0]);
    assert!(commands_len > 60, "the commands are found: {commands_len}");
}

/// Paths of sources exist that the documents for contributors name, and so does each `Type::name`.
#[test]
fn the_map_of_the_code_names_what_exists() {
    let mut files = Vec::new();
    sources_below("src", &mut files);
    let sources: Vec<_> = files.iter().map(|path| words(&read(path))).collect();
    let mut faults = Vec::new();
    let mut names_len = 0;
    for document in
        ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions.md", "docs/performance.md"]
    {
        for name in spans(&read(document)) {
            names_len += 1;
            if is_missing(&name, &sources) {
                faults.push(format!("{document}: {name}"));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
    assert!(names_len > 300, "the names are found: {names_len}");
    assert!(is_missing("hub/none.rs", &sources) && is_missing("Hub::receive_nothing", &sources));
}

/// What the documents print is what the tests run.
#[test]
fn programs_of_documents_are_those_that_are_tested() {
    let lobby = read("examples/lobby.rs");
    let code: Vec<_> = lobby.lines().skip_while(|line| line.starts_with("//!")).collect();
    let code = format!("```rust,no_run\n{}\n```\n", code.join("\n").trim());
    assert!(read("README.md").contains(&code), "the README has the lobby of examples/lobby.rs");
    let lines = code.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    let lines_len = lines.filter(|line| !line.starts_with("```")).count();
    assert!(lines_len <= 40, "the README is short: {lines_len} lines");
    let users = read("examples/users.rs");
    let code: Vec<_> = users.lines().skip_while(|line| line.starts_with("//!")).collect();
    let code = format!("```rust,no_run\n{}\n```\n", code.join("\n").trim());
    let (databases, manifest) = (read("docs/databases.md"), read("Cargo.toml"));
    assert!(databases.contains(&code), "docs/databases.md has examples/users.rs");
    for package in ["rusqlite", "postgres"] {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{package} = {{ v")));
        let version = line.and_then(|line| line.split('"').nth(1)).expect("it has a version");
        // A version before 1.0 is one of its second number.
        let short = version.split('.').take(2).collect::<Vec<_>>().join(".");
        assert!(databases.contains(&format!("`{package}` {short}")), "{package} {short}");
    }
    let testing = read("docs/testing.md");
    let (_, test) = testing.split_once("```rust\n").expect("it has a test");
    let (test, _) = test.split_once("```").expect("it has an end");
    assert!(read("tests/testing_services.rs").contains(test), "the test of docs/testing.md runs");
    let scale = read("docs/scale.md");
    for name in ["server.conf", "redis.conf", "haproxy.cfg"] {
        let text = read(&format!("examples/hosts/{name}"));
        assert!(scale.contains(&format!("\n{text}```\n")), "docs/scale.md prints {name}");
    }
}

#[test]
fn faults_are_seen() {
    let text = "# A `b`, c\n[one](x.md)\n```sh\n# no heading\n[no](y)\n```\n`[no](z)` [two\n\
                lines](#a-b-c)\n# A b c\n";
    assert_eq!(links(&without_code(text)), ["x.md", "#a-b-c"]);
    assert_eq!(anchors(text), BTreeSet::from(["a-b-c".to_owned(), "a-b-c-1".to_owned()]));
    let rows = [
        ("README.md", "docs/SUMMARY.md", false),
        ("README.md", "docs/programs.md#counted-lines", false),
        ("docs/programs.md", "../server.conf", false),
        ("docs/programs.md", "#counted-lines", false),
        ("docs/programs.md", "https://example.com/", false),
        ("README.md", "docs/none.md", true),
        ("README.md", "docs/programs.md#counted-line", true),
        ("docs/programs.md", "server.conf", true),
        ("docs/programs.md", "../../outside", true),
    ];
    for (document, link, is_fault) in rows {
        assert_eq!(fault_of(document, link).is_some(), is_fault, "{document}: {link}");
    }
    let rows = [
        ("switchboard -p 8080 --try ./chat.py", false),
        ("switchboard --port 8080 --nothing", true),
        ("cargo run --example embed", false),
        ("cargo run --example nothing", true),
        ("cargo test --test scale --test nothing -- --nocapture", true),
        ("cargo build --no-default-features --features host,nothing", true),
        ("cargo bench --bench hub", false),
        ("tests/run quick", false),
        ("tests/run slowly", true),
        ("benches/nothing", true),
        ("cp examples/programs/python/nothing.py services/", true),
    ];
    let known = Known::new();
    for (command, is_fault) in rows {
        assert_eq!(known.fault_of(command).is_some(), is_fault, "{command}");
    }
}

/// Each document of the repository, by its path.
fn documents() -> Vec<String> {
    let folders = ["", "docs/", "benches/", "benches/results/", "fuzz/"];
    let mut found = Vec::new();
    for folder in folders.into_iter().filter(|folder| root().join(folder).is_dir()) {
        let names = names_in(folder).into_iter().filter(|name| name.ends_with(".md"));
        found.extend(names.map(|name| format!("{folder}{name}")));
    }
    assert!(found.len() > 15, "the documents are found: {found:?}");
    found
}

/// What lies in a folder, sorted.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("names are UTF-8");
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("it can be listed"))).collect();
    names.sort();
    names
}

/// A text with blanks for its blocks and spans of code.
fn without_code(text: &str) -> String {
    let (mut kept, mut is_block) = (String::new(), false);
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        kept.push_str(if is_block || is_fence { "" } else { line });
        kept.push('\n');
        is_block ^= is_fence;
    }
    kept.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The targets of links and images.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// What is wrong with a link of a document.
fn fault_of(document: &str, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => PathBuf::from(document),
        _ => Path::new(document).with_file_name("").join(path),
    };
    let Some(target) = normal(&target) else { return Some(format!("{link} leads outside")) };
    // The fuzz targets are a package of their own, which a package of this one does not have.
    if target.starts_with("fuzz") && !root().join("fuzz").exists() {
        return None;
    }
    if !root().join(&target).exists() {
        return Some(format!("{link} is not there"));
    }
    let target = target.to_str().expect("names are UTF-8");
    (!anchor.is_empty() && !anchors(&read(target)).contains(anchor))
        .then(|| format!("{link} has no such heading"))
}

/// A path without `..`; `None` if it leads out of the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::CurDir => {}
            Component::ParentDir if found.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(found)
}

/// The anchors of the headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut found = BTreeSet::new();
    let mut is_block = false;
    for line in text.lines() {
        is_block ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if is_block || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let is_kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
        let kept: String = heading.trim().to_lowercase().chars().filter(is_kept).collect();
        let anchor = kept.replace(' ', "-");
        let times = seen.entry(anchor.clone()).or_default();
        found.insert(if *times == 0 { anchor } else { format!("{anchor}-{times}") });
        *times += 1;
    }
    found
}

/// The keys of `server.conf`, as "section key: default: allowed".
fn keys_of(conf: &str) -> Vec<String> {
    let (mut section, mut allowed, mut found) = ("", "", Vec::new());
    for line in conf.lines() {
        if line.starts_with('[') {
            section = line;
        }
        if let Some(values) = line.strip_prefix("# Allowed: ") {
            allowed = values.trim_end_matches('.');
        } else if let Some((key, default)) = line.strip_prefix('#').and_then(|l| l.split_once(": "))
            && !key.contains(' ')
        {
            found.push(format!("{section} {key}: {default}: {allowed}"));
        }
    }
    found
}

/// Whether a span of code is a path of a source or a name in one, and there is no such.
fn is_missing(name: &str, sources: &[BTreeSet<String>]) -> bool {
    if name.ends_with(".rs") && !name.contains(['*', ' ']) && name.contains('/') {
        let folders = ["", "src/", "src/bin/switchboard/"];
        return !name.starts_with('/')
            && !folders.iter().any(|folder| root().join(format!("{folder}{name}")).exists());
    }
    let parts: Vec<_> = name.split("::").collect();
    let is_word = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if parts.len() < 2 || !parts.iter().all(is_word) {
        return false;
    }
    !sources.iter().any(|words| parts.iter().all(|part| words.contains(*part)))
}

/// The sources in a folder and those below it.
fn sources_below(folder: &str, found: &mut Vec<String>) {
    for name in names_in(folder) {
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            sources_below(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.map(str::to_owned).collect()
}

/// The commands of a document: lines of `sh` blocks, and spans of code that begin like one.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        found.extend(block.lines().map(|line| line.split(" #").next().unwrap_or_default().into()));
    }
    found.extend(spans(text).into_iter().filter(|span| span.contains(' ')));
    let is_ours = |command: &String| {
        let first = command.split(' ').find(|word| !is_assignment(word)).unwrap_or_default();
        ["switchboard", "cargo", "cp"].contains(&first) || is_own_path(first)
    };
    found.into_iter().filter(is_ours).collect()
}

/// The spans of code of a document, without its blocks.
fn spans(text: &str) -> Vec<String> {
    let (mut prose, mut is_block) = (String::new(), false);
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        if !is_block && !is_fence {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase()))
}

fn is_own_path(word: &str) -> bool {
    ["tests/", "benches/", "examples/", "fuzz/"].iter().any(|folder| word.starts_with(folder))
}

/// What commands may name.
struct Known {
    help: BTreeSet<String>,
    steps: BTreeSet<String>,
    features: BTreeSet<String>,
    manifest: String,
}

impl Known {
    fn new() -> Self {
        let help = Command::new(env!("CARGO_BIN_EXE_switchboard")).arg("--help").output();
        let help = String::from_utf8(help.expect("the server runs").stdout).expect("it is text");
        let words = help.split([' ', ',', '\n']).filter(|word| word.starts_with('-'));
        let script = read("tests/run");
        let functions = script.lines().filter_map(|line| line.strip_suffix("() {"));
        let manifest = read("Cargo.toml");
        let (_, features) = manifest.split_once("[features]").expect("it has features");
        let features = features.split("\n[").next().unwrap_or_default();
        let features = features.lines().filter_map(|line| line.split_once(" = "));
        Self {
            help: words.map(str::to_owned).collect(),
            steps: functions.chain(["quick", "all", "--help", "STEP..."]).map(Into::into).collect(),
            features: features.map(|(name, _)| name.to_owned()).collect(),
            manifest,
        }
    }

    /// What a command names that is not there.
    fn fault_of(&self, command: &str) -> Option<String> {
        let words: Vec<_> =
            command.split_whitespace().filter(|word| !is_assignment(word)).collect();
        let (first, rest) = words.split_first()?;
        let none = |what: &str, name: &str| Some(format!("no {what} {name}"));
        // A path that ends in no name is a pattern.
        let paths = words.iter().filter(|word| is_own_path(word) && !word.contains(['*', '<']));
        let mut paths = paths.map(|word| word.trim_end_matches([':', ',']));
        if let Some(path) = paths.find(|path| !root().join(path).exists()) {
            return if path.starts_with("fuzz/") { None } else { none("file", path) };
        }
        match *first {
            "switchboard" => {
                let mut flags = rest.iter().filter(|word| word.starts_with('-'));
                flags.find(|flag| !self.help.contains(**flag)).and_then(|flag| none("flag", flag))
            }
            "tests/run" => {
                let mut steps = rest.iter();
                steps.find(|step| !self.steps.contains(**step)).and_then(|step| none("step", step))
            }
            "cargo" => self.fault_of_cargo(rest),
            _ => None,
        }
    }

    fn fault_of_cargo(&self, words: &[&str]) -> Option<String> {
        // What stands behind two dashes is for the program that cargo runs.
        let ours = words.split(|word| *word == "--").next().unwrap_or_default();
        ours.windows(2).find_map(|pair| {
            let name = pair[1];
            let is_file = |folder: &str| {
                let at = |end: &str| root().join(format!("{folder}/{name}{end}")).exists();
                at(".rs") || at("/main.rs")
            };
            let is_known = match pair[0] {
                "--test" => is_file("tests") || name == "FILE",
                "--example" => is_file("examples"),
                "--bench" => is_file("benches"),
                "--profile" => self.manifest.contains(&format!("[profile.{name}]")),
                "--features" => name.split(',').all(|feature| self.features.contains(feature)),
                _ => true,
            };
            (!is_known).then(|| format!("{} has no {name}", pair[0]))
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
