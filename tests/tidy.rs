//! The house rules, executed: which room may import which, what packages and calls belong
//! where, how long things may be. A rule that is not tested here is not a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A source file: its path from the root of the project, and its lines.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    /// The room that the file belongs to.
    fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let end = inner.find(['/', '.']).unwrap_or(inner.len());
        &inner[..end]
    }

    fn is_of_the_binary(&self) -> bool {
        self.path.starts_with("src/") && BINARY.contains(&self.room())
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests")
    }

    /// The lines up to the tests within the file, numbered from 1, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.lines.iter().position(|line| line == "#[cfg(test)]");
        // A `mod tests;` in the middle of a file leaves the rest of the file in force.
        let end = end.filter(|&at| self.lines.get(at + 1).is_none_or(|l| l.ends_with('{')));
        let lines = &self.lines[..end.unwrap_or(self.lines.len())];
        let code = |line: &'_ String| !line.trim_start().starts_with("//");
        (1..).zip(lines).filter(move |(_, l)| code(l)).map(|(n, l)| (n, l.as_str()))
    }
}

/// The rooms, each with those to its left that it may import.
const ROOMS: [(&str, &[&str]); 23] = [
    ("limits", &[]),
    ("time", &[]),
    ("ws", &["limits"]),
    ("session", &["limits", "time", "ws"]),
    ("service", &["limits", "time", "ws"]),
    ("programs", &["limits", "ws", "service"]),
    ("pages", &["limits", "time", "ws"]),
    ("hub", &["limits", "time", "ws", "session", "service", "pages"]),
    ("host", &["limits", "time", "ws", "session", "service", "programs", "pages", "hub"]),
    ("server", &["limits", "time", "ws", "session", "service", "pages", "hub", "host"]),
    ("config", &["limits", "time", "ws", "service", "programs", "hub", "host"]),
    ("lib", &["limits", "ws", "host", "hub", "pages", "server", "service", "config"]),
    ("main", &["check", "compiled", "document_root", "serving", "trial"]),
    ("trial", &["logger", "reload", "serving"]),
    ("check", &["compiled", "document_root", "services"]),
    ("serving", &["check", "compiled", "document_root", "logger", "memory", "reload", "services"]),
    ("memory", &[]),
    ("document_root", &["compiled", "services"]),
    ("compiled", &["services"]),
    ("logger", &["escape"]),
    ("escape", &[]),
    ("reload", &[]),
    ("services", &[]),
];

/// The rooms of the binary, each of one file.
const BINARY: [&str; 10] = [
    "main",
    "trial",
    "serving",
    "check",
    "document_root",
    "compiled",
    "logger",
    "escape",
    "reload",
    "memory",
];

/// Packages and calls, each with the places where it may stand; all else is forbidden.
const PLACES: [(&str, &[&str]); 20] = [
    ("mio::", &["src/host/"]),
    (
        "libc::",
        &[
            "src/host/sys",
            "src/host/nofollow.rs",
            "src/host/files.rs",
            "src/host/hangup.rs",
            "src/host/program/",
        ],
    ),
    ("slab::", &["src/hub/"]),
    ("zlib_rs::", &["src/session/codec.rs"]),
    ("sha1::", &["src/ws/upgrade.rs"]),
    ("base64::", &["src/ws/upgrade.rs"]),
    ("crossbeam_channel::", &["src/service/line.rs", "src/service/way.rs", "src/host/"]),
    ("serde", &["services/demo_chatroom.rs"]),
    (
        "log::",
        &[
            "src/hub/",
            "src/host/",
            "src/config/",
            "src/serving.rs",
            "src/logger.rs",
            "src/reload.rs",
        ],
    ),
    ("unsafe ", &["src/host/sys"]),
    ("Instant::now", &["src/host/", "src/service/", "services/demo_chatroom.rs"]),
    ("SystemTime", &["src/logger.rs", "src/host/turn.rs", "services/clock.rs"]),
    // A line parks the thread of its service; it starts none.
    ("thread::", &["src/host/", "src/logger.rs", "src/service/way.rs"]),
    (
        "std::fs",
        &[
            "src/host/nofollow.rs",
            "src/host/files.rs",
            "src/host/hangup.rs",
            "src/host/program/",
            "src/config/",
            "src/trial.rs",
            "src/memory.rs",
        ],
    ),
    ("std::env", &["src/main.rs", "src/reload.rs", "src/config/", "src/host/program/start.rs"]),
    ("print!", &[]),
    ("println!", &[]),
    ("eprintln!", &["src/main.rs", "src/serving.rs", "src/trial.rs"]),
    (".unwrap()", &[]),
    ("process::exit", &[]),
];

