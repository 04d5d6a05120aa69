//! Scripts: what is done to a conversation, step by step, each followed by all of its
//! results. What is not said must not happen.

use crate::limits::Limits;
use crate::session::tests::Peer;
use crate::session::tests::talk::{Talk, read_frame};
use crate::session::{Frame, Next};
use crate::ws::{Close, CloseCode, DateField, Message, Response, Status};

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The peer sends this, in one piece.
    Says(&'static [Peer]),
    /// The peer ends its half.
    Ends,
    /// The connection is lost.
    Lost,
    /// The peer takes no bytes any more.
    Stalls,
    /// The peer takes so many bytes.
    Takes(usize),
    /// The peer takes all bytes, now and from now on.
    Flows,
    /// The request comes, is accepted, and the peer has the answer.
    Opens,
    /// The hub accepts.
    Accept,
    /// The hub answers with this status and a short text.
    Respond(u16),
    /// The hub answers with a head whose body follows.
    RespondHead,
    /// The hub goes on with so many bytes of the body.
    RespondBody(usize),
    /// The body ends.
    RespondEnd,
    /// The service sends a text.
    Send(&'static str),
    /// The service sends a binary message of so many zeros.
    SendZeros(usize),
    /// The same, to many.
    SendZerosToMany(usize),
    /// The service closes.
    Close(u16, &'static str),
    /// The service has answered everything.
    Settle,
    /// The peer is not read for a while.
    Pause,
    /// The peer is read again.
    Resume,
    /// So many milliseconds pass.
    Pass(u64),

    /// Then this event was heard.
    Heard(&'static str),
    /// Then the peer took this frame, or answer.
    Took(&'static str),
    /// Then a deadline comes in so many milliseconds.
    Due(u64),
    /// Then no deadline comes.
    NeverDue,
    /// Then this is to be done with the connection.
    Is(Next),
    /// Then so many bytes wait for the peer.
    Waits(usize),
    /// Then the peer's bytes are wanted.
    Reads,
    /// Then the peer's bytes are not wanted.
    ReadsNot,
}

/// Plays a script, with the peer's bytes coming in pieces of several lengths.
pub(super) fn play(name: &str, limits: &Limits, script: &[Step]) {
    for piece in [usize::MAX, 1, 3] {
        let mut player = Player { talk: Talk::new(*limits), piece, flows: true };
        for (at, step) in script.iter().enumerate() {
            let place = format!("{name}: step {at}, {step:?}, in pieces of {piece}");
            if !player.expect(*step, &place) {
                player.expect_nothing(&place);
                player.act(*step);
            }
        }
        player.expect_nothing(&format!("{name}: the end, in pieces of {piece}"));
    }
}

/// Plays all scripts of a table.
pub(super) fn play_all(limits: &Limits, scripts: &[(&str, &[Step])]) {
    scripts.iter().for_each(|(name, script)| play(name, limits, script));
}

struct Player {
    talk: Talk,
    piece: usize,
    flows: bool,
}

impl Player {
    fn act(&mut self, step: Step) {
        let now = self.talk.now;
        let head = Response::empty(Status::OK);
        let session = &mut self.talk.session;
        match step {
            Step::Says(peer) => self.says(peer),
            Step::Ends => {
                let event = session.end();
                self.talk.note(event);
            }
            Step::Lost => {
                let event = session.fail("reset");
                self.talk.note(event);
            }
            Step::Stalls => self.flows = false,
            Step::Takes(bytes_len) => self.talk.take(bytes_len),
            Step::Flows => self.flows = true,
            Step::Opens => {
                let limits = self.talk.limits;
                self.talk = Talk { now, ..Talk::open(limits) };
            }
            Step::Accept => self.talk.accept(),
            Step::Respond(number) => {
                let status = Status::new(number).expect("it is a status");
                session.respond(&Response::text(status, "answer"), &DateField::default(), now);
            }
            Step::RespondHead => session.respond_head(&head, &DateField::default(), now),
            Step::RespondBody(len) => session.respond_body(vec![b'.'; len], now),
            Step::RespondEnd => session.respond_end(now),
            Step::Send(text) => self.talk.send(text.into()),
            Step::SendZeros(len) => self.talk.send(vec![0; len].into()),
            Step::SendZerosToMany(len) => {
                let frame = Frame::new(&Message::from(vec![0; len]));
                let sent = session.send_frame(&frame, &self.talk.limits, now);
                self.talk.note_overflow(sent);
            }
            Step::Close(number, reason) => {
                let code = CloseCode::new(number).unwrap_or(CloseCode::NONE);
                session.close(&Close::new(code, reason), now);
            }
            Step::Settle => session.settle(now),
            Step::Pause => session.pause(now),
            Step::Resume => session.resume(now),
            Step::Pass(ms) => {
                let then = if self.flows { Talk::take_all } else { |_: &mut Talk| () };
                self.talk.pass(ms, then);
            }
            Step::Heard(_)
            | Step::Took(_)
            | Step::Due(_)
            | Step::NeverDue
            | Step::Is(_)
            | Step::Waits(_)
            | Step::Reads
            | Step::ReadsNot => panic!("{step:?} is an expectation"),
        }
        if self.flows {
            self.talk.take_all();
        }
    }

    fn says(&mut self, peer: &[Peer]) {
        let bytes: Vec<u8> = peer.iter().flat_map(|part| part.encode()).collect();
        for piece in bytes.chunks(self.piece.min(bytes.len())) {
            self.talk.receive(piece);
        }
    }

    /// Checks an expectation; returns whether the step is one.
    fn expect(&mut self, step: Step, place: &str) -> bool {
        let Talk { session, limits, now, heard, .. } = &mut self.talk;
        let due = session.deadline(limits).map(|due| due.since(*now));
        match step {
            Step::Heard(event) => assert_eq!(heard.pop_front().as_deref(), Some(event), "{place}"),
            Step::Took(frame) => assert_eq!(self.took().as_deref(), Some(frame), "{place}"),
            Step::Due(ms) => assert_eq!(due, Some(ms), "{place}"),
            Step::NeverDue => assert_eq!(due, None, "{place}"),
            Step::Is(next) => assert_eq!(session.next(), next, "{place}"),
            Step::Waits(len) => assert_eq!(session.unsent_len(), len, "{place}"),
            Step::Reads => assert!(session.wants_bytes(), "{place}"),
            Step::ReadsNot => assert!(!session.wants_bytes(), "{place}"),
            // An action; all of them are listed where they are acted out.
            _ => return false,
        }
        true
    }

    /// All that has happened has been said.
    fn expect_nothing(&mut self, place: &str) {
        assert_eq!(self.talk.heard, [""; 0], "heard before {place}");
        assert_eq!(self.took(), None, "taken before {place}");
    }

    /// The next thing that the peer took: a 101, a frame, or a whole answer, named by its status
    /// and the length of what comes behind its head.
    fn took(&mut self) -> Option<String> {
        let taken = &mut self.talk.taken;
        if taken.starts_with(b"HTTP/1.1 ") {
            let end = taken.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)?;
            let number = String::from_utf8_lossy(&taken[9..12]).into_owned();
            if number == "101" {
                taken.drain(..end);
                return Some("101".into());
            }
            let body = taken.len() - end;
            taken.clear();
            return Some(format!("{number} and {body} bytes"));
        }
        let (frame, rest) = read_frame(taken)?;
        let used = taken.len() - rest.len();
        taken.drain(..used);
        Some(frame)
    }
}
