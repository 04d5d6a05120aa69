//! What a session sends, tungstenite's client reads: messages in any of the ways to send them,
//! pings, pongs and the close frame, while the peer takes as many bytes at a time as it likes.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use switchboard::session::{Frame, Overflow};
use switchboard::{Close, CloseCode, Limits, Message};
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::{Error, Message as Theirs};

use super::frames::Sent;
use super::talk::{PING, PONG, Talk};
use super::theirs::connect;

/// The input is what is done, step by step.
pub fn check(data: &[u8]) {
    if data.len() > INPUT_BYTES_MAX {
        return;
    }
    let mut input = Unstructured::new(data);
    let mut sender = Sender { talk: Talk::open(LIMITS), owed: None, sent: VecDeque::new() };
    for _ in 0..STEPS_MAX {
        if input.is_empty() || sender.step(&mut input).is_err() {
            break;
        }
    }
    sender.take(usize::MAX);
    sender.take(usize::MAX);
    assert!(sender.talk.heard.is_empty(), "the peer has said nothing: {:?}", sender.talk.heard);
    sender.compare();
}

/// A session that sends, and what its peer has to read.
struct Sender {
    talk: Talk,
    /// The payload of the pong that waits for capacity.
    owed: Option<Vec<u8>>,
    sent: VecDeque<Theirs>,
}

impl Sender {
    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=15)? {
            0..=3 => {
                let message = message(input)?;
                let had = self.talk.session.unsent_len();
                let sent = self.talk.session.send(message.clone(), &LIMITS, self.talk.now);
                self.note_message(&message, had, sent);
            }
            4..=6 => {
                let message = message(input)?;
                let had = self.talk.session.unsent_len();
                let frame = Frame::new(&message);
                let sent = self.talk.session.send_frame(&frame, &LIMITS, self.talk.now);
                self.note_message(&message, had, sent);
            }
            7..=9 => {
                let len = input.int_in_range(0..=125)?;
                self.ping(input.bytes(len.min(input.len()))?);
            }
            10..=12 => self.take(usize::from(input.arbitrary::<u16>()?)),
            13 | 14 => self.wait(),
            _ => {
                let reason: String = "\u{20ac}".repeat(input.int_in_range(0..=50)?);
                let code = CloseCode::new(input.arbitrary()?).unwrap_or(CloseCode::NONE);
                self.close(&Close::new(code, reason));
            }
        }
        Ok(())
    }

    fn note_message(
        &mut self,
        message: &Message,
        had: usize,
        sent: std::result::Result<(), Overflow>,
    ) {
        if self.is_closed() {
            assert!(sent.is_ok(), "what is sent too late is dropped");
            return;
        }
        let has_room = had + message.len() <= LIMITS.outbox_bytes_max;
        assert_eq!(sent.is_ok(), has_room, "{} bytes behind {had}", message.len());
        match sent {
            Ok(()) => self.sent.push_back(match message.as_text() {
                Some(text) => Theirs::text(text),
                None => Theirs::binary(message.as_bytes().to_vec()),
            }),
            Err(Overflow(close)) => {
                assert_eq!(close.code, CloseCode::TRY_LATER);
                self.note_close(&close);
            }
        }
    }

    /// The peer pings.
    fn ping(&mut self, payload: &[u8]) {
        let had = self.talk.session.unsent_len();
        let ping = Sent::new(PING, [1, 2, 3, 4], payload.to_vec());
        self.talk.receive(&ping.encode());
        if self.is_closed() {
            return;
        }
        // RFC 6455, 5.5.3: with too much unsent, the latest ping alone is answered, later.
        if had > LIMITS.outbox_high_bytes {
            self.owed = Some(ping.payload);
        } else {
            self.owed = None;
            self.sent.push_back(Theirs::Pong(ping.payload.into()));
        }
    }

    fn take(&mut self, bytes_len: usize) {
        let had = self.talk.session.unsent_len();
        self.talk.take(bytes_len);
        if had > 0 && bytes_len >= had {
            self.sent.extend(self.owed.take().map(|payload| Theirs::Pong(payload.into())));
        }
    }

    /// Time passes until the server asks for a sign of life, and gets one.
    fn wait(&mut self) {
        self.take(usize::MAX);
        self.take(usize::MAX);
        if self.is_closed() {
            return;
        }
        self.talk.now = self.talk.session.deadline(&LIMITS).expect("silence has an end");
        let event = self.talk.session.expire(&LIMITS, self.talk.now);
        assert!(event.is_none(), "{event:?}");
        self.sent.push_back(Theirs::Ping(b"ping".to_vec().into()));
        self.talk.receive(&Sent::new(PONG, [0; 4], Vec::new()).encode());
    }

    fn close(&mut self, close: &Close) {
        let was_closed = self.is_closed();
        self.talk.session.close(close, self.talk.now);
        if !was_closed {
            self.note_close(close);
        }
    }

    fn note_close(&mut self, close: &Close) {
        self.sent.extend(self.owed.take().map(|payload| Theirs::Pong(payload.into())));
        // RFC 6455, 5.5: 125 bytes, two of them the code, and not the half of a character.
        let mut reason = close.reason.clone();
        while reason.len() > 123 {
            reason.pop();
        }
        let frame = CloseFrame { code: close.code.number().into(), reason: reason.into() };
        // RFC 6455, 7.4.1: 1005 says that there is no code.
        let is_bare = close.code == CloseCode::NONE;
        self.sent.push_back(Theirs::Close((!is_bare).then_some(frame)));
    }

    /// The close frame is the last.
    fn is_closed(&self) -> bool {
        matches!(self.sent.back(), Some(Theirs::Close(_)))
    }

    fn compare(mut self) {
        let mut client = connect(&self.talk.output, Role::Client, 1 << 20);
        loop {
            match client.read() {
                Ok(Theirs::Close(Some(close))) if u16::from(close.code) == 1002 => {
                    // They do not know 1014, and call it broken.
                    let Some(Theirs::Close(Some(sent))) = self.sent.pop_front() else {
                        panic!("no close frame was sent");
                    };
                    assert!([1002, 1014].contains(&u16::from(sent.code)), "{sent} as {close}");
                }
                Ok(message) => assert_eq!(Some(message), self.sent.pop_front()),
                Err(Error::Io(_)) => break,
                Err(error) => panic!("{error} instead of {:?}", self.sent.front()),
            }
        }
        assert!(self.sent.is_empty(), "not read: {:?}", self.sent);
    }
}

fn message(input: &mut Unstructured<'_>) -> Result<Message> {
    let fill: u8 = input.arbitrary()?;
    let len = match input.arbitrary::<u8>()? {
        0..=127 => usize::from(input.arbitrary::<u8>()?),
        128..=251 => *input.choose(&LENGTHS)?,
        252..=255 => *input.choose(&LONG_LENGTHS)?,
    };
    Ok(match fill {
        0x80.. => vec![fill; len].into(),
        _ => char::from(fill).to_string().repeat(len).into(),
    })
}

/// At the borders between the forms of a length, and where copies end and chunks end.
const LENGTHS: [usize; 8] = [0, 1, 125, 126, 127, 2_048, 2_049, 4_000];
/// Rare, since they are slow.
const LONG_LENGTHS: [usize; 2] = [65_535, 65_536];
const LIMITS: Limits = Limits {
    message_bytes_max: 65_536,
    outbox_high_bytes: 2_500,
    outbox_bytes_max: 66_000,
    ..Limits::SERVER
};
const INPUT_BYTES_MAX: usize = 256;
const STEPS_MAX: usize = 24;
