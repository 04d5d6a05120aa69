//! One conversation, whose peer, hub, service and clock do in any order what the input says.
//! After each step it is held against what sessions promise, and against nothing else: a second
//! session, which would have the same faults, is not in here.

mod output;
mod peer;

use arbitrary::{Result, Unstructured};
use switchboard::limits::Limits;
use switchboard::session::{Frame, Next, Overflow, Session, SessionEvent, SpareMemory};
use switchboard::time::Time;
use switchboard::ws::{Close, CloseCode, DateField, Message, Response, Status};

use output::{Answer, Output};
use peer::Peer;

/// The input is a list of steps, each a byte and what it needs.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // An input that ends in the middle of a step has no such step.
    let Ok(mut walk) = Walk::begin(&mut input) else { return };
    while !input.is_empty() {
        if walk.step(&mut input).is_ok() {
            walk.check();
        }
    }
    walk.end();
}

struct Walk {
    session: Session,
    /// The memory that the conversation has used, for half of what comes and goes.
    spare: SpareMemory,
    limits: Limits,
    now: Time,
    peer: Peer,
    output: Output,
    /// The messages of the service that the session took.
    sent: Vec<Message>,
    /// The bytes of answers that come in parts.
    parts: Option<Vec<u8>>,
    /// How many messages of the peer came.
    heard: usize,
    accepted: bool,
    requested: bool,
    /// How the conversation, or the request, has ended.
    ended: Option<&'static str>,
    overflowed: bool,
    /// Whether the connection was lost, so that what waits is not taken.
    lost: bool,
    /// Whether ever more waited than pongs wait for.
    was_full: bool,
    next: Next,
}

impl Walk {
    fn begin(input: &mut Unstructured) -> Result<Self> {
        let limits = *input.choose(&[NARROW, Limits::SMALL, HASTY])?;
        let now = Time::from_ms(1_000);
        Ok(Self {
            session: Session::new(now),
            spare: SpareMemory::new(50_000),
            limits,
            now,
            peer: Peer::begin(input)?,
            output: Output::default(),
            sent: Vec::new(),
            parts: None,
            heard: 0,
            accepted: false,
            requested: false,
            ended: None,
            overflowed: false,
            lost: false,
            was_full: false,
            next: Next::Keep,
        })
    }

    fn step(&mut self, input: &mut Unstructured) -> Result<()> {
        let (session, now) = (&mut self.session, self.now);
        match input.int_in_range(0..=23)? {
            0..=3 => self.peer.say(input)?,
            4 => self.peer.say_anything(input)?,
            5 | 6 => self.receive(input.arbitrary()?),
            7 => self.receive(u8::MAX),
            8 | 9 => self.send(input)?,
            10 => self.take(usize::from(input.arbitrary::<u8>()?)),
            11 => self.take(usize::MAX),
            12 => self.pass(input.arbitrary()?),
            13 => self.expire(),
            14 => {
                self.now = session.deadline(&self.limits).unwrap_or(now).max(now);
                self.expire();
            }
            15 => self.accept(input.arbitrary()?),
            16 => session.pause(self.now),
            17 => session.resume(now),
            18 => session.leave(now),
            19 => session.settle(now),
            20 => {
                let code = *input.choose(&[CloseCode::NORMAL, CloseCode::NONE])?;
                let reason = "é".repeat(input.int_in_range(0..=100)?);
                session.close(&Close::new(code, reason), now);
            }
            21 | 22 => self.answer(input)?,
            _ => {
                self.lost |= input.ratio(1, 4)?;
                let event = if self.lost { session.fail("reset") } else { session.end() };
                self.note(event);
            }
        }
        Ok(())
    }

    /// The peer's next bytes come, as far as the session wants them.
    fn receive(&mut self, bytes_max: u8) {
        if self.session.wants_bytes() {
            let mut bytes = self.peer.take(bytes_max);
            self.read(&mut bytes);
        }
    }

    fn read(&mut self, bytes: &mut [u8]) {
        let mut used = 0;
        while used < bytes.len() {
            let (rest, limits, now) = (&mut bytes[used..], &self.limits, self.now);
            let read = match self.heard % 2 {
                0 => self.session.receive(rest, limits, now),
                _ => self.session.receive_with(&mut self.spare, rest, limits, now),
            };
            assert!(read.0 > 0 && read.0 <= bytes.len() - used, "it goes on, and not too far");
            used += read.0;
            self.note(read.1);
        }
    }

    fn accept(&mut self, protocol: bool) {
        let may = self.session.upgrade().is_some();
        let early = self.session.accept(protocol.then_some("chat"), self.now);
        assert_eq!(early.is_some(), may, "an upgrade that waits can be accepted, nothing else");
        if let Some(mut early) = early {
            self.accepted = true;
            self.read(&mut early);
        }
    }

