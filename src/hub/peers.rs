//! What peers do: they connect, send, receive, end and are lost. This file has the path of a byte
//! from a connection to the mail of a service.

use std::net::SocketAddr;

use log::Level;

use crate::hub::address_key::PeerName;
use crate::hub::counters::RefusalKind;
use crate::hub::identity::UNTRUSTED;
use crate::hub::mailbox::{Mailbox, load_with};
use crate::hub::report::log_socket;
use crate::hub::socket::{Membership, Socket};
use crate::hub::socket_flags::SocketFlag;
use crate::hub::surplus::Surplus;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ListenerTraits, Output, ProxyProtocol, Reach};
use crate::service::{Inbound, SocketId};
use crate::session::{Next, Refused, SessionEvent};
use crate::time::Time;

impl Hub {
    /// A connection came, through a listener with these traits; `peer` is `None` for a Unix
    /// socket. Returns `None` if there is no capacity to refuse it with an answer, or if only
    /// trusted proxies may connect: then the host drops it at once. So it does if an answer would
    /// need a TLS handshake.
    pub fn accept(
        &mut self,
        peer: Option<SocketAddr>,
        listener: ListenerTraits,
        now: Time,
    ) -> Option<SocketId> {
        let ListenerTraits { reach, protocol, .. } = listener;
        let is_secure = listener.is_secure();
        let is_trusted = self.is_trusted(peer);
        if cfg!(feature = "proxy") && !is_trusted && protocol == ProxyProtocol::On {
            self.counters.refuse(RefusalKind::Proxy);
            self.log_dropped(peer, UNTRUSTED, now);
            return None;
        }
        let surplus = self.refuse_connection(peer, now);
        if let Some(surplus) = surplus {
            self.counters.refuse(surplus.kind());
        }
        let is_answered = |surplus: &Surplus| !is_secure && self.is_answered(*surplus);
        if let Some(surplus) = surplus.filter(|surplus| !is_answered(surplus)) {
            self.log_dropped(peer, &self.reason_of(surplus, peer), now);
            return None;
        }
        if is_secure && !self.admits_handshake(peer, now) {
            return None;
        }
        let is_counted = surplus.is_none() && !is_trusted;
        let addresses = &mut self.addresses;
        let id = self.sockets.insert(|id| {
            let peer = if is_counted { addresses.join(peer) } else { addresses.keep(peer) };
            let mut socket = Socket::new(id, peer, now);
            if reach == Reach::Machine {
                socket.flags.set(SocketFlag::Local);
            }
            socket
        })?;
        #[cfg(feature = "admin")]
        self.counters.arrive(self.listeners.join(id));
        log_socket(Level::Trace, id, format_args!("{} connects", PeerName(peer)));
        if let Some(surplus) = surplus {
            self.set_surplus(id, surplus, peer);
        }
        if is_secure {
            self.begin_handshake(id);
        }
        self.schedule_write(id);
        Some(id)
    }

    /// Bytes came. They are unmasked in place.
    pub fn receive(&mut self, id: SocketId, bytes: &mut [u8], now: Time) {
        self.memory.grow(bytes.len());
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.count_received(bytes.len());
        let was_calm = socket.session.is_calm();
        if let Some(worker) = socket.worker {
            self.workers[worker].counters.received_bytes.add(bytes.len() as u64);
        }
        if let Some(asked) = socket.session.pinged() {
            self.counters.pong(now.since(asked));
        }
        self.take_in(id, bytes, now);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // Bytes of a peer that owed nothing, and owes nothing now, only postpone deadlines.
        if !(was_calm && socket.session.is_calm()) {
            self.schedule_write(id);
        }
    }

    /// The buffer for the next bytes of a socket, if they belong to a large message.
    pub fn read_buffer(&mut self, id: SocketId) -> Option<&mut [u8]> {
        self.sockets.get_mut(id)?.session.read_buffer()
    }

    /// `len` bytes were read to the start of the buffer that [`Hub::read_buffer`] just returned.
    ///
    /// # Panics
    /// The buffer is shorter.
    pub fn filled(&mut self, id: SocketId, len: usize, now: Time) {
        self.memory.grow(len);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.count_received(len);
        if let Some(worker) = socket.worker {
            self.workers[worker].counters.received_bytes.add(len as u64);
        }
        if let Some(asked) = socket.session.pinged() {
            self.counters.pong(now.since(asked));
        }
        let limits = self.workers.limits_of(socket.worker);
        if let Some(event) = socket.session.filled(len, limits, now) {
            self.handle_event(id, event, now);
        }
        self.schedule_write(id);
    }

    /// The peer ended its half of the connection.
    pub fn end(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let unsent_len = socket.session.unsent_len();
        if let Some(event) = socket.session.end() {
            self.handle_event(id, event, now);
        }
        self.count_freed(unsent_len);
        self.schedule_write(id);
    }

