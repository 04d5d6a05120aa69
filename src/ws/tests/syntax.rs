//! The characters of HTTP.

use crate::ws::syntax::{is_token, list, trim};

#[test]
fn lists() {
    let rows: &[(&str, &[&str])] = &[
        ("", &[]),
        (" \t", &[]),
        (",, ,", &[]),
        ("a", &["a"]),
        ("a,b", &["a", "b"]),
        (" a\t,\tb c ,,d", &["a", "b c", "d"]),
    ];
    for (value, expected) in rows {
        let members: Vec<_> = list(value.as_bytes()).map(String::from_utf8_lossy).collect();
        assert_eq!(members, *expected, "{value:?}");
    }
}

#[test]
fn blanks() {
    let rows = [("", ""), (" ", ""), ("\t a \t", "a"), ("a b", "a b"), ("\u{A0}a", "\u{A0}a")];
    for (text, expected) in rows {
        assert_eq!(trim(text.as_bytes()), expected.as_bytes(), "{text:?}");
    }
}

#[test]
fn tokens() {
    let rows = [("", false), ("a", true), ("a b", false), ("a\t", false), ("a-b.c", true)];
    for (text, expected) in rows {
        assert_eq!(is_token(text.as_bytes()), expected, "{text:?}");
    }
}
