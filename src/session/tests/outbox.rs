//! What waits for a peer: its order, its bounds, and that it makes no difference in which
//! portions the peer takes it.

use crate::limits::Limits;
use crate::session::Next::{EndWriting, Keep};
use crate::session::buffer_pool::BufferPool;
use crate::session::outbox::{Frame as Shared, Outbox};
use crate::session::tests::Peer::{Bytes, Frame};
use crate::session::tests::script::Step::{self, *};
use crate::session::tests::script::{play, play_all};
use crate::session::tests::talk::{Talk, read_frames, tell_message};
use crate::session::tests::{CLOSE, PING, TEXT};
use crate::ws::tests::random::Random;
use crate::ws::{Header, Message, Opcode};

type Script = (&'static str, &'static [Step]);

/// With an outbox of 100 bytes.
const OVERFLOWS: &[Script] = &[
    (
        "up to the limit, and over it",
        &[
            Opens,
            Stalls,
            SendZeros(60),
            SendZeros(38),
            Waits(102),
            Is(Keep),
            Send("a"),
            Heard("overflow 1013 102 bytes unread and 1 more, above outbox-max, 100"),
            Is(Keep),
            // It is over: nothing more is taken from either side.
            Send("b"),
            SendZerosToMany(1),
            Says(&[Frame(TEXT, b"c"), Frame(PING, b"d"), Frame(CLOSE, b"")]),
            Settle,
            Flows,
            Took("binary of 60 bytes"),
            Took("binary of 38 bytes"),
            Took("close 1013 102 bytes unread and 1 more, above outbox-max, 100"),
            Is(EndWriting),
            Due(5_000),
        ],
    ),
    (
        "up to the limit, and over it, by a byte",
        &[
            Opens,
            Stalls,
            SendZeros(97),
            Waits(99),
            Send("a"),
            Waits(102),
            Takes(2),
            Waits(100),
            Send("b"),
            Heard("overflow 1013 100 bytes unread and 1 more, above outbox-max, 100"),
        ],
    ),
    (
        "what is taken frees capacity",
        &[
            Opens,
            Stalls,
            SendZeros(98),
            Waits(100),
            Takes(100),
            Took("binary of 98 bytes"),
            SendZeros(98),
            Takes(2),
            SendZeros(2),
            Waits(102),
            Is(Keep),
            Flows,
            Took("binary of 98 bytes"),
            Took("binary [00, 00]"),
        ],
    ),
    (
        "the longest message fits an empty outbox, for one socket or for many",
        &[
            Opens,
            SendZeros(100),
            Took("binary of 100 bytes"),
            SendZerosToMany(100),
            Took("binary of 100 bytes"),
            Stalls,
            SendZerosToMany(101),
            Heard("overflow 1013 0 bytes unread and 101 more, above outbox-max, 100"),
            Flows,
            Took("close 1013 0 bytes unread and 101 more, above outbox-max, 100"),
        ],
    ),
    (
        "a message to many",
        &[
            Opens,
            Stalls,
            SendZerosToMany(90),
            Waits(92),
            SendZerosToMany(8),
            Waits(102),
            SendZerosToMany(1),
            Heard("overflow 1013 102 bytes unread and 1 more, above outbox-max, 100"),
        ],
    ),
    (
        "while settling: the peer's close frame is not answered any more",
        &[
            Opens,
            Stalls,
            SendZeros(98),
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Send("a"),
            Heard("overflow 1013 100 bytes unread and 1 more, above outbox-max, 100"),
            Settle,
            Flows,
            Took("binary of 98 bytes"),
            Took("close 1013 100 bytes unread and 1 more, above outbox-max, 100"),
            Is(EndWriting),
        ],
    ),
    (
        "pings of a peer that does not read cost one pong",
        &[
            Opens,
            Stalls,
            SendZeros(60),
            Says(&[Frame(PING, &[b'a'; 125]), Frame(PING, &[b'b'; 125]), Frame(PING, b"c")]),
            Waits(62),
            Flows,
            Took("binary of 60 bytes"),
            Took("pong c"),
            Waits(0),
        ],
    ),
];

