//! The parts of a turn: what the host does for peers, for services, and for the hub.

use std::io::IoSlice;
use std::thread;

use crate::host::files::{Files, Order, Reply};
use crate::host::stream::{Progress, Stream, Tidings};
use crate::host::turn::Host;
use crate::host::worker::{self, Factory, Life, Plan, Worker};
use crate::hub::{About, Output, StationId};
use crate::service::{Outbound, SocketId};
use crate::session::Next;
use crate::time::Time;

impl Host {
    /// Reads all sockets that are to be read, each its share of this turn, as long as the turn
    /// has time for it. The others come first in the next.
    pub(super) fn read_all(&mut self, now: Time) {
        for _ in 0..self.reads.len() {
            if !self.budget.may_read() {
                return;
            }
            let Some(id) = self.reads.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(id) else { continue };
            stream.clear_reading();
            self.budget.visit();
            self.read(id, now);
        }
    }

    /// Reads a socket until it is drained, or has had its share.
    fn read(&mut self, id: SocketId, now: Time) {
        for _ in 0..self.limits.turn_reads_max {
            let Some(stream) = self.streams.get_mut(id) else { return };
            if !self.hub.may_read(id, now) {
                match stream.tidings() {
                    Tidings::None => {}
                    Tidings::Ending => self.hub.peer_leaves(id, now),
                    Tidings::Lost => self.hub.fail(id, "the peer reset the connection", now),
                }
                return;
            }
            let (progress, in_place) = match self.hub.room(id) {
                Some(room) => (stream.read(room), true),
                None => (stream.read(&mut self.buffer), false),
            };
            let (len, drained) = match progress {
                Progress::More(len) => (len, false),
                Progress::Drained(0) => return,
                Progress::Drained(len) => (len, true),
                Progress::End => return self.hub.end(id, now),
                Progress::Lost(reason) => return self.hub.fail(id, reason, now),
            };
            self.budget.read(len);
            if in_place {
                self.hub.filled(id, len, now);
            } else {
                self.hub.receive(id, &mut self.buffer[..len], now);
            }
            if drained {
                return;
            }
        }
        // Not before those that a full mail held back, or they would never have their turn.
        if self.streams.get_mut(id).is_some_and(Stream::set_reading) {
            self.reads_again.push(id);
        }
    }

    /// Reads a socket in the next turn, though no event may come.
    fn read_later(&mut self, id: SocketId) {
        if self.streams.get_mut(id).is_some_and(Stream::set_reading) {
            self.reads.push_back(id);
        }
    }

    /// Writes to a socket in the next turn, though no event may come.
    fn write_later(&mut self, id: SocketId) {
        if self.streams.get_mut(id).is_some_and(Stream::set_writing) {
            self.writes.push_back(id);
        }
    }

