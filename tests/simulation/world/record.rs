//! The record of one socket: its input and output, with times. The checks use only these records,
//! never the state of the hub.

use std::collections::VecDeque;

use switchboard::limits::{Limits, Rate};
use switchboard::service::SocketId;
use switchboard::time::Time;

use super::compress::{Offer, Pact};
use super::peer::{Cue, Peer};
use super::wire::{Reader, Said, check_payload, framed_len};

/// How much of its burst a socket had used, in thousandths of a message, when one of them was
/// delivered last: at least, and at most, since it is not known how it begins with another rate.
///
/// The hub counts a message when it reads it. A service on the loop may get it some turns later, so
/// each message came within a span of time.
#[derive(Debug, Default)]
pub struct Used {
    least: u64,
    /// The most at the end of the span of the last message, and at its beginning, when less of the
    /// burst had come back.
    most: u64,
    most_early: u64,
    at: Time,
    early: Time,
}

impl Used {
    /// A message came within this span: within each time there are as many as the rate allows.
    pub fn deliver(&mut self, rate: Rate, span: [Time; 2]) {
        self.may_deliver(rate, span);
        self.least += MESSAGE;
        assert!(self.least <= u64::from(rate.burst) * MESSAGE, "more messages than {rate} allows");
    }

    /// The same if it is not known whether it counts.
    pub fn may_deliver(&mut self, rate: Rate, [early, late]: [Time; 2]) {
        let burst = u64::from(rate.burst) * MESSAGE;
        let back_max = late.since(self.early) * u64::from(rate.per_s);
        self.least = self.least.saturating_sub(back_max);
        self.most_early = burst.min(self.most_at(rate, early) + MESSAGE);
        self.most = burst.min(self.most_at(rate, late) + MESSAGE);
        (self.early, self.at) = (early, late);
    }

    /// Whether another message at this time, or later, may be too many.
    pub fn is_all(&self, rate: Rate, at: Time) -> bool {
        self.most_at(rate, at) + MESSAGE > u64::from(rate.burst) * MESSAGE
    }

    /// Another rate holds.
    pub const fn change(&mut self, rate: Rate, now: Time) {
        let burst = rate.burst as u64 * MESSAGE;
        *self = Self { least: 0, most: burst, most_early: burst, at: now, early: now };
    }

    fn most_at(&self, rate: Rate, at: Time) -> u64 {
        if at < self.at {
            return self.most_early;
        }
        self.most.saturating_sub(at.since(self.at) * u64::from(rate.per_s))
    }
}

const MESSAGE: u64 = 1_000;

