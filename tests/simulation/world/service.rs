//! Services of a world, each with a profile, and their contexts: what is taken, reported and sent
//! in batches, as a context does it.

use std::collections::VecDeque;
use std::vec::IntoIter;

use switchboard::service::{Inbound, Outbound, SocketId, TakenMail, Verdict};
use switchboard::time::Time;
use switchboard::{Admission, Audience, Close, CloseCode, Limits, Response, Status};

use super::choice::Chooser;
use super::later::Desk;
use super::profile::{Answers, Program, ServiceProfile};
use super::wire::payload;

/// An audience.
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
    Ready {
        asked: bool,
    },
    Admit {
        id: SocketId,
        admits: bool,
    },
    Send {
        to: Whom,
        slows: Option<SocketId>,
        serial: u32,
        len: usize,
        is_text: bool,
    },
    Close {
        to: Whom,
        code: u16,
    },
    Subscribe {
        id: SocketId,
        topic: u8,
    },
    Unsubscribe {
        id: SocketId,
        topic: u8,
    },
    Pause {
        id: SocketId,
    },
    Resume {
        id: SocketId,
    },
    Label {
        id: SocketId,
        number: usize,
    },
    /// With the sockets of these transactions, in order, except of those that are a close.
    Taken {
        messages: usize,
        bytes: usize,
        of: Vec<SocketId>,
    },
    #[cfg(feature = "database")]
    Later {
        id: SocketId,
    },
    #[cfg(feature = "database")]
    /// With the sockets of transactions whose count is to be reported.
    Answered {
        id: SocketId,
        of: Vec<SocketId>,
    },
    Reset {
        pause_ms: u64,
    },
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
            Self::Send { to, slows, serial, len, is_text } => {
                let payload = payload(*serial, *len);
                let text = || String::from_utf8(payload.clone()).expect("it is ASCII");
                let message = if *is_text { text().into() } else { payload.into() };
                let to = slows.iter().fold(to.audience(), |to, &id| to.slowing(id));
                Outbound::Send { to, message }
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
            Self::Taken { messages, bytes, .. } => {
                Outbound::Taken { messages: *messages, bytes: *bytes }
            }
            #[cfg(feature = "database")]
            Self::Later { id } => Outbound::Later { id: *id },
            #[cfg(feature = "database")]
            Self::Answered { id, .. } => Outbound::Answered { id: *id },
            Self::Reset { pause_ms } => Outbound::Reset { pause_ms: *pause_ms },
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

/// A service that runs, and the host's side of it.
#[derive(Debug)]
pub struct Worker {
    pub run: u32,
    /// Batches on their way to the host.
    pub queue: VecDeque<Vec<Order>>,
    /// How many batches it has ever sent, and how many the host has begun.
    pub flushed: u64,
    pub begun: u64,
    /// What is left of the batch in work at the host.
    pub batch: IntoIter<Order>,
    pub(super) inbox: VecDeque<Vec<Inbound>>,
    /// The input of a program that it has not read.
    pipe: VecDeque<Inbound>,
    /// When the next process of a program is started whose sockets are kept.
    start_at: Time,
    /// When a program is ended that is not ready by then.
    ready_by: Time,
    /// Whether it decides which sockets are admitted.
    is_asked: bool,
    /// It has been ready, and its sockets are kept.
    is_kept: bool,
    /// How many of its times pass before that; unknown in the beginning.
    unready: Option<usize>,
    /// The sockets that it has paused.
    paused: Vec<SocketId>,
    /// It was asked to finish.
    finishing: bool,
    pub is_ready: bool,
    /// How it ended.
    pub ended: Option<&'static str>,
    /// How many of its times it sleeps.
    asleep: usize,
    pub(super) batcher: Batcher,
    /// What it answers later.
    pub(super) desk: Desk,
    /// How many gaps it has got since that was looked at.
    #[cfg(feature = "processes")]
    pub gaps: usize,
    members: Vec<SocketId>,
    asking: Vec<SocketId>,
}

/// The service's side: its mail, and the batch that it fills.
#[derive(Debug, Default)]
pub(super) struct Batcher {
    pub(super) mail: IntoIter<Inbound>,
    batch: Vec<Order>,
    batch_bytes: usize,
    taken: TakenMail,
    /// Whose the transactions are that were taken, and the one in hand.
    taken_of: Vec<SocketId>,
    in_hand_of: Option<SocketId>,
}

/// What a service needs of its world.
pub struct Surroundings<'a> {
    pub chooser: &'a mut Chooser,
    pub limits: &'a Limits,
    pub now: Time,
    /// The number of the last message that any service has sent.
    pub serial: &'a mut u32,
    /// How many sockets there ever were.
    pub ids: &'a [SocketId],
}

