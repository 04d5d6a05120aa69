//! Laws for all output of programs: any cutting gives the same commands, a reader that knows
//! lengths can read the host's lines, and nothing is held that has not come.

use super::{MESSAGE_BYTES_MAX, hear};
use crate::programs::frames::{Frames, Piece};
use crate::programs::{CommandReader, CommandResult, ProgramCommand, ProgramEvent, ProgramPlace};
use crate::service::{Audience, Inbound, SocketId};
use crate::ws::tests::cuttings;
use crate::ws::tests::random::Random;
use crate::ws::{Close, CloseCode, Message};

/// Words that are right in some place and wrong in others.
const WORDS: [&str; 24] = [
    "READY", "1", "ACCEPT", "REJECT", "TEXT", "BIN", "CLOSE", "SUB", "UNSUB", "PAUSE", "RESUME",
    "SET", "LOG", "17", "17,18", "*", "*,!17", "@news", "1000", "403", "info", "user=ida", "", "x",
];

/// Lines of words, most with a right length and some with a wrong one, and now and then what is
/// no line at all.
fn output(random: &mut Random) -> Vec<u8> {
    let mut out = b"READY 1\n".to_vec();
    for _ in 0..1 + random.below(6) {
        if random.below(20) == 0 {
            let len = random.below(30);
            out.extend(random.bytes(len));
            continue;
        }
        let words: Vec<_> = (0..1 + random.below(3)).map(|_| random.pick(&WORDS)).collect();
        out.extend(words.join(" ").as_bytes());
        if random.below(3) > 0 {
            let len = random.pick(&[0, 1, 5, 123, 124, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX + 1]);
            let told = if random.below(20) == 0 { len + 1 } else { len };
            out.extend(format!(" +{told}\n").as_bytes());
            out.extend(random.bytes(len));
        }
        out.push(b'\n');
    }
    out
}

#[test]
fn any_cutting_is_heard_alike() {
    let mut faults_len = 0;
    for seed in 0..200 {
        let bytes = output(&mut Random::new(seed));
        let whole = hear(&bytes, &[bytes.len()]);
        faults_len += usize::from(matches!(whole.last(), Some(CommandResult::FatalError(_))));
        let ways = cuttings(bytes.len()).into_iter().step_by(if bytes.len() > 300 { 9 } else { 3 });
        for pieces in ways {
            assert_eq!(hear(&bytes, &pieces), whole, "seed {seed}, {pieces:?}");
        }
        assert_eq!(hear(&bytes, &vec![1; bytes.len()]), whole, "seed {seed}, byte by byte");
    }
    assert!((20..180).contains(&faults_len), "some go wrong and some do not: {faults_len}");
}

/// A program that echoes its input unchanged gives commands equal to its input.
#[test]
fn what_is_told_can_be_said() {
    let address = Some("127.0.0.1:80".parse().expect("an address"));
    let place = ProgramPlace { service: "/".to_owned(), address };
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let id = SocketId::from_u64(u64::from(random.byte()) << 50);
        let len = random.below(40);
        let (inbound, expected) = match random.below(3) {
            0 => data(id, random.text(len).into()),
            1 => data(id, random.bytes(len).into()),
            _ => {
                let close = Close::new(CloseCode::NORMAL, random.text(len.min(30)));
                let said = ProgramCommand::Close { to: id.into(), close: close.clone() };
                (Inbound::Close { id, close }, said)
            }
        };
        let mut bytes = b"READY 1\n".to_vec();
        ProgramEvent::Inbound(&inbound).encode(&place, &mut bytes);
        let heard = hear(&bytes, &random.pieces(bytes.len()));
        assert_eq!(heard[1..], [CommandResult::Command(expected)], "seed {seed}");
    }
}

fn data(id: SocketId, message: Message) -> (Inbound, ProgramCommand) {
    let said = ProgramCommand::Send { to: Audience::from(id), message: message.clone() };
    (Inbound::Data { id, message }, said)
}

/// Whatever is declared, only a header and twice the received part of a body are held.
#[test]
fn nothing_is_held_that_has_not_come() {
    let mut frames = Frames::default();
    for line in [&b"BIN 17 +9999999999\n"[..], b""] {
        let (_, piece) = frames.receive(line);
        assert_eq!(piece.is_some(), !line.is_empty());
    }
    let mut come = 0;
    for len in [1, 1, 7, 64, 1000, 1, 5000, 3, 70_000] {
        assert_eq!(frames.receive(&vec![b'x'; len]), (len, None));
        come += len;
        assert!(frames.held_bytes() <= 2 * come + 2048, "{} for {come}", frames.held_bytes());
    }
    // What is skipped is not held.
    let mut frames = Frames::default();
    assert_eq!(frames.receive(b"SHOUT +9999999999\n").1, Some(Piece::Header));
    frames.skip_body();
    frames.receive(&[b'x'; 100_000]);
    assert!(frames.held_bytes() <= 2048, "{}", frames.held_bytes());
    // Nor is the rest of a line that never ends, or of what comes after a fault.
    let mut frames = Frames::default();
    assert!(matches!(frames.receive(&[b'x'; 100_000]), (100_000, Some(Piece::Fault(_)))));
    assert_eq!(frames.receive(&[b'x'; 100_000]), (100_000, None));
    assert_eq!(frames.held_bytes(), 0);
}

/// A message that comes in one piece is in a buffer of its length, and is not copied again.
#[test]
fn a_message_keeps_its_buffer() {
    let mut reader = CommandReader::new(MESSAGE_BYTES_MAX);
    let bytes = [b"READY 1\nTEXT * +1500\n", &[b'x'; 1500][..], b"\n"].concat();
    let (used, _) = reader.receive(&bytes);
    let (_, heard) = reader.receive(&bytes[used..]);
    let Some(CommandResult::Command(ProgramCommand::Send { message, .. })) = heard else {
        panic!("{heard:?}")
    };
    assert_eq!((message.len(), message.capacity()), (1500, 1500));
}
