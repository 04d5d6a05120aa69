//! Plain lines, as programs write them that serve one socket.

use crate::programs::{Lines, PlainLineError, encode_line};
use crate::ws::tests::cuttings;
use crate::ws::tests::random::Random;
use crate::ws::{CloseCode, Message};

type Outcome = Vec<Result<Message, PlainLineError>>;

fn read(bytes: &[u8], pieces: &[usize]) -> Outcome {
    let mut lines = Lines::new(LINE_BYTES_MAX);
    let (mut found, mut rest) = (Vec::new(), bytes);
    for &len in pieces {
        let (mut piece, behind) = rest.split_at(len);
        rest = behind;
        loop {
            let (used, message) = lines.receive(piece);
            piece = &piece[used..];
            let Some(message) = message else { break };
            found.push(message);
        }
        assert!(piece.is_empty(), "what is no line yet is taken");
    }
    found.extend(lines.finish());
    found
}

#[test]
fn rows() {
    let text = |text: &str| Ok(Message::from(text));
    let rows: [(&[u8], Outcome); 14] = [
        (b"", vec![]),
        (b"one\ntwo\n", vec![text("one"), text("two")]),
        (b"one\r\ntwo", vec![text("one"), text("two")]),
        (b"\n\r\n", vec![text(""), text("")]),
        (b"a\rb\r\r\n", vec![text("a\rb\r")]),
        (b"a\r", vec![text("a")]),
        (b"a\0\tb\n", vec![text("a\0\tb")]),
        (b"h\xC3\xA9\n", vec![text("h\u{e9}")]),
        (b"12345678\n", vec![text("12345678")]),
        (b"12345678\r\n", vec![text("12345678")]),
        (b"a\n123456789\nb\n", vec![text("a"), Err(PlainLineError::Long(8))]),
        (b"12345678\r\rb\n", vec![Err(PlainLineError::Long(8))]),
        (b"123456789", vec![Err(PlainLineError::Long(8))]),
        (b"a\nb\xFFc\nd\n", vec![text("a"), Err(PlainLineError::Utf8(1))]),
    ];
    for (bytes, expected) in rows {
        for pieces in cuttings(bytes.len()).into_iter().filter(|_| !bytes.is_empty()) {
            assert_eq!(read(bytes, &pieces), expected, "{} in {pieces:?}", bytes.escape_ascii());
        }
    }
    assert_eq!(PlainLineError::Long(8).close().code, CloseCode::INTERNAL);
}

/// The standard library agrees on lines, in any cutting.
#[test]
fn lines_agree_with_the_library() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let text: String = (0..random.below(40)).map(|_| random.pick(&['a', '\n', '\r'])).collect();
        let long = text.lines().position(|line| line.len() > LINE_BYTES_MAX);
        let lines = text.split_inclusive('\n').take(long.unwrap_or(usize::MAX));
        let bare = |line: &str| {
            let line = line.strip_suffix('\n').unwrap_or(line);
            Ok(Message::from(line.strip_suffix('\r').unwrap_or(line)))
        };
        let mut expected: Vec<_> = lines.map(bare).collect();
        expected.extend(long.map(|_| Err(PlainLineError::Long(LINE_BYTES_MAX))));
        let found = read(text.as_bytes(), &random.pieces(text.len()));
        assert_eq!(found, expected, "seed {seed}: {text:?}");
    }
}

/// A line without an end is not waited for: one byte too many is an error, however it comes.
#[test]
fn a_line_is_not_held_beyond_its_limit() {
    for pieces in [vec![10], vec![9, 1], vec![1; 10]] {
        let mut lines = Lines::new(LINE_BYTES_MAX);
        let outcomes: Vec<_> = pieces.iter().map(|len| lines.receive(&vec![b'x'; *len])).collect();
        let (last, others) = outcomes.split_last().expect("there are pieces");
        assert_eq!(last.1, Some(Err(PlainLineError::Long(LINE_BYTES_MAX))), "{pieces:?}");
        assert!(others.iter().all(|(_, message)| message.is_none()), "{pieces:?}");
        assert_eq!(lines.receive(b"x\n"), (2, None), "nothing is read after it");
        assert_eq!(lines.finish(), None);
    }
}

#[test]
fn messages_become_lines() {
    let mut out = Vec::new();
    encode_line(&Message::from("h\u{e9}"), &mut out);
    encode_line(&Message::from("a\nb\n"), &mut out);
    encode_line(&Message::from(&b"\0\xFF"[..]), &mut out);
    assert_eq!(out, b"h\xC3\xA9\na\nb\n\n\0\xFF");
}

const LINE_BYTES_MAX: usize = 8;
