//! Random walks: peer, hub, service and time do whatever they please, in any order, and the
//! promises of a session hold after each step. A seed that fails is printed, and repeats.

use crate::limits::Limits;
use crate::session::tests::talk::{Talk, read_frames};
use crate::session::tests::{
    BINARY, CLOSE, ENDS, GOES_ON, PAGE, PING, PONG, TEXT, TEXT_BEGINS, UPGRADE, frame,
};
use crate::session::{Frame, Next};
use crate::ws::tests::random::Random;
use crate::ws::{Close, CloseCode, DateField, Message, Response, Status};

const LIMITS: Limits = Limits {
    message_bytes_max: 300,
    fragments_max: 3,
    outbox_high_bytes: 200,
    outbox_low_bytes: 50,
    outbox_bytes_max: 600,
    ..Limits::SERVER
};

/// What may wait beyond the limit: headers, a pong and a close frame.
const SLACK: usize = 400;
const SEEDS: u64 = 1_500;
const STEPS: usize = 120;

struct Walk {
    talk: Talk,
    random: Random,
    accepted: bool,
    /// The messages that the service sent and the session took, numbered.
    sent: usize,
    /// What the peer sends and has not sent yet.
    queue: Vec<u8>,
}

/// Exactly one end for each conversation that was accepted, at most one for each that was
/// not, and nothing behind it; what the peer takes are our messages in order, then at most
/// one close frame, and nothing behind that.
#[test]
fn any_history_keeps_the_promises() {
    let mut seen = [0_usize; 4];
    for seed in 0..SEEDS {
        let mut walk = Walk::new(seed);
        for _ in 0..STEPS {
            walk.step();
            walk.check(seed);
        }
        let event = walk.talk.session.fail("the walk ends");
        walk.talk.note(event);
        walk.check_end(seed);
        let is_any = |word: &str| walk.talk.heard.iter().any(|event| event.starts_with(word));
        let words = ["text", "closed 1002", "overflow", "refused"];
        words.iter().zip(&mut seen).for_each(|(word, count)| *count += usize::from(is_any(word)));
    }
    assert!(seen.iter().all(|count| *count > 20), "the walks come about: {seen:?}");
}