/// The record of one socket.
#[derive(Debug)]
pub struct Record {
    pub id: SocketId,
    /// It came beyond the limits.
    pub surplus: bool,
    /// Its address connects too often.
    pub hasty: bool,
    /// How much of its peer's stream has been read.
    pub fed: u64,
    /// How much of that does not wait in the hub.
    pub passed: u64,
    /// The same when the last turn ended.
    pub last_passed: u64,
    /// What its service has not taken of its transactions, except its close: the share of each.
    pub mail: VecDeque<usize>,
    pub used: Used,
    /// How often the mail of its service had had capacity again at its last progress.
    pub opening: u64,
    /// How many messages its service has got.
    pub delivered: usize,
    pub asked: bool,
    pub opened: bool,
    /// The code of its close.
    pub closed: Option<u16>,
    /// Its service has ended before it.
    pub orphaned: bool,
    /// Its service answers it later.
    pub later: bool,
    /// The last event of its outbox that its service got.
    pub full: bool,
    /// The host notified the hub of its end.
    pub failed: bool,
    /// How that was: the peer has ended its half, or reset the connection, or takes nothing more.
    pub ended: bool,
    pub reset: bool,
    pub refuses: bool,
    /// It has broken the rules of records.
    pub broken: bool,
    /// How much has left.
    pub carried: u64,
    /// What is still to leave has been read so far.
    pub ahead: Reader,
    ahead_len: u64,
    /// The code of our close frame, if it waits or has left.
    pub ahead_code: Option<u16>,
    /// Whether it compresses.
    pub pact: Pact,
    pub reader: Reader,
    /// The messages that are on their way out.
    expected: VecDeque<Expected>,
    /// How many messages have left.
    pub sent: usize,
    /// The first ping that may still be answered.
    pong_next: usize,
    /// Since when the outbox was above its high mark, pings may be answered by one pong.
    may_skip_pongs: bool,
    /// The service, or idleness, has closed it.
    pub closed_by_us: bool,
    /// The code of our close frame.
    pub close_code: Option<u16>,
    pub status: Option<u16>,
    pub times: Times,
    /// The host was asked not to read it.
    pub held: bool,
    /// Its service does not want it to be read.
    pub paused: bool,
    /// A program was looked for at its path.
    pub looked: bool,
    /// It has been judged whether that had to be.
    pub is_look_judged: bool,
    /// Its head is whole with what was read last.
    pub has_come: bool,
    /// Its service has admitted it.
    pub admitted: bool,
    /// It came, or waited, while its service rests: when it is to come back, in seconds.
    pub retry_s: Option<u64>,
    /// The status that the outcome demands.
    pub demanded: Option<u16>,
    /// A write left something behind.
    pub stalled: bool,
    /// Its peer has taken nothing for too long.
    pub stuck: bool,
    /// Its close is in the mail of this turn, or something was lost.
    pub must_close: bool,
    /// It was given up in the turn in which its service has ended, and is dropped at its end.
    pub must_go: bool,
    /// How much was unsent when the last turn ended.
    pub unsent_len: usize,
    /// Up to when what the peer has taken of an answer is enough: at least, and at most.
    pub paid: Option<[Time; 2]>,
    /// In which turn it last got an answer, or had none to get.
    pub answered_turn: u64,
    /// The body of its answer, as far as it is known.
    pub body_len: usize,
}

/// When things happened to a socket.
#[derive(Debug)]
pub struct Times {
    pub accepted: Time,
    pub head: Option<Time>,
    pub open: Time,
    /// Bytes came.
    pub fed: Time,
    /// Bytes left.
    pub carried: Time,
    /// There was something to be written again.
    pub unsent: Time,
    /// A peer that had been slow took something.
    pub life: Time,
    pub resumed: Time,
    pub ping: Option<Time>,
    /// A message came or was sent.
    pub message: Time,
    /// Its close was put into the mail: at the earliest, and at the latest.
    pub closed: [Time; 2],
    /// The peer's close frame or fault came.
    pub fatal: Time,
    /// It was held back, and its peer has ended.
    pub left: Option<Time>,
    /// When the second began in which it has sent so much that may slow it.
    pub talk: (Time, usize),
}

/// A message on its way out.
#[derive(Debug)]
struct Expected {
    /// Where its frame begins in the stream of what leaves.
    begin: u64,
    framed_len: usize,
    serial: u32,
    len: usize,
    is_text: bool,
}

impl Record {
    pub fn new(id: SocketId, surplus: bool, now: Time) -> Self {
        Self {
            id,
            surplus,
            hasty: false,
            fed: 0,
            passed: 0,
            last_passed: 0,
            mail: VecDeque::new(),
            later: false,
            used: Used::default(),
            opening: 0,
            delivered: 0,
            asked: false,
            opened: false,
            closed: None,
            orphaned: false,
            full: false,
            failed: false,
            ended: false,
            reset: false,
            refuses: false,
            broken: false,
            carried: 0,
            ahead: Reader::default(),
            ahead_len: 0,
            ahead_code: None,
            pact: Pact::default(),
            reader: Reader::default(),
            expected: VecDeque::new(),
            sent: 0,
            pong_next: 0,
            may_skip_pongs: false,
            closed_by_us: false,
            close_code: None,
            status: None,
            times: Times {
                accepted: now,
                head: None,
                open: now,
                fed: now,
                carried: now,
                unsent: now,
                life: now,
                resumed: now,
                ping: None,
                message: now,
                closed: [now; 2],
                fatal: now,
                left: None,
                talk: (Time::ZERO, 0),
            },
            held: false,
            paused: false,
            looked: false,
            is_look_judged: false,
            has_come: false,
            admitted: false,
            retry_s: None,
            demanded: None,
            stalled: false,
            stuck: false,
            must_close: false,
            must_go: false,
            unsent_len: 0,
            paid: None,
            answered_turn: 0,
            body_len: 0,
        }
    }

