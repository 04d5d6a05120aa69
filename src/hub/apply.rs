//! Applies the transactions of workers, in the order of each. They reach the sockets of all workers
//! of their service, and of no other one. An id of a socket that has gone is ignored.

use log::Level;

use crate::hub::report::log_socket;
use crate::hub::socket::{Membership, Socket};
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{Hub, RunId, ServiceId, WorkerId};
use crate::limits::Limits;
#[cfg(feature = "deflate")]
use crate::service::Compression;
use crate::service::audience::Recipients;
use crate::service::{Audience, Outbound, SocketId, label_keys_taken};
use crate::session::{Frame, Overflow, Session, SpareMemory};
use crate::time::Time;
use crate::ws::{Close, CloseCode, Message};

impl Hub {
    /// Applies transactions of a worker until none is left, or until they have made
    /// `deliveries_max` deliveries to sockets. Returns how many deliveries are left. Transactions
    /// of an earlier run of the worker are ignored.
    pub fn apply(
        &mut self,
        run: RunId,
        batch: &mut impl Iterator<Item = Outbound>,
        deliveries_max: usize,
        now: Time,
    ) -> usize {
        self.apply_each(batch, deliveries_max, |hub, transaction| {
            hub.apply_one(run, transaction, now)
        })
    }

    /// Applies transactions of other threads than those of the service that `worker` runs, as
    /// [`Hub::apply`] does. They reach the sockets that the service has now. What only a worker
    /// itself can say is ignored.
    #[cfg(feature = "senders")]
    pub fn apply_for(
        &mut self,
        worker: WorkerId,
        batch: &mut impl Iterator<Item = Outbound>,
        deliveries_max: usize,
        now: Time,
    ) -> usize {
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
            // A sender hears nothing.
            #[cfg(feature = "processes")]
            Outbound::Listen { .. } | Outbound::Unlisten { .. } => false,
            #[cfg(feature = "database")]
            Outbound::Later { .. } | Outbound::Answered { .. } => false,
        });
        let runs = self.runs(self.workers[worker].service);
        self.apply_each(&mut batch, deliveries_max, |hub, transaction| match transaction {
            transaction if runs => hub.apply_as(worker, transaction, now),
            // Other processes may have sockets of the service.
            #[cfg(feature = "processes")]
            Outbound::Send { to, message } => {
                hub.share(worker, &to, &message);
                0
            }
            _ => 0,
        })
    }

    /// Calls `apply` with transactions, as far as their deliveries are allowed.
    #[inline]
    fn apply_each(
        &mut self,
        batch: &mut impl Iterator<Item = Outbound>,
        deliveries_max: usize,
        mut apply: impl FnMut(&mut Self, Outbound) -> usize,
    ) -> usize {
        let mut left = deliveries_max;
        while left > 0 {
            let Some(transaction) = batch.next() else { break };
            left = left.saturating_sub(apply(self, transaction));
        }
        left
    }

    /// Applies one transaction of a service, as [`Hub::apply`] does. Returns how many deliveries it
    /// made.
    pub fn apply_one(&mut self, run: RunId, transaction: Outbound, now: Time) -> usize {
        if !self.is_running(run) {
            return 0;
        }
        self.apply_as(run.worker, transaction, now)
    }

    /// Applies a transaction of the service that `worker` runs.
    fn apply_as(&mut self, worker: WorkerId, transaction: Outbound, now: Time) -> usize {
        match transaction {
            Outbound::Send { to, message } => {
                #[cfg(feature = "processes")]
                self.share(worker, &to, &message);
                let len = message.len();
                let deliveries = self.send(worker, to, message, now);
                self.memory.grow(len.saturating_mul(deliveries));
                return deliveries;
            }
            Outbound::Close { to, close } => return self.close(worker, to, &close, now),
            Outbound::Taken { messages, bytes } => self.take(worker, messages, bytes, now),
            Outbound::Subscribe { id, topic } => self.subscribe(worker, id, &topic, now),
            Outbound::Unsubscribe { id, topic } => {
                let service = self.workers[worker].service;
                #[cfg(feature = "processes")]
                let was_there = self.services[service].topics.has(&topic);
                self.with_topics(service, |topics, _, holders| {
                    topics.unsubscribe(id, &topic, holders);
                });
                #[cfg(feature = "processes")]
                if was_there {
                    self.end_shared(service, &[topic]);
                }
            }
            Outbound::Admit { id, verdict } => {
                let socket = self.sockets.get(id);
                if socket.is_some_and(|s| s.stands(Membership::Asked, worker, &self.workers)) {
                    self.decide(id, verdict, now);
                }
            }
            Outbound::Pause { id } => {
                let socket = self.member(worker, id);
                if let Some(socket) = socket.filter(|socket| socket.session.is_open())
                    && socket.flags.set(SocketFlag::Paused)
                {
                    log_socket(Level::Trace, id, format_args!("its service has it paused"));
                }
            }
            Outbound::Resume { id } => {
                if self.member(worker, id).is_some() {
                    self.end_pause(id, now);
                    // Its clock runs again, and the wheel may get no other notice of that.
                    self.schedule_write(id);
                }
            }
            Outbound::Label { id, key, value } => self.label(worker, id, &key, &value, now),
            #[cfg(feature = "processes")]
            Outbound::Listen { topic } => self.listen(worker, topic, now),
            #[cfg(feature = "processes")]
            Outbound::Unlisten { topic } => self.unlisten(worker, topic),
            Outbound::Ready(admission) => self.ready(worker, admission, now),
            Outbound::Reset { pause_ms } => self.reset(worker, pause_ms, now),
            #[cfg(feature = "database")]
            Outbound::Later { id } => self.begin_later(worker, id),
            #[cfg(feature = "database")]
            Outbound::Answered { id } => self.end_later(worker, id, now),
        }
        1
    }

    /// Applies the most frequent transaction, a message to one socket, as [`Hub::apply_one`] does.
    /// Returns how many deliveries it made.
    pub fn send_one(&mut self, run: RunId, to: SocketId, message: Message, now: Time) -> usize {
        if !self.is_running(run) {
            return 0;
        }
        self.memory.grow(message.len());
        self.send_to(run.worker, to, message, now)
    }

    /// Whether a run goes on.
    pub(super) fn is_running(&self, run: RunId) -> bool {
        self.workers[run.worker].is_in(run)
    }

    /// Sets a label of a socket. The log has one warning for each socket of which a label is left
    /// out: a service that sets labels again and again must not fill it.
    fn label(&mut self, worker: WorkerId, id: SocketId, key: &str, value: &str, now: Time) {
        let Some(socket) = self.member(worker, id) else { return };
        let why_not = if label_keys_taken().any(|taken| taken == key) {
            "the log has a field of this name; call it otherwise"
        } else if socket.label(key, value) {
            return;
        } else {
            "all labels together are too long; make them shorter or fewer"
        };
        if socket.flags.set(SocketFlag::Unlabeled) {
            let path = self.path_of(worker).to_owned();
            let text = format_args!("socket {id}: its label {key:?} is left out: {why_not}");
            self.warn(Some(&path), "a label is left out", text, now);
        }
    }

    pub(super) fn send(
        &mut self,
        worker: WorkerId,
        to: Audience,
        message: Message,
        now: Time,
    ) -> usize {
        if to.slows != Audience::NOBODY {
            self.pace(worker, &to, message.len(), now);
        }
        if let (Recipients::One(id), None) = (&to.who, to.but) {
            return self.send_to(worker, *id, message, now);
        }
        #[cfg(feature = "deflate")]
        if self.compression(self.workers[worker].service) == Compression::On {
            return self.send_compressed(worker, to, message, now);
        }
        // Encoded once; the outboxes share the bytes.
        let frame = Frame::new(&message);
        self.for_each(worker, to, |hub, id| {
            hub.send_each(worker, id, now, |session, spare, limits| {
                session.send_frame_with(spare, &frame, limits, now)
            });
        })
    }

    /// Sends a message to one socket, if [`Session::send_short`] can queue it. Returns whether it
    /// did; otherwise nothing has changed.
    #[inline]
    fn send_short(&mut self, worker: WorkerId, id: SocketId, message: &Message, now: Time) -> bool {
        let found = self.sockets.get_mut(id).filter(|socket| socket.hears(worker, &self.workers));
        let Some(socket) = found else { return false };
        let WorkerSlot { limits, counters, .. } = &mut self.workers[worker];
        if !socket.session.send_short(&mut self.buffers, message, limits, now) {
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
    fn send_to(&mut self, worker: WorkerId, id: SocketId, message: Message, now: Time) -> usize {
        if self.send_short(worker, id, &message, now) {
            return 1;
        }
        #[cfg(feature = "deflate")]
        if self.compression(self.workers[worker].service) == Compression::On {
            return self.send_compressed_to(worker, id, message, now);
        }
        self.send_each(worker, id, now, |session, spare, limits| {
            session.send_with(spare, message, limits, now)
        });
        1
    }

    /// Sends to one socket. If its peer reads too slowly, the socket is closed and its service
    /// notified.
    pub(super) fn send_each(
        &mut self,
        worker: WorkerId,
        id: SocketId,
        now: Time,
        send: impl FnOnce(&mut Session, &mut SpareMemory, &Limits) -> Result<(), Overflow>,
    ) {
        let found = self.sockets.get_mut(id).filter(|socket| socket.hears(worker, &self.workers));
        let Some(socket) = found else { return };
        let WorkerSlot { limits, counters, .. } = &mut self.workers[worker];
        let is_sent = socket.session.takes_messages();
        match send(&mut socket.session, &mut self.buffers, limits) {
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
        worker: WorkerId,
        to: Audience,
        close: &Close,
        now: Time,
    ) -> usize {
        self.for_each(worker, to, |hub, id| _ = hub.close_one(worker, id, close, now))
    }

    /// Closes one socket. Returns whether it was open.
    pub(super) fn close_one(
        &mut self,
        worker: WorkerId,
        id: SocketId,
        close: &Close,
        now: Time,
    ) -> bool {
        let Some(socket) = self.member(worker, id) else { return false };
        let was_open = socket.session.is_open();
        socket.session.close(close, now);
        self.end_pause(id, now);
        self.schedule_write(id);
        was_open
    }

    /// An open socket of the service that `worker` runs.
    pub(super) fn member(&mut self, worker: WorkerId, id: SocketId) -> Option<&mut Socket> {
        let Self { sockets, workers, .. } = self;
        sockets.get_mut(id).filter(|socket| socket.stands(Membership::Member, worker, workers))
    }

    /// Subscribes a socket. A socket that is being closed gets no messages any more and is ignored.
    /// A service that subscribes to topics named by peers gets one warning for each socket.
    fn subscribe(&mut self, worker: WorkerId, id: SocketId, topic: &str, now: Time) {
        if !self.member(worker, id).is_some_and(|socket| socket.session.is_open()) {
            return;
        }
        let service = self.workers[worker].service;
        #[cfg(feature = "processes")]
        let is_new = !self.services[service].topics.has(topic);
        let subscribed = self
            .with_topics(service, |topics, max, holders| topics.subscribe(id, topic, max, holders));
        #[cfg(feature = "processes")]
        if is_new && subscribed.is_ok() {
            self.begin_shared(service, topic);
        }
        let Err(error) = subscribed else { return };
        // A missing subscription would lose messages without notice.
        let (path, error) = (self.path_of(worker).to_owned(), error.to_string());
        let text = format_args!("socket {id} cannot subscribe to {topic:?}: {error}");
        self.warn(Some(&path), &error, text, now);
        let close = Close::new(CloseCode::TRY_LATER, error);
        self.close(worker, id.into(), &close, now);
    }

    /// Calls `act` once for each socket of an audience; twice if a list names it twice. Returns
    /// their number, at least one.
    pub(super) fn for_each(
        &mut self,
        worker: WorkerId,
        to: Audience,
        mut act: impl FnMut(&mut Self, SocketId),
    ) -> usize {
        // A socket that overflows leaves, which changes the list; so this walks over a copy.
        let ids = match to.who {
            Recipients::Many(ids) => ids,
            who => self.ids_in(self.workers[worker].service, &who),
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
            Recipients::All => self.members_of(service),
            Recipients::Topic(topic) => self.services[service].topics.members(topic).collect(),
            #[cfg(feature = "processes")]
            Recipients::LocalAll => self.members_of(service),
            #[cfg(feature = "processes")]
            Recipients::LocalTopic(topic) => self.services[service].topics.members(topic).collect(),
        }
    }
}
