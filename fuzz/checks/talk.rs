//! `Talk`: a session, and a record of its events and its output. Time stands still in it unless a
//! check moves it.

#[cfg(feature = "deflate")]
use switchboard::session::Codec;
use switchboard::session::{Session, SessionEvent};
use switchboard::time::Time;
use switchboard::{Close, CloseCode, Limits, Message};

/// A conversation with a peer that a check plays.
pub struct Talk {
    pub session: Session,
    pub limits: Limits,
    pub now: Time,
    /// What happened, in its order.
    pub heard: Vec<Heard>,
    /// What the peer took.
    pub output: Vec<u8>,
    /// A session unmasks what it reads in place; inputs are not to be changed.
    read: Vec<u8>,
    #[cfg(feature = "deflate")]
    pub codec: Codec,
}

/// An event of a session about its peer.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Request,
    Message(Message),
    Closed(Close),
}

impl Talk {
    /// A connection begins.
    pub fn new(limits: Limits) -> Self {
        let now = Time::from_ms(1_000);
        let (heard, output, read) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            session: Session::new(now),
            limits,
            now,
            heard,
            output,
            read,
            #[cfg(feature = "deflate")]
            codec: Codec::new(),
        }
    }

    /// A conversation in which `extensions` were offered and accepted.
    #[cfg(feature = "deflate")]
    pub fn open_compressed(limits: Limits, extensions: &str, context_bytes_max: usize) -> Self {
        let mut talk = Self::new(limits);
        let fields = UPGRADE.strip_suffix(b"\r\n").unwrap_or(UPGRADE);
        let offer = format!("Sec-WebSocket-Extensions: permessage-deflate{extensions}\r\n\r\n");
        talk.receive(&[fields, offer.as_bytes()].concat());
        let offer = talk.session.upgrade().and_then(switchboard::ws::Upgrade::offer);
        talk.session.agree(offer.expect("it is right").agree(context_bytes_max));
        talk.accept();
        talk.take(usize::MAX);
        talk.heard.clear();
        talk.output.clear();
        talk
    }

    /// A conversation that is open, as if nothing had been before.
    pub fn open(limits: Limits) -> Self {
        let mut talk = Self::new(limits);
        talk.receive(UPGRADE);
        assert_eq!(talk.heard, [Heard::Request]);
        talk.accept();
        talk.take(usize::MAX);
        talk.heard.clear();
        talk.output.clear();
        talk
    }

    /// The peer sends.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.read.clear();
        self.read.extend_from_slice(bytes);
        let mut used = 0;
        while used < bytes.len() {
            let rest = &mut self.read[used..];
            let (more, event) = self.session.receive(rest, &self.limits, self.now);
            assert!(more > 0, "each call goes on");
            used += more;
            if let Some(event) = event {
                self.note(event);
            }
        }
    }

    /// The upgrade is accepted, and what came before it was is passed on.
    pub fn accept(&mut self) {
        let early = self.session.accept(None, self.now).expect("an upgrade was asked for");
        self.receive(&early);
    }

    /// The peer takes up to so many bytes.
    pub fn take(&mut self, bytes_len: usize) {
        let wanted = bytes_len.min(self.session.unsent_len());
        let mut left = wanted;
        for chunk in self.session.unsent() {
            assert!(!chunk.is_empty(), "no chunk is nothing");
            let taken = left.min(chunk.len());
            self.output.extend_from_slice(&chunk[..taken]);
            left -= taken;
        }
        assert_eq!(left, 0, "there is as much as it says");
        self.session.wrote(wanted, self.now);
    }

    /// The service has finished, and the peer takes all there is.
    pub fn finish(&mut self) {
        self.session.settle(self.now);
        while self.session.unsent_len() > 0 {
            self.take(usize::MAX);
        }
    }

    fn note(&mut self, event: SessionEvent) {
        let is_over = matches!(self.heard.last(), Some(Heard::Closed(_)));
        assert!(!is_over, "no event comes after the end: {event:?}");
        self.heard.push(match event {
            #[cfg(feature = "deflate")]
            SessionEvent::Compressed(message) => {
                let Self { session, codec, limits, now, .. } = self;
                let event = session.inflate(codec, message, limits, *now);
                return self.note(event.expect("it has not ended meanwhile"));
            }
            SessionEvent::Request(_) => Heard::Request,
            SessionEvent::Message(message) => Heard::Message(message),
            SessionEvent::Closed(close) => Heard::Closed(close),
            // Whatever other events there are, now or with features to come, none is right here.
            other => panic!("nothing leads to {other:?}"),
        });
    }
}

/// The payload of a close frame with this code and reason, after RFC 6455, 5.5.1.
pub fn close_payload(code: CloseCode, reason: &str) -> Vec<u8> {
    [&code.number().to_be_bytes(), reason.as_bytes()].concat()
}

/// A control frame of a server, after RFC 6455, 5.2.
pub fn control(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a control frame is short");
    assert!(len <= 125, "a control frame has 125 bytes at most");
    [&[first, len], payload].concat()
}

/// The first bytes of whole control frames.
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8A;

pub const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
