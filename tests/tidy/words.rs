//! Plain words: phrases that make a reader look twice stand in no comment and in no text of the
//! library, the binary, the services, the examples and `server.conf`. Names are not looked at.

use std::fs;

use crate::source::{none, root, sources};

/// The phrases, in lower case, and what to write.
const RIDDLES: [(&str, &str); 13] = [
    ("give back", "return"),
    ("gives back", "returns"),
    ("given back", "returned"),
    ("giving back", "returning"),
    ("hand over", "pass"),
    ("hands over", "passes"),
    ("handed over", "passed"),
    ("whoever", "the noun, such as: each client, a socket that"),
    ("whomever", "the noun, such as: each client, a socket that"),
    ("is told", "is notified, or gets"),
    ("are told", "are notified, or get"),
    ("is so.", "what is true then"),
    ("from here on", "after this, or what the call does"),
];

#[test]
fn words_are_plain() {
    let places = ["src/", "services/", "examples/"];
    let sources = sources().into_iter();
    let mut files: Vec<_> = sources
        .filter(|source| places.iter().any(|place| source.path.starts_with(place)))
        .map(|source| (source.path, source.text))
        .collect();
    let conf = fs::read_to_string(root().join("server.conf")).expect("it is shipped");
    files.push(("server.conf".to_owned(), conf));
    none(&files.iter().flat_map(|(path, text)| riddles(path, text)).collect::<Vec<_>>());
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
}

/// The phrases in a text, also across the lines of a comment.
fn riddles(path: &str, text: &str) -> Vec<String> {
    let mut joined = String::new();
    // Where each line begins in `joined`.
    let mut lines = Vec::new();
    let mut was_comment = false;
    for line in text.lines() {
        let words = line.trim_start();
        let is_comment = words.starts_with("//") || words.starts_with('#');
        joined.push(if is_comment && was_comment { ' ' } else { '\n' });
        lines.push(joined.len());
        joined.push_str(words.trim_start_matches(['/', '!', '#']).trim());
        was_comment = is_comment;
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
