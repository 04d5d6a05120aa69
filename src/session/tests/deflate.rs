//! Compression in a conversation: which frames may say so, the results however they are
//! cut, and contexts both ways.

use flate2::{Compress, Compression, Decompress};

use crate::limits::Limits;
use crate::session::tests::codec::{deflate, inflate};
use crate::session::tests::rows::LIMITS;
use crate::session::tests::talk::{Talk, tell_text};
use crate::session::tests::{CLOSE, ENDS, GOES_ON, PING, TEXT, UPGRADE, frame};
use crate::session::{Codec, Frame};
use crate::ws::Message;
use crate::ws::tests::cuttings;
use crate::ws::tests::random::Random;

/// The bit that says so.
const RSV1: u8 = 0x40;
/// "Hello", as in RFC 7692, 7.2.3.1.
const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
/// A byte that begins a character and is followed by none: `C3` without compression.
const NOT_UTF8: &[u8] = &[0x00, 0x01, 0x00, 0xFE, 0xFF, 0xC3, 0x00];

/// The frames of a peer, each with its first byte, and what is heard.
type Row = (&'static [(u8, &'static [u8])], &'static [&'static str]);

const RESERVED: &str = "closed 1002 reserved bit set without an extension (RFC 6455, 5.2)";
const BROKEN: &str = "closed 1007 compressed data is broken (RFC 6455, 7.4.1)";

const ROWS: &[Row] = &[
    (&[(RSV1 | TEXT, HELLO)], &["text Hello"]),
    (&[(0xC2, HELLO)], &["binary [48, 65, 6c, 6c, 6f]"]),
    (
        &[(TEXT, b"plain"), (RSV1 | TEXT, HELLO), (TEXT, b"plain")],
        &["text plain", "text Hello", "text plain"],
    ),
    // RFC 7692, 7.2.3.1: the same in fragments, cut anywhere.
    (&[(0x41, &[0xF2, 0x48, 0xCD]), (ENDS, &[0xC9, 0xC9, 0x07, 0x00])], &["text Hello"]),
    (&[(0x41, b""), (GOES_ON, HELLO), (PING, b"p"), (GOES_ON, b""), (ENDS, b"")], &["text Hello"]),
    (&[(RSV1 | TEXT, b"")], &["text "]),
    (&[(RSV1 | TEXT, &[0x00])], &["text "]),
    // RFC 7692, 6.1: only the first frame of a message says so, and no control frame.
    (&[(0x41, HELLO), (RSV1 | ENDS, b"")], &[RESERVED]),
    (&[(0x01, b"a"), (RSV1 | ENDS, b"")], &[RESERVED]),
    (&[(RSV1 | ENDS, HELLO)], &[RESERVED]),
    (&[(RSV1 | PING, b"")], &[RESERVED]),
    (&[(RSV1 | CLOSE, b"")], &[RESERVED]),
    (&[(RSV1 | 0x83, HELLO)], &[RESERVED]),
    (&[(0xA1, HELLO)], &[RESERVED]),
    (&[(0xD1, HELLO)], &[RESERVED]),
    (&[(0xE1, HELLO)], &[RESERVED]),
    (
        &[(0x41, HELLO), (RSV1 | TEXT, HELLO)],
        &["closed 1002 new message within a message (RFC 6455, 5.4)"],
    ),
    // What is in it.
    (&[(0xC2, NOT_UTF8)], &["binary [c3]"]),
    (&[(RSV1 | TEXT, NOT_UTF8)], &["closed 1007 text is not UTF-8 (RFC 6455, 8.1)"]),
    (&[(RSV1 | TEXT, &[0x06])], &[BROKEN]),
    (&[(RSV1 | TEXT, HELLO.split_at(3).0)], &[BROKEN]),
    (&[(RSV1 | TEXT, HELLO), (RSV1 | TEXT, &[0xFF]), (TEXT, b"late")], &["text Hello", BROKEN]),
    // Without a context nothing is referred to.
    (
        &[(RSV1 | TEXT, HELLO), (RSV1 | TEXT, &[0xF2, 0x00, 0x11, 0x00, 0x00])],
        &["text Hello", BROKEN],
    ),
];

