//! Services start and end; sockets open and leave. Each open that a service gets is followed by
//! exactly one close, which only [`Hub::leave`] delivers.

use log::Level;

use crate::hub::refusal::unavailable;
use crate::hub::report::log_socket;
use crate::hub::socket::Membership;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, Output, RunEnd, RunId, WorkerId};
use crate::service::{Admission, Inbound, SocketId};
use crate::time::Time;
use crate::ws::{Close, CloseCode, Response, Status};

impl Hub {
    /// Starts the worker that a socket has asked for, unless it has ended too often.
    pub(super) fn start(&mut self, id: SocketId, worker: WorkerId, now: Time) {
        if let Some(refusal) = self.refuse_in_pause(worker, now) {
            return self.respond(id, &refusal, now);
        }
        if let Err(refusal) = self.admit_program(id, worker) {
            return self.respond(id, &refusal, now);
        }
        self.begin(worker, now);
    }

    /// Begins a run of a worker.
    pub(super) fn begin(&mut self, worker: WorkerId, now: Time) {
        let number = self.workers[worker].begin(now);
        self.outputs.push_back(Output::Start(RunId { worker, number }));
    }

    /// The answer to sockets that come while the worker pauses.
    pub(super) fn refuse_in_pause(&self, worker: WorkerId, now: Time) -> Option<Response> {
        let pause_ms = self.workers[worker].retry.since(now);
        let refusal = || unavailable("the service keeps failing", pause_ms.div_ceil(1_000));
        (pause_ms > 0).then(refusal)
    }

    /// The worker is ready: sockets that wait are admitted.
    pub(super) fn ready(&mut self, worker: WorkerId, admission: Admission, now: Time) {
        let slot = &mut self.workers[worker];
        if slot.state == RunState::Starting {
            slot.state = RunState::Running;
            slot.admission = admission;
            self.ask_nobody(worker);
            self.let_all_in(worker, now);
        }
    }

    /// A run has ended, whether the service returned, panicked or never started; its sockets are
    /// closed with 1012.
    pub fn ended(&mut self, run: RunId, end: &RunEnd, now: Time) {
        if !self.is_running(run) {
            return;
        }
        let refusal = match self.workers[run.worker].state {
            RunState::Starting => {
                Response::text(Status::INTERNAL_ERROR, "the service does not start")
            }
            RunState::Idle | RunState::Running | RunState::Finishing => {
                unavailable("the service has ended", 1)
            }
        };
        self.end_run(run.worker, end, &refusal, now);
    }

    /// A run could not start because of a shortage that may be temporary. Sockets that wait for it
    /// may try again.
    pub fn not_started(&mut self, run: RunId, end: &RunEnd, now: Time) {
        if self.is_running(run) {
            self.end_run(run.worker, end, &unavailable("the service cannot start now", 1), now);
        }
    }

    fn end_run(&mut self, worker: WorkerId, end: &RunEnd, refusal: &Response, now: Time) {
        let ending = &mut self.workers[worker];
        let is_asked_for = ending.state == RunState::Finishing;
        if end.is_failure() && !is_asked_for {
            ending.counters.failures.add(1);
        }
        let settling = ending.end(now);
        #[cfg(feature = "processes")]
        self.end_listening(worker);
        let ending = &self.workers[worker];
        let sockets_len = self.services[ending.service].sockets_len;
        if is_asked_for {
            let text = "it has ended: it was unused, and another program needs its place";
            self.subject_of(worker).log(Level::Info, format_args!("{text}"));
        } else if self.drain.is_none() {
            let pause_ms = ending.retry.since(now);
            let level = match end {
                RunEnd::Finished => Level::Info,
                // Without sockets this has no effect.
                RunEnd::Replaced(_) if sockets_len == 0 => Level::Info,
                RunEnd::Returned
                | RunEnd::Replaced(_)
                | RunEnd::Panicked(_)
                | RunEnd::Failed(_) => Level::Warn,
            };
            let text = format_args!("it has ended: {end}; next start in {pause_ms} ms");
            self.subject_of(worker).log(level, text);
        }
        let waiting = self.sockets.ids_of(&ending.waiting);
        let members = self.sockets.ids_of(&ending.members);
        for id in settling {
            self.settle(id, now);
        }
        for id in waiting {
            self.respond(id, refusal, now);
        }
        let close = Close::new(CloseCode::RESTART, "the service has ended");
        for id in members {
            self.close_member(id, &close, now);
        }
        self.start_soon(worker);
    }

