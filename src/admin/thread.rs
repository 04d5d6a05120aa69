//! The thread of the admin listeners. It polls their connections, asks the loop of the host without
//! waiting for it, and makes pages of what the loop replies. So the loop does no more for an
//! operator than to look into its tables, and a loop that hangs is reported as such.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::admin::access::{AdminAccess, AdminWay};
use crate::admin::actions::{Actions, LOOP_TIME_MAX};
use crate::admin::connection::{AdminConnection, Advance};
use crate::admin::exchange::{AdminExchange, ExchangeStep};
use crate::admin::line::RequestLog;
use crate::admin::places::{Holding, PLACES_MAX, Room, replaceable, room};
use crate::admin::reply::{AdminNotice, Reply, ReplySlot, RunningAdmin, Ticket};
use crate::admin::reserve::Reserve;
use crate::admin::target::AdminTarget;
use crate::admin::token::TokenSlot;
use crate::host::clock::unix_seconds;
use crate::host::thread::spawn;
use crate::net::listener::Listener;
use crate::ws::{DateField, Response, Status};

/// The parts of the thread.
pub(super) struct AdminThread {
    poll: Poll,
    listeners: Vec<AdminListener>,
    connections: Slab<Served>,
    notices: Receiver<AdminNotice>,
    /// Where replies are sent.
    replies: (Sender<AdminNotice>, Arc<Waker>),
    reserve: Reserve,
    token: TokenSlot,
    target: AdminTarget,
    log: RequestLog,
    next_number: u64,
}

#[derive(Debug)]
struct AdminListener {
    listener: Listener,
    way: AdminWay,
    /// When it is to be asked for connections, if it is.
    due: Option<Instant>,
    has_complained: bool,
}

/// A connection, and how it has come.
struct Served {
    connection: AdminConnection,
    /// The number of its last request to others.
    number: u64,
    /// The index of its listener.
    listener: usize,
    /// The address of its peer, over TCP.
    peer: Option<SocketAddr>,
    begun: u64,
    /// Whether it has more to do than one turn allowed.
    is_cut_short: bool,
}

