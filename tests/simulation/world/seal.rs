//! Records like those of TLS, without cryptography: what a client and a server make of plain bytes,
//! and how they are read. A record has five bytes of header: its kind, its number, its length, and
//! a sum. Its payload is scrambled by its number and by how often the key was renewed.

use switchboard::service::{TlsInfo, TlsVersion};
use switchboard::tls::{ChannelState, Decrypted, MakeChannel, RecordChannel, Records};

use std::cell::Cell;
use std::io;
use std::rc::Rc;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A part of the first message of a client.
    HelloPart = 1,
    /// The end of that.
    Hello,
    /// A part of the answer to it.
    Reply,
    /// The last message of the client's handshake.
    Finish,
    /// What a server may send behind it.
    Ticket,
    Data,
    /// A new key of the client, with an answer if its payload asks for one.
    Update,
    /// That answer, with which the server has a new key.
    Answer,
    /// Nothing follows.
    Close,
    Alert,
}

const KINDS: [Kind; 10] = [
    Kind::HelloPart,
    Kind::Hello,
    Kind::Reply,
    Kind::Finish,
    Kind::Ticket,
    Kind::Data,
    Kind::Update,
    Kind::Answer,
    Kind::Close,
    Kind::Alert,
];

/// One direction: it makes records, or reads them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direction {
    number: u8,
    key: u8,
}

impl Direction {
    /// Adds a record.
    pub fn seal(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        let len = u16::try_from(payload.len()).expect("records are short").to_be_bytes();
        out.extend([kind as u8, self.number, len[0], len[1], sum(kind, payload)]);
        let begin = out.len();
        out.extend_from_slice(payload);
        self.scramble(&mut out[begin..]);
        self.go_on(kind);
    }

    /// Opens the first record in place, if it is whole: its kind, and where its payload ends.
    ///
    /// # Errors
    /// It is not the next one.
    pub fn open(&mut self, bytes: &mut [u8]) -> Result<Option<(Kind, usize)>, &'static str> {
        let Some(&[kind, number, high, low, checked]) = bytes.first_chunk() else {
            return Ok(None);
        };
        let kind = KINDS.into_iter().find(|known| *known as u8 == kind).ok_or(NO_RECORD)?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len > Sealed::PLAIN_MAX || number != self.number {
            return Err(NO_RECORD);
        }
        let Some(payload) = bytes.get_mut(HEADER..HEADER + len) else { return Ok(None) };
        self.scramble(payload);
        if sum(kind, payload) != checked {
            return Err(TORN);
        }
        self.go_on(kind);
        Ok(Some((kind, HEADER + len)))
    }

    fn scramble(self, payload: &mut [u8]) {
        let seed = self.number.wrapping_mul(31) ^ self.key.wrapping_mul(101) ^ 0x5A;
        for byte in payload {
            *byte ^= seed;
        }
    }

    const fn go_on(&mut self, kind: Kind) {
        self.number = self.number.wrapping_add(1);
        if matches!(kind, Kind::Update | Kind::Answer) {
            self.key = self.key.wrapping_add(1);
        }
    }
}

/// How long the first message is, if it is whole: a record, with the parts before it. What is no
/// record is one of any length.
fn message_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let [kind, _, high, low, _] = *bytes[at..].first_chunk()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        if KINDS.iter().all(|known| *known as u8 != kind) || len > Sealed::PLAIN_MAX {
            return Some(bytes.len());
        }
        at += HEADER + len;
        if at > bytes.len() {
            return None;
        }
        if kind != Kind::HelloPart as u8 {
            return Some(at);
        }
    }
}

fn sum(kind: Kind, payload: &[u8]) -> u8 {
    payload.iter().fold(kind as u8, |sum, byte| sum.rotate_left(1) ^ byte)
}

/// The channel of a simulated connection.
#[derive(Debug)]
pub struct Sealed {
    from_client: Direction,
    to_client: Direction,
    state: ChannelState,
    /// Whether its handshake is over, also if it has failed since.
    is_open: bool,
    is_new: bool,
    is_closed: bool,
    /// How many bytes were not used last.
    rest_len: usize,
    hellos: Rc<Cell<usize>>,
    /// The answer has so many records of that length, and a ticket follows the handshake.
    reply: [u8; 2],
    has_ticket: bool,
}

/// Makes such channels, and counts the handshakes that have begun.
#[derive(Debug, Default)]
pub struct Sealer {
    pub hellos: Rc<Cell<usize>>,
}

impl MakeChannel for Sealer {
    type Channel = Sealed;

    fn make(&self) -> io::Result<Sealed> {
        Ok(Sealed {
            from_client: Direction::default(),
            to_client: Direction::default(),
            state: ChannelState::Handshake,
            is_open: false,
            is_new: true,
            is_closed: false,
            rest_len: 0,
            hellos: Rc::clone(&self.hellos),
            reply: [1, 0],
            has_ticket: false,
        })
    }
}

