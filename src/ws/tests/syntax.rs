//! The characters of HTTP, and the kinds of messages.

use crate::ws::syntax::{is_token, list, trim};
use crate::ws::{Message, Opcode};

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

#[test]
fn messages_are_text_or_binary() {
    let rows = [
        (Message::from("é"), Opcode::Text, Some("é"), "é".as_bytes()),
        (Message::from(String::new()), Opcode::Text, Some(""), b""),
        (Message::from(vec![0xFF]), Opcode::Binary, None, b"\xFF"),
        (Message::from(&b"a"[..]), Opcode::Binary, None, b"a"),
    ];
    for (message, opcode, text, bytes) in rows {
        assert_eq!((message.opcode(), message.as_text()), (opcode, text));
        assert_eq!((message.as_bytes(), message.len()), (bytes, bytes.len()));
        assert_eq!(message.is_empty(), bytes.is_empty());
        assert!(message.capacity() >= bytes.len());
        assert_eq!(message.into_bytes(), bytes);
    }
}