impl Batcher {
    /// Adds to the batch how much has been taken.
    fn report(&mut self) {
        if let Some((messages, bytes)) = self.taken.report() {
            let of = std::mem::take(&mut self.taken_of);
            self.batch.push(Order::Taken { messages, bytes, of });
        }
    }

    pub(super) fn pick_up(&mut self, transaction: &Inbound) {
        self.put_down();
        self.taken.pick_up(transaction);
        self.note_in_hand(transaction);
    }

    /// The service keeps a transaction for later.
    #[cfg(feature = "database")]
    pub(super) const fn keep(&mut self) {
        self.taken.keep();
    }

    /// The service gets a transaction that it has kept.
    #[cfg(feature = "database")]
    pub(super) fn pick_up_kept(&mut self, transaction: &Inbound) {
        self.put_down();
        self.taken.pick_up_kept(transaction);
        self.note_in_hand(transaction);
    }

    fn note_in_hand(&mut self, transaction: &Inbound) {
        let is_close = matches!(transaction, Inbound::Close { .. });
        self.in_hand_of = (!is_close).then(|| transaction.id());
    }

    /// Its transactions that were taken, as far as that is not reported.
    #[cfg(feature = "database")]
    pub(super) fn taken_of(&mut self, id: SocketId) -> Vec<SocketId> {
        self.taken_of.extract_if(.., |of| *of == id).collect()
    }

    pub(super) fn put_down(&mut self) {
        self.taken.put_down();
        self.taken_of.extend(self.in_hand_of.take());
    }
}

impl Worker {
    pub fn new(run: u32, asleep: usize, ready_by: Time, desk: Desk) -> Self {
        Self {
            run,
            queue: VecDeque::new(),
            flushed: 0,
            begun: 0,
            batch: Vec::new().into_iter(),
            inbox: VecDeque::new(),
            pipe: VecDeque::new(),
            start_at: Time::ZERO,
            ready_by,
            is_asked: false,
            is_kept: false,
            unready: None,
            paused: Vec::new(),
            finishing: false,
            is_ready: false,
            ended: None,
            asleep,
            batcher: Batcher::default(),
            desk,
            #[cfg(feature = "processes")]
            gaps: 0,
            members: Vec::new(),
            asking: Vec::new(),
        }
    }

    pub fn deliver(&mut self, run: u32, mail: Vec<Inbound>) {
        if run == self.run && self.ended.is_none() && !self.finishing {
            self.desk.note_delivered(&mail);
            self.inbox.push_back(mail);
        }
    }

    pub fn finish(&mut self) {
        self.finishing = true;
    }

    pub const fn is_finishing(&self) -> bool {
        self.finishing
    }

    pub fn has_more(&self) -> bool {
        self.batch.len() > 0 || !self.queue.is_empty()
    }

    /// The service's time has come.
    pub fn act(&mut self, profile: &ServiceProfile, around: &mut Surroundings<'_>) {
        if self.ended.is_some() || self.queue.len() >= around.limits.batches_max {
            return;
        }
        if self.asleep > 0 {
            self.asleep -= 1;
            return;
        }
        if around.now < self.start_at {
            return;
        }
        if profile.dies > 0 && around.chooser.once_in(profile.dies) {
            let ends = ["it panicked", "it returned", "it never started"];
            return self.end(around.chooser.pick(&ends));
        }
        if !self.is_ready && !self.begin(profile, around) {
            return;
        }
        if profile.sleeps > 0 && around.chooser.once_in(profile.sleeps) {
            self.asleep = around.chooser.pick(&[1, 5, 30]);
        }
        let resumes = profile.program.map_or(0, |program| program.resumes);
        if resumes > 0 && !self.paused.is_empty() && around.chooser.once_in(resumes) {
            let id = self.paused.swap_remove(around.chooser.below(self.paused.len()));
            self.send_off(Order::Resume { id }, around);
        }
        self.take_mail(profile, around);
        if self.ended.is_some() || self.queue.len() >= around.limits.batches_max {
            return;
        }
        if profile.talks > 0 && around.chooser.once_in(profile.talks) {
            self.talk(around);
        }
        if profile.strays > 0 && around.chooser.once_in(profile.strays) {
            self.stray(profile, around);
        }
        self.flush();
        let is_told = self.inbox.is_empty() && self.batcher.mail.len() == 0 && self.pipe.is_empty();
        if self.finishing && is_told && self.desk.is_idle() {
            self.desk.check_end();
            self.end("it returned");
        }
    }