impl Sealed {
    /// What has to be done for a record of the client.
    fn take(&mut self, kind: Kind, payload: &[u8], reply: &mut Records) {
        match (self.state, kind) {
            (ChannelState::Handshake, Kind::HelloPart) if self.is_new => {}
            (ChannelState::Handshake, Kind::Hello) if self.is_new => {
                let [ticket, records, len, ..] = *payload else { return self.fail(reply) };
                (self.reply, self.has_ticket) = ([records.max(1), len], ticket == 1);
                self.is_new = false;
                self.hellos.set(self.hellos.get() + 1);
                for left in (0..self.reply[0]).rev() {
                    let mut payload = vec![7; 1 + usize::from(len)];
                    payload[0] = u8::from(left == 0);
                    self.send(Kind::Reply, &payload, reply);
                }
            }
            (ChannelState::Handshake, Kind::Finish) if !self.is_new => {
                self.state = ChannelState::Open;
                self.is_open = true;
                if self.has_ticket {
                    self.send(Kind::Ticket, &[9; 60], reply);
                }
            }
            (ChannelState::Open, Kind::Data) => {}
            (ChannelState::Open, Kind::Update) => {
                // Behind our last record nothing follows.
                if payload == [1] && !self.is_closed {
                    self.send(Kind::Answer, &[8; ANSWER_BYTES], reply);
                }
            }
            (ChannelState::Open, Kind::Close) => self.state = ChannelState::Ended,
            _ => self.fail(reply),
        }
    }

    fn send(&mut self, kind: Kind, payload: &[u8], out: &mut Records) {
        let mut record = Vec::new();
        self.to_client.seal(kind, payload, &mut record);
        out.append(Self::RECORDS_MAX, |space| {
            space[..record.len()].copy_from_slice(&record);
            Some(record.len())
        });
    }

    fn fail(&mut self, reply: &mut Records) {
        self.state = ChannelState::Failed(BROKEN);
        if !self.is_closed {
            self.send(Kind::Alert, &[2; 2], reply);
        }
    }
}

impl RecordChannel for Sealed {
    const PLAIN_MAX: usize = 200;
    const RECORDS_MAX: usize = Self::PLAIN_MAX + HEADER;
    const TAIL_MAX: usize = 50;
    const UNSENT_MAX: usize = Self::PLAIN_MAX + Self::TAIL_MAX + 2 * HEADER;
    const READ_MAX: usize = 512;
    const HANDSHAKE_REST_MAX: usize = HELLO_BYTES_MAX;
    const TURN_HELLOS_MAX: usize = 1;

    fn is_new(&self) -> bool {
        self.is_new
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn decrypt(&mut self, input: &mut [u8], output: &mut [u8], reply: &mut Records) -> Decrypted {
        assert!(input.len() >= self.rest_len, "what was not used comes again");
        let (mut used, mut plain, mut records) = (0, 0, 0);
        while matches!(self.state, ChannelState::Handshake | ChannelState::Open) {
            // A message of several records is used when all of them are there.
            let Some(len) = message_len(&input[used..]) else { break };
            let end = used + len;
            while used < end {
                let opened = self.from_client.open(&mut input[used..end]);
                let Ok(Some((kind, len))) = opened else {
                    self.fail(reply);
                    break;
                };
                records += 1;
                let payload = &input[used + HEADER..used + len];
                used += len;
                self.take(kind, payload, reply);
                if kind == Kind::Data && self.state == ChannelState::Open {
                    output[plain..plain + payload.len()].copy_from_slice(payload);
                    plain += payload.len();
                }
            }
        }
        if !matches!(self.state, ChannelState::Handshake | ChannelState::Open) {
            used = input.len();
        }
        self.rest_len = input.len() - used;
        Decrypted { used, plain, records, state: self.state }
    }

    fn encrypt(
        &mut self,
        plain: &[u8],
        rest: &mut [u8],
        out: &mut Records,
    ) -> Result<(), &'static str> {
        assert_eq!(rest.len(), self.rest_len, "the rest is what was not used");
        assert!(!plain.is_empty() && !self.is_closed);
        assert!(matches!(self.state, ChannelState::Open | ChannelState::Ended), "{:?}", self.state);
        self.send(Kind::Data, plain, out);
        Ok(())
    }

    fn close(&mut self, _: &mut [u8], out: &mut Records) {
        assert!(!self.is_closed, "a connection ends once");
        self.is_closed = true;
        self.send(Kind::Close, &[], out);
    }

    fn take_info(&mut self) -> TlsInfo {
        TlsInfo::of_version(TlsVersion::Tls13)
    }
}

/// Before each payload.
pub const HEADER: usize = 5;
/// The first messages of a client have no more.
pub const HELLO_BYTES_MAX: usize = 600;
/// Answers to new keys are long, so that few of them fill what may wait.
pub const ANSWER_BYTES: usize = 120;
/// The reasons of failures.
const NO_RECORD: &str = "TLS: what came is no record";
const TORN: &str = "TLS: a record is torn";
pub const BROKEN: &str = "TLS: the peer breaks the rules of the simulation";
