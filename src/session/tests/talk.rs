//! `Talk`: a session between a peer and a hub that only record events. Time stands still until a
//! test lets it pass, and then jumps from deadline to deadline.

use std::collections::VecDeque;

use crate::limits::Limits;
use crate::session::{Overflow, Session, SessionEvent};
use crate::time::Time;
use crate::ws::{Close, CloseCode, DateField, Message};

pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) limits: Limits,
    pub(super) now: Time,
    /// What happened, in words.
    pub(super) heard: VecDeque<String>,
    /// What the peer took.
    pub(super) taken: Vec<u8>,
}

impl Talk {
    /// A new connection.
    pub(super) fn new(limits: Limits) -> Self {
        let now = Time::from_ms(1_000_000);
        let session = Session::new(now);
        Self { session, limits, now, heard: VecDeque::new(), taken: Vec::new() }
    }

    /// A conversation that has just been accepted, as if nothing had been before.
    pub(super) fn open(limits: Limits) -> Self {
        let mut talk = Self::new(limits);
        talk.receive(super::UPGRADE);
        talk.accept();
        talk.take_all();
        talk.heard.clear();
        talk.taken.clear();
        talk
    }

    /// The peer sends.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut used = 0;
        while used < bytes.len() {
            let (more, event) = self.session.receive(&mut bytes[used..], &self.limits, self.now);
            assert!(more > 0, "the session goes on");
            used += more;
            #[cfg(feature = "deflate")]
            let event = self.inflated(event);
            self.note(event);
        }
    }

    /// What a compressed message comes to.
    #[cfg(feature = "deflate")]
    fn inflated(&mut self, event: Option<SessionEvent>) -> Option<SessionEvent> {
        let Some(SessionEvent::Compressed(message)) = event else { return event };
        let codec = &mut crate::session::Codec::new();
        self.session.inflate(codec, message, &self.limits, self.now)
    }

    /// The hub accepts, and passes on what came before it did.
    pub(super) fn accept(&mut self) {
        if let Some(early) = self.session.accept(None, self.now) {
            self.receive(&early);
        }
    }

    pub(super) fn send(&mut self, message: Message) {
        let sent = self.session.send(message, &self.limits, self.now);
        self.note_overflow(sent);
    }

    pub(super) fn note_overflow(&mut self, sent: Result<(), Overflow>) {
        if let Err(Overflow(close)) = sent {
            self.heard.push_back(format!("overflow {}", tell_close(&close)));
        }
    }

    /// The peer takes up to so many bytes.
    pub(super) fn take(&mut self, bytes_len: usize) {
        let bytes: Vec<u8> = self.session.unsent().flatten().copied().take(bytes_len).collect();
        assert_eq!(bytes.len(), bytes_len.min(self.session.unsent_len()));
        self.session.wrote(bytes.len(), self.now);
        self.taken.extend(bytes);
    }

    /// The peer takes all there is, and what comes up while it does.
    pub(super) fn take_all(&mut self) {
        while self.session.unsent_len() > 0 {
            self.take(usize::MAX);
        }
    }

    /// Time passes, and deadlines demand what they demand; whenever one has, `then` follows.
    pub(super) fn pass(&mut self, ms: u64, mut then: impl FnMut(&mut Self)) {
        let until = self.now.after(ms);
        for _ in 0..DEADLINES_MAX {
            let deadline = self.session.deadline(&self.limits).filter(|due| *due <= until);
            let Some(due) = deadline else {
                self.expire_in_vain(until);
                self.now = until;
                return;
            };
            // A host that wakes up early must not be a deadline that comes early.
            if let Some(before) = due.as_ms().checked_sub(1).filter(|&ms| ms > self.now.as_ms()) {
                self.expire_in_vain(Time::from_ms(before));
            }
            self.now = self.now.max(due);
            let event = self.session.expire(&self.limits, self.now);
            self.note(event);
            then(self);
        }
        panic!("deadlines without end");
    }

    fn expire_in_vain(&mut self, now: Time) {
        let unsent = self.session.unsent_len();
        let event = self.session.expire(&self.limits, now);
        assert!(event.is_none() && self.session.unsent_len() == unsent, "nothing was due");
    }

    pub(super) fn note(&mut self, event: Option<SessionEvent>) {
        // As the hub does.
        if let Some(SessionEvent::Refused(refused)) = &event {
            self.session.respond(&refused.response, &DateField::default(), self.now);
        }
        self.heard.extend(event.map(|event| tell(&event)));
    }
}

