//! Large messages: read straight into their place, into buffers that others have left, they are
//! what they would be otherwise, and cost no more memory than they may.

use crate::limits::Limits;
use crate::session::buffer_pool::BufferPool;
use crate::session::item::Item;
use crate::session::reader::FrameReader;
use crate::session::tests::talk::Talk;
use crate::session::tests::{BINARY, BINARY_BEGINS, ENDS, GOES_ON, PING, TEXT, frame};
use crate::session::{Frame as Shared, SessionEvent, SpareMemory};
use crate::time::Time;
use crate::ws::tests::random::Random;
use crate::ws::{Header, Message, work};

/// What a reader makes of `bytes` in reads of up to `read_max`, the half of those that can go
/// straight into place doing so. `may_hold` tells how much memory it may have after so many bytes.
fn read_all(
    bytes: &[u8],
    read_max: usize,
    buffers: &mut BufferPool,
    random: &mut Random,
    may_hold: impl Fn(usize) -> usize,
) -> (Vec<Message>, usize) {
    let limits = Limits { message_bytes_max: 1 << 24, ..Limits::SERVER };
    let mut reader = FrameReader::default();
    let (mut messages, mut came, mut in_place) = (Vec::new(), 0, 0);
    let mut since = 0;
    while came < bytes.len() {
        let mut note = |item: Option<Item>, came: usize| {
            if let Some(Item::Message(message)) = item {
                messages.push(message);
                since = came;
            }
        };
        if random.below(2) == 0
            && let Some(room) = reader.read_buffer()
        {
            let len = room.len().min(bytes.len() - came).min(read_max);
            room[..len].copy_from_slice(&bytes[came..came + len]);
            came += len;
            in_place += len;
            note(reader.filled(len).expect("it is right"), came);
        } else {
            let len = read_max.min(bytes.len() - came);
            let mut rest = bytes[came..came + len].to_vec();
            let mut used = 0;
            while used < len {
                let (more, item) =
                    reader.receive(&mut rest[used..], &limits, buffers).expect("it is right");
                used += more;
                note(item, came + used);
            }
            came += len;
        }
        let holds = reader.capacity();
        assert!(holds <= may_hold(came - since), "{holds} after {}", came - since);
    }
    assert_eq!(reader.capacity(), 0);
    (messages, in_place)
}

/// Law: whichever way the bytes come, the messages are the same.
#[test]
fn what_is_read_into_place_is_what_was_sent() {
    let mut in_place = 0;
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut buffers = BufferPool::new(1 << 20);
        for len in [40_000, 100_000, 300_000] {
            buffers.keep(vec![0xEE; len]);
        }
        let (mut bytes, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let len = random.pick(&[0, 5, 16_384, 40_000, 100_000, 290_000]);
            if random.below(3) == 0 {
                let text = random.text(len / 4);
                bytes.extend(frame(TEXT, text.as_bytes()));
                sent.push(Message::from(text));
                continue;
            }
            let body = random.bytes(len);
            let (first, second) = body.split_at(random.below(len + 1));
            match random.below(2) {
                0 => bytes.extend(frame(BINARY, &body)),
                _ => {
                    bytes.extend(frame(BINARY_BEGINS, first));
                    bytes.extend(frame(PING, b"ping"));
                    bytes.extend(frame(GOES_ON, second));
                    bytes.extend(frame(ENDS, b""));
                }
            }
            sent.push(Message::from(body));
        }
        let read_max = random.pick(&[1_000, 16_384, 65_536, 1 << 20]);
        let read = read_all(&bytes, read_max, &mut buffers, &mut random, |_| usize::MAX);
        assert!(read.0 == sent, "seed {seed}");
        in_place += read.1;
    }
    assert!(in_place > 1 << 20, "the way into place is taken");
}

/// Memory follows what came, not what was declared, unless a buffer is there anyway.
#[test]
fn what_grows_in_place_holds_twice_what_came() {
    for len in [20_000, 65_600, 1 << 20, (1 << 20) + 5_000] {
        let bytes = frame(BINARY, &vec![7; len]);
        let fixed = 1_024;
        for read_max in [100, 20_000, 65_536] {
            let mut random = Random::new(1);
            let may_hold = |came: usize| fixed + (2 * came).min(len + 16);
            let read = read_all(&bytes, read_max, &mut BufferPool::none(), &mut random, may_hold);
            assert_eq!(read.0[0].len(), len);
        }
    }
}

