//! The client's half of a connection in records: it shakes hands, then seals what its peer writes.
//! It also reads what leaves the server, and so knows what has left whole.

use std::collections::VecDeque;

use switchboard::tls::RecordChannel;

use super::choice::Chooser;
use super::pipe::Queue;
use super::seal::{ANSWER_BYTES, Direction, HEADER, HELLO_BYTES_MAX, Kind, Sealed};

/// How a client differs from one that shakes hands and keeps to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// It does not know of records.
    Plain,
    /// Its first message never ends.
    Stuck,
    /// Its first message is too long.
    Long,
    /// It sends data before the handshake is over.
    Early,
    /// Sooner or later, a record is torn.
    Torn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The answer to its first message has not come.
    Shaking,
    Open,
    /// Its last record has been written, or what it writes counts for nothing.
    Over,
}

/// Something that has left the server, by where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Plain(usize),
    /// The last record of the answer to its first message.
    Replied,
}

#[derive(Debug)]
pub struct Tunnel {
    fault: Fault,
    stage: Stage,
    dice: u32,
    /// It renews its keys all the time.
    renews: bool,
    /// It ends without a last record, or with that and nothing else.
    truncates: bool,
    lingers: bool,
    up: Direction,
    /// Records that the system has not taken.
    sealed: Queue,
    /// How long all records are, and how much of them the system has taken and the host has read.
    sealed_len: u64,
    put: u64,
    read_by_host: u64,
    plain_len: u64,
    plain_put: u64,
    /// Where each record ends, and what is plain before that.
    ends: Vec<(u64, u64)>,
    hello_end: u64,
    finish_end: Option<u64>,
    close_end: Option<u64>,
    /// Where records end that ask for an answer.
    asks: Vec<u64>,
    down: Direction,
    /// The beginning of a record whose rest has not left.
    part: Vec<u8>,
    /// Plain bytes that have left whole.
    left: Vec<u8>,
    down_len: u64,
    read: u64,
    marks: VecDeque<(u64, Mark)>,
    has_reply: bool,
    answers: usize,
    /// The host is ending its half, and its last record has left.
    is_closing: bool,
    is_closed: bool,
    is_alerted: bool,
}

impl Tunnel {
    /// A client that has not written anything; a good one keeps to the rules.
    pub fn new(is_good: bool, chooser: &mut Chooser) -> Self {
        let faults = [
            Fault::None,
            Fault::None,
            Fault::None,
            Fault::None,
            Fault::Plain,
            Fault::Stuck,
            Fault::Long,
            Fault::Early,
            Fault::Torn,
        ];
        let fault = if is_good { Fault::None } else { chooser.pick(&faults) };
        let mut tunnel = Self {
            fault,
            stage: Stage::Shaking,
            dice: u32::try_from(chooser.below(1 << 16)).expect("it is below 2^16") | 1 << 20,
            renews: chooser.once_in(6),
            truncates: chooser.once_in(3),
            lingers: chooser.once_in(5),
            up: Direction::default(),
            sealed: Queue::default(),
            sealed_len: 0,
            put: 0,
            read_by_host: 0,
            plain_len: 0,
            plain_put: 0,
            ends: Vec::new(),
            hello_end: u64::MAX,
            finish_end: None,
            close_end: None,
            asks: Vec::new(),
            down: Direction::default(),
            part: Vec::new(),
            left: Vec::new(),
            down_len: 0,
            read: 0,
            marks: VecDeque::new(),
            has_reply: false,
            answers: 0,
            is_closing: false,
            is_closed: false,
            is_alerted: false,
        };
        tunnel.begin();
        tunnel
    }

