//! The parts of a turn: what the host does for peers, for services, and for the hub.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::host::files::{Order, Reply};
use crate::host::stream::Progress;
use crate::host::turn::{Host, Turn};
use crate::host::worker::{Plan, Worker};
use crate::hub::{Output, StationId};
use crate::service::SocketId;
use crate::session::Next;
use crate::time::Time;

impl Host {
    /// Reads a socket until it is drained, or has had its share of this turn.
    pub(super) fn read(&mut self, id: SocketId, now: Time) {
        for _ in 0..self.limits.turn_reads_max {
            let Some(Some(stream)) = self.streams.get_mut(id.index()) else { return };
            if !self.hub.may_read(id) {
                return;
            }
            match stream.read(&mut self.buffer) {
                Progress::More(len) => self.hub.receive(id, &mut self.buffer[..len], now),
                Progress::Drained(0) => return,
                Progress::Drained(len) => {
                    return self.hub.receive(id, &mut self.buffer[..len], now);
                }
                Progress::End => return self.hub.end(id, now),
                Progress::Lost(reason) => return self.hub.fail(id, reason, now),
            }
        }
        self.reads.push_back(id);
    }

    /// Writes what is unsent for a socket, up to its share of this turn, and does with the
    /// connection what comes after it.
    pub(super) fn write(&mut self, id: SocketId, now: Time) {
        // Whoever was to be written last turn may have gone, and another be in its place.
        if self.hub.id_at(id.index()) != Some(id) {
            return;
        }
        let mut left = self.limits.turn_write_bytes_max;
        let next = loop {
            let Some(Some(stream)) = self.streams.get_mut(id.index()) else { return };
            let mut chunks = [IoSlice::new(&[]); CHUNKS_MAX];
            let mut len = 0;
            for (slot, chunk) in chunks.iter_mut().zip(self.hub.unsent(id)) {
                *slot = IoSlice::new(chunk);
                len += 1;
            }
            let written = match stream.write(&chunks[..len]) {
                Ok(written) => written,
                Err(reason) => {
                    self.hub.fail(id, reason, now);
                    break Next::Drop;
                }
            };
            let writable = stream.is_writable();
            let next = self.hub.wrote(id, written, now);
            left = left.saturating_sub(written);
            if self.hub.unsent_len(id) == 0 || !writable {
                break next;
            }
            if left == 0 {
                self.writes.push_back(id);
                break next;
            }
        };
        match next {
            Next::Keep => {}
            Next::EndWriting => {
                if let Some(Some(stream)) = self.streams.get_mut(id.index()) {
                    stream.end_writing();
                }
            }
            Next::Drop => {
                // Closing the descriptor takes it out of the poll.
                self.streams[id.index()] = None;
                self.hub.remove(id, now);
            }
        }
    }

    /// Applies what services, and the thread of files, have sent.
    pub(super) fn apply(&mut self, now: Time) {
        for _ in 0..self.tower.len() {
            let Some(station) = self.tower.next() else { break };
            let Some(Some(worker)) = self.workers.get(station.index()) else { continue };
            worker.rung().clear();
            for _ in 0..self.limits.turn_batches_max {
                let Some(batch) = worker.take() else { break };
                self.hub.apply(station, worker.run(), batch, now);
            }
            if worker.has_more() {
                self.tower.again(station, worker.rung());
            }
        }
        while let Ok(exit) = self.exits.1.try_recv() {
            let Some(worker) = self.workers[exit.station.index()].take() else { continue };
            // The last batches were sent before the exit.
            while let Some(batch) = worker.take() {
                self.hub.apply(exit.station, exit.run, batch, now);
            }
            self.hub.ended(exit.station, exit.run, &exit.how, now);
            worker.join();
        }
        while let Some((id, reply)) = self.files.as_ref().and_then(|files| files.take()) {
            match reply {
                Reply::Response(response) => self.hub.respond(id, &response, now),
                Reply::Head(head) => self.hub.respond_head(id, head, now),
                Reply::Body(body) => self.hub.respond_body(id, body, now),
            }
        }
    }

    /// Does one thing that the hub wants.
    pub(super) fn carry_out(&mut self, output: Output, now: Time) {
        match output {
            Output::Write(id) => self.write(id, now),
            Output::Mail(station) => {
                let (run, batch) = self.hub.take_mail(station);
                if let Some(worker) = &self.workers[station.index()] {
                    worker.deliver(run, batch);
                }
            }
            Output::Resume(id) => self.reads.push_back(id),
            Output::Start { station, run } => self.start(station, run, now),
            Output::Stop(station) => {
                if let Some(worker) = &mut self.workers[station.index()] {
                    worker.finish();
                }
            }
            Output::Fetch { id, path, if_none_match } => {
                self.order(Order::Open { id, path, if_none_match });
            }
            Output::FetchMore(id) => self.order(Order::More(id)),
            Output::FetchEnd(id) => self.order(Order::Close(id)),
        }
    }

    /// Heeds the stops that were asked for: the first begins a clean stop.
    pub(super) fn heed_stops(&mut self, now: Time) {
        let requests = self.stopper.requests();
        if self.stops_seen == 0 && requests > 0 {
            log::info!("stopping: {} sockets are closed", self.hub.sockets_len());
            // From here on the port is free for a successor.
            self.listeners.clear();
            self.hub.drain(now);
        }
        self.stops_seen = requests;
    }

    /// Whether there is another turn. Once the last socket has gone services are told to
    /// finish, and once they have, or take too long, there is none.
    pub(super) fn progress(&mut self, now: Time) -> Turn {
        if self.stops_seen > 1 {
            log::warn!("stopped at once: {} sockets are dropped", self.hub.sockets_len());
            return Turn::Last;
        }
        if !self.hub.is_drained() {
            return Turn::Another;
        }
        if self.stop_end.is_none() {
            self.stop_end = Some(now.after(self.limits.drain_ms_max));
            self.hub.stop_services();
            while let Some(output) = self.hub.poll() {
                self.carry_out(output, now);
            }
        }
        let running = self.workers.iter().flatten().count();
        if running == 0 {
            return Turn::Last;
        }
        if self.stop_end.is_some_and(|end| now >= end) {
            log::warn!("{running} services do not finish and are left behind");
            return Turn::Last;
        }
        Turn::Another
    }

    fn start(&mut self, station: StationId, run: u32, now: Time) {
        let path = self.hub.path(station);
        log::info!("service {path} starts");
        let plan = Plan {
            station,
            run,
            path,
            limits: self.hub.limits(station),
            factory: self.factories[station.index()].clone(),
            exits: self.exits.0.clone(),
        };
        match Worker::start(plan, &self.tower) {
            Ok(worker) => self.workers[station.index()] = Some(worker),
            Err(error) => {
                let how = format!("there is no thread for it: {error}");
                self.hub.ended(station, run, &how, now);
            }
        }
    }

    fn order(&self, order: Order) {
        if let Some(files) = &self.files {
            files.order(order);
        }
    }
}

impl Drop for Host {
    /// What is left when a host stops: services are told to finish, sockets are dropped.
    fn drop(&mut self) {
        self.streams = Vec::new();
        self.reads = VecDeque::new();
        for worker in self.workers.iter_mut().flatten() {
            worker.finish();
        }
    }
}

/// The most chunks in one write.
const CHUNKS_MAX: usize = 64;
