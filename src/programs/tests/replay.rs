//! Programs that say what their transcript expects, and programs that do not.

use crate::programs::{Difference, Fault, Replay, Transcript};

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
    let header = |line, expected: &str, found: &str| Difference::Header {
        line,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let body = |found: Option<&str>| Difference::Body {
        line: 6,
        expected: Some("\\*lo".to_owned()),
        found: found.map(str::to_owned),
    };
    let missing =
        |line, expected: &str| Difference::Missing { line, expected: expected.to_owned() };
    let rows: [(&[u8], Difference); 9] = [
        (b"", missing(6, "TEXT *")),
        (b"TEXT 17 +5\n", header(6, "TEXT *", "TEXT 17")),
        (b"TEXT *\n", body(None)),
        (b"TEXT * +4\nhelp\n", body(Some("help"))),
        (b"TEXT * +101\n", Difference::Long { found: 101, max: 100 }),
        (b"TEXT * +2\nlo\n", missing(8, "PAUSE 17")),
        (
            b"TEXT * +2\nlo\nPAUSE 17 +0\n\n",
            Difference::Body { line: 8, expected: None, found: Some(String::new()) },
        ),
        (b"TEXT * +2\nlo\nPAUSE 17\nX\n", Difference::Extra { found: "X".to_owned() }),
        (
            b"TEXT * +2\nlo",
            Difference::Fault(Fault::CutBody { line: "TEXT * +2".to_owned(), left: 0 }),
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

/// What a program says before it is asked counts, and is not expected again.
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