/// However fragments are cut from their headers, each byte is copied a few times and no more.
#[test]
fn fragments_in_place_cost_in_proportion_to_their_length() {
    let limits = Limits { message_bytes_max: 1 << 25, ..Limits::SERVER };
    let fragment = frame(GOES_ON, &[7; 16_384]);
    let header_len = fragment.len() - 16_384;
    for count in [64, 256, 1_024] {
        let mut reader = FrameReader::default();
        let read = |reader: &mut FrameReader, bytes: &[u8]| {
            let read = reader.receive(&mut bytes.to_vec(), &limits, &mut BufferPool::none());
            assert!(matches!(read, Ok((_, None))));
        };
        read(&mut reader, &frame(BINARY_BEGINS, &[7; 16_384]));
        let done = work::of(|| {
            for _ in 0..count {
                read(&mut reader, &fragment[..header_len]);
                let mut left = 16_384;
                while left > 0 {
                    let room = reader.read_buffer().expect("a large message has a buffer");
                    let len = room.len().min(left);
                    left -= len;
                    assert!(matches!(reader.filled(len), Ok(None)));
                }
            }
        });
        let len = count * fragment.len();
        assert!((len..=5 * len).contains(&done), "{done} for {len}");
        assert!(reader.capacity() <= 1_024 + 2 * (len + 16_384));
    }
}

/// A buffer is given for a message of half its length at least, to a peer that means it.
#[test]
fn buffers_are_for_their_like() {
    let mut buffers = BufferPool::new(300_000);
    for (len, next) in [(100_000, 90_000), (5_000, 4_500), (100, 90), (16, 16)] {
        buffers.keep(Vec::with_capacity(len));
        let kept = buffers.bytes();
        for (least, fits) in [(len + 1, false), (len / 2 - 1, false), (next, true), (len, true)] {
            let buffer = buffers.take(least..=2 * least);
            assert_eq!(buffer.is_some(), fits, "{least} of {len}");
            buffer.into_iter().for_each(|buffer| buffers.keep(buffer));
            assert_eq!(buffers.bytes(), kept);
        }
        assert!(buffers.take(next..=len - 1).is_none(), "it is more than was asked for");
        assert!(buffers.take(len..=len).is_some());
    }
    buffers.keep(Vec::with_capacity(100_000));
    let kept = buffers.bytes();
    let bytes = frame(BINARY, &vec![7; 90_000]);
    for (came, takes) in [(14 + 2_000, false), (14 + 3_000, true)] {
        let mut reader = FrameReader::default();
        let read = reader.receive(&mut bytes[..came].to_vec(), &Limits::SERVER, &mut buffers);
        assert!(matches!(read, Ok((_, None))));
        assert_eq!(buffers.bytes() == kept - 100_000, takes, "after {came} bytes");
    }
}

/// The kept memory is bounded, and unused buffers make space for those that were used last.
#[test]
fn the_oldest_buffer_goes_first() {
    let mut buffers = BufferPool::new(101_000);
    for len in [0, 15, 101_001] {
        buffers.keep(Vec::with_capacity(len));
    }
    assert_eq!(buffers.bytes(), 0, "too small, or too large");
    for _ in 0..5 {
        buffers.keep(Vec::with_capacity(30_000));
    }
    let entries = 4 * size_of::<Vec<u8>>();
    assert_eq!(buffers.bytes(), 90_000 + entries);
    buffers.keep(Vec::with_capacity(60_000));
    assert_eq!(buffers.bytes(), 90_000 + 2 * entries, "60,000 and the last of 30,000");
    // What is reserved for others goes before.
    assert!(buffers.reserve(100_000) && !buffers.reserve(2_000));
    assert_eq!(buffers.bytes(), 100_000, "no buffer is left, and no list");
    buffers.release(100_000);
    for len in [60_000, 30_000] {
        buffers.keep(Vec::with_capacity(len));
    }
    let [large, small] = [60_000, 30_000].map(|len| buffers.take(len..=len));
    assert!(large.is_some() && small.is_some());
    assert_eq!(buffers.bytes(), 2 * entries);
}