/// With a high mark of 10 bytes.
const PONGS: &[Script] = &[
    (
        "up to the mark pongs are queued at once",
        &[
            Opens,
            Stalls,
            SendZeros(8),
            Waits(10),
            Says(&[Frame(PING, b"a"), Frame(PING, b"b"), Frame(PING, b"c")]),
            Waits(13),
            Flows,
            Took("binary [00, 00, 00, 00, 00, 00, 00, 00]"),
            Took("pong a"),
            Took("pong c"),
        ],
    ),
    (
        "a pong that is queued makes the one that waits pointless",
        &[
            Opens,
            Stalls,
            SendZeros(8),
            Send("d"),
            Says(&[Frame(PING, b"a")]),
            Waits(13),
            Takes(5),
            Says(&[Frame(PING, b"b")]),
            Waits(11),
            Flows,
            Took("binary [00, 00, 00, 00, 00, 00, 00, 00]"),
            Took("text d"),
            Took("pong b"),
        ],
    ),
    (
        "the pong that waits goes out before our close frame, and never behind it",
        &[
            Opens,
            Stalls,
            SendZeros(50),
            Says(&[Frame(PING, b"a")]),
            Waits(52),
            Close(1000, ""),
            Flows,
            Took("binary of 50 bytes"),
            Took("pong a"),
            Took("close 1000"),
            Is(Keep),
        ],
    ),
    (
        "and so it does before a close frame that answers a fault",
        &[
            Opens,
            Stalls,
            SendZeros(9),
            Says(&[Frame(PING, b"a"), Bytes(b"\x83")]),
            Heard("closed 1002 reserved opcode (RFC 6455, 5.2)"),
            Settle,
            Flows,
            Took("binary [00, 00, 00, 00, 00, 00, 00, 00, 00]"),
            Took("pong a"),
            Took("close 1002 reserved opcode (RFC 6455, 5.2)"),
            Is(EndWriting),
        ],
    ),
    (
        "a pong that waits goes out while the service settles",
        &[
            Opens,
            Stalls,
            SendZeros(9),
            Says(&[Frame(PING, b"a"), Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Flows,
            Took("binary [00, 00, 00, 00, 00, 00, 00, 00, 00]"),
            Took("pong a"),
            Settle,
            Took("close 1000"),
        ],
    ),
];

#[test]
fn overflows() {
    let limits = Limits { outbox_bytes_max: 100, outbox_high_bytes: 50, ..Limits::SERVER };
    play_all(&limits, OVERFLOWS);
}

#[test]
fn pongs_that_wait() {
    play_all(&Limits { outbox_high_bytes: 10, ..Limits::SERVER }, PONGS);
}

/// A peer that reads slowly and a peer that pings are distinguished: pings cause no overflow.
#[test]
fn a_pong_needs_no_room() {
    let limits = Limits { outbox_bytes_max: 100, outbox_high_bytes: 100, ..Limits::SERVER };
    let script = [Opens, Stalls, SendZeros(98), Says(&[Frame(PING, b"a")]), Waits(103), Is(Keep)];
    play("a ping at the limit", &limits, &script);
}

/// Law: in whatever portions the peer takes the bytes, while messages are sent or after, it
/// takes the same bytes: all messages, in order.
#[test]
fn portions_make_no_difference() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut talk = Talk::open(Limits::SERVER);
        let mut sent = Vec::new();
        for _ in 0..40 {
            let len = random.pick(&[0, 1, 10, 125, 126, 2_047, 2_048, 2_049, 20_000]);
            let message = match random.below(3) {
                0 => Message::from("t".repeat(len).as_str()),
                1 => Message::from(&random.bytes(len)[..]),
                _ => Message::from(random.bytes(len)),
            };
            sent.push(tell_message(&message));
            if random.below(2) == 0 {
                let sent = talk.session.send_frame(&Shared::new(&message), &talk.limits, talk.now);
                talk.note_overflow(sent);
            } else {
                talk.send(message);
            }
            talk.take(random.pick(&[0, 1, 3, 100, 2_050, 30_000]));
        }
        while talk.session.unsent_len() > 0 {
            let len = 1 + random.below(5_000);
            talk.take(len);
        }
        assert_eq!(talk.heard, [""; 0], "seed {seed}");
        let (frames, rest) = read_frames(&talk.taken);
        assert_eq!((&frames, rest), (&sent, &b""[..]), "seed {seed}");
    }
}

