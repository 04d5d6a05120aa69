//! Services of a world, each with a temper, and their lines: what is taken, reported and sent off
//! in batches, as a line does it.

use std::collections::VecDeque;
use std::vec::IntoIter;

use switchboard::service::{Inbound, Outbound, SocketId, Verdict};
use switchboard::time::Time;
use switchboard::{Admission, Audience, Close, CloseCode, Limits, Response, Status};

use super::choice::Fate;

/// What a service is like. Numbers say once in how many times; 0 is never.
#[derive(Clone, Copy, Debug)]
pub struct Temper {
    pub name: &'static str,
    /// Decides about each socket.
    pub asked: bool,
    /// Most transactions that it takes when its time comes.
    takes_max: usize,
    /// How it answers messages.
    answers: Answers,
    /// Closes the sender of a message.
    closes: usize,
    /// Ends when its time comes.
    dies: usize,
    /// Falls asleep for some of its times.
    sleeps: usize,
    /// Sends without being asked.
    talks: usize,
    /// Addresses sockets that are not its own, or have gone.
    strays: usize,
    /// How it differs if it is a program.
    program: Option<Program>,
}

/// What a program is like, whose mail counts as taken once it is in its pipe.
#[derive(Clone, Copy, Debug)]
struct Program {
    /// How many transactions its pipe holds.
    pipe_max: usize,
    /// Most of them that it reads when its time comes.
    reads_max: usize,
    /// How many of its times pass before it says READY: one of these.
    ready_after: [usize; 3],
    /// Dies in the middle of its mail.
    breaks: usize,
    /// Pauses whoever comes or sends a message.
    pauses: usize,
    /// Reads on whom it has paused before.
    resumes: usize,
    /// Gives them a label.
    labels: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// The same length to the sender.
    Echo,
    /// To all, to lists, or to a topic.
    Many,
    /// With much more than came.
    Amplified,
}

const PROMPT: Temper = Temper {
    name: "prompt",
    asked: false,
    takes_max: usize::MAX,
    answers: Answers::Echo,
    closes: 0,
    dies: 0,
    sleeps: 0,
    talks: 0,
    strays: 0,
    program: None,
};

const LINES: Program = Program {
    pipe_max: 20,
    reads_max: 100,
    ready_after: [0, 1, 9],
    breaks: 0,
    pauses: 12,
    resumes: 40,
    labels: 9,
};
const SERVED: Temper = Temper { name: "served", program: Some(LINES), ..PROMPT };

/// Those of programs.
pub const PROGRAMS: [Temper; 6] = [
    Temper { answers: Answers::Many, closes: 30, strays: 40, ..SERVED },
    Temper {
        name: "stalled",
        sleeps: 3,
        asked: true,
        program: Some(Program { pipe_max: 3, reads_max: 2, pauses: 4, resumes: 400, ..LINES }),
        ..SERVED
    },
    Temper {
        name: "broken",
        answers: Answers::Many,
        program: Some(Program { breaks: 90, ..LINES }),
        ..SERVED
    },
    Temper {
        name: "unready",
        asked: true,
        dies: 90,
        program: Some(Program { ready_after: [0, 60, usize::MAX], resumes: 0, ..LINES }),
        ..SERVED
    },
    Temper { name: "flooding", answers: Answers::Amplified, talks: 2, strays: 30, ..SERVED },
    Temper {
        name: "fleeting",
        dies: 12,
        program: Some(Program { breaks: 9, ready_after: [0, 2, usize::MAX], ..LINES }),
        ..SERVED
    },
];

/// The first one is always there.
pub const TEMPERS: [Temper; 10] = [
    PROMPT,
    Temper { name: "crowd", answers: Answers::Many, closes: 300, talks: 9, ..PROMPT },
    Temper { name: "slow", takes_max: 3, sleeps: 9, strays: 40, ..PROMPT },
    Temper { name: "asleep", takes_max: 60, sleeps: 2, talks: 5, ..PROMPT },
    Temper { name: "mortal", dies: 60, closes: 40, strays: 9, ..PROMPT },
    Temper { name: "brief", takes_max: 2, dies: 30, sleeps: 3, ..PROMPT },
    Temper { name: "gate", asked: true, sleeps: 9, takes_max: 40, closes: 90, ..PROMPT },
    Temper { name: "loud", answers: Answers::Amplified, talks: 2, ..PROMPT },
    Temper { name: "heedless", takes_max: 0, talks: 2, ..PROMPT },
    Temper { name: "doomed", answers: Answers::Many, asked: true, dies: 9, sleeps: 4, ..PROMPT },
];

