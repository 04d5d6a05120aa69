//! Neither the cutting of the input, nor when the peer takes our bytes, nor when the upgrade is
//! accepted and the service has finished, changes the result of a conversation.

use arbitrary::Unstructured;
use switchboard::Limits;
use switchboard::session::Next;

use super::cutting::Cutting;
use super::frames::Sent;
use super::talk::{Heard, Talk, UPGRADE};
use super::world::wire::{Said, read_frame, read_head};

/// How the input is to be read, a cutting, and the input: bytes, or frames.
pub fn check(data: &[u8]) {
    let Some((wish, rest)) = data.split_first() else { return };
    let Some((cutting, rest)) = Cutting::split(rest) else { return };
    if rest.len() > INPUT_BYTES_MAX {
        return;
    }
    let frames = match wish & 1 {
        0 => rest.to_vec(),
        _ => {
            let frames = Sent::all(&mut Unstructured::new(rest));
            frames.iter().flat_map(Sent::encode).collect()
        }
    };
    if frames.len() > FRAMES_BYTES_MAX {
        return;
    }
    let input = [UPGRADE, &frames].concat();
    let mode = Mode {
        accepts: When::of(wish & 2),
        settles: When::of(wish & 4),
        takes: When::of(wish & 8),
    };
    let whole = play(&[&input], Cutting::BYTEWISE, AT_ONCE, LIMITS);
    let cut = if wish & 16 == 0 { cutting } else { Cutting::BYTEWISE };
    let pieces: Vec<_> = cut.pieces(&input).collect();
    assert_eq!(play(&pieces, cutting, mode, LIMITS), whole, "{mode:?}");

    // With little capacity for answers there may be fewer pongs, and no other difference.
    let narrow = Limits { outbox_high_bytes: 16, ..LIMITS };
    let few = play(&pieces, cutting, mode, narrow);
    assert_eq!((&few.heard, few.next), (&whole.heard, whole.next), "with fewer pongs");
    let (all, few) = (frames_of(&whole.output), frames_of(&few.output));
    let mut left = all.iter();
    assert!(few.iter().all(|frame| left.any(|other| other == frame)), "{few:?} are of {all:?}");
    assert_eq!(few.last(), all.last(), "the last word, which may be the answer to a ping");
}

/// When things are done that may be done at any time.
#[derive(Clone, Copy, Debug)]
struct Mode {
    /// When the upgrade is accepted.
    accepts: When,
    /// When the service has finished.
    settles: When,
    /// When the peer takes our bytes.
    takes: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    AfterEachPiece,
    AtTheEnd,
}

impl When {
    fn of(wish: u8) -> Self {
        if wish == 0 { Self::AfterEachPiece } else { Self::AtTheEnd }
    }
}

/// The result.
#[derive(Debug, PartialEq)]
struct Story {
    heard: Vec<Heard>,
    output: Vec<u8>,
    next: Next,
}

fn play(pieces: &[&[u8]], taking: Cutting<'_>, mode: Mode, limits: Limits) -> Story {
    let mut talk = Talk::new(limits);
    let mut lengths = taking.lengths();
    for piece in pieces {
        talk.receive(piece);
        if mode.accepts == When::AfterEachPiece && talk.session.upgrade().is_some() {
            talk.accept();
        }
        if mode.settles == When::AfterEachPiece {
            talk.session.settle(talk.now);
        }
        if mode.takes == When::AfterEachPiece {
            talk.take(lengths.next().unwrap_or(usize::MAX));
        }
    }
    if talk.session.upgrade().is_some() {
        talk.accept();
    }
    talk.finish();
    Story { heard: talk.heard, output: talk.output, next: talk.session.next() }
}

/// The frames behind the 101.
fn frames_of(output: &[u8]) -> Vec<Said<'_>> {
    let (head_len, _) = read_head(output).expect("it was accepted");
    let (mut frames, mut rest) = (Vec::new(), &output[head_len..]);
    while let Some((len, said)) = read_frame(rest) {
        rest = &rest[len..];
        let is_pong = matches!(said, Said::Pong(_));
        assert!(is_pong || rest.is_empty(), "a close frame is the last: {rest:02x?}");
        frames.push(said);
    }
    assert!(rest.is_empty(), "the last frame is whole: {rest:02x?}");
    frames
}

const AT_ONCE: Mode = Mode {
    accepts: When::AfterEachPiece,
    settles: When::AfterEachPiece,
    takes: When::AfterEachPiece,
};
/// Capacity for the answers to all pings of an input.
const LIMITS: Limits = Limits {
    message_bytes_max: 200,
    fragments_max: 3,
    outbox_high_bytes: 1 << 20,
    outbox_bytes_max: 1 << 20,
    ..Limits::SERVER
};
const INPUT_BYTES_MAX: usize = 256;
const FRAMES_BYTES_MAX: usize = 320;