    /// The system reports that the peer has ended a socket that may not be read now.
    pub fn peer_leaves(&mut self, id: SocketId, now: Time) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.session.leave(now);
            self.schedule(id);
        }
    }

    /// The connection is lost; `reason` says how.
    pub fn fail(&mut self, id: SocketId, reason: &'static str, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let unsent_len = socket.session.unsent_len();
        let is_cut = unsent_len > 0 || socket.session.is_responding();
        match socket.session.fail(reason) {
            Some(event) => self.handle_event(id, event, now),
            None if is_cut => self.record_end(id, reason),
            None => {}
        }
        self.count_freed(unsent_len);
        self.schedule_write(id);
    }

    /// The bytes to be written to a socket, chunk by chunk.
    pub fn unsent(&self, id: SocketId) -> impl Iterator<Item = &[u8]> {
        self.sockets.get(id).into_iter().flat_map(|socket| socket.session.unsent())
    }

    /// The bytes to be written to a socket if they are one chunk, as most often.
    #[must_use]
    pub fn unsent_alone(&self, id: SocketId) -> Option<&[u8]> {
        self.sockets.get(id)?.session.unsent_alone()
    }

    /// How many bytes are to be written to a socket.
    #[must_use]
    pub fn unsent_len(&self, id: SocketId) -> usize {
        self.sockets.get(id).map_or(0, |socket| socket.session.unsent_len())
    }

    /// So many of the unsent bytes were written, maybe none. Returns what to do with the
    /// connection. After dropping it, call [`Hub::remove`]. An id of a socket that has gone has no
    /// effect, also on the socket that has its place now.
    pub fn wrote(&mut self, id: SocketId, bytes_len: usize, now: Time) -> Next {
        let Some(socket) = self.sockets.get_mut(id) else { return Next::Keep };
        socket.flags.clear(SocketFlag::Touched);
        socket.count_sent(bytes_len);
        if let Some(worker) = socket.worker {
            self.workers[worker].counters.sent_bytes.add(bytes_len as u64);
        }
        let session = &mut socket.session;
        session.wrote_with(&mut self.buffers, bytes_len, now);
        let next = session.next();
        let is_over = session.unsent_len() == 0 && !session.is_responding();
        if !is_over || socket.flags.has(SocketFlag::Full) {
            self.check_marks(id);
        }
        self.read_drained(id, now);
        self.pay(id, bytes_len, now);
        self.schedule(id);
        if bytes_len >= LARGE_WRITE_BYTES {
            self.count_freed(bytes_len);
        }
        next
    }

    /// The connection has been dropped.
    pub fn remove(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if let Some(event) = socket.session.fail("the connection was dropped") {
            self.handle_event(id, event, now);
        }
        self.abandon_handshake(id);
        let Some(socket) = self.sockets.remove(id) else { return };
        self.log_end(id, &socket, now);
        #[cfg(feature = "deflate")]
        self.release(&socket);
        // It may have held so much of a message that was not whole.
        let input_max = self.workers.limits_of(socket.worker).message_bytes_max;
        let input = usize::try_from(socket.counts().0).map_or(input_max, |n| n.min(input_max));
        self.count_freed(input + size_of::<Socket>());
        self.wheel.cancel(id.index());
        #[cfg(feature = "admin")]
        self.counters.depart(self.listeners.index_of(id));
        if let Some(cold) = &socket.cold {
            self.forget_meter(id, cold.meter.until());
        }
        self.surplus_len -= usize::from(socket.flags.has(SocketFlag::Surplus));
        self.part(socket.peer, now);
        if let Some(worker) = socket.worker {
            let service = &mut self.services[self.workers[worker].service];
            service.sockets_len -= 1;
            service.unused_since = now;
        }
        if socket.flags.has(SocketFlag::Fetches) {
            self.outputs.push_back(Output::FetchEnd(id));
        }
    }

    /// Passes bytes through the session, event by event, until the rest has to wait. Returns how
    /// many bytes it passed.
    pub(super) fn receive_bytes(&mut self, id: SocketId, bytes: &mut [u8], now: Time) -> usize {
        #[cfg(feature = "deflate")]
        self.deflate.begin_read();
        let mut used = 0;
        while used < bytes.len() {
            #[cfg(feature = "deflate")]
            if self.has_inflated_enough(id) {
                break;
            }
            let (more, event) = self.receive_messages(id, &mut bytes[used..], now);
            used += more;
            let Some(event) = event else { continue };
            self.handle_event(id, event, now);
            if used < bytes.len() && !self.may_go_on(id, now) {
                break;
            }
        }
        used
    }

    /// Passes bytes through the session, up to an event. A message is not an event: it is put into
    /// the mail as [`Hub::deliver`] does, since a read may bring many. The message that uses up the
    /// share of the socket, or fills the mail, is an event, so that nothing follows it.
    fn receive_messages(
        &mut self,
        id: SocketId,
        bytes: &mut [u8],
        now: Time,
    ) -> (usize, Option<SessionEvent>) {
        let Some(socket) = self.sockets.get_mut(id) else { return (bytes.len(), None) };
        let (session, spare) = (&mut socket.session, &mut self.buffers);
        let (true, Some(worker)) = (socket.membership.is_told(), socket.worker) else {
            let limits = self.workers.limits_of(socket.worker);
            // Its messages, if there are any, are events that are not delivered.
            return session.receive_with(spare, bytes, limits, now);
        };
        let share = self.workers[worker].share();
        let WorkerSlot { limits, mail, state, counters, .. } = &mut self.workers[worker];
        let limits = &*limits;
        let before = mail.batch.len();
        // Before each of these `receive_bytes` asks whether the rest has to wait. A service that
        // has ended gets nothing.
        let one_by_one =
            session.is_compressed() || limits.message_rate.is_some() || *state == RunState::Idle;
        let load = &mut socket.load;
        // What the socket and the mail have with a message; `None`: it is an event.
        let with = |load: u8, mail: &Mailbox, len: usize, capacity: usize| {
            let load = load_with(load, len);
            let is_last = one_by_one || load >= share;
            mail.bytes_with(capacity, limits).filter(|_| !is_last).map(|mailed| (load, mailed))
        };
        let mut used = 0;
        let event = loop {
            let (more, event) = session.receive_short(&bytes[used..], limits, now, |short| {
                let Some((new_load, mailed)) = with(*load, mail, short.len(), 0) else {
                    return Some(SessionEvent::Message(short.into()));
                };
                *load = new_load;
                mail.push_short(id, short, mailed);
                None
            });
            used += more;
            if event.is_some() || used == bytes.len() {
                break event;
            }
            let (more, event) = session.receive_with(spare, &mut bytes[used..], limits, now);
            used += more;
            match event {
                Some(SessionEvent::Message(message)) => {
                    let with_it = with(*load, mail, message.len(), message.capacity());
                    let Some((new_load, _)) = with_it else {
                        break Some(SessionEvent::Message(message));
                    };
                    *load = new_load;
                    mail.push(Inbound::Data { id, message }, limits);
                }
                // Without an event, all bytes are used.
                event => break event,
            }
        };
        if mail.batch.len() > before {
            socket.mailed = mail.last();
            counters.messages_received.add((mail.batch.len() - before) as u64);
            if before == 0 {
                self.outputs.push_back(Output::Mail(worker));
            }
        }
        (used, event)
    }

    /// Something happened in a session.
    pub(super) fn handle_event(&mut self, id: SocketId, event: SessionEvent, now: Time) {
        match event {
            SessionEvent::Message(message) => match self.meter(id, now) {
                Some(end) => self.handle_event(id, end, now),
                None => self.deliver(id, Inbound::Data { id, message }),
            },
            #[cfg(feature = "deflate")]
            SessionEvent::Compressed(message) => self.receive_compressed(id, message, now),
            SessionEvent::Request(head) => self.receive_request(id, head, now),
            SessionEvent::Undecided => self.refuse_undecided(id, now),
            SessionEvent::Closed(close) => {
                self.settle_soon(id, now);
                self.leave(id, close, now);
            }
            SessionEvent::Refused(Refused { response, method, path }) => {
                self.note_request(id, &method, &path);
                self.respond(id, &response, now);
            }
            SessionEvent::Gone(reason) | SessionEvent::Late(reason) => {
                self.withdraw(id, reason);
                self.stop_waiting(id);
                self.note_words(id);
                self.record_end(id, self.reason_of_end(id, reason));
            }
        }
    }

    /// Notifies services when outboxes pass their marks, and resumes files.
    fn check_marks(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let limits = self.workers.limits_of(socket.worker);
        let bytes = socket.session.unsent_len();
        let (drained, full) = (bytes <= limits.outbox_low_bytes, bytes > limits.outbox_high_bytes);
        // A service that sends and takes no mail would get notices without a limit.
        let behind = socket.worker.is_some_and(|worker| self.workers[worker].mail.is_full());
        let flags = &mut socket.flags;
        if drained && socket.session.is_responding() && flags.set(SocketFlag::Fetching) {
            self.outputs.push_back(Output::FetchMore(id));
        } else if drained && flags.clear(SocketFlag::Full) {
            self.deliver(id, Inbound::Drained { id });
        } else if full
            && !behind
            && socket.membership == Membership::Member
            && flags.set(SocketFlag::Full)
        {
            let text = format_args!("its outbox is full: {bytes} bytes (outbox-high)");
            log_socket(Level::Debug, id, text);
            self.deliver(id, Inbound::Full { id, bytes });
        }
    }
}

/// The memory of a smaller write is used again at once.
const LARGE_WRITE_BYTES: usize = 4_096;