/// Law: whatever is kept and taken, the pool counts its buffers and lists, and holds no more.
#[test]
fn what_is_kept_is_counted() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let bytes_max = random.pick(&[0, 300, 10_000, 200_000]);
        let mut buffers = BufferPool::new(bytes_max);
        let mut taken = 0;
        for _ in 0..2_000 {
            let len = random.pick(&[0, 16, 31, 100, 2_000, 4_096, 20_000]) + random.below(20);
            if random.below(3) > 0 {
                buffers.keep(Vec::with_capacity(len));
            } else if let Some(buffer) = buffers.take(len..=2 * len) {
                assert!((len..=2 * len).contains(&buffer.capacity()), "seed {seed}");
                taken += 1;
            }
            assert!(buffers.bytes() <= bytes_max, "seed {seed}");
            assert_eq!(buffers.bytes(), buffers.counted(), "seed {seed}");
        }
        assert!(taken > 10 || bytes_max < 10_000, "seed {seed}: {taken}");
    }
}

/// Law: in used memory, each message is what was sent, to the service and back to the peer.
#[test]
fn used_memory_brings_nothing_along() {
    let limits = Limits { outbox_bytes_max: 1 << 30, ..Limits::SERVER };
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let mut spare = SpareMemory::new(random.pick(&[2_000, 1 << 20]));
        let mut talk = Talk::open(limits);
        let mut sent = Vec::new();
        for _ in 0..300 {
            let len = random.pick(&[0, 31, 90, 1_000, 2_040, 4_000, 4_092, 4_093, 5_000]);
            let len = len + random.below(10);
            let (opcode, body) = match random.below(2) {
                0 => (TEXT, random.text(len / 4).into_bytes()),
                _ => (BINARY, random.bytes(len)),
            };
            let mut bytes = frame(opcode, &body);
            let read = talk.session.receive_with(&mut spare, &mut bytes, &limits, Time::ZERO);
            let (used, Some(SessionEvent::Message(message))) = read else { panic!("{read:?}") };
            assert_eq!((used, message.as_bytes()), (bytes.len(), &body[..]), "seed {seed}");
            sent.extend_from_slice(&expected(&message));
            // Some are kept by the service, which sends a copy.
            let message = if random.below(4) == 0 { message.clone() } else { message };
            let queued = talk.session.send_with(&mut spare, message, &limits, Time::ZERO);
            assert!(queued.is_ok());
            if random.below(8) == 0 {
                let unsent = talk.session.unsent().collect::<Vec<_>>().concat();
                assert!(unsent == sent, "seed {seed}");
                let len = random.pick(&[unsent.len(), unsent.len() / 2]);
                talk.session.wrote_with(&mut spare, len, Time::ZERO);
                sent.drain(..len);
            }
        }
    }
}

fn expected(message: &Message) -> Vec<u8> {
    let mut bytes = Header::whole(message.opcode(), message.len()).encode().as_slice().to_vec();
    bytes.extend_from_slice(message.as_bytes());
    bytes
}

/// Outboxes that go from one conversation to the next bring nothing along, and are as many as were
/// in use at a time, up to the limit.
#[test]
fn outboxes_come_back_empty() {
    let (limits, now) = (Limits::SERVER, Time::ZERO);
    let mut spare = SpareMemory::new(10 * SpareMemory::UNSENT_BYTES_MAX);
    let mut talks: Vec<_> = (0..20).map(|_| Talk::open(Limits::SERVER)).collect();
    assert_eq!(spare.bytes(), 0);
    for (round, in_use) in [(0, 4), (1, 20), (2, 3)] {
        for (index, talk) in talks.iter_mut().take(in_use).enumerate() {
            let len = [0, 20, 90, 500, 5_000][(index + round) % 5];
            let message = Message::from(vec![b'0' + u8::try_from(round).expect("few"); len]);
            let sent = talk.session.send_with(&mut spare, message.clone(), &limits, now);
            assert!(sent.is_ok());
            let bytes = talk.session.unsent().collect::<Vec<_>>().concat();
            let frame = Shared::new(&message);
            assert_eq!(bytes.len(), frame.len(), "round {round}, {index}");
            assert!(bytes.ends_with(message.as_bytes()));
        }
        for talk in talks.iter_mut().take(in_use) {
            let len = talk.session.unsent_len();
            talk.session.wrote_with(&mut spare, len, now);
            assert_eq!(talk.session.unsent_len(), 0);
        }
        assert_eq!(spare.unsent_len(), [4, 10, 10][round], "round {round}");
        assert!(spare.bytes() <= 10 * SpareMemory::UNSENT_BYTES_MAX);
    }
    // A conversation that did not ask for one leaves none.
    for talk in &mut talks[..5] {
        let sent = talk.session.send("word".into(), &limits, now);
        assert!(sent.is_ok());
        talk.session.wrote_with(&mut spare, 6, now);
    }
    assert!(spare.bytes() <= 10 * SpareMemory::UNSENT_BYTES_MAX);
}
