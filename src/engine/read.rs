//! Reading: connections are accepted and sockets are read, each its share of a turn.

use crate::engine::Engine;
use crate::engine::io::{Arrival, Io, Left, ReadResult, TlsRead};
use crate::engine::readiness::{PeerEnd, Readiness, Ready};
use crate::engine::step::TurnStep;
use crate::service::SocketId;
use crate::time::Time;

/// What follows a read of a TLS connection.
enum AfterTls {
    /// Another read, since there may be more.
    Again,
    /// Another read only if the peer has ended.
    Drained,
    /// No read before an event.
    Stop,
    /// Another read in the next turn.
    NextTurn,
}

impl Engine {
    /// The poll reports an event of the connection at this index.
    pub fn notify(&mut self, place: usize, ready: Ready) {
        if self.source.notify(place) {
            return;
        }
        // An index that became free in the last turn is not used again until the events of this
        // turn have been read, since accepting comes later. So the event is for the socket at this
        // index.
        let Some(id) = self.hub.id_at(place) else { return };
        let Some(readiness) = self.readiness.get_mut(id) else { return };
        if ready.writable && readiness.set_writable() && readiness.set_writing() {
            self.writes.push_back(id);
        }
        readiness.set_peer_end(ready.end);
        let readable = ready.readable || ready.end != PeerEnd::None;
        if readable && readiness.set_reading() {
            self.reads.push_back(id);
        }
    }

    /// Accepts connections, of each listener as many as one turn allows.
    pub(super) fn accept_all(&mut self, io: &mut impl Io, now: Time) {
        for listener in 0..io.listeners_len() {
            let is_secure = cfg!(feature = "tls") && io.is_secure_listener(listener);
            for _ in 0..self.limits.turn_accepts_max {
                if is_secure && self.hub.has_all_handshakes() {
                    break;
                }
                let Some(arrival) = io.accept(listener, now) else { break };
                #[cfg(feature = "admin")]
                self.hub.accept_from(listener, |listener| io.listener_name(listener));
                let Arrival { connection, peer, listener } = arrival;
                let Some(id) = self.hub.accept(peer, listener, now) else { continue };
                match io.insert(id, connection) {
                    Ok(()) => self.readiness.insert(id),
                    Err(error) => {
                        let text = format_args!("cannot poll socket {id}: {error}");
                        self.hub.warn(None, "cannot poll a socket", text, now);
                        self.hub.remove(id, now);
                    }
                }
            }
        }
    }

    /// Reads all sockets that are to be read, each its share of this turn, while the turn has time.
    /// The others come first in the next turn. While turns are short, it reads so little that
    /// services on the loop and the writes find it in near caches.
    pub(super) fn read_all(&mut self, io: &mut impl Io, now: Time) {
        let is_long = now.since(std::mem::replace(&mut self.read_at, now)) >= LONG_MS;
        self.long_turns = if is_long { self.long_turns + 1 } else { 0 };
        if io.has_loop_services() && self.long_turns < LONG_TURNS {
            self.budget.limit_read_bytes(SPAN_BUFFERS * self.buffer.len());
        }
        for _ in 0..self.reads.len() {
            if !self.budget.may_read() {
                return;
            }
            let Some(id) = self.reads.pop_front() else { return };
            let Some(readiness) = self.readiness.get_mut(id) else { continue };
            readiness.clear_reading();
            self.budget.visit();
            self.read(id, io, now);
        }
    }

