//! Text as it comes: each read is a message, and no character is cut.

use crate::programs::{PlainLineError, Texts};
use crate::ws::tests::cuttings;
use crate::ws::{CloseCode, Message};

type Outcome = Vec<Result<Message, PlainLineError>>;

fn read(reads: &[&[u8]]) -> Outcome {
    let mut texts = Texts::default();
    let mut found: Vec<_> = reads.iter().filter_map(|bytes| texts.receive(bytes)).collect();
    found.extend(texts.finish());
    found
}

#[test]
fn rows() {
    let text = |text: &str| Ok(Message::from(text));
    let fault = |at| Err(PlainLineError::Text(at));
    let rows: [(&[&[u8]], Outcome); 13] = [
        (&[], vec![]),
        (&[b""], vec![]),
        (&[b"name? "], vec![text("name? ")]),
        (&[b"a\r\nb\n", b"c"], vec![text("a\r\nb\n"), text("c")]),
        (&[b"gr\xC3", b"\xBCn"], vec![text("gr"), text("\u{fc}n")]),
        (&[b"\xF0", b"\x9F", b"\x98", b"\x80"], vec![text("\u{1f600}")]),
        (&[b"a\0"], vec![text("a\0")]),
        (&[b"a\xFFb", b"c"], vec![fault(1)]),
        (&[b"a", b"\xC3", b"b"], vec![text("a"), fault(0)]),
        (&[b"\xC3", b"\xC3\xBC"], vec![fault(0)]),
        (&[b"\xED\xA0\x80"], vec![fault(0)]),
        (&[b"a\xC3"], vec![text("a"), fault(0)]),
        (&[b"\xF4\x90"], vec![fault(0)]),
    ];
    for (reads, expected) in rows {
        assert_eq!(read(reads), expected, "{reads:?}");
    }
    assert_eq!(PlainLineError::Text(1).close().code, CloseCode::INTERNAL);
}

/// However it is read, the text is the same, and nothing is held but the beginning of a character.
#[test]
fn nothing_is_lost_in_any_cutting() {
    let whole = "a\u{fc}\n\u{20ac}\u{1f600}b";
    for pieces in cuttings(whole.len()) {
        let (mut texts, mut rest, mut joined) = (Texts::default(), whole.as_bytes(), String::new());
        for len in pieces {
            let (piece, behind) = rest.split_at(len);
            rest = behind;
            if let Some(message) = texts.receive(piece) {
                joined += message.expect("it is UTF-8").as_text().expect("it is text");
            }
            let taken = whole.len() - rest.len();
            assert!(joined.len() <= taken && taken - joined.len() < 4, "{joined:?}");
        }
        assert_eq!((joined.as_str(), texts.finish()), (whole, None));
    }
}