    /// Writes what is unsent for a socket, up to its share of this turn, and does with the
    /// connection what comes after it. If the socket has had its share, or the turn has no time to
    /// write, the next one does.
    fn write(&mut self, id: SocketId, now: Time) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let has_unsent = self.hub.unsent_len(id) > 0;
        if has_unsent && (stream.is_writing() || !self.budget.may_write()) {
            return self.write_later(id);
        }
        let is_tried = has_unsent && stream.is_writable();
        let mut left = self.limits.turn_write_bytes_max;
        let next = loop {
            let Some(stream) = self.streams.get_mut(id) else { return };
            let written = match self.hub.unsent_alone(id) {
                Some(bytes) => stream.write(&bytes[..bytes.len().min(left)]),
                None => write_chunks(stream, self.hub.unsent(id), left),
            };
            let written = match written {
                Ok(written) => written,
                Err(reason) => {
                    self.hub.fail(id, reason, now);
                    break Next::Drop;
                }
            };
            if is_tried {
                self.budget.wrote(written);
            }
            let writable = stream.is_writable();
            let next = self.hub.wrote(id, written, now);
            left = left.saturating_sub(written);
            if self.hub.unsent_len(id) == 0 || !writable {
                break next;
            }
            if left == 0 {
                self.write_later(id);
                break next;
            }
        };
        match next {
            Next::Keep => {}
            Next::EndWriting => {
                if let Some(stream) = self.streams.get_mut(id) {
                    stream.end_writing();
                }
            }
            Next::Drop => {
                if self.hub.is_late(id)
                    && let Some(stream) = self.streams.get_mut(id)
                {
                    stream.abandon();
                }
                self.streams.close(id);
                self.hub.remove(id, now);
            }
        }
    }

    /// Applies what services have sent, of each as much as one turn allows. Services for which it
    /// has no time come first in the next.
    pub(super) fn apply_batches(&mut self, now: Time) {
        for _ in 0..self.tower.len() {
            if self.budget.deliveries() == 0 {
                return;
            }
            let Some(station) = self.tower.next() else { return };
            let Some(Some(worker)) = self.workers.get_mut(station.index()) else { continue };
            worker.rung().clear();
            // It has had its share of this turn.
            if self.cut_short.contains(&station) {
                continue;
            }
            let share = self.budget.deliveries();
            let mut left = share;
            for _ in 0..self.limits.turn_batches_max {
                if left == 0 || !worker.begin_batch() {
                    break;
                }
                let run = worker.run();
                left = self.hub.apply(station, run, &mut worker.transactions(), left, now);
            }
            self.budget.delivered(share - left);
            if worker.has_more() {
                self.cut_short.push(station);
            }
        }
    }

    /// Lets services answer that got mail in this turn, if there is nothing to do but to wait for
    /// them: where they share this CPU, neither side has to be woken then. Where they do not, or
    /// nobody else wants to run, it is over at once.
    pub(super) fn give_way(&mut self) {
        if std::mem::take(&mut self.mailed) && !self.has_work() {
            thread::yield_now();
        }
    }

    /// Puts services back in line that have sent more than one turn takes.
    pub(super) fn apply_later(&mut self) {
        for station in self.cut_short.drain(..) {
            if let Some(Some(worker)) = self.workers.get(station.index()) {
                self.tower.again(station, worker.rung());
            }
        }
    }

    /// Takes up the ends of services, each after all that the service had sent.
    pub(super) fn apply_exits(&mut self, now: Time) {
        for _ in 0..self.exits.len() {
            let Ok(exit) = self.exits.try_recv() else { return };
            let place = &mut self.workers[exit.station.index()];
            if place.as_ref().is_some_and(Worker::has_more) {
                // This end of the channel is held here, so that it cannot fail.
                let _ = self.exit_sender.try_send(exit);
                continue;
            }
            let Some(worker) = place.take() else { continue };
            self.hub.ended(exit.station, exit.run, &exit.how, now);
            // Not waited for here: what a service keeps for its thread may be slow to drop.
            self.leaving.retain(|thread| !thread.is_finished());
            self.leaving.push(worker.into_thread());
        }
    }

    /// Takes up what was read from files.
    pub(super) fn apply_files(&mut self, now: Time) {
        while let Some((id, reply)) = self.files.as_ref().and_then(Files::take) {
            if !matches!(reply, Reply::Body(_)) {
                self.hub.fetched();
            }
            match reply {
                Reply::Response(response) => self.hub.respond(id, &response, now),
                Reply::Head(response) => self.hub.respond_head(id, &response, now),
                Reply::Body(body) => self.hub.respond_body(id, body, now),
            }
        }
    }

    /// Goes on with the writes that were left from the last turn.
    pub(super) fn write_on(&mut self, now: Time) {
        for _ in 0..self.writes.len() {
            if !self.budget.may_write() {
                return;
            }
            let Some(id) = self.writes.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(id) else { continue };
            stream.clear_writing();
            self.write(id, now);
        }
    }

    /// Does all that the hub wants.
    pub(super) fn carry_out(&mut self, now: Time) {
        while let Some(output) = self.locals.held.pop_front().or_else(|| self.hub.poll()) {
            self.carry_out_one(output, now);
        }
    }

    /// Does one thing that the hub wants.
    fn carry_out_one(&mut self, output: Output, now: Time) {
        match output {
            Output::Write(id) => self.write(id, now),
            Output::Measure(id) => {
                let queued = self.streams.get_mut(id).map_or(0, |stream| stream.queued_len());
                self.hub.measured(id, queued, now);
            }
            Output::Mail(station) if self.locals.has(station) => self.locals.call_soon(station),
            Output::Mail(station) => match &mut self.workers[station.index()] {
                Some(worker) => {
                    worker.deliver(station, &mut self.hub);
                    self.mailed = true;
                }
                None => drop(self.hub.take_mail(station)),
            },
            Output::Resume(id) => self.read_later(id),
            Output::Start { station, run } => self.start(station, run, now),
            Output::Stop(station) if self.locals.has(station) => self.locals.finish(station),
            Output::Stop(station) => {
                if let Some(worker) = &mut self.workers[station.index()] {
                    worker.finish();
                }
            }
            Output::Lookup(lookup) => self.look_up(*lookup, now),
            Output::Fetch(fetch) => self.order(Order::Open(fetch)),
            Output::FetchMore(id) => self.order(Order::More(id)),
            Output::FetchEnd(id) => self.order(Order::Close(id)),
        }
    }

    pub(super) fn start(&mut self, station: StationId, run: u32, now: Time) {
        let path = self.hub.path(station);
        About::service(path).log(log::Level::Info, format_args!("it starts"));
        let limits = *self.hub.limits(station);
        let life: Life = match &self.factories[station.index()] {
            Factory::Own(factory) => {
                let factory = factory.clone();
                Box::new(move |line| worker::live(&factory, line))
            }
            #[cfg(feature = "programs")]
            Factory::Program(program) => {
                let program = program.clone();
                Box::new(move |line| program.live(line, &limits))
            }
            Factory::Loop(factory) => {
                let factory = factory.clone();
                return self.start_local(station, run, &factory, now);
            }
        };
        let plan =
            Plan { station, run, path, limits: &limits, life, exits: self.exit_sender.clone() };
        match Worker::start(plan, &self.tower) {
            Ok(worker) => self.workers[station.index()] = Some(worker),
            Err(error) => {
                let how = format!(
                    "there is no thread for it: {error}; ulimit -u, the pids of the container or \
                     unit, and kernel.threads-max limit them"
                );
                // Clients that wait get a 503 with Retry-After.
                self.hub.apply_one(station, run, Outbound::Lapse { pause_ms: 1_000 }, now);
                self.hub.ended(station, run, &how, now);
            }
        }
    }

    /// Orders something of the thread of files, if there is one.
    pub(super) fn order(&self, order: Order) {
        if let Some(files) = &self.files {
            files.order(order);
        }
    }
}

/// Writes chunks to a connection, all together and up to `room` bytes.
fn write_chunks<'a>(
    stream: &mut Stream,
    unsent: impl Iterator<Item = &'a [u8]>,
    mut room: usize,
) -> Result<usize, &'static str> {
    let mut chunks = [IoSlice::new(&[]); CHUNKS_MAX];
    let mut len = 0;
    for (slot, chunk) in chunks.iter_mut().zip(unsent) {
        *slot = IoSlice::new(&chunk[..chunk.len().min(room)]);
        room -= slot.len();
        len += 1;
    }
    stream.write_vectored(&chunks[..len])
}

/// The most chunks in one write.
const CHUNKS_MAX: usize = 16;
