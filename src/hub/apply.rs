//! Applies the transactions of services, in their order. They reach only sockets of their own
//! service. An id of a socket that has gone is ignored.

use log::Level;

#[cfg(feature = "senders")]
use crate::hub::WorkerId;
use crate::hub::report::log_socket;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::socket::{Membership, Socket};
use crate::hub::socket_flags::SocketFlag;
use crate::hub::{Hub, RunId, ServiceId};
use crate::limits::Limits;
#[cfg(feature = "deflate")]
use crate::service::Compression;
use crate::service::audience::Recipients;
use crate::service::{Audience, Outbound, SocketId, label_keys_taken};
use crate::session::{Frame, Overflow, Session, SpareMemory};
use crate::time::Time;
use crate::ws::{Close, CloseCode, Message};

impl Hub {
    /// Applies transactions of a service until none is left, or until they have made
    /// `deliveries_max` deliveries to sockets. Returns how many deliveries are left. Transactions
    /// of an earlier run of the service are ignored.
    pub fn apply(
        &mut self,
        run: RunId,
        batch: &mut impl Iterator<Item = Outbound>,
        deliveries_max: usize,
        now: Time,
    ) -> usize {
        let mut left = deliveries_max;
        while left > 0 {
            let Some(transaction) = batch.next() else { break };
            left = left.saturating_sub(self.apply_one(run, transaction, now));
        }
        left
    }

    /// Applies transactions of other threads than that of the service, as [`Hub::apply`] does. They
    /// reach the sockets that the service has now. What only the service itself can say is ignored.
    #[cfg(feature = "senders")]
    pub fn apply_for(
        &mut self,
        worker: WorkerId,
        batch: &mut impl Iterator<Item = Outbound>,
        deliveries_max: usize,
        now: Time,
    ) -> usize {
        let number = self.services[worker.service()].worker.run;
        let mut batch = batch.filter(|transaction| match transaction {
            Outbound::Ready(_) | Outbound::Reset { .. } | Outbound::Taken { .. } => false,
            Outbound::Admit { .. }
            | Outbound::Send { .. }
            | Outbound::Close { .. }
            | Outbound::Subscribe { .. }
            | Outbound::Unsubscribe { .. }
            | Outbound::Pause { .. }
            | Outbound::Resume { .. }
            | Outbound::Label { .. } => true,
            #[cfg(feature = "database")]
            Outbound::Later { .. } | Outbound::Answered { .. } => false,
        });
        self.apply(RunId { worker, number }, &mut batch, deliveries_max, now)
    }

    /// Applies one transaction of a service, as [`Hub::apply`] does. Returns how many deliveries it
    /// made.
    pub fn apply_one(&mut self, run: RunId, transaction: Outbound, now: Time) -> usize {
        let Some(service) = self.running(run) else { return 0 };
        match transaction {
            Outbound::Send { to, message } => {
                let len = message.len();
                let deliveries = self.send(service, to, message, now);
                self.memory.grow(len.saturating_mul(deliveries));
                return deliveries;
            }
            Outbound::Close { to, close } => return self.close(service, to, &close, now),
            Outbound::Taken { messages, bytes } => self.take(service, messages, bytes, now),
            Outbound::Subscribe { id, topic } => self.subscribe(service, id, &topic, now),
            Outbound::Unsubscribe { id, topic } => {
                self.with_topics(service, |topics, _, holders| {
                    topics.unsubscribe(id, &topic, holders);
                });
            }
            Outbound::Admit { id, verdict } => {
                if self.sockets.get(id).is_some_and(|s| s.stands(Membership::Asked, service)) {
                    self.decide(id, verdict, now);
                }
            }
            Outbound::Pause { id } => {
                let socket = self.member(service, id);
                if let Some(socket) = socket.filter(|socket| socket.session.is_open())
                    && socket.flags.set(SocketFlag::Paused)
                {
                    log_socket(Level::Trace, id, format_args!("its service has it paused"));
                }
            }
            Outbound::Resume { id } => {
                if self.member(service, id).is_some() {
                    self.end_pause(id, now);
                    // Its clock runs again, and the wheel may get no other notice of that.
                    self.schedule_write(id);
                }
            }
            Outbound::Label { id, key, value } => self.label(service, id, &key, &value, now),
            Outbound::Ready(admission) => self.ready(service, admission, now),
            Outbound::Reset { pause_ms } => self.reset(service, pause_ms, now),
            #[cfg(feature = "database")]
            Outbound::Later { id } => self.begin_later(service, id),
            #[cfg(feature = "database")]
            Outbound::Answered { id } => self.end_later(service, id, now),
        }
        1
    }