    /// Ends a conversation for its service at once, and closes it for its peer.
    pub(super) fn close_member(&mut self, id: SocketId, close: &Close, now: Time) {
        self.leave(id, close.clone(), now);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.session.close(close, now);
        }
        self.schedule_write(id);
    }

    /// A conversation is over. If its service knows the socket, it gets one close.
    pub(super) fn leave(&mut self, id: SocketId, close: Close, now: Time) {
        let Some(socket) = self.sockets.get(id) else { return };
        let (Membership::Member, Some(worker)) = (socket.membership, socket.worker) else {
            return;
        };
        // The reason is for the log line alone.
        if self.logs_ends() {
            self.record_end(id, &close.to_string());
        }
        let service = self.workers[worker].service;
        self.workers[worker].counters.close(close.code);
        self.deliver(id, Inbound::Close { id, close });
        self.leave_pace(id, service, now);
        let links_len = self.leave_topics(service, id);
        let members = &mut self.workers[worker].members;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.membership = Membership::Left;
        let place = socket.place();
        if let Some(moved) = members.part(place) {
            self.sockets.set_place(moved, place);
        }
        self.count_freed(links_len * TOPIC_BYTES);
        self.read_again(id, now);
    }

    /// A socket's peer has closed. Our close frame is sent once the service has answered all that
    /// the peer had sent; at once if it already has.
    pub(super) fn settle_soon(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Some(worker) = socket.worker.map(|worker| &mut self.workers[worker]) else { return };
        // `end_later` continues with it.
        #[cfg(feature = "database")]
        if worker.later.contains(&id) {
            return;
        }
        // A socket that was closed by the end of a run is not awaited in the next run, whose mail
        // has the same numbers for other transactions.
        if socket.membership != Membership::Member || worker.mail.await_taken(id, socket.mailed) {
            self.settle(id, now);
        }
    }

    /// The service has answered all that the peer had sent.
    pub(super) fn settle(&mut self, id: SocketId, now: Time) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.session.settle_with(&mut self.buffers, now);
            self.schedule_write(id);
        }
    }

    /// The worker has taken so much of its mail. If the mail has capacity again, sockets that were
    /// held back are read first. Then sockets whose last transactions have been taken are closed,
    /// or get a new share. Sockets that wait to open are admitted while there is capacity.
    pub(super) fn take(&mut self, worker: WorkerId, messages: usize, bytes: usize, now: Time) {
        let WorkerSlot { limits, mail, .. } = &mut self.workers[worker];
        let opened = mail.take(messages, bytes, limits);
        #[cfg(feature = "processes")]
        self.tell_due_gap(worker);
        if opened {
            self.read_all_again(worker, now);
        }
        while let Some(id) = self.workers[worker].mail.next_taken() {
            // Only what came after it was taken.
            #[cfg(feature = "database")]
            if self.is_later(worker, id) {
                continue;
            }
            self.read_again(id, now);
            // It may have been read again meanwhile, and wait for a later transaction.
            let mail = &self.workers[worker].mail;
            if self.sockets.get(id).is_some_and(|socket| mail.has_taken(socket.mailed)) {
                self.settle(id, now);
            }
            self.schedule_write(id);
        }
        if opened {
            self.let_all_in(worker, now);
        }
    }

    /// Reads the sockets again that were held back because the mail was full, in the order in which
    /// they were held back. Sockets that were resumed the last time, but found the mail full before
    /// their turn, come first. So no socket has two turns before another has one. Sockets in the
    /// middle of a large message have an order of their own: one of them has a turn after so many
    /// turns of other sockets, which would otherwise wait for all these messages.
    fn read_all_again(&mut self, worker: WorkerId, now: Time) {
        let [mut due, mut small, mut due_large, mut large] = [const { Vec::new() }; 4];
        for id in std::mem::take(&mut self.workers[worker].held) {
            let Some(socket) = self.sockets.get(id) else { continue };
            match (socket.flags.has(SocketFlag::Due), socket.is_amid_large()) {
                (true, false) => due.push(id),
                (false, false) => small.push(id),
                (true, true) => due_large.push(id),
                (false, true) => large.push(id),
            }
        }
        let mut large = due_large.into_iter().chain(large);
        let mut turns = self.workers[worker].small_turns;
        for id in due.into_iter().chain(small) {
            if turns >= SMALL_FOR_LARGE {
                turns = 0;
                large.next().into_iter().for_each(|id| self.read_queued(id, now));
            }
            turns += 1;
            self.read_queued(id, now);
        }
        large.for_each(|id| self.read_queued(id, now));
    }

    fn read_queued(&mut self, id: SocketId, now: Time) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.flags.clear(SocketFlag::Queued);
            socket.flags.set(SocketFlag::Due);
            self.read_again(id, now);
            self.schedule_write(id);
        }
    }

    /// Lets the host read a socket that was held back.
    pub(super) fn read_again(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let rests = socket.membership == Membership::Member && socket.rests();
        if rests || !socket.flags.clear(SocketFlag::Held) {
            return;
        }
        socket.session.resume(now);
        log_socket(Level::Trace, id, format_args!("it is read again"));
        self.outputs.push_back(Output::Resume(id));
    }

    /// Reads a socket again that its service had paused: because the service resumes it, or because
    /// the socket is being closed and the peer's answer has to be read.
    pub(super) fn end_pause(&mut self, id: SocketId, now: Time) {
        self.end_pace(id, now);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.flags.clear(SocketFlag::Paused) || socket.awaits_token(now) {
            self.read_again(id, now);
        }
    }

    /// Admits sockets that wait, as far as the mail has capacity, if the worker is ready.
    fn let_all_in(&mut self, worker: WorkerId, now: Time) {
        if self.workers[worker].state != RunState::Running {
            return;
        }
        for id in self.sockets.ids_of(&self.workers[worker].waiting) {
            if self.workers[worker].mail.is_full() {
                return;
            }
            if self.sockets.get(id).is_some_and(|socket| socket.membership == Membership::Waiting) {
                self.let_in(id, worker, now);
            }
        }
    }
}

/// About how many bytes a topic of one socket occupies, including its name and its entries in the
/// tables.
const TOPIC_BYTES: usize = 256;
/// A large message takes about as much of the mail as the shares of this many sockets.
const SMALL_FOR_LARGE: u8 = 64;