    /// Reads a socket until it is drained or has used its share.
    fn read(&mut self, id: SocketId, io: &mut impl Io, now: Time) {
        for _ in 0..self.limits.turn_reads_max {
            let Some(readiness) = self.readiness.get_mut(id) else { return };
            let (peer_end, is_ended) = (readiness.peer_end(), readiness.is_ended());
            if !self.hub.may_read(id, now) {
                io.observe(TurnStep::Held(id), &self.hub, now);
                return match peer_end {
                    PeerEnd::None => {}
                    PeerEnd::HalfClosed => self.hub.peer_leaves(id, now),
                    PeerEnd::Lost => self.hub.fail(id, "the peer reset the connection", now),
                };
            }
            io.observe(TurnStep::Reads(id), &self.hub, now);
            if is_ended {
                return;
            }
            let (buffer, in_place) = match self.hub.read_buffer(id) {
                Some(room) if !io.is_sealed(id) => (room, true),
                _ => (&mut self.buffer[..], false),
            };
            let buffer_len = buffer.len();
            let len = match io.read(id, buffer) {
                ReadResult::Bytes(len) => len,
                ReadResult::WouldBlock => {
                    // Before the end, only a header that is cut short is left unread.
                    if peer_end != PeerEnd::None {
                        self.hub.identify(id, None, now);
                    }
                    return;
                }
                ReadResult::Identified(header) => {
                    self.hub.identify(id, header.as_deref(), now);
                    continue;
                }
                ReadResult::Tls(read) => match self.receive_tls(id, read, io, now) {
                    AfterTls::Stop => return,
                    AfterTls::NextTurn => break,
                    // The end of the peer comes behind all bytes.
                    AfterTls::Drained if peer_end == PeerEnd::None => return,
                    AfterTls::Drained | AfterTls::Again => continue,
                },
                end @ (ReadResult::End | ReadResult::Lost(_)) => {
                    readiness.set_ended();
                    return match end {
                        ReadResult::Lost(reason) => self.hub.fail(id, reason, now),
                        _ => self.hub.end(id, now),
                    };
                }
            };
            self.budget.read(len);
            if in_place {
                self.hub.filled(id, len, now);
            } else {
                self.hub.receive(id, &mut self.buffer[..len], now);
            }
            io.observe(TurnStep::Received(id, len), &self.hub, now);
            // A short read has emptied the queue; later bytes make an event. An end that was there
            // before the read makes none. Neither does urgent data, which WebSocket clients do not
            // send, and which would delay no other socket.
            if len < buffer_len && peer_end == PeerEnd::None {
                return;
            }
        }
        // Queued behind sockets that a full mail held back, which would otherwise never have their
        // turn.
        if self.readiness.get_mut(id).is_some_and(Readiness::set_reading) {
            self.reads_again.push(id);
        }
    }

    /// Applies the result of a read of a TLS connection.
    // Not inlined: it is large, and its caller is the turn.
    #[inline(never)]
    fn receive_tls(
        &mut self,
        id: SocketId,
        read: TlsRead,
        io: &mut impl Io,
        now: Time,
    ) -> AfterTls {
        match read {
            // No connection is one of TLS.
            _ if !cfg!(feature = "tls") => AfterTls::Stop,
            TlsRead::Secured(info) => {
                self.hub.secure(id, *info);
                AfterTls::Again
            }
            // Another event follows: bytes come, or the system takes the records that wait.
            TlsRead::Drained(held) => {
                self.hub.hold_sealed(id, held);
                AfterTls::Stop
            }
            TlsRead::Bytes { len, records, left } => {
                self.budget.read(len);
                self.budget.decrypted(records);
                if len > 0 {
                    self.hub.receive(id, &mut self.buffer[..len], now);
                    io.observe(TurnStep::Received(id, len), &self.hub, now);
                }
                if left == Left::Unknown {
                    return AfterTls::Again;
                }
                self.hub.hold_sealed(id, 0);
                AfterTls::Drained
            }
            TlsRead::Later => AfterTls::NextTurn,
        }
    }

    /// Reads a socket in the next turn, even if no event comes.
    pub(super) fn read_later(&mut self, id: SocketId) {
        if self.readiness.get_mut(id).is_some_and(Readiness::set_reading) {
            self.reads.push_back(id);
        }
    }
}

/// After so many turns in a row of so many milliseconds, a turn reads all that it has time for.
/// They are long by accepts, deliveries or callbacks, which would leave little time to reads.
const LONG_TURNS: u64 = 2;
const LONG_MS: u64 = 2;
/// How many read buffers of bytes services on the loop find in near caches.
const SPAN_BUFFERS: usize = 2;