/// Law: an outbox is a queue of bytes, whatever it is made of.
#[test]
fn any_history_agrees_with_a_plain_queue() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (mut outbox, mut plain) = (Outbox::default(), Vec::new());
        let mut buffers = BufferPool::new(random.pick(&[0, 20_000, 1 << 20]));
        for _ in 0..100 {
            let len = random.pick(&[0, 1, 100, 2_048, 2_049, 9_000, 17_000, 33_000]);
            let bytes = random.bytes(len);
            match random.below(7) {
                #[cfg(feature = "host")]
                6 => {
                    let message = Message::from(&bytes[..len.min(random.below(31))]);
                    let (frame, len) = message.short_frame().expect("it is short");
                    if outbox.push_short(&frame, len, &mut buffers) {
                        plain.extend_from_slice(&frame[..len]);
                    }
                }
                0 => {
                    let frame = Shared::new(&Message::from(bytes));
                    outbox.push_frame(&frame);
                    let mut alone = Outbox::default();
                    alone.push_frame(&frame);
                    plain.extend(alone.unsent().collect::<Vec<_>>().concat());
                    assert_eq!((alone.len(), frame.is_empty()), (frame.len(), false));
                }
                1 => {
                    plain.extend_from_slice(&bytes);
                    let (first, second) = bytes.split_at(random.below(len + 1));
                    outbox.push_parts(first, second, &mut buffers);
                }
                2 => {
                    plain.extend_from_slice(&bytes);
                    let mut buffer = Vec::with_capacity(len + random.pick(&[0, 1, 9_000]));
                    buffer.extend_from_slice(&bytes);
                    outbox.push_buffer(buffer);
                }
                3 => {
                    plain.extend(Header::whole(Opcode::Binary, len).encode().as_slice());
                    plain.extend_from_slice(&bytes);
                    let mut message = Vec::with_capacity(len + random.pick(&[0, 4, 9_000]));
                    message.extend_from_slice(&bytes);
                    outbox.push_message(message.into(), &mut buffers);
                }
                _ => {
                    let len = random.pick(&[0, 1, 2_000, 30_000, usize::MAX]).min(plain.len());
                    outbox.advance(len, &mut buffers);
                    plain.drain(..len);
                }
            }
            assert_eq!((outbox.len(), outbox.is_empty()), (plain.len(), plain.is_empty()));
            assert!(outbox.unsent().all(|chunk| !chunk.is_empty()), "seed {seed}");
            let little = outbox.capacity() <= Outbox::EMPTY_BYTES_MAX;
            assert!(little || !plain.is_empty(), "an empty one holds little memory");
            assert!(outbox.unsent().collect::<Vec<_>>().concat() == plain, "seed {seed}");
            let headers = outbox.unsent().count() * BufferPool::BYTES_MIN;
            assert!(outbox.spare() <= Limits::OUTBOX_SPARE_BYTES + headers, "seed {seed}");
            let lens: Vec<_> = outbox.unsent().skip(1).map(<[u8]>::len).collect();
            let few = lens.windows(2).all(|pair| pair[0] + pair[1] > 2_048);
            assert!(few, "seed {seed}: {lens:?}, which should be fewer");
        }
        outbox = Outbox::default();
        assert!(outbox.is_empty() && outbox.unsent().next().is_none() && outbox.capacity() == 0);
    }
}

/// Many small messages cost bytes and not entries; a large one for many costs its bytes once.
#[test]
fn small_messages_are_joined_and_large_ones_are_shared() {
    let (mut outbox, mut buffers) = (Outbox::default(), BufferPool::none());
    let small = Shared::new(&Message::from(vec![0; 98]));
    for _ in 0..160 {
        outbox.push_frame(&small);
        outbox.push_message(vec![0; 98].into(), &mut buffers);
    }
    assert_eq!(outbox.len(), 32_000);
    let chunks: Vec<_> = outbox.unsent().map(<[u8]>::len).collect();
    assert!(chunks.len() <= 9 && chunks.iter().all(|len| *len <= 4 * 1024), "{chunks:?}");

    #[cfg(feature = "host")]
    {
        let short = Message::from(&[0; Message::SHORT_BYTES_MAX][..]);
        let (frame, len) = short.short_frame().expect("it is short");
        let mut outbox = Outbox::default();
        for _ in 0..1_000 {
            if !outbox.push_short(&frame, len, &mut buffers) {
                outbox.push_message(short.clone(), &mut buffers);
            }
        }
        assert_eq!(outbox.len(), 32_000);
        let chunks: Vec<_> = outbox.unsent().map(<[u8]>::len).collect();
        assert!(chunks.len() <= 9 && chunks.iter().all(|len| *len <= 4 * 1024), "{chunks:?}");
    }

    let large = Shared::new(&Message::from(vec![0; 5_000]));
    let places = [0, 1, 3_000].map(|before| {
        let mut outbox = Outbox::default();
        outbox.push_buffer(vec![0; before]);
        outbox.push_frame(&large);
        outbox.unsent().last().map(<[u8]>::as_ptr)
    });
    assert!(places[0].is_some() && places.iter().all(|place| *place == places[0]));

    // A large message for one is moved in, not copied.
    let mut outbox = Outbox::default();
    let bytes = vec![0; 5_000];
    let place = bytes.as_ptr();
    outbox.push_message(bytes.into(), &mut buffers);
    assert_eq!(outbox.unsent().last().map(<[u8]>::as_ptr), Some(place));
}