    /// Says that it is ready; returns whether it is. A program may not be yet, or never.
    fn begin(&mut self, profile: &ServiceProfile, around: &mut Surroundings<'_>) -> bool {
        if let Some(program) = profile.program {
            let left =
                self.unready.get_or_insert_with(|| around.chooser.pick(&program.ready_after));
            if *left > 0 {
                *left -= 1;
                let is_late = around.now >= self.ready_by;
                if is_late && self.is_kept && !around.chooser.once_in(3) {
                    self.reset(around);
                } else if is_late || self.finishing {
                    self.end("it has not said READY");
                }
                return false;
            }
        }
        self.is_ready = true;
        let resets = profile.program.map_or(0, |program| program.resets);
        self.is_kept = resets > 0;
        self.is_asked = profile.asked || self.is_kept && !around.chooser.once_in(3);
        self.send_off(Order::Ready { asked: self.is_asked }, around);
        true
    }

    /// Takes mail and reacts to it; a program, to what it reads of it.
    fn take_mail(&mut self, profile: &ServiceProfile, around: &mut Surroundings<'_>) {
        let Some(program) = profile.program else {
            for _ in 0..profile.takes_max {
                if self.queue.len() >= around.limits.batches_max {
                    return;
                }
                let Some(transaction) = self.receive(profile, around) else { return };
                self.react(profile, transaction, around);
            }
            return;
        };
        for _ in 0..program.reads_max {
            while self.pipe.len() < program.pipe_max {
                if self.queue.len() >= around.limits.batches_max {
                    return;
                }
                let Some(transaction) = self.receive(profile, around) else { break };
                self.pipe.push_back(transaction);
            }
            let Some(transaction) = self.pipe.pop_front() else { return };
            if program.breaks > 0 && around.chooser.once_in(program.breaks) {
                return self.end("it was killed");
            }
            if program.resets > 0 && around.chooser.once_in(program.resets) {
                return self.reset(around);
            }
            if let Inbound::Open { id, .. } | Inbound::Data { id, .. } = transaction {
                self.handle(program, id, around);
            }
            self.react(profile, transaction, around);
        }
    }

    /// What a program does about a socket that has come, or has sent a message, besides answering.
    fn handle(&mut self, program: Program, id: SocketId, around: &mut Surroundings<'_>) {
        if around.chooser.once_in(program.pauses) {
            self.paused.push(id);
            self.send_off(Order::Pause { id }, around);
        }
        if around.chooser.once_in(program.labels) {
            let number = around.chooser.below(200);
            self.send_off(Order::Label { id, number }, around);
        }
    }

    /// Its process has gone, and the next one is started after a pause, or sooner if the file has
    /// changed. It gets what is in the pipe, except questions.
    fn reset(&mut self, around: &mut Surroundings<'_>) {
        self.pipe.retain(|transaction| !matches!(transaction, Inbound::Ask { .. }));
        (self.asking, self.paused) = (Vec::new(), Vec::new());
        let pause_ms = around.chooser.pick(&[0, 0, 1, 700, 1_500, 4_000]);
        let rests_ms = if around.chooser.once_in(4) { 0 } else { pause_ms };
        self.batcher.put_down();
        self.batcher.report();
        self.send_off(Order::Reset { pause_ms }, around);
        self.flush();
        (self.is_ready, self.unready) = (false, None);
        self.start_at = around.now.after(rests_ms);
        self.ready_by = self.start_at.after(around.limits.admission_ms_max);
    }

    /// What it keeps to has changed: the next process takes its place, at once if it is due.
    pub fn replace(&mut self, around: &mut Surroundings<'_>) {
        if self.is_ready && self.is_kept && self.ended.is_none() {
            self.reset(around);
        }
        self.start_at = Time::ZERO;
    }

    fn end(&mut self, how: &'static str) {
        self.flush();
        self.ended = Some(how);
    }

    pub(super) fn flush(&mut self) {
        let batcher = &mut self.batcher;
        if batcher.batch.is_empty() && batcher.taken.is_empty() {
            return;
        }
        batcher.report();
        batcher.batch_bytes = 0;
        self.queue.push_back(std::mem::take(&mut batcher.batch));
        self.flushed += 1;
    }