    fn answer(&mut self, input: &mut Unstructured) -> Result<()> {
        let (session, now) = (&mut self.session, self.now);
        let body = vec![b'.'; usize::from(input.arbitrary::<u16>()? % 5_000)];
        let page = Response::new(Status::OK, "text/plain", body.clone());
        match input.int_in_range(0..=5)? {
            0 => session.respond(&page, &DateField::default(), now),
            1 => session.respond(&page, &DateField::at(now.as_ms()), now),
            2 => {
                let head = Response::empty(Status::OK).with_content_of(9);
                session.respond_head(&head, &DateField::default(), now);
            }
            3 => session.respond_end(now),
            _ => {
                if session.is_responding() {
                    self.parts.get_or_insert_default().extend_from_slice(&body);
                }
                session.respond_body(body, now);
            }
        }
        Ok(())
    }

    fn send(&mut self, input: &mut Unstructured) -> Result<()> {
        let len = *input.choose(&[0, 1, 100, 125, 126, 300, 2_048, 2_049, 5_000])?;
        let number = u8::try_from(self.sent.len() % 64).unwrap_or(0);
        let message: Message = match input.arbitrary()? {
            true => ("a".repeat(len) + &"b".repeat(usize::from(number))).into(),
            false => vec![number; len].into(),
        };
        let (open, before) = (self.session.is_open(), self.session.unsent_len());
        let sent = match input.arbitrary()? {
            true if self.sent.len().is_multiple_of(2) => {
                self.session.send(message.clone(), &self.limits, self.now)
            }
            true => {
                let message = message.clone();
                self.session.send_with(&mut self.spare, message, &self.limits, self.now)
            }
            false => self.session.send_frame(&Frame::new(&message), &self.limits, self.now),
        };
        let more = self.session.unsent_len() - before;
        let Err(Overflow(close)) = sent else {
            assert!(more > message.len() || !open && more == 0, "it is queued, or it is too late");
            self.sent.extend((more > 0).then_some(message));
            return Ok(());
        };
        assert!(before + message.len() > self.limits.outbox_bytes_max, "there is no space");
        assert!(self.accepted && !self.overflowed && close.code == CloseCode::TRY_LATER);
        self.overflowed = true;
        assert!(open == self.ended.is_none(), "only an end that is still settling was reported");
        self.ended = Some("overflow");
        Ok(())
    }

    /// The peer takes so many bytes.
    fn take(&mut self, bytes_len: usize) {
        let len = bytes_len.min(self.session.unsent_len());
        let bytes: Vec<u8> = self.session.unsent().flatten().copied().take(len).collect();
        self.session.wrote_with(&mut self.spare, len, self.now);
        self.output.read(&bytes);
        // A pong that waited may have come up.
        self.output.promised = self.output.len + self.session.unsent_len();
    }

    /// Time passes, and deadlines are ignored.
    fn pass(&mut self, scale: u16) {
        self.now = self.now.after(u64::from(scale));
    }

    fn expire(&mut self) {
        let is_due =
            |walk: &Self| walk.session.deadline(&walk.limits).is_some_and(|due| due <= walk.now);
        if !is_due(self) {
            let unsent = self.session.unsent_len();
            let event = self.session.expire(&self.limits, self.now);
            assert!(event.is_none() && self.session.unsent_len() == unsent, "nothing was due");
        }
        // A second deadline may have passed meanwhile.
        for _ in 0..2 {
            if is_due(self) {
                let event = self.session.expire(&self.limits, self.now);
                self.note(event);
            }
        }
        assert!(!is_due(self), "what was due is done: no busy loop");
    }

    fn note(&mut self, event: Option<SessionEvent>) {
        let Some(event) = event else { return };
        if let SessionEvent::Late(_) = event {
            assert!(self.session.is_finished(), "it is given up");
            return;
        }
        assert!(self.ended.is_none(), "{event:?} behind the end, {:?}", self.ended);
        match event {
            SessionEvent::Request(_) => {
                assert!(!self.requested, "one request");
                self.requested = true;
            }
            SessionEvent::Undecided => {
                assert!(self.requested && !self.accepted && !self.session.is_answered());
            }
            SessionEvent::Message(message) => {
                assert!(self.accepted);
                assert!(message.len() <= self.limits.message_bytes_max);
                assert!(message.capacity() <= 8 + 2 * message.len(), "it grew with its bytes");
                self.peer.meant(self.heard, &message);
                self.heard += 1;
            }
            #[cfg(feature = "deflate")]
            SessionEvent::Compressed(_) => panic!("compression was not agreed on"),
            SessionEvent::Closed(close) => {
                assert!(self.accepted);
                self.ended = Some("closed");
                self.lost |= close.code == CloseCode::LOST;
            }
            SessionEvent::Refused(refused) => {
                assert!(!self.accepted);
                self.ended = Some("refused");
                self.session.respond(&refused.response, &DateField::default(), self.now);
            }
            SessionEvent::Gone(_) => {
                assert!(!self.accepted);
                self.ended = Some("gone");
            }
            other => panic!("a session has no {other:?}"),
        }
    }