/// The place of the one that is started again and again.
pub const BRIEF: usize = 5;

/// Whom something is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    One(SocketId),
    Many(Vec<SocketId>),
    All,
    AllBut(SocketId),
    Topic(u8),
}

/// What a service wants: an [`Outbound`] that can be looked into.
#[derive(Clone, Debug)]
pub enum Order {
    Ready { asked: bool },
    Admit { id: SocketId, admits: bool },
    Send { to: Whom, serial: u32, len: usize, is_text: bool },
    Close { to: Whom, code: u16 },
    Subscribe { id: SocketId, topic: u8 },
    Unsubscribe { id: SocketId, topic: u8 },
    Pause { id: SocketId },
    Resume { id: SocketId },
    Label { id: SocketId, number: usize },
    Taken { messages: usize, bytes: usize },
}

impl Order {
    /// The transaction for the hub.
    pub fn outbound(&self) -> Outbound {
        match self {
            Self::Ready { asked: true } => Outbound::Ready(Admission::Asked),
            Self::Ready { asked: false } => Outbound::Ready(Admission::default()),
            Self::Admit { id, admits } => {
                let refusal = || Verdict::Refuse(Response::text(Status::FORBIDDEN, "no"));
                let verdict = if *admits { Verdict::Accept } else { refusal() };
                Outbound::Admit { id: *id, verdict }
            }
            Self::Send { to, serial, len, is_text } => {
                let payload = payload(*serial, *len);
                let text = || String::from_utf8(payload.clone()).expect("it is ASCII");
                let message = if *is_text { text().into() } else { payload.into() };
                Outbound::Send { to: to.audience(), message }
            }
            Self::Close { to, code } => {
                let code = CloseCode::new(*code).expect("it may be sent");
                Outbound::Close { to: to.audience(), close: Close::new(code, "enough") }
            }
            Self::Subscribe { id, topic } => {
                Outbound::Subscribe { id: *id, topic: topic.to_string() }
            }
            Self::Unsubscribe { id, topic } => {
                Outbound::Unsubscribe { id: *id, topic: topic.to_string() }
            }
            Self::Pause { id } => Outbound::Pause { id: *id },
            Self::Resume { id } => Outbound::Resume { id: *id },
            Self::Label { id, number } => {
                let (key, value) = (format!("key-{}", number % 9), "v".repeat(number % 80));
                Outbound::Label { id: *id, key, value }
            }
            Self::Taken { messages, bytes } => {
                Outbound::Taken { messages: *messages, bytes: *bytes }
            }
        }
    }
}

impl Whom {
    fn audience(&self) -> Audience {
        match self {
            Self::One(id) => (*id).into(),
            Self::Many(ids) => ids.clone().into(),
            Self::All => Audience::all(),
            Self::AllBut(id) => Audience::all().but(*id),
            Self::Topic(topic) => Audience::topic(topic.to_string()),
        }
    }
}

/// The payload of message `serial`: its number, if there is room, and letters that tell it too.
pub fn payload(serial: u32, len: usize) -> Vec<u8> {
    let mut payload = vec![fill(serial); len];
    if let Some(number) = payload.first_chunk_mut() {
        *number = digits(serial);
    }
    payload
}

/// Panics if this is not the payload of message `serial`.
pub fn check_payload(payload: &[u8], serial: u32, len: usize) {
    assert_eq!(payload.len(), len, "the length of message {serial:x}");
    assert!(payload == self::payload(serial, len), "message {serial:x} is torn or another one");
}

/// A number in hexadecimal.
fn digits(serial: u32) -> [u8; 8] {
    let digit = |place: u32| b"0123456789abcdef"[(serial >> (28 - 4 * place) & 0xF) as usize];
    [0, 1, 2, 3, 4, 5, 6, 7].map(digit)
}