#[test]
fn rows() {
    for (frames, heard) in ROWS {
        let bytes: Vec<u8> = frames.iter().flat_map(|(first, data)| frame(*first, data)).collect();
        for pieces in cuttings(bytes.len()) {
            let mut talk = open("", 0);
            let mut rest = &bytes[..];
            for piece in &pieces {
                let (now, later) = rest.split_at(*piece);
                talk.receive(now);
                rest = later;
            }
            assert_eq!(talk.heard, *heard, "{frames:02x?} in {pieces:?}");
        }
    }
}

/// Without an agreement there is no such bit, whatever was offered.
#[test]
fn without_an_agreement_the_bit_is_reserved() {
    let head = upgrade("");
    let mut talk = Talk::new(LIMITS);
    talk.receive(&head);
    talk.accept();
    talk.take_all();
    assert!(!talk.taken.windows(9).any(|bytes| bytes == b"Extension"));
    talk.receive(&frame(RSV1 | TEXT, HELLO)[..1]);
    assert_eq!(talk.heard, ["request /chat", RESERVED]);
}

/// The limits of lengths, to the byte: of what comes, and of what it comes to.
#[test]
fn lengths_are_exact() {
    let limits = Limits { message_bytes_max: 1_000, ..LIMITS };
    assert_eq!(limits.compressed_bytes_max(), 1_189);
    let too_long = "closed 1009 message above the limit (RFC 6455, 10.4)";
    for (len, heard) in [(1_000, "binary of 1000 bytes"), (1_001, too_long)] {
        let mut talk = open("", 0);
        talk.limits = limits;
        let mut compress = Compress::new(Compression::new(6), false);
        talk.receive(&frame(0xC2, &deflate(&mut compress, &vec![0; len])));
        assert_eq!(talk.heard, [heard], "{len} bytes");
    }
    // Final blocks and an empty one behind them, which come to nothing.
    for (len, heard) in [(1_189, "binary []"), (1_190, too_long)] {
        let byte = |at| if at % 2 == 0 && at + 1 < len { 0x03 } else { 0x00 };
        let mut talk = open("", 0);
        talk.limits = limits;
        talk.receive(&frame(0xC2, &(0..len).map(byte).collect::<Vec<u8>>()));
        assert_eq!(talk.heard, [heard], "{len} bytes");
    }
}

/// Law: messages both ways are what was meant, with contexts and windows of any width, long ones
/// and short ones, to one and to many.
#[test]
fn contexts_both_ways() {
    let mut codec = Codec::new();
    for (seed, bits) in (0..12).flat_map(|seed| (8..=15).map(move |bits| (seed, bits))) {
        let mut random = Random::new(seed);
        let offer = format!("; server_max_window_bits={bits}; client_max_window_bits");
        let memory = random.pick(&[0, 1 << 12, usize::MAX]);
        let mut talk = open(&offer, memory);
        let agreed = *talk.session.agreement().expect("it was agreed on");
        let server_keeps = agreed.server.context_bytes() > 0;
        let client_keeps = agreed.client.context_bytes() > 0;
        let mut compress = Compress::new(Compression::new(6), false);
        let mut decompress = Decompress::new(false);
        for number in 0..12 {
            let text = format!("{number} {}", "one and the same ".repeat(random.below(200)));
            let message = Message::from(text.as_str());
            // Down, to one or with what was made for many.
            let session = &mut talk.session;
            let bytes = codec.deflate(text.as_bytes(), &[], agreed.server.window_bits);
            let sent = match (random.below(3), bytes) {
                (0, _) => session.send(message, &LIMITS, talk.now),
                (1, Some(bytes)) => {
                    let frame = Frame::compressed(&message, &bytes);
                    session.send_compressed_frame(&frame, &message, &LIMITS, talk.now)
                }
                _ => session.send_compressed(&mut codec, message, &LIMITS, talk.now).map(|_| ()),
            };
            assert!(sent.is_ok());
            talk.take_all();
            let taken = std::mem::take(&mut talk.taken);
            let (first, payload) = split(&taken);
            if !server_keeps {
                decompress.reset(false);
            }
            let plain = match first {
                0x81 => payload.to_vec(),
                0xC1 => inflate(&mut decompress, payload),
                other => panic!("{other:#x}"),
            };
            assert_eq!(String::from_utf8(plain).as_deref(), Ok(&*text), "seed {seed}, {bits} bits");
            // Up.
            if !client_keeps {
                compress.reset();
            }
            let bytes = match random.below(2) {
                0 => frame(TEXT, text.as_bytes()),
                _ => frame(RSV1 | TEXT, &deflate(&mut compress, text.as_bytes())),
            };
            talk.receive(&bytes);
            assert_eq!(talk.heard.pop_front(), Some(tell_text(&text)), "seed {seed}, {bits} bits");
            let held = talk.session.contexts.as_ref().map_or(0, |contexts| contexts.capacity());
            assert!(held <= agreed.context_bytes(), "{held} bytes are held");
        }
    }
}