    fn begin(&mut self) {
        match self.fault {
            Fault::Plain => self.sealed.push(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            Fault::Stuck => self.compose(Kind::HelloPart, &[3; 99]),
            Fault::Long => {
                for _ in 0..=HELLO_BYTES_MAX / 150 {
                    self.compose(Kind::HelloPart, &[3; 150]);
                }
            }
            Fault::Early => self.compose(Kind::Data, b"early"),
            Fault::None | Fault::Torn => {
                for _ in 0..self.roll(3) {
                    let len = 1 + self.roll(150);
                    self.compose(Kind::HelloPart, &vec![3; len]);
                }
                let [ticket, records] = [2, 4].map(|bound| self.roll(bound));
                let len = self.roll(Sealed::PLAIN_MAX);
                let [ticket, records, len] =
                    [ticket, records, len].map(|n| u8::try_from(n).expect("it is below 200"));
                self.compose(Kind::Hello, &[ticket, records, len, 0, 0]);
                self.hello_end = self.sealed_len;
            }
        }
    }

    /// Whether nothing but the handshake has passed.
    pub fn shakes_hands(&self) -> bool {
        self.stage == Stage::Shaking
    }

    /// Whether records wait that the system has not taken.
    pub fn owes(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Whether it may break the rules of records.
    pub fn is_faulty(&self) -> bool {
        self.fault != Fault::None
    }

    /// Seals what there is, as far as there is space for it. Returns what is to be written.
    pub fn seal(&mut self, plain: &mut Queue) -> &mut Queue {
        while self.stage == Stage::Open && !plain.is_empty() && self.sealed.len() < SEALED_MAX {
            if self.roll(if self.renews { 2 } else { 40 }) == 0 {
                let asks = u8::from(self.renews || self.roll(2) == 0);
                self.compose(Kind::Update, &[asks]);
            }
            if self.roll(30) == 0 {
                self.compose(Kind::Data, b"");
            }
            let len_max = [Sealed::PLAIN_MAX, 64, 1 + self.roll(9)][self.roll(3)];
            let len = plain.len().min(len_max);
            let payload = plain.as_slice()[..len].to_vec();
            plain.advance(len);
            if self.fault == Fault::Torn && self.roll(20) == 0 {
                let mut record = Vec::new();
                self.up.seal(Kind::Data, &payload, &mut record);
                record[HEADER - 1] ^= 1;
                self.sealed.push(&record);
                self.stage = Stage::Over;
                break;
            }
            self.compose(Kind::Data, &payload);
        }
        &mut self.sealed
    }

    /// The system has taken so much. Returns how many plain bytes are whole with that.
    pub fn wrote(&mut self, len: usize) -> usize {
        self.put += len as u64;
        let (_, plain_put) = self.within(self.put);
        let before = std::mem::replace(&mut self.plain_put, plain_put);
        usize::try_from(self.plain_put - before).expect("it is in memory")
    }

    /// The last record, if there is one and nothing waits before it.
    pub fn end(&mut self) -> Option<Vec<u8>> {
        let is_open = self.stage == Stage::Open;
        self.stage = Stage::Over;
        if !is_open || self.truncates || !self.sealed.is_empty() {
            return None;
        }
        self.compose(Kind::Close, &[]);
        self.close_end = Some(self.sealed_len);
        let bytes = self.sealed.as_slice().to_vec();
        self.sealed.advance(bytes.len());
        self.wrote(bytes.len());
        Some(bytes)
    }

    /// Whether it does not end its half behind its last record.
    pub fn lingers(&self) -> bool {
        self.lingers && self.close_end.is_some()
    }

    /// The client has read so much. Returns how many plain bytes are whole with that.
    pub fn read(&mut self, len: usize) -> usize {
        self.read += len as u64;
        let mut plain = 0;
        while let Some((_, mark)) = self.marks.pop_front_if(|(end, _)| *end <= self.read) {
            match mark {
                Mark::Plain(len) => plain += len,
                Mark::Replied if self.stage == Stage::Shaking => {
                    self.stage = Stage::Open;
                    self.compose(Kind::Finish, &[4; 30]);
                    self.finish_end = Some(self.sealed_len);
                }
                Mark::Replied => {}
            }
        }
        plain
    }

    /// The host has read so much.
    pub fn host_read(&mut self, len: usize) {
        let owed = self.asked() - self.answers;
        assert!(owed <= ANSWERS_MAX || self.is_closing, "{owed} answers wait for the client");
        self.read_by_host += len as u64;
    }

    /// The host begins to end its half.
    pub fn host_closes(&mut self) {
        self.is_closing = true;
    }

    /// How many answers it has asked the host for.
    fn asked(&self) -> usize {
        self.asks.partition_point(|end| *end <= self.read_by_host)
    }

    /// These bytes have left the host.
    pub fn carry(&mut self, bytes: &[u8]) {
        self.part.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let opened = self.down.open(&mut self.part[at..]);
            let Some((kind, len)) = opened.expect("the host makes records") else { break };
            let payload = at + HEADER..at + len;
            at += len;
            self.down_len += len as u64;
            assert!(!self.is_closed && !self.is_alerted, "{kind:?} behind the last record");
            match kind {
                Kind::Reply => {
                    self.has_reply |= self.part[payload][0] == 1;
                    if self.has_reply {
                        self.marks.push_back((self.down_len, Mark::Replied));
                    }
                }
                Kind::Data => {
                    self.marks.push_back((self.down_len, Mark::Plain(payload.len())));
                    self.left.extend_from_slice(&self.part[payload]);
                }
                Kind::Answer => self.answers += 1,
                Kind::Close => self.is_closed = true,
                Kind::Alert => {
                    assert!(self.is_faulty(), "an alert without a reason");
                    self.is_alerted = true;
                }
                Kind::Ticket => {}
                Kind::HelloPart | Kind::Hello | Kind::Finish | Kind::Update => {
                    panic!("no server sends {kind:?}");
                }
            }
            let is_early = self.finish_end.is_none_or(|end| end > self.read_by_host);
            assert!(!is_early || kind != Kind::Data, "data before the end of the handshake");
        }
        self.part.drain(..at);
    }

    /// What has left whole since this was last asked.
    pub fn take_left(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.left)
    }

