//! `Row`: frames of a peer and their results, held against the law that neither the
//! cutting of the input, nor when the hub decides, nor when the peer takes our bytes makes a
//! difference.

use crate::limits::Limits;
use crate::session::Next;
use crate::session::tests::talk::{Talk, read_frames};
use crate::session::tests::{Peer, TEXT, UPGRADE, frame};
use crate::ws::tests::cuttings;

/// What a peer sends once it was accepted, the events, our frames, and what is to be done
/// with the connection at the end.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) peer: &'static [Peer],
    pub(super) heard: &'static [&'static str],
    pub(super) ours: &'static [&'static str],
    pub(super) next: Next,
}

/// The limits of all rows: small where a row has to reach them.
pub(super) const LIMITS: Limits =
    Limits { message_bytes_max: 70_000, fragments_max: 3, ..Limits::SERVER };

/// How a row is played, beside the cutting of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    start: Start,
    /// Whether the service finishes when the conversation ends, or when the input does.
    settles: When,
    /// Whether the peer takes our bytes after each piece, or when the input ends.
    takes: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The conversation is open before the first byte.
    Open,
    /// The head is part of the input, and is accepted as soon as it is whole.
    Head,
    /// The head is part of the input, and is accepted when the input ends.
    HeadThenWait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    AtOnce,
    AtTheEnd,
}

/// What a row comes to.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    heard: Vec<String>,
    output: Vec<u8>,
    next: Next,
}

impl Row {
    pub(super) fn check(&self) {
        let input: Vec<u8> = self.peer.iter().flat_map(|part| part.encode()).collect();
        let first = Mode { start: Start::Open, settles: When::AtOnce, takes: When::AtOnce };
        let expected = play(&input, &[input.len()], first);
        assert_eq!(expected.heard, self.heard, "events of {:?}", self.name);
        let (frames, rest) = read_frames(&expected.output);
        assert_eq!((&*frames, rest), (&*owned(self.ours), &b""[..]), "frames of {:?}", self.name);
        assert_eq!(expected.next, self.next, "{:?}", self.name);
        self.compare(&input, &expected, &[Start::Open]);
        // Long rows are about lengths, and played in fewer ways.
        if input.len() < LONG {
            self.compare(&input, &expected, &[Start::Head, Start::HeadThenWait]);
        }
    }

    fn compare(&self, input: &[u8], expected: &Story, starts: &[Start]) {
        let head_len = if starts == [Start::Open] { 0 } else { UPGRADE.len() };
        let modes = modes(starts);
        let mut turn = modes.iter().cycle();
        for (number, pieces) in cuttings(head_len + input.len()).iter().enumerate() {
            // Whole and byte by byte in all modes, every other cutting in one of them.
            let count = if number < 2 && input.len() < LONG { modes.len() } else { 1 };
            for mode in turn.by_ref().take(count) {
                let story = play(input, pieces, *mode);
                assert_eq!(story, *expected, "{:?} in {mode:?}, {pieces:?}", self.name);
            }
        }
    }
}

fn play(input: &[u8], pieces: &[usize], mode: Mode) -> Story {
    let mut talk = Talk::open(LIMITS);
    let mut bytes = input.to_vec();
    if mode.start != Start::Open {
        talk = Talk::new(LIMITS);
        bytes = [UPGRADE, input].concat();
    }
    let mut rest = &bytes[..];
    for piece in pieces {
        let (now, later) = rest.split_at(*piece);
        rest = later;
        // The head is accepted between two events, as a hub does it.
        let head_left = UPGRADE.len().saturating_sub(bytes.len() - now.len() - rest.len());
        let (head, frames) = now.split_at(head_left.min(now.len()));
        if mode.start == Start::Head {
            talk.receive(head);
            talk.accept();
            talk.receive(frames);
        } else {
            talk.receive(now);
        }
        if mode.settles == When::AtOnce {
            talk.session.settle(talk.now);
        }
        if mode.takes == When::AtOnce {
            talk.take_all();
        }
    }
    talk.accept();
    talk.session.settle(talk.now);
    talk.take_all();
    tell(talk, mode)
}

fn tell(mut talk: Talk, mode: Mode) -> Story {
    let next = talk.session.next();
    if talk.heard.iter().any(|event| event.starts_with("closed")) {
        let heard = talk.heard.len();
        talk.receive(&frame(TEXT, b"too late"));
        assert_eq!(talk.heard.len(), heard, "nothing happens behind the end");
        assert_eq!(talk.session.unsent_len(), 0, "nothing is said behind the end");
        assert_eq!(talk.session.reader_capacity(), 0, "what is over holds no memory");
    }
    let mut output = talk.taken;
    if mode.start != Start::Open {
        assert_eq!(talk.heard.pop_front().as_deref(), Some("request /chat"));
        assert!(output.starts_with(b"HTTP/1.1 101 "));
        let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        output.drain(..end.expect("the answer ends") + 4);
    }
    Story { heard: talk.heard.into(), output, next }
}

fn modes(starts: &[Start]) -> Vec<Mode> {
    let mut modes = Vec::new();
    for &start in starts {
        for settles in [When::AtOnce, When::AtTheEnd] {
            for takes in [When::AtOnce, When::AtTheEnd] {
                modes.push(Mode { start, settles, takes });
            }
        }
    }
    modes
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(String::from).collect()
}

const LONG: usize = 1_000;