/// What came before is referred to, whether it was for one or for many.
#[test]
fn contexts_make_messages_shorter() {
    let mut codec = Codec::new();
    let mut random = Random::new(9);
    let text: String = (0..100).map(|_| format!("item {} ", random.below(1_000_000))).collect();
    let message = Message::from(text.as_str());
    for is_for_many in [false, true] {
        let mut talk = open("", usize::MAX);
        let (session, now) = (&mut talk.session, talk.now);
        let sent = if is_for_many {
            let bytes = codec.deflate(message.as_bytes(), &[], 15).expect("it becomes shorter");
            let frame = Frame::compressed(&message, &bytes);
            session.send_compressed_frame(&frame, &message, &LIMITS, now)
        } else {
            session.send_compressed(&mut codec, message.clone(), &LIMITS, now).map(|_| ())
        };
        assert!(sent.is_ok() && session.unsent_len() > 400);
        talk.take_all();
        let sent = talk.session.send_compressed(&mut codec, message.clone(), &LIMITS, now);
        assert!(sent.is_ok() && talk.session.unsent_len() < 100);
    }
}

/// Short ones are sent as they are, and so is what does not become shorter.
#[test]
fn short_messages_are_not_compressed() {
    let mut codec = Codec::new();
    let limits = Limits { deflate_threshold_bytes: 100, ..LIMITS };
    for (len, first) in [(99, 0x82), (100, 0xC2)] {
        let mut talk = open("", 0);
        let message = Message::from(vec![0; len]);
        let cost = talk.session.send_compressed(&mut codec, message, &limits, talk.now);
        assert_eq!(cost.ok(), Some(if first == 0x82 { 0 } else { len }));
        talk.take_all();
        assert_eq!(talk.taken[0], first, "{len} bytes");
    }
    let mut talk = open("", 0);
    let message = Message::from(Random::new(3).bytes(1_000));
    assert!(talk.session.send_compressed(&mut codec, message, &limits, talk.now).is_ok());
    talk.take_all();
    assert_eq!(talk.taken[0], 0x82, "it does not become shorter");
}

/// A conversation that compresses, as the client offers and this memory allows.
fn open(offer: &str, context_bytes_max: usize) -> Talk {
    let mut talk = Talk::new(LIMITS);
    talk.receive(&upgrade(offer));
    let offer = talk.session.upgrade().and_then(|upgrade| upgrade.offer()).expect("one is made");
    talk.session.agree(offer.agree(context_bytes_max));
    talk.accept();
    talk.take_all();
    let answer = String::from_utf8(std::mem::take(&mut talk.taken)).expect("it is ASCII");
    assert!(answer.contains("\r\nSec-WebSocket-Extensions: permessage-deflate"), "{answer}");
    talk.heard.clear();
    talk
}

fn upgrade(offer: &str) -> Vec<u8> {
    let (head, end) = UPGRADE.split_at(UPGRADE.len() - 2);
    let field = format!("Sec-WebSocket-Extensions: permessage-deflate{offer}\r\n");
    [head, field.as_bytes(), end].concat()
}

/// The first byte and the payload of the only frame.
fn split(bytes: &[u8]) -> (u8, &[u8]) {
    let start = if bytes[1] == 126 { 4 } else { 2 };
    (bytes[0], &bytes[start..])
}
