//! Peers of a world, each with a profile: what they request, how they send, read, answer and leave.
//! A peer records what it has sent, by the position in its stream of bytes.

use std::collections::VecDeque;

use switchboard::Limits;

use super::choice::Chooser;
use super::compress::{self, Agreed, Offer};
use super::deflate::Window;
use super::pipe::{Pipe, Queue};
use super::wire::{BINARY, CLOSE, ENDS, GOES_ON, PING, PONG, TEXT, TEXT_BEGINS, frame, payload};

/// What a peer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A socket at the service with this index; once that has a worker, at the place of that.
    Service(usize),
    /// The page of the service with this index.
    Page(usize),
    File,
    Nowhere,
    /// A request that a server refuses.
    Nonsense,
    /// Nothing: the head never ends.
    Half,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talking {
    Chatting,
    Flooding,
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    All,
    Little,
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub talking: Talking,
    pub reading: Reading,
    /// It answers pings and close frames, and ends what is over.
    pub answers: bool,
    /// Its bytes come one by one, or by a few.
    dribbles: bool,
    /// It talks before it has been admitted.
    bold: bool,
    /// Once in how many of its times it parts.
    parts: usize,
}

/// Something that a peer has said.
#[derive(Clone, Copy, Debug)]
pub struct Saying {
    /// Where it ends in the peer's stream.
    pub end: u64,
    pub serial: u32,
    pub len: usize,
    pub is_text: bool,
    pub is_compressed: bool,
}

/// The close frame, or the fault, after which nothing counts.
#[derive(Clone, Copy, Debug)]
pub struct Fatal {
    pub begin: u64,
    pub end: u64,
    /// The code that its service gets.
    pub code: u16,
    pub is_close: bool,
    /// It is compressed, and cannot be inflated.
    pub is_broken: bool,
}

/// What a peer has to react to, once it has read that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    Open(Option<Agreed>),
    Ping,
    Close,
    Answer,
}

#[derive(Debug)]
pub struct Peer {
    pub number: usize,
    pub goal: Goal,
    /// What chooses the worker of its service, if that has several.
    pub key: Option<u8>,
    pub offer: Option<Offer>,
    /// What its compressed messages may refer to, once that was agreed on.
    window: Option<Window>,
    pub manners: Manners,
    pending: Queue,
    /// All bytes that it has written or has still to write.
    composed: u64,
    pub written: u64,
    /// Where its head ends.
    pub head_end: u64,
    pub said: Vec<Saying>,
    pub pings: Vec<Saying>,
    pub fatal: Option<Fatal>,
    /// How much it has read.
    pub read: u64,
    pub cues: VecDeque<(u64, Cue)>,
    is_open: bool,
    is_over: bool,
    pub has_left: bool,
}

impl Peer {
    pub fn new(
        number: usize,
        goal: Goal,
        key: Option<u8>,
        offer: Option<Offer>,
        chooser: &mut Chooser,
    ) -> Self {
        let manners = Manners {
            talking: chooser.pick(&[
                Talking::Chatting,
                Talking::Chatting,
                Talking::Flooding,
                Talking::Silent,
            ]),
            reading: chooser.pick(&[
                Reading::All,
                Reading::All,
                Reading::All,
                Reading::Little,
                Reading::Nothing,
            ]),
            answers: !chooser.once_in(5),
            dribbles: chooser.once_in(8),
            bold: chooser.once_in(3),
            parts: chooser.pick(&[200, 20, 0, 2_000]),
        };
        let mut peer = Self {
            number,
            goal,
            key,
            offer,
            window: None,
            manners,
            pending: Queue::default(),
            composed: 0,
            written: 0,
            head_end: u64::MAX,
            said: Vec::new(),
            pings: Vec::new(),
            fatal: None,
            read: 0,
            cues: VecDeque::new(),
            is_open: false,
            is_over: false,
            has_left: false,
        };
        peer.ask(chooser);
        peer
    }

    /// Whether it does all that a peer should, and in time.
    pub fn is_good(&self) -> bool {
        self.manners.answers && self.manners.reading == Reading::All && !self.manners.dribbles
    }

