//! Reading a written transcript gives the same entries.

use crate::programs::{
    CommandResult, Direction, Entry, Pattern, Recorder, Transcript, TranscriptError,
};
use crate::ws::tests::random::Random;

fn entry(way: Direction, header: &str, body: Option<&[u8]>) -> Entry {
    let body = body.map(|bytes| Pattern::from(bytes.to_vec()));
    Entry { way, header: header.to_owned(), body }
}

fn written(entries: &[Entry]) -> String {
    let mut out = Transcript::HEAD.to_owned();
    entries.iter().for_each(|entry| entry.write(&mut out));
    out
}

#[test]
fn rows() {
    let long = "x".repeat(100);
    let wrapped = format!("< BIN 1\n| {}\\\n| xxxx\n", "x".repeat(96));
    let rows: [(&str, Option<&[u8]>, &str); 16] = [
        ("RELOAD", None, "< RELOAD\n"),
        ("", None, "< \n"),
        ("@\u{e9} a\\b\u{202e}", None, "< @\u{e9} a\\\\b\\xE2\\x80\\xAE\n"),
        ("TEXT 1", Some(b""), "< TEXT 1\n|\n"),
        ("TEXT +1", Some(b""), "< TEXT \\x2B1\n|\n"),
        ("+ 1", Some(b""), "< + 1\n|\n"),
        ("TEXT 1", Some(b"hello"), "< TEXT 1\n| hello\n"),
        ("TEXT 1", Some(b"a\nb"), "< TEXT 1\n| a\n| b\n"),
        ("TEXT 1", Some(b"a\n"), "< TEXT 1\n| a\n|\n"),
        ("TEXT 1", Some(b"\n\n"), "< TEXT 1\n|\n|\n|\n"),
        ("TEXT 1", Some(b" a "), "< TEXT 1\n|  a\\x20\n"),
        ("TEXT 1", Some(b" "), "< TEXT 1\n| \\x20\n"),
        ("TEXT 1", Some(b"\"a\\\t\r\x1b"), "< TEXT 1\n| \"a\\\\\\t\\r\\x1B\n"),
        ("BIN 1", Some(b"\xC3\xA9\xC3\0"), "< BIN 1\n| \u{e9}\\xC3\\x00\n"),
        ("BIN 1", Some(b"# | <"), "< BIN 1\n| # | <\n"),
        ("BIN 1", Some(long.as_bytes()), &wrapped),
    ];
    for (header, body, text) in rows {
        let entry = entry(Direction::Told, header, body);
        let mut out = String::new();
        entry.write(&mut out);
        assert_eq!(out, text);
        let read = Transcript::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.entries(), [entry], "{text}");
    }
}

#[test]
fn what_people_write_is_read() {
    let text = "\n# comment\r\n>  TEXT   17 \r\n|\r\n\n| b\\\n| c\n# d\n| e\\x0a\n< RELOAD";
    let read = Transcript::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let expected = [
        entry(Direction::Said, "TEXT 17", Some(b"\nbc\ne\n")),
        entry(Direction::Told, "RELOAD", None),
    ];
    assert_eq!(read.entries(), expected);
}

#[test]
fn what_is_no_transcript() {
    use TranscriptError as E;
    let rows = [
        ("< A\nTEXT 17\n", E::Mark(2)),
        ("<TEXT 17\n", E::Mark(1)),
        ("\u{e9}\n", E::Mark(1)),
        ("< A\n|b\n", E::Mark(2)),
        ("# A\n| b\n", E::Lone(2)),
        ("< TEXT 17 +5\n| hello\n", E::Length(1)),
        ("< A\\n\n", E::Escape(1)),
        ("< A\\\n", E::Escape(1)),
        ("< A\n| \\xg0\n", E::Escape(2)),
        ("< A\n| \\x+1\n", E::Escape(2)),
        ("< A\n| \\x0\n", E::Escape(2)),
        ("< A\n| \\*\n", E::Gap(2)),
        ("> A\\*\n", E::Gap(1)),
        ("> A\\xFF\n", E::Characters(1)),
        ("> A\tB\n", E::Characters(1)),
    ];
    for (text, error) in rows {
        assert_eq!(Transcript::parse(text), Err(error), "{text}");
    }
}