    /// Applies the most frequent transaction, a message to one socket, as [`Hub::apply_one`] does.
    /// Returns how many deliveries it made.
    pub fn send_one(&mut self, run: RunId, to: SocketId, message: Message, now: Time) -> usize {
        let Some(service) = self.running(run) else { return 0 };
        self.memory.grow(message.len());
        self.send_to(service, to, message, now)
    }

    /// The service of a current run.
    pub(super) fn running(&self, run: RunId) -> Option<ServiceId> {
        let service = run.worker.service();
        self.services[service].worker.is_in(run).then_some(service)
    }

    /// Sets a label of a socket. The log has one warning for each socket of which a label is left
    /// out: a service that sets labels again and again must not fill it.
    fn label(&mut self, service: ServiceId, id: SocketId, key: &str, value: &str, now: Time) {
        let Some(socket) = self.member(service, id) else { return };
        let why_not = if label_keys_taken().any(|taken| taken == key) {
            "the log has a field of this name; call it otherwise"
        } else if socket.label(key, value) {
            return;
        } else {
            "all labels together are too long; make them shorter or fewer"
        };
        if socket.flags.set(SocketFlag::Unlabeled) {
            let path = self.services[service].path.clone();
            let text = format_args!("socket {id}: its label {key:?} is left out: {why_not}");
            self.warn(Some(&path), "a label is left out", text, now);
        }
    }

    pub(super) fn send(
        &mut self,
        service: ServiceId,
        to: Audience,
        message: Message,
        now: Time,
    ) -> usize {
        if to.slows != Audience::NOBODY {
            self.pace(service, &to, message.len(), now);
        }
        if let (Recipients::One(id), None) = (&to.who, to.but) {
            return self.send_to(service, *id, message, now);
        }
        #[cfg(feature = "deflate")]
        if self.services[service].options.compression == Compression::On {
            return self.send_compressed(service, to, message, now);
        }
        // Encoded once; the outboxes share the bytes.
        let frame = Frame::new(&message);
        self.for_each(service, to, |hub, id| {
            hub.send_each(service, id, now, |session, spare, limits| {
                session.send_frame_with(spare, &frame, limits, now)
            });
        })
    }

    /// Sends a message to one socket, if [`Session::send_short`] can queue it. Returns whether it
    /// did; otherwise nothing has changed.
    #[inline]
    fn send_short(
        &mut self,
        service: ServiceId,
        id: SocketId,
        message: &Message,
        now: Time,
    ) -> bool {
        let found = self.sockets.get_mut(id).filter(|socket| socket.hears(service));
        let Some(socket) = found else { return false };
        let ServiceEntry { options, counters, .. } = &mut self.services[service];
        if !socket.session.send_short(&mut self.buffers, message, &options.limits, now) {
            return false;
        }
        counters.messages_sent.add(1);
        // Most often its write is ordered already.
        if !socket.flags.has(SocketFlag::Touched) {
            self.schedule_write(id);
        }
        true
    }

    #[inline]
    fn send_to(&mut self, service: ServiceId, id: SocketId, message: Message, now: Time) -> usize {
        if self.send_short(service, id, &message, now) {
            return 1;
        }
        #[cfg(feature = "deflate")]
        if self.services[service].options.compression == Compression::On {
            return self.send_compressed_to(service, id, message, now);
        }
        self.send_each(service, id, now, |session, spare, limits| {
            session.send_with(spare, message, limits, now)
        });
        1
    }