fn fill(serial: u32) -> u8 {
    b'a' + u8::try_from(serial % 26).expect("it is below 26")
}

/// A service that runs, and the host's side of it.
#[derive(Debug)]
pub struct Worker {
    pub run: u32,
    /// Batches on their way to the host.
    pub queue: VecDeque<Vec<Order>>,
    /// What is left of the batch in work at the host.
    pub batch: IntoIter<Order>,
    inbox: VecDeque<Vec<Inbound>>,
    /// What a program has been told and has not read.
    pipe: VecDeque<Inbound>,
    /// When a program is ended that is not ready by then.
    ready_by: Time,
    /// How many of its times pass before that; nobody knows yet in the beginning.
    unready: Option<usize>,
    /// Whom it has paused.
    paused: Vec<SocketId>,
    /// It was told to finish.
    finishing: bool,
    pub is_ready: bool,
    /// How it ended.
    pub ended: Option<&'static str>,
    /// How many of its times it sleeps.
    asleep: usize,
    line: Line,
    members: Vec<SocketId>,
    asking: Vec<SocketId>,
}

/// The service's side of its line.
#[derive(Debug, Default)]
struct Line {
    mail: IntoIter<Inbound>,
    batch: Vec<Order>,
    batch_bytes: usize,
    taken_messages: usize,
    taken_bytes: usize,
    in_hand_bytes: Option<usize>,
    /// A close was taken that has not been reported.
    closed: bool,
}

/// What a service needs of its world.
pub struct Surroundings<'a> {
    pub fate: &'a mut Fate,
    pub limits: &'a Limits,
    pub now: Time,
    /// The number of the last message that any service has sent.
    pub serial: &'a mut u32,
    /// How many sockets there ever were.
    pub ids: &'a [SocketId],
}

impl Worker {
    pub fn new(run: u32, asleep: usize, ready_by: Time) -> Self {
        Self {
            run,
            queue: VecDeque::new(),
            batch: Vec::new().into_iter(),
            inbox: VecDeque::new(),
            pipe: VecDeque::new(),
            ready_by,
            unready: None,
            paused: Vec::new(),
            finishing: false,
            is_ready: false,
            ended: None,
            asleep,
            line: Line::default(),
            members: Vec::new(),
            asking: Vec::new(),
        }
    }

    pub fn deliver(&mut self, run: u32, mail: Vec<Inbound>) {
        if run == self.run && self.ended.is_none() && !self.finishing {
            self.inbox.push_back(mail);
        }
    }

    pub fn finish(&mut self) {
        self.finishing = true;
    }

    pub fn has_more(&self) -> bool {
        self.batch.len() > 0 || !self.queue.is_empty()
    }

    /// The service's time has come.
    pub fn act(&mut self, temper: &Temper, around: &mut Surroundings<'_>) {
        if self.ended.is_some() || self.queue.len() >= around.limits.batches_max {
            return;
        }
        if self.asleep > 0 {
            self.asleep -= 1;
            return;
        }
        if temper.dies > 0 && around.fate.once_in(temper.dies) {
            let ends = ["it panicked", "it returned", "it never started"];
            return self.end(around.fate.pick(&ends), around);
        }
        if !self.is_ready && !self.begin(temper, around) {
            return;
        }
        if temper.sleeps > 0 && around.fate.once_in(temper.sleeps) {
            self.asleep = around.fate.pick(&[1, 5, 30]);
        }
        let resumes = temper.program.map_or(0, |program| program.resumes);
        if resumes > 0 && !self.paused.is_empty() && around.fate.once_in(resumes) {
            let id = self.paused.swap_remove(around.fate.below(self.paused.len()));
            self.send_off(Order::Resume { id }, around);
        }
        self.take_mail(temper, around);
        if self.ended.is_some() || self.queue.len() >= around.limits.batches_max {
            return;
        }
        if temper.talks > 0 && around.fate.once_in(temper.talks) {
            self.talk(around);
        }
        if temper.strays > 0 && around.fate.once_in(temper.strays) {
            self.stray(temper, around);
        }
        self.flush(around.limits);
        let is_told = self.inbox.is_empty() && self.line.mail.len() == 0 && self.pipe.is_empty();
        if self.finishing && is_told {
            self.end("it returned", around);
        }
    }

