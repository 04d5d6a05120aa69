//! Heads cost in proportion to their length, however they are cut.

use crate::limits::Limits;
use crate::ws::head_reader::HeadReader;
use crate::ws::{Head, Upgrade, work};

/// Each byte is read once, and those of names once more for each of the three whose fields are
/// looked for in a head that is whole.
const HEAD: usize = 2;
/// The handshake looks for six names more, and reads the values that it finds.
const HANDSHAKE: usize = 1;

/// The longest heads that `Limits::SERVER` lets in, a half and a quarter of them: 25, 50 and
/// 100 fields.
#[test]
fn a_head_costs_in_proportion_to_its_length() {
    let ways: [fn(usize) -> usize; 5] = [|_| usize::MAX, |_| 1, |_| 2, |_| 167, |at| 1 + at % 7];
    for cut in ways {
        for quarters in [1, 2, 4] {
            let text = head(quarters);
            let mut whole = None;
            let read = work::of(|| whole = read(&text, cut));
            let whole = whole.expect("the head ends");
            let parsed = work::of(|| assert!(matches!(Upgrade::parse(&whole), Ok(Some(_)))));
            let len = text.len();
            assert!((len..=HEAD * len).contains(&read), "{read} for {len}");
            assert!((1..=HANDSHAKE * len).contains(&parsed), "{parsed} for {len}");
        }
    }
}

/// What is wrong costs no more than what is right: the longest head without an end.
#[test]
fn a_refusal_costs_in_proportion_to_the_length() {
    let limits = Limits::SERVER;
    for line in [&b"A: b\r\n"[..], &[b'x'; 40_000]] {
        let mut reader = HeadReader::default();
        let text = [b"GET / HTTP/1.1\r\nHost: h\r\n", &line.repeat(100)[..]].concat();
        let read = work::of(|| {
            let is_wrong = text.iter().any(|byte| reader.receive(&[*byte], &limits).is_err());
            assert!(is_wrong || reader.receive(b"B: c\r\n", &limits).is_err());
        });
        assert!(read <= limits.head_bytes_max, "{read}");
    }
}

/// A head of so many quarters of what is allowed.
fn head(quarters: usize) -> Vec<u8> {
    let limits = Limits::SERVER;
    let (len, fields) = (limits.head_bytes_max * quarters / 4, limits.headers_max * quarters / 4);
    let mut text = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        .to_vec();
    for left in (0..fields - 5).rev() {
        // All fields are of about one length; the last one ends where the head has to.
        let value_len = (len - text.len() - 2) / (left + 1) - 5;
        text.extend([b"X: ", &vec![b'y'; value_len][..], b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    assert_eq!(text.len(), len);
    text
}

fn read(text: &[u8], cut: fn(usize) -> usize) -> Option<Head> {
    let mut reader = HeadReader::default();
    let mut at = 0;
    while at < text.len() {
        let piece = &text[at..][..cut(at).min(text.len() - at)];
        let (used, head) = reader.receive(piece, &Limits::SERVER).expect("it is right");
        assert_eq!(used, piece.len());
        at += used;
        if head.is_some() {
            return head;
        }
    }
    None
}
