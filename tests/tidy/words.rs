//! Plain words: phrases that make a reader look twice stand in no document, comment or text of the
//! project. Names are not looked at.

use std::fs;
use std::path::Path;

use crate::source::{none, root};

/// The phrases, in lower case, and what to write.
const RIDDLES: [(&str, &str); 32] = [
    ("give back", "return"),
    ("gives back", "returns"),
    ("gave back", "returned"),
    ("given back", "returned"),
    ("giving back", "returning"),
    ("hand over", "pass"),
    ("hands over", "passes"),
    ("handed over", "passed"),
    ("handing over", "passing"),
    ("whoever", "the noun, such as: each client, a socket that"),
    ("whomever", "the noun, such as: each client, a socket that"),
    ("is told", "is notified, or gets"),
    ("are told", "are notified, or get"),
    ("was told", "was notified, or got"),
    ("were told", "were notified, or got"),
    ("be told", "be notified, or get"),
    ("been told", "been notified, or got"),
    ("is so.", "what is true then"),
    ("from here on", "after this, or what the call does"),
    ("has room", "has capacity, or space"),
    ("is room", "is capacity, or space"),
    ("makes room", "frees capacity, or a place"),
    ("room for", "capacity, or space"),
    ("let in", "admit, or accept"),
    ("anew", "again"),
    ("upon", "on, or after"),
    ("comes of", "the result of"),
    ("come of", "the result of"),
    ("came of", "the result of"),
    ("for want of", "without"),
    ("its say", "what it says"),
    ("lets pass", "accepts"),
];

/// Where texts are, besides the documents at the root.
const FOLDERS: [&str; 8] =
    ["src", "services", "examples", "tests", "benches", "docs", "fuzz/checks", "fuzz/fuzz_targets"];

/// Endings of texts that people write. A script of ours may have none.
const TEXTS: [&str; 11] =
    ["rs", "md", "py", "js", "mjs", "cjs", "html", "bash", "sh", "java", "go"];

#[test]
fn words_are_plain() {
    let mut paths = vec!["server.conf".to_owned(), "build.rs".to_owned(), "Cargo.toml".to_owned()];
    paths.push("fuzz/README.md".to_owned());
    let own = fs::read_dir(root()).expect("a folder can be read");
    let own = own.map(|entry| entry.expect("a folder can be read").file_name());
    paths.extend(own.filter_map(|name| name.into_string().ok()).filter(|n| n.ends_with(".md")));
    FOLDERS.iter().for_each(|folder| collect(folder, &mut paths));
    assert!(paths.len() > 400, "the texts are found: {}", paths.len());
    let mut faults = Vec::new();
    for path in paths {
        // The package has no fuzz targets.
        if let Ok(text) = fs::read_to_string(root().join(&path)) {
            faults.extend(riddles(&path, &text));
        }
    }
    none(&faults);
}

#[test]
fn riddles_are_seen() {
    let found = |text: &str| riddles("a.rs", text);
    assert_eq!(found("/// Gives back it.\n"), ["a.rs:1: gives back: write returns"]);
    assert_eq!(found("x\n// It gives\n    // back all.\n"), ["a.rs:2: gives back: write returns"]);
    assert_eq!(found("# It is\n# told.\n"), ["a.rs:1: is told: write is notified, or gets"]);
    assert_eq!(found("log(\"whoever \\\n   comes\");\n").len(), 1);
    assert_eq!(found("fn whoever_comes() {}\n// It is\nsomething(told);\n"), [""; 0]);
    assert_eq!(found("// This is told\n// to whoever is handed over.\n").len(), 3);
    let fault = "a.md:1: is told: write is notified, or gets";
    assert_eq!(riddles("a.md", "- It is\n  told.\n"), [fault]);
    assert_eq!(riddles("a.md", "| it is |\n\ntold\n"), [""; 0]);
}

/// The texts in a folder and those below it. Folders of other people's files are left out, and so
/// are these rules, which name what they forbid.
fn collect(folder: &str, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return };
    for entry in entries {
        let name = entry.expect("a folder can be read").file_name();
        let Some(name) = name.to_str() else { continue };
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            let is_other = ["node_modules", "target", "__pycache__"].contains(&name);
            if !is_other && path != "tests/tidy" {
                collect(&path, paths);
            }
        } else if Path::new(name).extension().is_none_or(|end| TEXTS.iter().any(|t| end == *t)) {
            paths.push(path);
        }
    }
}

/// The phrases in a text, also across the lines of a comment or of a document.
fn riddles(path: &str, text: &str) -> Vec<String> {
    let mut joined = String::new();
    // Where each line begins in `joined`.
    let mut lines = Vec::new();
    let mut was_prose = false;
    let is_document = path.ends_with(".md");
    for line in text.lines() {
        let words = line.trim_start();
        let is_prose = is_document || words.starts_with("//") || words.starts_with('#');
        joined.push(if is_prose && was_prose { ' ' } else { '\n' });
        lines.push(joined.len());
        joined.push_str(words.trim_start_matches(['/', '!', '#']).trim());
        was_prose = is_prose;
    }
    joined.make_ascii_lowercase();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let mut faults = Vec::new();
    for (riddle, better) in RIDDLES {
        for (at, _) in joined.match_indices(riddle) {
            let bytes = joined.as_bytes();
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            if !is_part(before) && !is_part(bytes.get(at + riddle.len())) {
                let number = lines.partition_point(|start| *start <= at);
                faults.push(format!("{path}:{number}: {riddle}: write {better}"));
            }
        }
    }
    faults
}