    /// Says that it is ready; gives back whether it is. A program may not be yet, or never.
    fn begin(&mut self, temper: &Temper, around: &mut Surroundings<'_>) -> bool {
        if let Some(program) = temper.program {
            let left = self.unready.get_or_insert_with(|| around.fate.pick(&program.ready_after));
            if *left > 0 {
                *left -= 1;
                if around.now >= self.ready_by || self.finishing {
                    self.end("it has not said READY", around);
                }
                return false;
            }
        }
        self.is_ready = true;
        self.send_off(Order::Ready { asked: temper.asked }, around);
        true
    }

    /// Takes mail and reacts to it; a program, to what it reads of it.
    fn take_mail(&mut self, temper: &Temper, around: &mut Surroundings<'_>) {
        let Some(program) = temper.program else {
            for _ in 0..temper.takes_max {
                if self.queue.len() >= around.limits.batches_max {
                    return;
                }
                let Some(transaction) = self.receive(around) else { return };
                self.react(temper, transaction, around);
            }
            return;
        };
        for _ in 0..program.reads_max {
            while self.pipe.len() < program.pipe_max {
                if self.queue.len() >= around.limits.batches_max {
                    return;
                }
                let Some(transaction) = self.receive(around) else { break };
                self.pipe.push_back(transaction);
            }
            let Some(transaction) = self.pipe.pop_front() else { return };
            if program.breaks > 0 && around.fate.once_in(program.breaks) {
                return self.end("it was killed", around);
            }
            if let Inbound::Open { id, .. } | Inbound::Data { id, .. } = transaction {
                self.handle(program, id, around);
            }
            self.react(temper, transaction, around);
        }
    }

    /// What a program does about whoever has come, or has sent a message, besides answering.
    fn handle(&mut self, program: Program, id: SocketId, around: &mut Surroundings<'_>) {
        if around.fate.once_in(program.pauses) {
            self.paused.push(id);
            self.send_off(Order::Pause { id }, around);
        }
        if around.fate.once_in(program.labels) {
            let number = around.fate.below(200);
            self.send_off(Order::Label { id, number }, around);
        }
    }

    fn end(&mut self, how: &'static str, around: &mut Surroundings<'_>) {
        self.flush(around.limits);
        self.ended = Some(how);
    }

    /// As a line does it: what was in hand is taken when the next is asked for, and before
    /// it would wait everything is sent off.
    fn receive(&mut self, around: &mut Surroundings<'_>) -> Option<Inbound> {
        let line = &mut self.line;
        if let Some(bytes) = line.in_hand_bytes.take() {
            line.taken_messages += 1;
            line.taken_bytes += bytes;
        }
        loop {
            if let Some(transaction) = self.line.mail.next() {
                self.line.in_hand_bytes = Some(transaction.mail_bytes());
                self.line.closed |= matches!(transaction, Inbound::Close { .. });
                return Some(transaction);
            }
            self.flush(around.limits);
            self.line.mail = self.inbox.pop_front()?.into_iter();
        }
    }

    fn flush(&mut self, limits: &Limits) {
        let line = &mut self.line;
        let due = line.closed
            || line.taken_messages >= limits.mail_messages_max.div_ceil(4)
            || line.taken_bytes >= limits.mail_bytes_max.div_ceil(4);
        if line.batch.is_empty() && !due {
            return;
        }
        if line.taken_messages > 0 {
            let (messages, bytes) = (line.taken_messages, line.taken_bytes);
            line.batch.push(Order::Taken { messages, bytes });
            (line.taken_messages, line.taken_bytes, line.closed) = (0, 0, false);
        }
        line.batch_bytes = 0;
        self.queue.push_back(std::mem::take(&mut line.batch));
    }

    fn send_off(&mut self, order: Order, around: &Surroundings<'_>) {
        let line = &mut self.line;
        line.batch_bytes += order.outbound().batch_bytes();
        line.batch.push(order);
        if line.batch_bytes >= around.limits.batch_bytes_max {
            self.flush(around.limits);
        }
    }