    pub(super) fn send_off(&mut self, order: Order, around: &Surroundings<'_>) {
        let batcher = &mut self.batcher;
        batcher.batch_bytes += order.outbound().batch_bytes();
        batcher.batch.push(order);
        if batcher.batch_bytes >= around.limits.batch_bytes_max {
            self.flush();
        }
    }

    fn send(&mut self, to: Whom, len: usize, around: &mut Surroundings<'_>) {
        self.send_slowing(to, None, len, around);
    }

    /// The same for a socket that it slows, if any.
    fn send_slowing(
        &mut self,
        to: Whom,
        slows: Option<SocketId>,
        len: usize,
        around: &mut Surroundings<'_>,
    ) {
        *around.serial += 1;
        let (serial, len) = (*around.serial, len.min(around.limits.message_bytes_max));
        let is_text = serial % 3 > 0;
        self.send_off(Order::Send { to, slows, serial, len, is_text }, around);
    }

    fn react(
        &mut self,
        profile: &ServiceProfile,
        transaction: Inbound,
        around: &mut Surroundings<'_>,
    ) {
        let id = transaction.id();
        self.desk.note_handled(&transaction);
        match transaction {
            // A question to an earlier process may have been on its way.
            Inbound::Ask { .. } if !self.is_asked => {}
            Inbound::Ask { .. } => {
                self.asking.push(id);
                if around.chooser.once_in(4) {
                    return;
                }
                for id in std::mem::take(&mut self.asking) {
                    let admits = !around.chooser.once_in(5);
                    self.send_off(Order::Admit { id, admits }, around);
                }
            }
            Inbound::Open { .. } => {
                self.members.push(id);
                if profile.answers == Answers::Many {
                    let topic = u8::try_from(around.chooser.below(12)).expect("it is below 12");
                    self.send_off(Order::Subscribe { id, topic }, around);
                }
            }
            Inbound::Data { message, .. }
                if profile.later > 0 && around.chooser.once_in(profile.later) =>
            {
                self.answer_later(id, message.len(), around);
            }
            Inbound::Data { message, .. } => {
                self.answer(profile.answers, id, message.len(), around);
                if profile.closes > 0 && around.chooser.once_in(profile.closes) {
                    let code = around.chooser.pick(&[1000, 3000, 1011]);
                    self.send_off(Order::Close { to: Whom::One(id), code }, around);
                }
            }
            Inbound::Full { .. } | Inbound::Drained { .. } => {}
            Inbound::Close { .. } => self.members.retain(|&member| member != id),
            #[cfg(feature = "processes")]
            Inbound::Gap { .. } => self.gaps += 1,
            other => panic!("no service reacts to {other:?}"),
        }
    }

    pub(super) fn answer(
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
                let topic = u8::try_from(around.chooser.below(12)).expect("it is below 12");
                let slows = (!around.serial.is_multiple_of(8)).then_some(id);
                match around.chooser.below(8) {
                    0 => self.send_slowing(Whom::All, slows, len, around),
                    1 => self.send_slowing(Whom::AllBut(id), slows, len, around),
                    2 => {
                        let some = self.members.iter().copied().step_by(2).collect();
                        self.send(Whom::Many(some), len, around);
                    }
                    3 => self.send_off(Order::Subscribe { id, topic }, around),
                    4 => self.send_off(Order::Unsubscribe { id, topic }, around),
                    _ => self.send_slowing(Whom::Topic(topic), slows, len, around),
                }
            }
        }
    }

    /// Sends to sockets that it knows, without a message from them.
    fn talk(&mut self, around: &mut Surroundings<'_>) {
        // A service that takes no mail knows no socket.
        let to = match self.members.as_slice() {
            [] => Whom::All,
            members => Whom::One(members[around.chooser.below(members.len())]),
        };
        let len = around.chooser.pick(&[20, 0, 126, 2_100, 70_000]);
        for _ in 0..around.chooser.pick(&[1, 3, 20]) {
            self.send(to.clone(), len, around);
        }
    }

    /// Addresses any socket that ever was: most of them are another's, or have gone.
    fn stray(&mut self, profile: &ServiceProfile, around: &mut Surroundings<'_>) {
        if around.ids.is_empty() {
            return;
        }
        let id = around.ids[around.chooser.below(around.ids.len())];
        // Those that are no programs choose among as many as ever.
        match around.chooser.below(if profile.program.is_some() { 9 } else { 6 }) {
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
