//! The load generator: one thread, one epoll, prebuilt frames. It has to cost less than the server
//! that it measures, so it makes one `recv` and one `send` per event, and looks at payloads and at
//! the clock for a sample of the messages only.
//!
//! In reading order: `messages`, `json` and `deflate` (what is sent), `reader` (what comes back),
//! `client` (one socket), `wire` and `tls` (its bytes), `tally` (what is counted), and the kinds of
//! load: `echo`, `fan_out`, `publish`, `open_loop`, `churn`, `opening`, `idle`.
#![allow(dead_code, unused_imports, reason = "each benchmark uses a part of it")]

mod churn;
mod client;
mod deflate;
mod echo;
mod fan_out;
mod idle;
mod json;
mod messages;
mod open_loop;
mod opening;
mod publish;
mod reader;
mod tally;
#[cfg(feature = "tls")]
mod tls;
mod wire;

use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use client::Client;

pub use churn::churn;
pub use client::Target;
pub use deflate::Contexts;
pub use echo::echo;
pub use fan_out::fan_out;
pub use idle::{Idle, idle};
pub use messages::{Kind, Messages, Verify};
pub use open_loop::open_loop;
pub use opening::opening;
pub use publish::publish;
pub use tally::{Measured, Tally, WarmUp, measure};
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use wire::Transport;

/// The sockets of one run.
pub struct Load {
    epoll: OwnedFd,
    target: Target,
    messages: Messages,
    clients: Vec<Client>,
    events: Vec<Event>,
    buffer: Vec<u8>,
    /// Counts the messages, to find those that are timed.
    sampled: usize,
    /// Bytes that have come since they were last taken.
    bytes_len: usize,
}

impl Load {
    /// A load without sockets.
    ///
    /// # Errors
    /// When the system has no epoll to give.
    pub fn new(target: Target, messages: Messages) -> Result<Self, String> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|error| format!("no epoll: {error}"))?;
        Ok(Self {
            epoll,
            target,
            messages,
            clients: Vec::new(),
            events: Vec::with_capacity(EVENTS_MAX),
            buffer: vec![0; BUFFER_BYTES],
            sampled: 0,
            bytes_len: 0,
        })
    }

    /// Sockets that are opened from now on connect there.
    pub fn aim(&mut self, target: Target) {
        self.target = target;
    }

    /// Opens sockets until there are `sockets_len`, a few at a time.
    ///
    /// # Errors
    /// What kept a socket from opening.
    pub fn open(&mut self, sockets_len: usize) -> Result<(), String> {
        let mut open_len = self.clients.len();
        let deadline = Instant::now() + OPENING_TIME_MAX;
        while open_len < sockets_len {
            // The first one alone: a server may start then what serves it.
            let opening_max = if open_len == 0 { 1 } else { OPENING_MAX };
            while self.clients.len() < sockets_len.min(open_len + opening_max) {
                let client = self.connect(self.clients.len())?;
                self.clients.push(client);
            }
            if Instant::now() > deadline {
                return Err(format!("{open_len} of {sockets_len} sockets opened in a minute"));
            }
            for at in 0..self.wait(SILENCE_MAX)? {
                let socket = self.ready(at);
                let was_open = self.clients[socket].is_open();
                self.receive(socket)?;
                open_len += usize::from(!was_open && self.clients[socket].is_open());
            }
        }
        Ok(())
    }

    /// Begins to open a socket of this number, which its events bear.
    fn connect(&mut self, number: usize) -> Result<Client, String> {
        let client = Client::open(number, &self.target)?;
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(&self.epoll, client.socket(), EventData::new_u64(number as u64), wanted)
            .map_err(|error| format!("epoll refuses socket {number}: {error}"))?;
        Ok(client)
    }

    /// Waits until something has happened, and returns at how many sockets: `ready` tells which.
    /// Nothing for all of the time is an error, unless the time is zero.
    fn wait(&mut self, silence_max: Duration) -> Result<usize, String> {
        let timeout = Timespec::try_from(silence_max).expect("it is some seconds");
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("epoll: {error}")),
        }
        if self.events.is_empty() && !silence_max.is_zero() {
            return Err(format!("the server was silent for {silence_max:?}"));
        }
        Ok(self.events.len())
    }

    /// The socket of one of the events that were waited for.
    fn ready(&self, at: usize) -> usize {
        let data = self.events[at].data;
        usize::try_from(data.u64()).expect("it was made from one")
    }

    /// Writes and reads what a socket has to write and to read, and returns the number of
    /// messages that have come by it.
    ///
    /// # Errors
    /// When the stream has ended.
    fn receive(&mut self, socket: usize) -> Result<usize, String> {
        let client = &self.clients[socket];
        let (before, bytes_before) = (client.received(), client.received_bytes());
        if !self.turn(socket)? {
            return Err(format!("the server ended socket {socket}"));
        }
        let client = &self.clients[socket];
        self.bytes_len += client.received_bytes() - bytes_before;
        Ok(client.received() - before)
    }

    /// The bytes of frames that have come since the last time.
    fn take_bytes(&mut self) -> usize {
        std::mem::take(&mut self.bytes_len)
    }

    /// The same, but returns false when the stream has ended.
    fn turn(&mut self, socket: usize) -> Result<bool, String> {
        let client = &mut self.clients[socket];
        client.upgrade(&self.target)?;
        client.flush(&self.messages)?;
        client.receive(&mut self.buffer, &self.messages)
    }

    /// Sends so many messages more, and times some of all that are sent.
    fn ask(&mut self, socket: usize, count: usize) -> Result<(), String> {
        self.sampled += count;
        if self.sampled >= TIMED_EVERY {
            self.sampled = 0;
            self.clients[socket].time_next();
        }
        self.clients[socket].ask(count, &self.messages)
    }

    /// Waits until all messages that were sent have come back, each to its socket.
    fn settle(&mut self) -> Result<(), String> {
        let missing = |client: &Client| client.asked().saturating_sub(client.received());
        let mut left: usize = self.clients.iter().map(missing).sum();
        while left > 0 {
            let lost = format!("{left} messages did not come back");
            let events_len = self.wait(SILENCE_MAX).map_err(|error| format!("{lost}: {error}"))?;
            for at in 0..events_len {
                left -= self.receive(self.ready(at))?;
            }
        }
        Ok(())
    }
}

/// So many sockets are being opened at a time. Fewer than any server's listening queue holds.
const OPENING_MAX: usize = 64;

const OPENING_TIME_MAX: Duration = Duration::from_mins(1);

/// Nothing from any socket for so long means that the server has lost something.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// As much as one `recv` takes.
const BUFFER_BYTES: usize = 512 * 1024;

const EVENTS_MAX: usize = 1024;

/// Each such message is timed. A prime, so that each socket gets its turn.
const TIMED_EVERY: usize = 17;