    /// Sends to one socket. If its peer reads too slowly, the socket is closed and its service
    /// notified.
    pub(super) fn send_each(
        &mut self,
        service: ServiceId,
        id: SocketId,
        now: Time,
        send: impl FnOnce(&mut Session, &mut SpareMemory, &Limits) -> Result<(), Overflow>,
    ) {
        let found = self.sockets.get_mut(id).filter(|socket| socket.hears(service));
        let Some(socket) = found else { return };
        let ServiceEntry { options, counters, .. } = &mut self.services[service];
        let is_sent = socket.session.takes_messages();
        match send(&mut socket.session, &mut self.buffers, &options.limits) {
            Ok(()) => counters.messages_sent.add(is_sent.into()),
            Err(Overflow(close)) => {
                counters.slow_closes.add(1);
                self.leave(id, close, now);
            }
        }
        self.schedule_write(id);
    }

    pub(super) fn close(
        &mut self,
        service: ServiceId,
        to: Audience,
        close: &Close,
        now: Time,
    ) -> usize {
        self.for_each(service, to, |hub, id| _ = hub.close_one(service, id, close, now))
    }

    /// Closes one socket. Returns whether it was open.
    pub(super) fn close_one(
        &mut self,
        service: ServiceId,
        id: SocketId,
        close: &Close,
        now: Time,
    ) -> bool {
        let Some(socket) = self.member(service, id) else { return false };
        let was_open = socket.session.is_open();
        socket.session.close(close, now);
        self.end_pause(id, now);
        self.schedule_write(id);
        was_open
    }

    /// An open socket of this service.
    pub(super) fn member(&mut self, service: ServiceId, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(id).filter(|socket| socket.stands(Membership::Member, service))
    }

    /// Subscribes a socket. A socket that is being closed gets no messages any more and is ignored.
    /// A service that subscribes to topics named by peers gets one warning for each socket.
    fn subscribe(&mut self, service: ServiceId, id: SocketId, topic: &str, now: Time) {
        if !self.member(service, id).is_some_and(|socket| socket.session.is_open()) {
            return;
        }
        let subscribed = self
            .with_topics(service, |topics, max, holders| topics.subscribe(id, topic, max, holders));
        let Err(error) = subscribed else { return };
        // A missing subscription would lose messages without notice.
        let (path, error) = (self.services[service].path.clone(), error.to_string());
        let text = format_args!("socket {id} cannot subscribe to {topic:?}: {error}");
        self.warn(Some(&path), &error, text, now);
        let close = Close::new(CloseCode::TRY_LATER, error);
        self.close(service, id.into(), &close, now);
    }

    /// Calls `act` once for each socket of an audience; twice if a list names it twice. Returns
    /// their number, at least one.
    pub(super) fn for_each(
        &mut self,
        service: ServiceId,
        to: Audience,
        mut act: impl FnMut(&mut Self, SocketId),
    ) -> usize {
        // A socket that overflows leaves, which changes the list; so this walks over a copy.
        let ids = match to.who {
            Recipients::Many(ids) => ids,
            who => self.ids_in(service, &who),
        };
        let len = ids.len().max(1);
        for id in ids {
            if to.but != Some(id) {
                act(self, id);
            }
        }
        len
    }

    /// The sockets of an audience, with the one that is left out.
    pub(super) fn ids_in(&self, service: ServiceId, who: &Recipients) -> Vec<SocketId> {
        match who {
            Recipients::One(id) => vec![*id],
            Recipients::Many(ids) => ids.clone(),
            Recipients::All => self.sockets.ids_of(&self.services[service].members),
            Recipients::Topic(topic) => self.services[service].topics.members(topic).collect(),
        }
    }
}