impl AdminThread {
    /// Starts a thread that serves these listeners.
    ///
    /// # Errors
    /// The system lacks a descriptor or a thread.
    pub(super) fn start(
        listeners: Vec<Listener>,
        token: TokenSlot,
        target: AdminTarget,
    ) -> io::Result<RunningAdmin> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        for (index, listener) in listeners.iter().enumerate() {
            let token = Token(LISTENERS + index);
            poll.registry().register(
                &mut SourceFd(&listener.source()),
                token,
                Interest::READABLE,
            )?;
        }
        let begun = |listener: Listener| AdminListener {
            way: AdminWay::of(listener.address()),
            listener,
            due: None,
            has_complained: false,
        };
        let (sender, notices) = crossbeam_channel::unbounded();
        let mut admin = Self {
            reserve: Reserve::new(poll.registry())?,
            poll,
            listeners: listeners.into_iter().map(begun).collect(),
            connections: Slab::with_capacity(PLACES_MAX),
            notices,
            replies: (sender.clone(), waker.clone()),
            token,
            target,
            log: RequestLog::default(),
            next_number: 0,
        };
        let addresses = admin.listeners.iter().map(|of| of.listener.address().clone()).collect();
        let thread = spawn("admin".to_owned(), move || admin.run())?;
        Ok(RunningAdmin { notices: sender, waker, thread: Some(thread), addresses })
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(64);
        loop {
            let timeout = self.deadline().map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    log::error!(target: TARGET, "the admin listeners end: polling failed: {error}");
                    return;
                }
                _ => {}
            }
            let now = Instant::now();
            for event in &events {
                match event.token().0 {
                    WAKER_TOKEN => {}
                    index @ LISTENERS..CONNECTIONS => {
                        self.listeners[index - LISTENERS].due = Some(now);
                    }
                    place => self.advance(place - CONNECTIONS, now),
                }
            }
            while let Ok(notice) = self.notices.try_recv() {
                match notice {
                    AdminNotice::Stop => return,
                    AdminNotice::Reply(ticket, reply) => self.replied(ticket, reply, now),
                }
            }
            self.resume(now);
            self.expire(now);
            self.accept(now);
        }
    }

    /// Goes on with what was cut short.
    fn resume(&mut self, now: Instant) {
        let places = self.connections.iter().filter(|(_, served)| served.is_cut_short);
        for place in places.map(|(place, _)| place).collect::<Vec<_>>() {
            self.advance(place, now);
        }
    }

    /// When there is something to do although no event comes.
    fn deadline(&self) -> Option<Instant> {
        let held = self.held();
        let may_come = |of: &&AdminListener| room(&held, of.way) != Room::None;
        let accept = self.listeners.iter().filter(may_come).filter_map(|listener| listener.due);
        let ends = self.connections.iter().map(|(_, served)| match served.is_cut_short {
            true => Instant::now(),
            false => served.connection.deadline(),
        });
        accept.chain(ends).chain(self.log.deadline()).min()
    }

    /// Who has a place.
    fn held(&self) -> Vec<Holding> {
        let holding = |(place, served): (usize, &Served)| Holding {
            place,
            way: self.listeners[served.listener].way,
            loss: served.connection.loss(),
            begun: served.begun,
        };
        self.connections.iter().map(holding).collect()
    }

    /// Accepts some connections of each listener. Those of the others, replies and the end are not
    /// kept waiting by somebody who connects without a pause.
    fn accept(&mut self, now: Instant) {
        for index in 0..self.listeners.len() {
            for _ in 0..PLACES_MAX {
                let AdminListener { way, due, .. } = self.listeners[index];
                if due.is_none_or(|due| due > now) || self.room(way, now) == Room::None {
                    break;
                }
                self.accept_one(index, now);
            }
        }
    }

    /// Whether a connection of this way gets a place. One that would be replaced, and has sent its
    /// request meanwhile, is not.
    fn room(&mut self, way: AdminWay, now: Instant) -> Room {
        loop {
            let found = room(&self.held(), way);
            let Room::Instead(place) = found else { return found };
            self.advance(place, now);
            if room(&self.held(), way) == found {
                return found;
            }
        }
    }

    /// Accepts one connection of a listener, or sets when it is asked next.
    fn accept_one(&mut self, index: usize, now: Instant) {
        let AdminListener { listener, way, due, has_complained } = &mut self.listeners[index];
        let (mut stream, peer, way) = match listener.accept_now() {
            Ok(Some((stream, peer))) => (stream, peer, *way),
            Ok(None) => {
                *due = None;
                return self.reserve.refill();
            }
            Err(error) => {
                // It takes a descriptor before it looks whether there is a connection.
                if self.reserve.give_up() {
                    return;
                }
                if !std::mem::replace(has_complained, true) {
                    let address = listener.address();
                    log::warn!(target: TARGET, "cannot accept on {address} for now: {error}");
                }
                *due = Some(now + PAUSE);
                return;
            }
        };
        *has_complained = false;
        let held = self.held();
        let replaced = match room(&held, way) {
            Room::Instead(place) => Some(place),
            // The next one needs a descriptor, too.
            _ if self.reserve.is_spent() => replaceable(&held, way),
            _ => None,
        };
        if let Some(place) = replaced {
            if let Some(served) = self.connections.get_mut(place)
                && served.connection.is_reading()
            {
                self.log.replaced(served.connection.exchange().line());
            }
            self.remove(place);
        }
        let entry = self.connections.vacant_entry();
        let place = entry.key();
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(CONNECTIONS + place);
        if self.poll.registry().register(&mut stream, token, both).is_err() {
            return;
        }
        let exchange = AdminExchange::new(AdminAccess { way, token: self.token.get() });
        let connection = AdminConnection::new(stream, exchange, now);
        self.next_number += 1;
        let begun = self.next_number;
        entry.insert(Served {
            connection,
            number: begun,
            listener: index,
            peer,
            begun,
            is_cut_short: false,
        });
        self.advance(place, now);
    }

    /// Does what a connection can do, and what it then needs.
    fn advance(&mut self, place: usize, now: Instant) {
        while let Some(served) = self.connections.get_mut(place) {
            served.is_cut_short = false;
            match served.connection.advance(now) {
                Advance::Waits => return,
                Advance::Pauses => {
                    served.is_cut_short = true;
                    return;
                }
                Advance::Over => return self.remove(place),
                Advance::Needs(step) => self.step(place, step, now),
            }
        }
    }

    fn step(&mut self, place: usize, step: ExchangeStep, now: Instant) {
        let Some(served) = self.connections.get_mut(place) else { return };
        match step {
            ExchangeStep::Continue => {
                served.connection.continue_with(AdminExchange::CONTINUE, now);
            }
            ExchangeStep::Find(service) => {
                served.connection.wait(now, LOOP_TIME_MAX);
                let reply = self.reply_slot(place);
                self.target.find(service, reply);
            }
            ExchangeStep::Do(command) => {
                served.connection.wait(now, Actions::time_max(&command));
                let line = served.connection.exchange().line().to_owned();
                let reply = self.reply_slot(place);
                self.target.begin(command, &line, reply);
            }
            ExchangeStep::Answer(answer) => self.answer(place, &answer, now),
        }
    }

    /// A place for the reply to the next request of a connection.
    fn reply_slot(&mut self, place: usize) -> ReplySlot {
        self.next_number += 1;
        let ticket = Ticket { place, number: self.next_number };
        if let Some(served) = self.connections.get_mut(place) {
            served.number = ticket.number;
        }
        let (notices, waker) = self.replies.clone();
        ReplySlot::new(ticket, notices, waker)
    }

    fn replied(&mut self, ticket: Ticket, reply: Reply, now: Instant) {
        let place = ticket.place;
        let served = self.connections.get_mut(place);
        // The connection has gone, or has its answer: the reply was late.
        let Some(served) = served
            .filter(|served| served.number == ticket.number && served.connection.is_waiting())
        else {
            return;
        };
        match reply {
            Reply::MessageMax(max) => match served.connection.exchange().allow(max) {
                Some(step) => self.step(place, step, now),
                None => served.connection.read_on(now),
            },
            Reply::Answer(answer) => self.answer(place, &answer, now),
            Reply::More(page, facts, more) => {
                let reply = self.reply_slot(place);
                self.target.collect(page, facts, more, reply);
            }
            Reply::Metrics(page, facts, metrics) => {
                let Self { target, reserve, .. } = self;
                let answer = reserve.lend(|| target.page(page, facts, *metrics));
                self.answer(place, &answer, now);
            }
            Reply::None => self.answer(place, &unavailable(GONE), now),
        }
        self.advance(place, now);
    }

    fn answer(&mut self, place: usize, answer: &Response, now: Instant) {
        let Some(served) = self.connections.get_mut(place) else { return };
        let listener = self.listeners[served.listener].listener.address();
        let peer = served.peer;
        self.log.answered(served.connection.exchange().line(), peer, listener, answer);
        served.connection.answer(answer, &DateField::at(unix_seconds()), now);
    }

    /// Ends what is late.
    fn expire(&mut self, now: Instant) {
        self.log.expire();
        let late = self.connections.iter().filter(|(_, of)| of.connection.deadline() <= now);
        for (place, is_waiting) in
            late.map(|(place, of)| (place, of.connection.is_waiting())).collect::<Vec<_>>()
        {
            if is_waiting {
                self.answer(place, &unavailable(LATE), now);
                self.advance(place, now);
            } else {
                self.remove(place);
            }
        }
    }

    fn remove(&mut self, place: usize) {
        if let Some(mut served) = self.connections.try_remove(place) {
            // To drop the stream ends that, too.
            let _ = self.poll.registry().deregister(served.connection.stream());
            drop(served);
            self.reserve.refill();
        }
    }
}

fn unavailable(text: &str) -> Response {
    Response::text(Status::UNAVAILABLE, text)
}

const TARGET: &str = "switchboard::admin";
const WAKER_TOKEN: usize = 0;
const WAKER: Token = Token(WAKER_TOKEN);
const LISTENERS: usize = 1;
const CONNECTIONS: usize = 1 << 16;
const PAUSE: Duration = Duration::from_millis(100);
const GONE: &str = "there is no reply: the server has ended, or could not do it (see its log)";
const LATE: &str = "the server has not replied in time: a callback on its loop hangs, a reload \
                    waits for a disk, or the machine is overloaded; it may still be done";