/// Same seed, same history.
#[test]
fn a_walk_repeats() {
    let walk = |seed| {
        let mut walk = Walk::new(seed);
        (0..STEPS).for_each(|_| walk.step());
        (walk.talk.heard, walk.talk.taken, walk.talk.now)
    };
    (0..20).for_each(|seed| assert_eq!(walk(seed), walk(seed)));
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let queue = match random.below(10) {
            0 => PAGE.to_vec(),
            1 => b"nonsense\r\n".to_vec(),
            _ => UPGRADE.to_vec(),
        };
        Self { talk: Talk::new(LIMITS), random, accepted: false, sent: 0, queue }
    }

    fn step(&mut self) {
        let (now, talk) = (self.talk.now, &mut self.talk);
        match self.random.below(24) {
            0..=5 => self.peer_sends(),
            6..=8 => self.service_sends(),
            9..=11 => {
                let len = self.random.pick(&[0, 1, 5, 100, 1_000]);
                talk.take(len);
            }
            12..=15 => {
                let ms = self.random.pick(&[0, 1, 100, 4_000, 9_999]);
                talk.pass(ms, |_| {});
            }
            16 | 17 => {
                self.accepted |= talk.session.upgrade().is_some();
                talk.accept();
            }
            18 => talk.session.pause(now),
            19 | 20 => talk.session.resume(now),
            21 => talk.session.settle(now),
            _ => self.rare(),
        }
    }

    /// What ends conversations, and so happens now and then.
    fn rare(&mut self) {
        let (now, talk) = (self.talk.now, &mut self.talk);
        match self.random.below(40) {
            0..=2 => {
                let code = self.random.pick(&[CloseCode::NORMAL, CloseCode::NONE]);
                talk.session.close(&Close::new(code, "bye"), now);
            }
            3 => {
                let event = talk.session.end();
                talk.note(event);
            }
            4 => {
                let event = talk.session.fail("reset");
                talk.note(event);
            }
            5 => talk.session.respond(
                &Response::text(Status::OK, "page"),
                &DateField::default(),
                now,
            ),
            6 => {
                talk.session.respond_head(&Response::empty(Status::OK), &DateField::default(), now);
            }
            7 => talk.session.respond_body(b"body".to_vec(), now),
            8 => talk.session.respond_end(now),
            _ => {}
        }
    }

    fn peer_sends(&mut self) {
        if self.queue.is_empty() {
            let len = self.random.pick(&[0, 1, 20, 125, 126, 290]);
            let payload = vec![b'a'; len];
            let short = &payload[..len.min(100)];
            self.queue = match self.random.below(40) {
                0..=8 => frame(TEXT, &payload),
                9..=15 => frame(BINARY, &payload),
                16..=20 => frame(PING, short),
                21..=23 => frame(PONG, short),
                24..=26 => frame(TEXT_BEGINS, short),
                27 => [frame(TEXT_BEGINS, short), frame(GOES_ON, b"b")].concat(),
                28..=34 => [frame(TEXT_BEGINS, b"c"), frame(ENDS, short)].concat(),
                35 => frame(CLOSE, b""),
                36 => frame(CLOSE, b"\x03\xE8bye"),
                37 => frame(0x83, b"no such frame"),
                38 => frame(BINARY, &[0; 301]),
                _ => frame(TEXT, b"\xFF"),
            };
        }
        // A host reads only what is wanted.
        if self.talk.session.wants_bytes() {
            let len = 1 + self.random.below(self.queue.len());
            let bytes: Vec<u8> = self.queue.drain(..len).collect();
            self.talk.receive(&bytes);
        }
    }

    fn service_sends(&mut self) {
        let (session, now) = (&mut self.talk.session, self.talk.now);
        let fill = "x".repeat(self.random.pick(&[0, 1, 100, 250]));
        let message = Message::from(format!("{} {fill}", self.sent));
        let before = session.unsent_len();
        let sent = match self.random.below(2) {
            0 => session.send(message, &LIMITS, now),
            _ => session.send_frame(&Frame::new(&message), &LIMITS, now),
        };
        if sent.is_ok() {
            self.sent += usize::from(session.unsent_len() > before);
        }
        self.talk.note_overflow(sent);
    }

    fn check(&self, seed: u64) {
        let Talk { session, limits, now, .. } = &self.talk;
        let due = session.deadline(limits);
        assert!(due.is_none_or(|due| due >= *now), "seed {seed}: a deadline in the past");
        assert!(session.unsent_len() <= LIMITS.outbox_bytes_max + SLACK, "seed {seed}");
        let unsent: usize = session.unsent().map(<[u8]>::len).sum();
        assert_eq!(unsent, session.unsent_len(), "seed {seed}");
        assert!(session.reader_capacity() <= 512 + 2 * LIMITS.message_bytes_max, "seed {seed}");
        if session.next() == Next::Drop {
            assert_eq!(unsent, 0, "seed {seed}: what is dropped has nothing to say");
            let memory = session.outbox_capacity() + session.reader_capacity();
            // Until an answer is known to be taken, it is remembered how fast it moved.
            let memory = if session.is_finished() { memory } else { 0 };
            assert!(memory == 0 && !session.has_pong(), "seed {seed}: it holds no memory");
        }
        if due.is_none() {
            // Only a conversation that is over, and a peer that is not read, may take any time.
            let paused = !session.wants_bytes();
            assert!(paused || session.next() == Next::Drop, "seed {seed}: nothing will end this");
        }
    }

    /// Looks back at the whole history.
    fn check_end(&self, seed: u64) {
        let heard = Vec::from(self.talk.heard.clone());
        let is_end = |event: &String| {
            ["closed", "overflow", "gone", "refused"].iter().any(|word| event.starts_with(word))
        };
        let ends: Vec<_> = heard.iter().filter(|event| is_end(event)).collect();
        let closed = ends.iter().filter(|event| event.starts_with("closed")).count();
        let overflows = ends.iter().filter(|event| event.starts_with("overflow")).count();
        if self.accepted {
            // An overflow ends an open conversation; one that settles has reported its end already.
            assert!(closed + overflows >= 1 && closed <= 1 && overflows <= 1, "{seed}: {ends:?}");
            assert!(ends.len() == closed + overflows, "seed {seed}: {ends:?}");
            assert!(closed == 1 || ends.len() == 1, "seed {seed}: {ends:?}");
            let first = heard.iter().position(is_end).expect("there is one");
            let is_more = |event: &&String| !is_end(event) && !event.starts_with("late");
            let behind = heard[first + 1..].iter().filter(is_more).count();
            assert_eq!(behind, 0, "seed {seed}: {heard:?}");
            self.check_output(seed);
        } else {
            assert!(ends.len() <= 1 && closed == 0 && overflows == 0, "seed {seed}: {heard:?}");
        }
    }

    /// The peer took a part of what was sent, without gaps, and nothing behind a close frame.
    fn check_output(&self, seed: u64) {
        let taken = &self.talk.taken;
        let Some(at) = taken.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return };
        let (frames, _) = read_frames(&taken[at + 4..]);
        let close = frames.iter().position(|frame| frame.starts_with("close"));
        assert!(close.is_none_or(|at| at + 1 == frames.len()), "seed {seed}: {frames:?}");
        let texts = frames.iter().filter(|frame| frame.starts_with("text")).count();
        assert!(texts <= self.sent, "seed {seed}");
        let numbers = frames.iter().filter_map(|frame| frame.strip_prefix("text "));
        for (place, text) in numbers.enumerate() {
            // Longer texts are shown by their length, and known by their position.
            let number = text.split(' ').next().filter(|word| *word != "of");
            let number = number.map(|word| word.parse().expect("it begins with its number"));
            assert_eq!(number.unwrap_or(place), place, "seed {seed}: {frames:?}");
        }
    }
}