fn tell(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Request(head) => format!("request {}", head.target()),
        SessionEvent::Refused(refused) => format!("refused {}", refused.response.status().number()),
        SessionEvent::Undecided => "undecided".into(),
        SessionEvent::Message(message) => tell_message(message),
        #[cfg(feature = "deflate")]
        SessionEvent::Compressed(_) => "compressed".into(),
        SessionEvent::Closed(close) => format!("closed {}", tell_close(close)),
        SessionEvent::Gone(reason) => format!("gone: {reason}"),
        SessionEvent::Late(reason) => format!("late: {reason}"),
    }
}

pub(super) fn tell_message(message: &Message) -> String {
    message.as_text().map_or_else(|| tell_binary(message.as_bytes()), tell_text)
}

pub(super) fn tell_text(text: &str) -> String {
    match text.len() {
        0..=SHOWN => format!("text {text}"),
        len => format!("text of {len} bytes"),
    }
}

pub(super) fn tell_binary(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=SHOWN => format!("binary {bytes:02x?}"),
        len => format!("binary of {len} bytes"),
    }
}

pub(super) fn tell_close(close: &Close) -> String {
    match close.reason.len() {
        0..=REASON_SHOWN => format!("{} {}", close.code, close.reason).trim_end().into(),
        len => format!("{} and {len} bytes", close.code),
    }
}

/// The frames of a server, in words, and what is left: the beginning of another.
pub(super) fn read_frames(bytes: &[u8]) -> (Vec<String>, &[u8]) {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while let Some((frame, behind)) = read_frame(rest) {
        frames.push(frame);
        rest = behind;
    }
    (frames, rest)
}

/// The first frame of a server, in words, and what follows it; `None` if it is not whole. Read
/// after RFC 6455, 5.2, without the code under test; that it is not masked, and has its length
/// in the right form, is seen on the way.
pub(super) fn read_frame(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (&[first, short], rest) = bytes.split_first_chunk::<2>()?;
    let (len, rest) = match short {
        0..=125 => (u64::from(short), rest),
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u16::from_be_bytes(*len).into();
            assert!(len > 125, "the form is the shortest");
            (len, rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u64::from_be_bytes(*len);
            assert!(len > 65_535, "the form is the shortest");
            (len, rest)
        }
        128.. => panic!("a server does not mask"),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(len).expect("it is short"))?;
    let text = || core::str::from_utf8(payload).expect("it is text");
    let control = |name: &str| match payload.len() {
        0..=SHOWN => format!("{name} {}", payload.escape_ascii()).trim_end().to_owned(),
        len => format!("{name} of {len} bytes"),
    };
    let frame = match first {
        0x81 => tell_text(text()),
        0x82 => tell_binary(payload),
        0x88 if payload.is_empty() => "close".into(),
        0x88 => {
            let (code, reason) = payload.split_first_chunk().expect("it has a code");
            let code = CloseCode::new(u16::from_be_bytes(*code)).expect("it may be sent");
            let reason = core::str::from_utf8(reason).expect("it is text");
            format!("close {}", tell_close(&Close::new(code, reason)))
        }
        0x89 => control("ping"),
        0x8A => control("pong"),
        other => panic!("a server sends no frame {other:#04x}"),
    };
    Some((frame, rest))
}

/// Longer messages are shown by their length, and so are longer reasons.
const SHOWN: usize = 20;
const REASON_SHOWN: usize = 100;
const DEADLINES_MAX: usize = 1_000;