/// What never stands in code: leftovers, and words that say nothing.
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

const FILE_LINES_MAX: usize = 400;
const TEST_FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARACTERS_MAX: usize = 100;
const MINIMAL_CRATES_MAX: usize = 16;

#[test]
fn rooms_import_leftwards_only() {
    let allowed: BTreeMap<_, _> = ROOMS.into_iter().collect();
    let mut faults = Vec::new();
    for source in sources() {
        let room = source.room();
        let Some(rooms) = allowed.get(room) else {
            if source.path.starts_with("src/") {
                faults.push(format!("{}: no such room is planned", source.path));
            }
            continue;
        };
        for (number, line) in source.code() {
            // The rooms of the binary stand side by side.
            let from = if source.is_of_the_binary() { "super::" } else { "crate::" };
            for target in line.split(from).skip(1) {
                let end = target.find(|c: char| !c.is_alphanumeric() && c != '_');
                let target = &target[..end.unwrap_or(target.len())];
                let is_room = allowed.contains_key(target);
                if is_room && target != room && !rooms.contains(&target) {
                    faults.push(format!("{}:{number}: {room} imports {target}", source.path));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn services_and_the_binary_use_the_public_api_alone() {
    let outer = |source: &Source| source.path.starts_with("services/") || source.is_of_the_binary();
    none(&find(outer, |line| line.contains("crate::") && !line.contains("pub(crate)")));
}

#[test]
fn packages_and_calls_stand_in_their_places() {
    let mut faults = Vec::new();
    for (word, places) in PLACES {
        let outside = |source: &Source| {
            let inner = source.path.starts_with("src/") || source.path.starts_with("services/");
            inner && !source.is_test() && !places.iter().any(|place| source.path.starts_with(place))
        };
        faults.extend(find(outside, |line| has_word(line, word)));
    }
    none(&faults);
}

#[test]
fn nothing_is_left_behind() {
    let others = |source: &Source| source.path != "tests/tidy.rs";
    // `get_mut` is the library's own word for what it does.
    let line_of = |line: &str| line.replace("fn get_mut(", "fn mut(");
    none(&find(others, |line| NEVER.iter().any(|word| line_of(line).contains(word))));
}

/// A test fails by what it has seen, and not by how long that took on the machine of the day. The
/// deadline of waits is defined in one place, and so are the time limits that no test reaches.
#[test]
fn no_test_depends_on_the_speed_of_a_machine() {
    let tests = |source: &Source| {
        let is_support = source.path == "tests/support/mod.rs";
        source.path.starts_with("tests/") && !is_support && source.path != "tests/tidy.rs"
    };
    let mut faults = find(tests, |line| {
        let is_bound = line.contains("assert") && line.contains("elapsed() <");
        let waits = ["thread::sleep", "recv_timeout(", "wait_timeout("];
        waits.iter().any(|wait| line.contains(wait)) || is_bound && !line.contains("< DEADLINE")
    });
    let real = |source: &Source| {
        tests(source) && source.lines.iter().any(|line| line.starts_with("use support::"))
            || source.path.starts_with("tests/programs/")
            || source.path.starts_with("tests/chatroom/")
    };
    faults.extend(find(real, |line| line.contains("..Limits::") || line.contains("new(Limits::")));
    none(&faults);
}

#[test]
fn files_begin_with_what_they_are() {
    let headless = |source: &Source| !source.lines.first().is_some_and(|l| l.starts_with("//! "));
    let faults: Vec<_> = sources().into_iter().filter(headless).map(|s| s.path).collect();
    none(&faults);
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let max = if source.is_test() { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if source.lines.len() > max {
            faults.push(format!("{}: {} lines, {max} allowed", source.path, source.lines.len()));
        }
        for (number, line) in (1..).zip(&source.lines) {
            if line.chars().count() > LINE_CHARACTERS_MAX {
                faults.push(format!("{}:{number}: a line above 100 characters", source.path));
            }
        }
        for (number, len) in functions(&source) {
            if len > FUNCTION_LINES_MAX {
                faults.push(format!("{}:{number}: a function of {len} lines", source.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn rooms_list_their_files_in_reading_order() {
    let mut faults = Vec::new();
    let sources = sources();
    let is_room = |source: &&Source| {
        source.path.starts_with("src/") && source.path.ends_with("/mod.rs") && !source.is_test()
    };
    let rooms: Vec<_> = sources.iter().filter(is_room).collect();
    assert!(rooms.len() > 10, "rooms and those within them are found");
    for room in rooms {
        let head: String =
            room.lines.iter().take_while(|l| l.starts_with("//!")).cloned().collect();
        let folder = root().join(&room.path).with_file_name("");
        for entry in fs::read_dir(folder).expect("each room is a folder") {
            let name = entry.expect("a folder can be read").file_name();
            let name = name.to_string_lossy();
            let stem = name.trim_end_matches(".rs");
            if !["mod", "tests"].contains(&stem) && !head.contains(&format!("`{stem}`")) {
                faults.push(format!("{} does not list {name}", room.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_readme_has_every_key_of_the_configuration() {
    let conf = fs::read_to_string(root().join("server.conf")).expect("it is shipped");
    let readme = fs::read_to_string(root().join("README.md")).expect("it is shipped");
    let keys: BTreeSet<_> = conf
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once(':'))
        .map(|(key, _)| key)
        .filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(keys.len() > 20, "the keys of server.conf are found: {keys:?}");
    let missing: Vec<_> =
        keys.into_iter().filter(|key| !readme.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "README.md lacks {missing:?}");
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
        for (number, line) in source.code().filter(|(_, line)| is_fault(line)) {
            faults.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    faults
}

/// Whether `word` begins at the beginning of a name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            || word.starts_with('.')
    })
}

/// Where functions begin, and how many lines they have: up to the brace that stands as far
/// left as their first word, which is where the formatter puts it.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (number, line) in (1..).zip(&source.lines) {
        let indent = line.len() - line.trim_start().len();
        let words = ["fn ", "pub fn ", "const fn ", "pub const fn ", "extern \"C\" fn "];
        let inner = line.trim_start().trim_start_matches("pub(super) ");
        if words.iter().any(|word| inner.trim_start_matches("pub(crate) ").starts_with(word)) {
            open = Some((number, indent));
        }
        if let Some((start, at)) = open
            && line.trim_end() == format!("{}}}", " ".repeat(at))
        {
            found.push((start, number - start + 1));
            open = None;
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let mut paths = vec![root().join("build.rs")];
    for folder in
        ["src", "services", "tests", "examples", "benches", "fuzz/checks", "fuzz/fuzz_targets"]
    {
        collect(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 40, "the sources are found");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        let path = path.strip_prefix(root()).expect("it is below the root");
        let path = path.to_string_lossy().into_owned();
        Source { path, lines: text.lines().map(str::to_owned).collect() }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "house rules are broken:\n{}", faults.join("\n"));
}