    /// The peer's time has come.
    pub fn act(&mut self, pipe: &mut Pipe, limits: &Limits, chooser: &mut Chooser) {
        if self.has_left {
            return;
        }
        if self.manners.reading == Reading::Little {
            self.read += pipe.peer_reads(chooser.pick(&[1, 10, 300])) as u64;
        }
        if self.manners.parts > 0 && chooser.once_in(self.manners.parts) {
            self.part(pipe, limits, chooser);
        }
        if self.window.is_some() && self.fatal.is_none() && chooser.once_in(150) {
            self.break_a_rule(limits, chooser);
        }
        let may_talk = self.is_open || self.manners.bold && self.head_end < u64::MAX;
        if may_talk && self.fatal.is_none() && self.pending.len() < 4_000 {
            match self.manners.talking {
                Talking::Chatting => self.talk(limits, chooser),
                Talking::Flooding => (0..12).for_each(|_| self.talk(limits, chooser)),
                Talking::Silent => {}
            }
        }
        let len_max = if self.manners.dribbles { chooser.pick(&[1, 0, 7, 40]) } else { usize::MAX };
        self.write(pipe, len_max);
    }

    /// What a peer always does: it reads, and answers what it has read.
    pub fn react(&mut self, pipe: &mut Pipe) {
        if self.has_left {
            return;
        }
        if self.manners.reading == Reading::All || pipe.shakes_hands() {
            self.read += pipe.peer_reads(usize::MAX) as u64;
        }
        while let Some((_, cue)) = self.cues.pop_front_if(|(end, _)| *end <= self.read) {
            match cue {
                Cue::Open(agreed) => {
                    self.is_open = true;
                    self.window = agreed.map(|agreed| agreed.client.window());
                }
                Cue::Ping if self.manners.answers => self.compose(&frame(PONG, b"")),
                Cue::Close if self.manners.answers && self.fatal.is_none() => {
                    self.compose_fatal(&frame(CLOSE, b"\x03\xE8"), 1000, true);
                }
                Cue::Answer => self.is_over = true,
                Cue::Ping | Cue::Close => {}
            }
        }
        let has_more = !self.pending.is_empty() || pipe.owes();
        if self.manners.answers && has_more && !self.manners.dribbles {
            self.write(pipe, usize::MAX);
        }
        if pipe.is_dropped() || self.manners.answers && pipe.is_over_for_peer() {
            pipe.peer_ends();
            pipe.peer_goes();
            self.has_left = true;
        }
    }

    /// Leaves at once.
    pub fn leave(&mut self, pipe: &mut Pipe, chooser: &mut Chooser) {
        if chooser.once_in(2) {
            pipe.peer_resets(chooser.once_in(2));
        } else {
            pipe.peer_ends();
            pipe.peer_goes();
        }
        self.has_left = true;
    }

    /// How many of its messages end within the first `bytes_len` bytes of its stream.
    pub fn said_within(&self, bytes_len: u64) -> usize {
        self.said.partition_point(|saying| saying.end <= bytes_len)
    }

    fn write(&mut self, pipe: &mut Pipe, len_max: usize) {
        self.written += pipe.peer_writes(&mut self.pending, len_max) as u64;
    }

    fn compose(&mut self, bytes: &[u8]) {
        self.composed += bytes.len() as u64;
        self.pending.push(bytes);
    }

    fn compose_fatal(&mut self, bytes: &[u8], code: u16, is_close: bool) {
        let begin = self.composed;
        self.compose(bytes);
        if self.fatal.is_none() {
            self.fatal =
                Some(Fatal { begin, end: self.composed, code, is_close, is_broken: false });
        }
    }