    /// So many bytes of the peer were read.
    pub fn feed(&mut self, peer: &Peer, len: usize, now: Time) {
        let before = self.fed;
        self.fed += len as u64;
        self.times.fed = now;
        if self.fed >= peer.head_end {
            self.times.head.get_or_insert(now);
        }
        self.has_come = before < peer.head_end && self.fed >= peer.head_end;
    }

    /// Something waits for the peer, which had nothing to take since the last was carried.
    pub fn begin_unsent(&mut self, now: Time) {
        let idle_ms = now.since(self.times.carried);
        let paid = self.paid.get_or_insert([now; 2]);
        *paid = [paid[0].after(idle_ms).min(now).max(paid[0]), paid[1].after(idle_ms)];
        self.times.unsent = now;
    }

    /// The peer has taken so many bytes, of which each KiB is worth a second, up to some ahead.
    pub fn pay(&mut self, bytes_len: usize, limits: &Limits, now: Time) {
        let ms = bytes_len as u64 * 1_000;
        let [least, most] = self.paid.get_or_insert([now; 2]);
        *least = least.after(ms / 1_024).min(now.after(3 * limits.write_ms_max));
        *most = most.after(ms.div_ceil(1_024));
        self.times.carried = now;
    }

    /// So much of what was read waits in the hub now.
    pub fn note_unread(&mut self, peer: &Peer, unread_len: usize, now: Time) {
        let before = std::mem::replace(&mut self.passed, self.fed - unread_len as u64);
        if self.passed > before {
            self.times.fed = now;
        }
        if peer.said_within(self.passed) > peer.said_within(before) {
            self.times.message = now;
        }
        if peer.fatal.is_some_and(|fatal| before < fatal.end && self.passed > fatal.begin) {
            self.times.fatal = now;
        }
    }

    /// A message was put into the outbox, in which so many bytes were waiting, as a frame of this
    /// length.
    pub fn expect(
        &mut self,
        waiting: usize,
        framed_len: usize,
        (serial, len, is_text): (u32, usize, bool),
        now: Time,
    ) {
        let begin = self.carried + waiting as u64;
        self.times.message = now;
        self.expected.push_back(Expected { begin, framed_len, serial, len, is_text });
    }

    /// So much waits to leave, now or before a part of it has left.
    pub const fn saw_unsent(&mut self, unsent_len: usize, limits: &Limits) {
        self.may_skip_pongs |= unsent_len > limits.outbox_high_bytes / 2;
    }

    /// Bytes have left. Returns how many messages are whole with them.
    pub fn carry(&mut self, peer: &mut Peer, bytes: &[u8], now: Time) -> usize {
        let before = self.sent;
        let mut reader = std::mem::take(&mut self.reader);
        reader.read(bytes, |begin, end, said| self.hear(peer, begin, end, said, now));
        self.reader = reader;
        assert!(self.ahead_len >= self.carried + bytes.len() as u64);
        self.carried += bytes.len() as u64;
        self.sent - before
    }