    /// The host ends its half: its last record has left, if the handshake was over.
    pub fn check_end(&self) {
        assert!(self.part.is_empty(), "a record is cut by the end");
        let is_last = self.is_closed || self.is_alerted || !self.is_finished();
        assert!(is_last, "the end comes without the last record");
    }

    /// Nothing that has come or left is overlooked. `is_blocked` says that the system takes no
    /// more.
    pub fn check_quiet(&self, fed: u64, is_held: bool, is_blocked: bool) {
        let plain = self.opened_len();
        assert!(plain == fed || is_held, "{plain} plain bytes are whole, and {fed} were read");
        assert!(self.left.is_empty(), "the hub does not know of what has left");
        if is_blocked || self.is_closed || self.is_alerted || self.is_faulty() {
            return;
        }
        assert!(self.part.is_empty(), "a part of a record does not leave");
        assert!(self.has_reply || self.read_by_host < self.hello_end, "the answer does not leave");
        let asked = self.asked();
        assert!(self.answers == asked || is_held, "{asked} new keys, {} answers", self.answers);
    }

    /// How many plain bytes are in the whole records that the host has.
    pub fn opened_len(&self) -> u64 {
        self.within(self.read_by_host).1
    }

    /// How many bytes of a record that is not whole the host has.
    pub fn rest_len(&self) -> u64 {
        self.read_by_host - self.within(self.read_by_host).0
    }

    /// Whether the handshake is over for the host.
    pub fn is_finished(&self) -> bool {
        self.finish_end.is_some_and(|end| end <= self.read_by_host)
    }

    /// Whether the host has the last record of the client.
    pub fn has_ended(&self) -> bool {
        self.close_end.is_some_and(|end| end <= self.read_by_host)
    }

    fn compose(&mut self, kind: Kind, payload: &[u8]) {
        let mut record = Vec::new();
        self.up.seal(kind, payload, &mut record);
        self.sealed.push(&record);
        self.sealed_len += record.len() as u64;
        if kind == Kind::Data && self.stage == Stage::Open {
            self.plain_len += payload.len() as u64;
        }
        if kind == Kind::Update && payload == [1] {
            self.asks.push(self.sealed_len);
        }
        self.ends.push((self.sealed_len, self.plain_len));
    }

    /// The whole records within the first bytes of the stream: their length, and what is plain.
    fn within(&self, len: u64) -> (u64, u64) {
        let ends = self.ends.partition_point(|(end, _)| *end <= len);
        ends.checked_sub(1).map_or((0, 0), |last| self.ends[last])
    }

    fn roll(&mut self, bound: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 17;
        self.dice ^= self.dice << 5;
        self.dice as usize % bound
    }
}

/// So many answers may wait, or a part of each, when the host reads on.
const ANSWERS_MAX: usize = Sealed::UNSENT_MAX / ANSWER_BYTES + 1;
/// A client seals no more ahead.
const SEALED_MAX: usize = 1_000;