    fn ask(&mut self, chooser: &mut Chooser) {
        let extensions = self.offer.map_or(String::new(), Offer::line);
        let upgrade = |path: String| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 {extensions}\r\n"
            )
        };
        let page = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let head = match self.goal {
            Goal::Service(service) => {
                let query = self.key.map_or(String::new(), |key| format!("?key={key}"));
                upgrade(format!("/{service}{query}"))
            }
            Goal::Page(worker) => page(&format!("/{worker}")),
            Goal::File => page("/some/file"),
            Goal::Nowhere => upgrade("/nowhere".to_owned()),
            Goal::Nonsense => chooser
                .pick(&[
                    "HEAD /0 HTTP/1.1\r\nHost: h\r\n\r\n",
                    "GET /0 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: x\r\n\r\n",
                    "what is this\r\n\r\n",
                ])
                .to_owned(),
            Goal::Half => chooser.pick(&["", "G", "GET /0 HTTP/1.1\r\nHost: h\r\n"]).to_owned(),
        };
        self.compose(head.as_bytes());
        if self.goal != Goal::Half {
            self.head_end = self.composed;
        }
    }

    /// Says something: a message in one frame or several, or a sign of life.
    fn talk(&mut self, limits: &Limits, chooser: &mut Chooser) {
        let len = chooser.pick(&[12, 12, 12, 30, 30, 8, 0, 125, 126, 700]);
        let len = if chooser.once_in(100) { usize::MAX } else { len };
        let len = len.min(limits.message_bytes_max);
        if self.window.is_some() && !chooser.once_in(3) {
            // A turn inflates only so much, which takes long messages.
            let len = if chooser.once_in(5) { limits.message_bytes_max } else { len };
            return self.talk_compressed(len, chooser);
        }
        match chooser.below(12) {
            0 => self.ping(len.min(100)),
            1 => self.compose(&frame(PONG, b"unasked")),
            2 => {
                let (serial, payload) = self.next_message(len);
                let half = chooser.below(len + 1);
                self.compose(&frame(TEXT_BEGINS, &payload[..half]));
                if chooser.once_in(2) {
                    self.ping(9);
                }
                if chooser.once_in(2) {
                    self.compose(&frame(GOES_ON, b""));
                }
                self.compose(&frame(ENDS, &payload[half..]));
                self.note(serial, len, true);
            }
            kind => {
                let (serial, payload) = self.next_message(len);
                self.compose(&frame(if kind < 9 { TEXT } else { BINARY }, &payload));
                self.note(serial, len, kind < 9);
            }
        }
    }

    /// Says a compressed message.
    fn talk_compressed(&mut self, len: usize, chooser: &mut Chooser) {
        let (serial, payload) = self.next_message(len);
        let is_text = chooser.once_in(2);
        let Some(window) = &mut self.window else { return };
        for (number, frame) in compress::say(window, &payload, is_text, chooser).iter().enumerate()
        {
            if number > 0 && chooser.once_in(9) {
                self.ping(9);
            }
            self.compose(frame);
        }
        self.said.push(Saying { end: self.composed, serial, len, is_text, is_compressed: true });
    }

    fn next_message(&self, len: usize) -> (u32, Vec<u8>) {
        let serial = (self.number << 16) + self.said.len();
        let serial = u32::try_from(serial & 0xFFFF_FFFF).expect("it is below 2^32");
        (serial, payload(serial, len))
    }

    fn note(&mut self, serial: u32, len: usize, is_text: bool) {
        self.said.push(Saying { end: self.composed, serial, len, is_text, is_compressed: false });
    }

    fn ping(&mut self, len: usize) {
        let serial = u32::try_from(self.pings.len()).expect("they are few");
        let len = len.max(8);
        self.compose(&frame(PING, &payload(serial, len)));
        let end = self.composed;
        self.pings.push(Saying { end, serial, len, is_text: false, is_compressed: false });
    }

    fn part(&mut self, pipe: &mut Pipe, limits: &Limits, chooser: &mut Chooser) {
        match chooser.below(6) {
            0 | 1 if self.is_open && self.fatal.is_none() => {
                let (payload, code) =
                    chooser.pick(&[(&b"\x03\xE8bye"[..], 1000), (b"", 1005), (b"\x0B\xB8", 3000)]);
                self.compose_fatal(&frame(CLOSE, payload), code, true);
            }
            2 | 3 if self.is_open && self.fatal.is_none() => self.break_a_rule(limits, chooser),
            4 => pipe.peer_ends(),
            5 => pipe.peer_resets(chooser.once_in(2)),
            _ => self.manners.answers = chooser.once_in(2),
        }
    }

    fn break_a_rule(&mut self, limits: &Limits, chooser: &mut Chooser) {
        let begin = self.composed;
        if let Some(window) = self.window.as_mut().filter(|_| !chooser.once_in(4)) {
            let (bytes, code) = compress::break_a_rule(window, limits, chooser);
            self.compose_fatal(&bytes, code, false);
            if let Some(fatal) = &mut self.fatal {
                fatal.is_broken = code != 1002;
            }
            return;
        }
        let (bytes, code) = match chooser.below(8) {
            0 => (frame(0x83, b"no such opcode"), 1002),
            1 => (b"\x81\x02hi".to_vec(), 1002),
            2 if self.window.is_none() => (frame(0xC1, b"reserved"), 1002),
            3 => (frame(TEXT, b"caf\xE9 au lait"), 1007),
            4 => (frame(BINARY, &vec![0; limits.message_bytes_max + 1]), 1009),
            5 => (frame(0x09, b"a ping in parts"), 1002),
            6 => (frame(GOES_ON, b"of what?"), 1002),
            _ => {
                self.compose(&frame(TEXT_BEGINS, b"one "));
                (frame(TEXT, b"two"), 1002)
            }
        };
        self.compose_fatal(&bytes, code, false);
        if let Some(fatal) = &mut self.fatal {
            fatal.begin = begin;
        }
        // More may follow, and counts for nothing.
        if chooser.once_in(2) {
            self.compose(&frame(TEXT, b"too late"));
        }
    }
}
