//! The reader's memory, its limits to the byte, and messages of all kinds and lengths.

use crate::limits::Limits;
use crate::session::buffer_pool::BufferPool;
use crate::session::item::Item;
use crate::session::reader::FrameReader;
use crate::session::tests::{BINARY, BINARY_BEGINS, ENDS, GOES_ON, PING, TEXT, TEXT_BEGINS, frame};
use crate::ws::tests::random::Random;
use crate::ws::{Message, ProtocolError};

/// What the parts of a message in progress cost beside its bytes.
const FIXED: usize = 512;

/// A declared length allocates nothing before its bytes come; then at most twice their number.
#[test]
fn memory_grows_with_what_came() {
    let limits = Limits::SERVER;
    for first in [TEXT, BINARY] {
        let mut reader = FrameReader::default();
        assert_eq!(reader.capacity(), 0);
        let bytes = frame(first, &vec![b'a'; limits.message_bytes_max]);
        let (header, payload) = bytes.split_at(14);
        assert!(matches!(
            reader.receive(&mut header.to_vec(), &limits, &mut BufferPool::none()),
            Ok((14, None))
        ));
        assert!(reader.capacity() <= FIXED, "{} bytes for a header", reader.capacity());
        let mut came = 0;
        for piece in payload.chunks(10_007) {
            let read = reader
                .receive(&mut piece.to_vec(), &limits, &mut BufferPool::none())
                .expect("it is right");
            came += piece.len();
            assert_eq!(read.0, piece.len());
            match read.1 {
                Some(Item::Message(message)) => assert_eq!(message.len(), payload.len()),
                Some(_) => panic!("it is a message"),
                None => assert!(reader.capacity() <= FIXED + 2 * came, "{came} bytes came"),
            }
        }
        assert_eq!(reader.capacity(), 0, "nothing is kept between two messages");
    }
}

/// Half a header, and a control frame in progress, cost a fixed amount; when they are
/// complete nothing is left.
#[test]
fn control_frames_leave_no_memory() {
    let limits = Limits::SERVER;
    let mut reader = FrameReader::default();
    let bytes = frame(PING, &[b'a'; 125]);
    for (at, byte) in bytes.iter().enumerate() {
        let item =
            reader.receive(&mut [*byte], &limits, &mut BufferPool::none()).expect("it is right").1;
        let is_last = at + 1 == bytes.len();
        assert_eq!(item.is_some(), is_last);
        assert_eq!(reader.capacity() == 0, is_last);
        assert!(reader.capacity() <= FIXED);
    }
}

/// Messages in fragments, byte lengths of each, against a limit of 10 bytes.
#[test]
fn the_length_of_a_message_is_exact() {
    let limits = Limits { message_bytes_max: 10, ..Limits::SERVER };
    let rows: &[(u8, &[&[u8]], bool)] = &[
        (0x2, &[b"0123456789"], true),
        (0x2, &[b"0123456789a"], false),
        (0x1, &[b"0123456789"], true),
        (0x1, &[b"0123456789a"], false),
        (0x2, &[b"01234", b"56789"], true),
        (0x2, &[b"01234", b"56789a"], false),
        (0x2, &[b"01234", b"", b"56789", b""], true),
        (0x2, &[b"01234", b"56789", b"", b"a"], false),
        (0x1, &["ééééé".as_bytes()], true),
        (0x1, &["ééééé0".as_bytes()], false),
        // The beginning of a character counts when it comes, not when it is complete.
        (0x1, &[b"01234567\xC3", b"\xA9"], true),
        (0x1, &[b"012345678\xC3", b"\xA9"], false),
        (0x1, &[b"0123456\xF0\x9F\x98", b"\x80"], false),
        (0x1, &[b"012345\xF0\x9F\x98", b"\x80"], true),
        (0x1, &[b"0123456\xF0\x9F", b"\x98", b"\x80"], false),
        (0x1, &[b"0123456\xF0\x9F\x98", b"", b"\x80ab"], false),
    ];
    for (opcode, fragments, fits) in rows {
        #[cfg(feature = "host")]
        if let [whole] = fragments {
            let short = FrameReader::receive_short(&frame(0x80 | *opcode, whole), &limits);
            assert_eq!(short.is_some(), *fits, "{whole:?} in few instructions");
        }
        let mut reader = FrameReader::default();
        let mut outcome = Ok(None);
        for (at, fragment) in fragments.iter().enumerate() {
            let opcode = if at == 0 { *opcode } else { 0 };
            let fin = if at + 1 == fragments.len() { 0x80 } else { 0 };
            let read = reader.receive(
                &mut frame(fin | opcode, fragment),
                &limits,
                &mut BufferPool::none(),
            );
            outcome = read.map(|(_, item)| item);
            if outcome.is_err() {
                break;
            }
        }
        match outcome {
            Ok(Some(Item::Message(message))) => {
                assert!(*fits && message.as_bytes() == fragments.concat(), "{fragments:?}");
            }
            Err(fault) => assert!(!fits && fault == ProtocolError::MessageTooLong, "{fragments:?}"),
            other => panic!("{other:?} from {fragments:?}"),
        }
    }
}

