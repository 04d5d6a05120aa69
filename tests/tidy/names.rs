//! A name means one thing: no two types of the library and the binary have the same, even where
//! both are private, since a reader searches for names in all files.

use std::collections::BTreeMap;

use crate::source::{none, sources};

#[test]
fn no_two_types_have_one_name() {
    let sources = sources();
    let files = sources.iter().filter(|s| s.path.starts_with("src/") && !s.is_test());
    let types = types(files.map(|s| (&*s.path, &*s.text)));
    assert!(types.len() > 300, "the types are found: {}", types.len());
    none(&homonyms(&types));
}

#[test]
fn homonyms_are_seen() {
    let a = ("src/a.rs", "pub struct Kind;\nimpl A {\n    type Kind = u8;\n}\n// enum Other\n");
    let b = (
        "src/b.rs",
        "pub(super) enum Other<T> {\n}\n#[cfg(test)]\nmod tests {\n    struct Kind;\n}",
    );
    assert_eq!(homonyms(&types([a, b].into_iter())), [""; 0]);
    for text in ["struct Kind(u8);", "pub(crate) type Kind = u8;", "pub unsafe trait Kind {"] {
        let other = ("src/c.rs", text);
        assert_eq!(
            homonyms(&types([a, b, other].into_iter())),
            ["Kind: src/a.rs, src/c.rs"],
            "{text}"
        );
    }
}

/// The types that files define, but for those within other items, each with the files.
fn types<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut types = BTreeMap::<_, Vec<_>>::new();
    for (path, text) in files {
        for name in text.lines().filter_map(type_of) {
            types.entry(name).or_default().push(path);
        }
    }
    types
}

/// The type whose definition begins in a line without indentation.
fn type_of(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.split_once(' ')?.1,
        None => line,
    };
    let line = line.strip_prefix("unsafe ").unwrap_or(line);
    let rest = ["struct ", "enum ", "trait ", "type ", "union "]
        .iter()
        .find_map(|word| line.strip_prefix(word))?;
    rest.split(|c: char| !c.is_alphanumeric()).next()
}

fn homonyms(types: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let twice = types.iter().filter(|(_, paths)| paths.len() > 1);
    twice.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect()
}