#[test]
fn gaps() {
    let rows = [
        ("\\*", "", true),
        ("\\*", "a\nb", true),
        ("a\\*", "ab", true),
        ("a\\*", "ba", false),
        ("\\*b", "ab", true),
        ("\\*b", "ba", false),
        ("a\\*a", "a", false),
        ("a\\*a", "aa", true),
        ("a\\*b\\*c", "abbbc", true),
        ("a\\*bb\\*c", "abc", false),
        ("a\\*\\*c", "ac", true),
        ("\\*ab\\*ab", "abab", true),
        ("\\*ab\\*ab", "aab", false),
        ("a", "ab", false),
    ];
    for (pattern, body, matches) in rows {
        let text = format!("> A\n| {pattern}\n");
        let read = Transcript::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let [entry] = read.entries() else { panic!("{text}") };
        let found = entry.body.as_ref().is_some_and(|found| found.matches(body.as_bytes()));
        assert_eq!(found, matches, "{pattern} and {body:?}");
        assert_eq!(written(read.entries()), format!("{}{text}", Transcript::HEAD));
        assert_eq!(
            entry.encode(),
            entry.body.as_ref().and_then(Pattern::as_bytes).map(|bytes| {
                format!("A +{}\n{}\n", bytes.len(), bytes.escape_ascii()).into_bytes()
            })
        );
    }
}

#[test]
fn what_is_written_is_read_again() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let entries: Vec<_> = (0..random.below(6)).map(|_| any(&mut random)).collect();
        let text = written(&entries);
        let read = Transcript::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.entries(), entries, "seed {seed}: {text}");
        assert!(text.lines().all(|line| !line.ends_with("  ")), "seed {seed}: {text}");
    }
}

/// Bytes of a pipe, in any pieces, are recorded as the entries that they were made of.
#[test]
fn what_is_recorded_is_what_was_said() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut entries: Vec<_> = (0..random.below(6)).map(|_| any(&mut random)).collect();
        entries.iter_mut().for_each(|entry| entry.way = Direction::Said);
        let bytes: Vec<u8> =
            entries.iter().flat_map(|entry| entry.encode().expect("it has no gaps")).collect();
        let (mut recorder, mut out) =
            (Recorder::new(Direction::Said, 1000), Transcript::HEAD.to_owned());
        let mut rest = &bytes[..];
        for len in random.pieces(bytes.len()) {
            recorder.receive(&rest[..len], &mut out);
            rest = &rest[len..];
        }
        assert_eq!(out, written(&entries), "seed {seed}");
    }
}

#[test]
fn what_cannot_be_recorded_is_a_comment() {
    let (mut recorder, mut out) = (Recorder::new(Direction::Said, 3), String::new());
    recorder.receive(b"BIN * +4\nabcd\nBIN * +3\nabc\nBIN +1\nabc\nBIN\n", &mut out);
    let expected = "# left out: \"BIN *\" with a body of 4 bytes\n\
        > BIN *\n| abc\n# out of step: the \
        body of \"BIN +1\" is followed by \"b\" instead of a newline; lengths count bytes\n";
    assert_eq!(out, expected);
    assert!(Transcript::parse(&out).is_ok());
}

/// The session in the specification is one that programs can have.
#[test]
fn the_session_in_the_specification_is_right() {
    let specification = include_str!("../../../docs/programs.md");
    let (_, block) = specification.split_once("```transcript\n").expect("it has a session");
    let (text, _) = block.split_once("```").expect("the session ends");
    let session = Transcript::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let mut entries = session.entries().to_vec();
    entries.retain(|entry| entry.way == Direction::Said);
    let said = |entry: &Entry| entry.encode().expect("it has no gaps");
    let bytes: Vec<u8> = entries.iter().flat_map(said).collect();
    let heard = super::hear(&bytes, &[bytes.len()]);
    assert_eq!(heard.len(), entries.len());
    assert!(heard.iter().all(|heard| matches!(heard, CommandResult::Command(_))), "{heard:?}");
    assert_eq!(written(session.entries()), format!("{}{text}", Transcript::HEAD));
}

/// Any entry that can stand in a transcript, without gaps.
fn any(random: &mut Random) -> Entry {
    let way = random.pick(&[Direction::Told, Direction::Said]);
    let words = ["TEXT", "17", "@a\\b", "\u{e9}", "#", "|", "'\""];
    let header: Vec<_> = (0..random.below(4)).map(|_| random.pick(&words)).collect();
    let len = random.below(150);
    let body = match random.below(4) {
        0 => None,
        1 => Some(random.bytes(len)),
        2 => Some(random.text(len).into_bytes()),
        _ => Some((0..len).map(|_| random.pick(b" \n\\ab")).collect()),
    };
    entry(way, &header.join(" "), body.as_deref())
}