    fn send(&mut self, to: Whom, len: usize, around: &mut Surroundings<'_>) {
        *around.serial += 1;
        let (serial, len) = (*around.serial, len.min(around.limits.message_bytes_max));
        self.send_off(Order::Send { to, serial, len, is_text: serial % 3 > 0 }, around);
    }

    fn react(&mut self, temper: &Temper, transaction: Inbound, around: &mut Surroundings<'_>) {
        let id = transaction.id();
        match transaction {
            Inbound::Ask { .. } => {
                self.asking.push(id);
                if around.fate.once_in(4) {
                    return;
                }
                for id in std::mem::take(&mut self.asking) {
                    let admits = !around.fate.once_in(5);
                    self.send_off(Order::Admit { id, admits }, around);
                }
            }
            Inbound::Open { .. } => {
                self.members.push(id);
                if temper.answers == Answers::Many {
                    let topic = u8::try_from(around.fate.below(12)).expect("it is below 12");
                    self.send_off(Order::Subscribe { id, topic }, around);
                }
            }
            Inbound::Data { message, .. } => {
                self.answer(temper.answers, id, message.len(), around);
                if temper.closes > 0 && around.fate.once_in(temper.closes) {
                    let code = around.fate.pick(&[1000, 3000, 1011]);
                    self.send_off(Order::Close { to: Whom::One(id), code }, around);
                }
            }
            Inbound::Full { .. } | Inbound::Drained { .. } => {}
            Inbound::Close { .. } => self.members.retain(|&member| member != id),
        }
    }

    fn answer(
        &mut self,
        answers: Answers,
        id: SocketId,
        len: usize,
        around: &mut Surroundings<'_>,
    ) {
        match answers {
            Answers::Echo => self.send(Whom::One(id), len, around),
            Answers::Amplified => self.send(Whom::One(id), len * 7 + 100, around),
            Answers::Many => {
                let topic = u8::try_from(around.fate.below(12)).expect("it is below 12");
                match around.fate.below(8) {
                    0 => self.send(Whom::All, len, around),
                    1 => self.send(Whom::AllBut(id), len, around),
                    2 => {
                        let some = self.members.iter().copied().step_by(2).collect();
                        self.send(Whom::Many(some), len, around);
                    }
                    3 => self.send_off(Order::Subscribe { id, topic }, around),
                    4 => self.send_off(Order::Unsubscribe { id, topic }, around),
                    _ => self.send(Whom::Topic(topic), len, around),
                }
            }
        }
    }

    /// Sends to whomever it knows, unasked.
    fn talk(&mut self, around: &mut Surroundings<'_>) {
        // Whoever takes no mail knows nobody.
        let to = match self.members.as_slice() {
            [] => Whom::All,
            members => Whom::One(members[around.fate.below(members.len())]),
        };
        let len = around.fate.pick(&[20, 0, 126, 2_100, 70_000]);
        for _ in 0..around.fate.pick(&[1, 3, 20]) {
            self.send(to.clone(), len, around);
        }
    }

    /// Addresses whoever ever was: most of them are another's, or have gone.
    fn stray(&mut self, temper: &Temper, around: &mut Surroundings<'_>) {
        if around.ids.is_empty() {
            return;
        }
        let id = around.ids[around.fate.below(around.ids.len())];
        // Those that are no programs choose among as many as ever.
        match around.fate.below(if temper.program.is_some() { 9 } else { 6 }) {
            0 => self.send_off(Order::Close { to: Whom::One(id), code: 3001 }, around),
            6 => self.send_off(Order::Pause { id }, around),
            7 => self.send_off(Order::Resume { id }, around),
            8 => self.send_off(Order::Label { id, number: 9 }, around),
            1 => self.send_off(Order::Subscribe { id, topic: 1 }, around),
            2 => self.send_off(Order::Admit { id, admits: true }, around),
            3 => self.send(Whom::Many(vec![id]), 30, around),
            4 => self.send_off(Order::Close { to: Whom::All, code: 3002 }, around),
            _ => self.send(Whom::One(id), 30, around),
        }
    }
}
