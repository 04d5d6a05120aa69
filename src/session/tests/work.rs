//! Conversations cost in proportion to what is said, however it is cut.

use crate::limits::Limits;
use crate::session::SessionEvent;
use crate::session::tests::talk::Talk;
use crate::session::tests::{BINARY, BINARY_BEGINS, ENDS, GOES_ON, PING, TEXT, TEXT_BEGINS, frame};
use crate::ws::{Message, work};

/// What a peer says, in about so many bytes.
type Says = fn(usize) -> Vec<u8>;

const ROWS: &[(&str, Says)] = &[
    ("a binary", |n| frame(BINARY, &vec![0; n])),
    ("a text", |n| frame(TEXT, &vec![b'a'; n])),
    ("a text of long characters", |n| frame(TEXT, "😀".repeat(n / 4).as_bytes())),
    ("fragments of one byte", |n| fragments(BINARY_BEGINS, &frame(GOES_ON, b"x").repeat(n / 7))),
    ("fragments of nothing", |n| fragments(TEXT_BEGINS, &frame(GOES_ON, b"").repeat(n / 6))),
    ("characters torn into fragments", |n| {
        let torn: Vec<_> = "😀".bytes().flat_map(|byte| frame(GOES_ON, &[byte])).collect();
        fragments(TEXT_BEGINS, &torn.repeat(n / torn.len()))
    }),
    ("pings of nothing", |n| frame(PING, b"").repeat(n / 6)),
    ("the longest pings", |n| frame(PING, &[b'p'; 125]).repeat(n / 131)),
    ("the shortest messages", |n| frame(TEXT, b"").repeat(n / 6)),
    ("the longest short messages", |n| frame(TEXT, &[b'a'; 125]).repeat(n / 131)),
];

/// A frame has 6 bytes at least. Its header is looked at up to three times, up to 14 bytes at a
/// time, which is 7 for each byte; with the pong that an empty ping has sent it is less than 9.
/// A payload costs less: it is unmasked, validated and copied, and a torn character is looked
/// at with each of its bytes.
const RECEIVED: usize = 9;

#[test]
fn what_is_received_costs_in_proportion_to_its_length() {
    for (name, says) in ROWS {
        for len in [LEN / 4, LEN / 2, LEN] {
            let bytes = says(len);
            for piece in [READ, 7, 1] {
                let mut talk = open();
                let done = work::of(|| receive(&mut talk, &bytes, piece));
                let len = bytes.len();
                assert!(done <= RECEIVED * len, "{name}: {done} for {len} by {piece}");
                assert!(done >= len / 2, "{name}: {done} for {len} is counted");
            }
        }
    }
}

/// The longest message that `Limits::SERVER` lets in.
#[test]
fn a_mebibyte_byte_by_byte_costs_in_proportion_to_its_length() {
    let text = "é".repeat(Limits::SERVER.message_bytes_max / 2);
    let bytes = frame(TEXT, text.as_bytes());
    let done = work::of(|| receive(&mut Talk::open(Limits::SERVER), &bytes, 1));
    assert!(done <= RECEIVED * bytes.len(), "{done}");
}

/// Behind a full outbox one pong waits, and each ping takes its place.
#[test]
fn a_pong_that_waits_costs_what_its_pings_do() {
    for len in [LEN / 4, LEN / 2, LEN] {
        let mut talk = open();
        let full = talk.limits.outbox_high_bytes + 1;
        talk.send(vec![0; full].into());
        let bytes = frame(PING, b"p").repeat(len / 7);
        let done = work::of(|| receive(&mut talk, &bytes, 1));
        assert!(done <= RECEIVED * bytes.len(), "{done} for {}", bytes.len());
        assert!(talk.session.has_pong());
    }
}

/// What is sent is copied into its buffer, with it when that grows, on average more than twice
/// but less than three times, and with it when that is shortened.
const SENT: usize = 5;

/// What leaves, byte by byte, costs an entry for each of its buffers.
#[test]
fn what_is_sent_costs_in_proportion_to_its_length() {
    for message_len in [0, 1, 125, 2_048, 2_049, 20_000] {
        for len in [LEN / 4, LEN / 2, LEN] {
            let mut talk = open();
            let count = len / (message_len + 4);
            let sent = work::of(|| {
                (0..count).for_each(|_| talk.send(Message::from(vec![0; message_len])));
            });
            let waits = talk.session.unsent_len();
            assert!(sent <= SENT * waits, "{sent} for {waits} in messages of {message_len}");
            let left = work::of(|| (0..waits).for_each(|_| talk.session.wrote(1, talk.now)));
            assert!(left <= waits && talk.session.unsent_len() == 0, "{left} for {waits}");
        }
    }
}

fn open() -> Talk {
    let limits = Limits {
        fragments_max: u32::MAX,
        message_bytes_max: LEN,
        outbox_bytes_max: 16 * LEN,
        ..Limits::SERVER
    };
    Talk::open(limits)
}

/// A message of these fragments between its first and its last.
fn fragments(first: u8, fragments: &[u8]) -> Vec<u8> {
    [&frame(first, b""), fragments, &frame(ENDS, b"")].concat()
}

fn receive(talk: &mut Talk, bytes: &[u8], piece: usize) {
    let mut read = Vec::with_capacity(piece);
    for piece in bytes.chunks(piece) {
        read.clear();
        read.extend_from_slice(piece);
        let mut rest = &mut read[..];
        while !rest.is_empty() {
            let (used, event) = talk.session.receive(rest, &talk.limits, talk.now);
            assert!(matches!(event, None | Some(SessionEvent::Message(_))), "{event:?}");
            rest = &mut rest[used..];
        }
    }
}

/// As far as laws are tried here, up to four times a quarter of this.
const LEN: usize = 1 << 16;
/// What one read of a host may bring.
const READ: usize = 8 << 10;
