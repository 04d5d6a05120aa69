//! Programs that write what their transcript expects, and programs that do not.

use crate::programs::{Difference, FatalError, Replay, Transcript, TranscriptPlace};

const TRANSCRIPT: &str = "< HELLO 1\n> READY 1\n< TEXT 17\n| hello\n< RELOAD\n> TEXT *\n| \\*lo\n\
    > PAUSE 17\n";

fn replay() -> Replay {
    Replay::new(Transcript::parse(TRANSCRIPT).expect("it is one"), 100)
}

#[test]
fn a_program_as_expected() {
    let said = b"TEXT * +5\nhello\nPAUSE   17\n";
    for cut in 0..said.len() {
        let mut replay = replay();
        assert_eq!(replay.poll(), b"HELLO 1\n");
        assert_eq!(replay.poll(), b"", "the program is waited for");
        replay.receive(b"READY 1\n").expect("as expected");
        assert_eq!(replay.poll(), b"TEXT 17 +5\nhello\nRELOAD\n");
        replay.receive(&said[..cut]).expect("as expected");
        assert!(!replay.is_finished());
        replay.receive(&said[cut..]).expect("as expected");
        assert!(replay.is_finished());
        assert_eq!(replay.finish(), Ok(()));
    }
}

#[test]
fn programs_that_depart() {
    let place = |message, line| TranscriptPlace { message, line };
    let header = |place, expected: &str, found: &str| Difference::Header {
        place,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let body = |found: Option<&str>| Difference::Body {
        place: place(5, 6),
        header: "TEXT *".to_owned(),
        expected: Some("\\*lo".to_owned()),
        found: found.map(str::to_owned),
    };
    let missing =
        |place, expected: &str| Difference::Missing { place, expected: expected.to_owned() };
    let rows: [(&[u8], Difference); 9] = [
        (b"", missing(place(5, 6), "TEXT *")),
        (b"TEXT 17 +5\n", header(place(5, 6), "TEXT *", "TEXT 17")),
        (b"TEXT *\n", body(None)),
        (b"TEXT * +4\nhelp\n", body(Some("help"))),
        (b"TEXT * +101\n", Difference::Long { found: 101, max: 100 }),
        (b"TEXT * +2\nlo\n", missing(place(6, 8), "PAUSE 17")),
        (
            b"TEXT * +2\nlo\nPAUSE 17 +0\n\n",
            Difference::Body {
                place: place(6, 8),
                header: "PAUSE 17".to_owned(),
                expected: None,
                found: Some(String::new()),
            },
        ),
        (b"TEXT * +2\nlo\nPAUSE 17\nX\n", Difference::Extra { found: "X".to_owned() }),
        (
            b"TEXT * +2\nlo",
            Difference::Fault(FatalError::CutBody { line: "TEXT * +2".to_owned(), left: 0 }),
        ),
    ];
    for (bytes, difference) in rows {
        let mut replay = replay();
        replay.poll();
        replay.receive(b"READY 1\n").expect("as expected");
        replay.poll();
        let outcome = replay.receive(bytes).and_then(|()| replay.finish());
        assert_eq!(outcome, Err(difference), "{}", bytes.escape_ascii());
    }
}

/// Output that comes before its input counts, and is not expected again.
#[test]
fn a_program_ahead_of_what_it_is_told() {
    let mut replay = replay();
    replay.receive(b"READY 1\nTEXT * +2\nlo\n").expect("as expected");
    assert_eq!(replay.poll(), b"HELLO 1\nTEXT 17 +5\nhello\nRELOAD\n");
    replay.receive(b"PAUSE 17\n").expect("as expected");
    assert!(replay.is_finished());
    let extra = Difference::Extra { found: "PAUSE 17".to_owned() };
    assert_eq!(replay.receive(b"PAUSE 17\n"), Err(extra));
}

/// The excerpt is readable: text stays text, and it contains the difference.
#[test]
fn differences_can_be_read() {
    let long = |end: &str| format!("{}\u{fc}{}{end}", "a".repeat(300), "b".repeat(60));
    let shown = |end: &str| format!("...{}\u{fc}{}{end}", "a".repeat(18), "b".repeat(60));
    let rows = [
        ("caf\u{e9}", "caf\u{e9} \u{4e16}", "caf\u{e9}", "caf\u{e9} \u{4e16}"),
        ("one\n| \"two\"", "one\n\t\u{1b}", "one\\n\"two\"", "one\\n\\t\\x1B"),
        (&long("!"), &long("?"), &shown("!"), &shown("?")),
        (
            &long(""),
            &"c".repeat(300),
            &format!("{}...", "a".repeat(200)),
            &format!("{}...", "c".repeat(200)),
        ),
    ];
    for (expected, found, shown_expected, shown_found) in rows {
        let transcript = format!("# A comment.\n> READY 1\n> TEXT 17\n| {expected}\n");
        let transcript = Transcript::parse(&transcript).expect("it is one");
        let mut replay = Replay::new(transcript, 1_000);
        let said = format!("READY 1\nTEXT 17 +{}\n{found}\n", found.len());
        let difference = replay.receive(said.as_bytes()).expect_err("it is another text");
        let text = format!(
            "message 2 in line 3, TEXT 17: recorded \"{shown_expected}\", now \"{shown_found}\""
        );
        assert_eq!(difference.to_string(), text);
    }
}