#[test]
fn the_number_of_fragments_is_exact() {
    for max in [1, 2, 100] {
        let limits = Limits { fragments_max: max, ..Limits::SERVER };
        for (count, fits) in [(max, true), (max + 1, false)] {
            let mut reader = FrameReader::default();
            let mut bytes = frame(BINARY_BEGINS, b"");
            (1..count).for_each(|_| bytes.extend(frame(GOES_ON, b"")));
            bytes.extend(frame(ENDS, b""));
            let read = reader.receive(&mut bytes, &limits, &mut BufferPool::none());
            match read {
                Ok((_, Some(Item::Message(message)))) => assert!(fits && message.is_empty()),
                Err(ProtocolError::TooManyFragments) => assert!(!fits, "{count} of {max}"),
                other => panic!("{other:?} from {count} of {max}"),
            }
        }
    }
}

/// The reader stops behind each item, so that what follows it can be read by other rules.
#[test]
fn an_item_takes_its_own_bytes() {
    let limits = Limits::SERVER;
    let frames = [frame(TEXT, b"a"), frame(PING, b"b"), frame(TEXT_BEGINS, b"c"), frame(ENDS, b"")];
    let mut bytes = frames.concat();
    let mut reader = FrameReader::default();
    let mut places = Vec::new();
    let mut used = 0;
    while used < bytes.len() {
        used += reader
            .receive(&mut bytes[used..], &limits, &mut BufferPool::none())
            .expect("it is right")
            .0;
        places.push(used);
    }
    assert_eq!(places, [7, 14, 27]);
    assert!(matches!(reader.receive(&mut [], &limits, &mut BufferPool::none()), Ok((0, None))));
}

/// Law: what is sent in fragments and pieces of any kind is read as it was meant.
#[test]
fn any_message_in_any_fragments_and_pieces() {
    let limits = Limits::SERVER;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut reader = FrameReader::default();
        let len = random.pick(&[0, 1, 2, 30, 125, 126, 300, 5_000]);
        let message = match random.below(2) {
            0 => Message::from(random.text(len)),
            _ => Message::from(random.bytes(len)),
        };
        let mut bytes = encode(&message, &mut random);
        let pieces = random.pieces(bytes.len());
        let (mut came, mut read) = (0, None);
        for piece in pieces {
            let mut rest = &mut bytes[came..came + piece];
            came += piece;
            while !rest.is_empty() {
                let (used, item) =
                    reader.receive(rest, &limits, &mut BufferPool::none()).expect("it is right");
                rest = &mut rest[used..];
                if let Some(Item::Message(message)) = item {
                    assert!(read.replace(message).is_none(), "seed {seed}");
                }
            }
        }
        assert_eq!(read, Some(message), "seed {seed}");
        assert_eq!(reader.capacity(), 0, "seed {seed}");
    }
}

/// The frames of a message in random fragments, with pings between them.
fn encode(message: &Message, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let opcode = if message.as_text().is_some() { 0x1 } else { 0x2 };
    let mut rest = message.as_bytes();
    let mut first = opcode;
    while random.below(3) > 0 {
        let (fragment, more) = rest.split_at(random.below(rest.len() + 1));
        bytes.extend(frame(first, fragment));
        if random.below(3) == 0 {
            bytes.extend(frame(PING, b"between"));
        }
        (first, rest) = (0x0, more);
    }
    bytes.extend(frame(0x80 | first, rest));
    bytes
}