    /// What holds after each step.
    fn check(&mut self) {
        let Self { session, limits, .. } = self;
        let unsent: usize = session.unsent().map(<[u8]>::len).sum();
        assert_eq!(unsent, session.unsent_len(), "the sum of the chunks");
        assert!(session.unsent().all(|chunk| !chunk.is_empty()), "no chunk is empty");
        self.was_full |= unsent > limits.outbox_high_bytes;
        if self.accepted {
            assert!(unsent <= limits.outbox_bytes_max + SLACK, "{unsent} bytes wait");
        }
        let open = self.accepted && self.ended.is_none();
        assert!(open || !session.is_open(), "open is what was accepted and has not ended");
        assert!(!session.is_answered() || session.upgrade().is_none(), "answered is decided");

        // Whatever is done, our half stays ended, and what is to be dropped stays so.
        let next = session.next();
        match self.next {
            Next::Keep => {}
            Next::EndWriting => assert!(next != Next::Keep && unsent == 0, "our half has ended"),
            Next::Drop => assert!(next == Next::Drop && unsent == 0, "it is over"),
        }
        assert!(next == Next::Keep || unsent == 0, "what waits is written first");
        // A peer that left before it took everything has lost the rest; nothing else loses any.
        let queued = self.output.len + unsent;
        if queued < self.output.promised {
            assert!(next == Next::Drop, "{} bytes are lost", self.output.promised - queued);
            self.lost = true;
        }
        (self.next, self.output.promised) = (next, queued);
        self.check_output();
    }

    /// What the peer took, as far as it did.
    fn check_output(&self) {
        let Output { answer, messages, pongs, closes, .. } = &self.output;
        let frames = messages.len() + pongs.len() + closes;
        assert!(self.accepted || frames == 0, "frames come behind a 101 only");
        assert!(*closes <= 1, "at most one close frame");
        assert!(messages.len() <= self.sent.len(), "nothing that was not sent");
        assert!(messages.iter().eq(&self.sent[..messages.len()]), "in order and whole");
        self.peer.answered(pongs);
        let drained = self.session.unsent_len() == 0 && !self.lost;
        if drained && self.session.is_open() {
            assert_eq!(messages.len(), self.sent.len(), "all that was sent");
            self.peer.answered_last(pongs, self.was_full);
        }
        if drained && self.next != Next::Keep {
            assert_eq!(messages.len(), self.sent.len(), "all that was sent");
            assert_eq!(*closes, usize::from(self.accepted), "a close frame ends what was accepted");
            let is_answered = self.accepted == matches!(answer, Some(Answer::Switched));
            assert!(is_answered, "each request has its answer");
            self.output.check_body(self.parts.as_deref());
        }
    }

    /// Each conversation ends once, sooner or later.
    fn end(&mut self) {
        for _ in 0..DEADLINES_MAX {
            while self.session.unsent_len() > 0 {
                self.take(usize::MAX);
            }
            let Some(due) = self.session.deadline(&self.limits) else { break };
            self.now = self.now.max(due);
            self.expire();
            self.check();
        }
        self.lost = true;
        let decided = self.session.is_answered();
        let event = self.session.fail("the walk ends");
        let gone = event.is_some();
        self.note(event);
        self.check();
        assert!(self.ended.is_some() || decided || !gone);
        assert!(!self.accepted || self.ended.is_some(), "what was accepted has ended");
        assert_eq!(self.session.next(), Next::Drop);
        assert!(!self.session.wants_bytes() && self.session.deadline(&self.limits).is_none());
    }
}

/// Little of everything, so that it is soon too much.
const NARROW: Limits = Limits {
    message_bytes_max: 300,
    fragments_max: 3,
    head_bytes_max: 400,
    headers_max: 8,
    request_line_bytes_max: 100,
    outbox_low_bytes: 50,
    outbox_high_bytes: 200,
    outbox_bytes_max: 600,
    ..Limits::SERVER
};
/// No time for anything, and an outbox for one byte.
const HASTY: Limits = Limits {
    message_bytes_max: 1,
    outbox_low_bytes: 0,
    outbox_high_bytes: 1,
    outbox_bytes_max: 1,
    handshake_ms_max: 1,
    admission_ms_max: 1,
    ping_interval_ms: 1,
    pong_ms_max: 1,
    idle_ms_max: 5,
    write_ms_max: 1,
    close_ms_max: 1,
    ..Limits::SMALL
};
/// What may wait beyond the limit: an opening, a header, two pongs and a close frame.
const SLACK: usize = 129 + 10 + 3 * 127;
/// A peer that does as it should but for answering pings has fewer before its end.
const DEADLINES_MAX: usize = 12;