    fn hear(&mut self, peer: &mut Peer, begin: u64, end: u64, said: Said<'_>, now: Time) {
        match said {
            Said::Answer { status, head } => {
                self.status = Some(status);
                self.times.open = now;
                assert!(status != 429 || self.hasty, "{head}");
                let is_answer = matches!(status, 101 | 200 | 404);
                assert!(!(self.hasty && is_answer), "it connects too often: {head}");
                assert!(status == 101 || head.contains("Connection: close"), "{head}");
                if let Some(retry_s) = self.retry_s {
                    let is_told = head.contains(&format!("Retry-After: {retry_s}\r\n"));
                    assert!(status == 503 && is_told, "{head}, and it rests for {retry_s} s");
                }
                self.pact.window = self.pact.agreed.map(|agreed| agreed.server.window());
                let is_open = status == 101;
                let cue = if is_open { Cue::Open(self.pact.agreed) } else { Cue::Answer };
                peer.cues.push_back((end, cue));
            }
            Said::Body(body) => self.body_len += body.len(),
            Said::Message { is_text, payload } => {
                self.hear_message(peer, begin, end, is_text, payload);
            }
            Said::Compressed { is_text, payload } => {
                let window = self.pact.window.as_mut().expect("it was agreed to");
                let plain = window.inflate(payload);
                assert!(framed_len(plain.len()) as u64 > end - begin, "it has become shorter");
                self.pact.inflated += 1;
                self.hear_message(peer, begin, end, is_text, &plain);
            }
            Said::Ping => {
                self.times.ping = Some(now);
                peer.cues.push_back((end, Cue::Ping));
            }
            Said::Pong(payload) => self.hear_pong(peer, payload),
            Said::Close(code) => {
                assert!(self.expected.is_empty(), "peer {}: closed too early", peer.number);
                self.close_code = Some(code);
                peer.cues.push_back((end, Cue::Close));
            }
        }
    }

    fn hear_message(&mut self, peer: &Peer, begin: u64, end: u64, is_text: bool, payload: &[u8]) {
        let expected = self.expected.pop_front();
        let expected = expected.unwrap_or_else(|| {
            panic!("peer {}: nobody sent {payload:02x?} at {begin}", peer.number)
        });
        assert_eq!(expected.begin, begin, "peer {}: where it begins", peer.number);
        assert_eq!(expected.is_text, is_text);
        check_payload(payload, expected.serial, expected.len);
        assert_eq!(end - begin, expected.framed_len as u64);
        self.sent += 1;
    }

    /// Pings are answered in order; some are left out only by an outbox that is too full.
    fn hear_pong(&mut self, peer: &Peer, payload: &[u8]) {
        let fed = peer.pings.iter().take_while(|ping| ping.end <= self.fed).count();
        let rest = &peer.pings[self.pong_next..fed];
        let number = std::str::from_utf8(&payload[..8]).ok();
        let serial = number.and_then(|number| u32::from_str_radix(number, 16).ok());
        let serial = serial.expect("a pong has the payload of a ping");
        let skipped = rest.iter().position(|ping| ping.serial == serial);
        let skipped = skipped.unwrap_or_else(|| panic!("peer {}: a strange pong", peer.number));
        check_payload(payload, serial, rest[skipped].len);
        assert!(skipped == 0 || self.may_skip_pongs, "peer {}: a ping without pong", peer.number);
        self.pong_next += skipped + 1;
    }

    /// How many of its pings, within what was passed on, nothing has answered.
    pub fn pongs_due(&self, peer: &Peer) -> usize {
        peer.pings[self.pong_next..].iter().take_while(|ping| ping.end <= self.passed).count()
    }

    /// Whether its service may get its events.
    pub fn is_member(&self) -> bool {
        self.opened && self.closed.is_none() && !self.orphaned
    }

    /// Looks at what waits to leave, as far as it is new. Returns the reader as it will stand when
    /// all of it has left.
    pub fn look_ahead<'a>(&mut self, unsent: impl Iterator<Item = &'a [u8]>) -> &Reader {
        let mut known = usize::try_from(self.ahead_len - self.carried).expect("it is in memory");
        for chunk in unsent {
            let new = &chunk[known.min(chunk.len())..];
            known -= chunk.len() - new.len();
            self.ahead.read(new, |_, _, said| match said {
                Said::Close(code) => self.ahead_code = Some(code),
                Said::Answer { status: 101, head } => {
                    self.pact.agreed = Offer::agree(self.pact.offer, head);
                }
                Said::Answer { .. } | Said::Body(_) | Said::Ping | Said::Pong(_) => {}
                Said::Message { .. } | Said::Compressed { .. } => {}
            });
            self.ahead_len += new.len() as u64;
        }
        &self.ahead
    }
}
