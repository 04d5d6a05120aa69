//! `AdminConnection`: moves the bytes of one [`AdminExchange`] over a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::admin::exchange::{AdminExchange, ExchangeStep};
use crate::ws::{DateField, Response};

/// A connection of an operator.
#[derive(Debug)]
pub(super) struct AdminConnection {
    stream: TcpStream,
    exchange: AdminExchange,
    phase: ConnectionPhase,
    out: Vec<u8>,
    sent: usize,
    /// When it is dropped, or when what it waits for is late.
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionPhase {
    /// The request comes.
    Reading,
    /// What it asks for is being done.
    Waiting,
    /// Bytes are sent, and then the rest of the request comes.
    Continuing,
    /// The answer is sent.
    Answering,
    /// The answer has been sent, and the peer may still be sending.
    Ending,
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Advance {
    /// It waits for its peer, or for what it has asked for.
    Waits,
    /// It goes on when all others have had their turn.
    Pauses,
    /// It needs this, which says how it goes on.
    Needs(ExchangeStep),
    /// It is over.
    Over,
}

impl AdminConnection {
    pub(super) fn new(stream: TcpStream, exchange: AdminExchange, now: Instant) -> Self {
        Self {
            stream,
            exchange,
            phase: ConnectionPhase::Reading,
            out: Vec::new(),
            sent: 0,
            deadline: now + REQUEST_TIME_MAX,
        }
    }

    pub(super) const fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) const fn exchange(&mut self) -> &mut AdminExchange {
        &mut self.exchange
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much is lost if it is dropped for another one: the lower, the less. `None` while
    /// something is done for it.
    pub(super) fn loss(&self) -> Option<u8> {
        match self.phase {
            // It has had its answer.
            ConnectionPhase::Ending => Some(0),
            // Nothing of its request has been understood.
            ConnectionPhase::Reading if self.exchange.line().is_empty() => Some(1),
            // It does not take its answer.
            ConnectionPhase::Answering => Some(2),
            // It may ask for what it does, and its message is on the way.
            ConnectionPhase::Reading | ConnectionPhase::Continuing => Some(3),
            ConnectionPhase::Waiting => None,
        }
    }

    /// Whether its request has not come whole.
    pub(super) const fn is_reading(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Reading | ConnectionPhase::Continuing)
    }

    /// Whether it waits for what it has asked for.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Waiting)
    }

    /// Waits for what it has asked for, at most this long.
    pub(super) fn wait(&mut self, now: Instant, time: Duration) {
        self.phase = ConnectionPhase::Waiting;
        self.deadline = now + time;
    }

    /// Goes on reading.
    pub(super) fn read_on(&mut self, now: Instant) {
        self.phase = ConnectionPhase::Reading;
        self.deadline = now + REQUEST_TIME_MAX;
    }

    /// Sends a 100, and goes on reading.
    pub(super) fn continue_with(&mut self, bytes: &[u8], now: Instant) {
        (self.out, self.sent) = (bytes.to_vec(), 0);
        self.phase = ConnectionPhase::Continuing;
        self.deadline = now + REQUEST_TIME_MAX;
    }

    /// Sends the answer, which is the last.
    pub(super) fn answer(&mut self, answer: &Response, date: &DateField, now: Instant) {
        (self.out, self.sent) = (self.exchange.encode(answer, date), 0);
        self.phase = ConnectionPhase::Answering;
        self.deadline = now + ANSWER_TIME_MAX;
    }

    /// Does what can be done without waiting.
    pub(super) fn advance(&mut self, now: Instant) -> Advance {
        let mut buffer = [0; READ_BYTES];
        // A peer may send as fast as this reads.
        for _ in 0..MOVES_MAX {
            let moved = match self.phase {
                ConnectionPhase::Waiting => return Advance::Waits,
                ConnectionPhase::Reading | ConnectionPhase::Ending => self.stream.read(&mut buffer),
                ConnectionPhase::Continuing | ConnectionPhase::Answering => {
                    self.stream.write(&self.out[self.sent..])
                }
            };
            let len = match moved {
                Ok(0) => return Advance::Over,
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Advance::Waits,
                Err(_) => return Advance::Over,
            };
            match self.phase {
                ConnectionPhase::Reading => {
                    if let Some(step) = self.exchange.receive(&buffer[..len]) {
                        return Advance::Needs(step);
                    }
                }
                ConnectionPhase::Continuing | ConnectionPhase::Answering => self.wrote(len, now),
                ConnectionPhase::Waiting | ConnectionPhase::Ending => {}
            }
        }
        Advance::Pauses
    }

    fn wrote(&mut self, len: usize, now: Instant) {
        self.sent += len;
        if self.sent < self.out.len() {
            return;
        }
        self.out = Vec::new();
        self.sent = 0;
        if self.phase == ConnectionPhase::Continuing {
            return self.read_on(now);
        }
        // RFC 9112, 9.6: to close while bytes of the peer are unread could destroy the answer, so
        // only this half is closed first.
        self.phase = ConnectionPhase::Ending;
        self.deadline = now + END_TIME_MAX;
        // If it fails, the next read says that it is over.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

const READ_BYTES: usize = 8 << 10;
/// Reads and writes of one connection in a row.
const MOVES_MAX: usize = 32;
/// Operators send their requests at once.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const END_TIME_MAX: Duration = Duration::from_secs(2);
