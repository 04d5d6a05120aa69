//! The host of a world: one turn of the loop, in the order of the true one, over simulated
//! connections whose edges are told once.

use std::collections::VecDeque;

use switchboard::hub::{Budget, Output, Reach, StationId};
use switchboard::service::SocketId;
use switchboard::session::Next;
use switchboard::time::Time;
use switchboard::{Limits, Response, Status};

use super::arrivals::{Arrival, are_one};
use super::pipe::{Read, Stream, Tidings};
use super::record::Record;
use super::service::Worker;
use super::{File, Link, World};

/// What a host keeps from turn to turn.
pub struct Host {
    reads: VecDeque<SocketId>,
    /// Those that were read in this turn and are to be read in the next.
    reads_again: Vec<SocketId>,
    budget: Budget,
    writes: VecDeque<SocketId>,
    /// Services that have sent something.
    rung: VecDeque<usize>,
    pub exits: VecDeque<(usize, u32, &'static str)>,
    files: VecDeque<(SocketId, FileOrder)>,
    backlog: VecDeque<usize>,
    pub listener: Listener,
    buffer: Vec<u8>,
    /// A clean stop was asked for.
    pub is_stopping: bool,
    /// Whether anything came about in this turn.
    pub moved: bool,
}

#[derive(Clone, Copy, Debug)]
enum FileOrder {
    Open,
    More,
}

/// What a host knows of its listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    Ready,
    /// Descriptors have run out.
    Pausing(Time),
    /// A clean stop has begun.
    Closed,
}

impl Listener {
    pub const fn deadline(self) -> Option<Time> {
        match self {
            Self::Pausing(until) => Some(until),
            Self::Ready | Self::Closed => None,
        }
    }
}

impl Host {
    pub fn new(limits: &Limits) -> Self {
        Self {
            reads: VecDeque::new(),
            reads_again: Vec::new(),
            budget: Budget::new(limits),
            writes: VecDeque::new(),
            rung: VecDeque::new(),
            exits: VecDeque::new(),
            files: VecDeque::new(),
            backlog: VecDeque::new(),
            listener: Listener::Ready,
            buffer: vec![0; limits.read_buffer_bytes],
            is_stopping: false,
            moved: false,
        }
    }

    pub fn connect(&mut self, number: usize) {
        self.backlog.push_back(number);
    }

    pub fn ring(&mut self, place: usize) {
        if !self.rung.contains(&place) {
            self.rung.push_back(place);
        }
    }

    fn read_later(&mut self, id: SocketId, stream: &mut Stream) {
        if !stream.reading {
            stream.reading = true;
            self.reads.push_back(id);
        }
    }

    fn write_later(&mut self, id: SocketId, stream: &mut Stream) {
        if !stream.writing {
            stream.writing = true;
            self.writes.push_back(id);
        }
    }
}

impl World {
    /// Whether the host would not sleep.
    pub(super) fn has_work(&self) -> bool {
        let host = &self.host;
        let is_told = |link: &Link| link.stream.is_some() && link.pipe.has_event();
        !host.reads.is_empty()
            || !host.writes.is_empty()
            || !host.rung.is_empty()
            || !host.exits.is_empty()
            || !host.files.is_empty()
            || self.disk.as_ref().is_some_and(|disk| !disk.is_idle())
            || host.is_stopping && self.drained.is_none()
            || !host.backlog.is_empty() && !matches!(host.listener, Listener::Pausing(_))
            || self.live.iter().any(|&index| is_told(&self.links[index]))
    }

    /// One turn.
    pub(super) fn turn(&mut self) {
        self.turns += 1;
        self.host.moved = self.hub.deadline().is_some_and(|deadline| deadline <= self.now);
        self.host.budget = Budget::new(&self.limits);
        self.sort_events();
        if self.host.is_stopping && self.drained.is_none() {
            self.host.listener = Listener::Closed;
            self.drained = Some(self.now);
            self.hub.drain(self.now);
        }
        self.remount();
        self.accept();
        for _ in 0..self.host.reads.len() {
            if !self.host.budget.may_read() {
                break;
            }
            let Some(id) = self.host.reads.pop_front() else { break };
            self.host.budget.visit();
            self.read(id);
        }
        self.apply_batches();
        self.apply_exits();
        self.apply_files();
        self.apply_lookups();
        self.hub.expire(self.now);
        let held = if self.calls { self.call_services() } else { VecDeque::new() };
        for _ in 0..self.host.writes.len() {
            if !self.host.budget.may_write() {
                break;
            }
            let Some(id) = self.host.writes.pop_front() else { break };
            let Some(index) = self.link_of(id) else { continue };
            if let Some(stream) = &mut self.links[index].stream {
                stream.writing = false;
            }
            self.write(id);
        }
        held.into_iter().for_each(|output| self.carry_out(output));
        while let Some(output) = self.hub.poll() {
            self.carry_out(output);
        }
        let Host { reads, reads_again, .. } = &mut self.host;
        reads.extend(reads_again.drain(..));
        self.address_the_gone();
        self.judge_turn();
    }

    /// As with services on the loop: they act between reading and writing, and what they send is
    /// applied there. Gives back what is to be done after it.
    fn call_services(&mut self) -> VecDeque<Output> {
        let mut held = VecDeque::new();
        while let Some(output) = self.hub.poll() {
            match output {
                Output::Mail(_) | Output::Start { .. } => self.carry_out(output),
                other => held.push_back(other),
            }
        }
        self.services_act();
        while !self.host.rung.is_empty() || !self.host.exits.is_empty() {
            self.host.budget = Budget::new(&self.limits);
            self.apply_batches();
            self.apply_exits();
        }
        held
    }

    fn sort_events(&mut self) {
        for at in 0..self.live.len() {
            let link = &mut self.links[self.live[at]];
            let (Some(stream), Some(record)) = (&mut link.stream, &link.record) else { continue };
            let Some((event, tidings)) = link.pipe.event() else { continue };
            self.host.moved = true;
            let id = self.hub.id_at(record.id.index());
            assert_eq!(id, Some(record.id), "whoever is in a place is the one that is meant");
            if event.writable && !stream.writable {
                stream.writable = true;
                self.host.write_later(record.id, stream);
            }
            stream.tidings = stream.tidings.max(tidings);
            if event.readable || tidings != Tidings::None {
                self.host.read_later(record.id, stream);
            }
        }
    }

    fn accept(&mut self) {
        match self.host.listener {
            Listener::Closed => {
                while let Some(index) = self.host.backlog.pop_front() {
                    self.links[index].pipe.host_drops();
                }
                return;
            }
            Listener::Pausing(until) if self.now < until => return,
            Listener::Pausing(_) | Listener::Ready => self.host.listener = Listener::Ready,
        }
        for _ in 0..self.limits.turn_accepts_max {
            let Some(index) = self.host.backlog.pop_front() else { return };
            self.host.moved = true;
            if self.fate.once_in(60) {
                self.host.backlog.push_front(index);
                self.host.listener = Listener::Pausing(self.now.after(100));
                return;
            }
            self.accept_one(index);
        }
    }

    fn accept_one(&mut self, index: usize) {
        let address = self.links[index].address;
        let is_there = |&&other: &&usize| self.links[other].stream.is_some();
        let others_len = self.live.iter().filter(is_there).count();
        let is_neighbor = |&&other: &&usize| are_one(self.links[other].address, address);
        let neighbors_len = self.live.iter().filter(is_there).filter(is_neighbor).count();
        let is_far = !address.ip().is_loopback();
        let rate = self.limits.connection_rate.filter(|_| is_far);
        let arrival =
            rate.map_or(Arrival::Allowed, |rate| self.arrivals.connect(address, rate, self.now));
        let surplus = arrival != Arrival::Allowed
            || others_len - self.surplus_len >= self.limits.sockets_max
            || is_far && neighbors_len >= self.limits.sockets_per_ip_max;
        let accepted = self.hub.accept(address, Reach::Network, self.now);
        let is_full = surplus && self.surplus_len >= Limits::REFUSALS_MAX;
        if is_full || arrival == Arrival::Dropped {
            assert_eq!(accepted, None, "there is no room even for refusals, or were too many");
            self.tally.drops += u64::from(arrival == Arrival::Dropped);
            return self.links[index].pipe.host_drops();
        }
        let id = accepted.expect("there is room");
        assert_eq!(usize::try_from(id.serial()), Ok(self.of_serial.len()), "ids are never reused");
        self.note(1, id.as_u64());
        self.of_serial.push(index);
        self.ids.push(id);
        self.tally.sockets += 1;
        if self.fate.once_in(200) {
            // The system cannot poll it.
            self.hub.remove(id, self.now);
            return self.links[index].pipe.host_drops();
        }
        self.surplus_len += usize::from(surplus);
        let link = &mut self.links[index];
        link.stream = Some(Stream::new());
        let mut record = Record::new(id, surplus, self.now);
        record.hasty = arrival == Arrival::Told;
        self.tally.hasty += u64::from(record.hasty);
        link.record = Some(record);
    }

    fn read(&mut self, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        if let Some(stream) = &mut self.links[index].stream {
            stream.reading = false;
        }
        for _ in 0..self.limits.turn_reads_max {
            let may_read = self.hub.may_read(id, self.now);
            self.note_unread(index);
            assert!(!may_read || !self.is_paused(index), "peer {index} is read while it is paused");
            let Link { pipe, peer, stream: Some(stream), record: Some(record), .. } =
                &mut self.links[index]
            else {
                return;
            };
            if !may_read {
                let tidings = stream.tidings;
                return self.hold(id, index, tidings);
            }
            record.held = false;
            record.times.left = None;
            let room = self.hub.room(id);
            let in_place = room.is_some();
            let buffer = room.unwrap_or(&mut self.host.buffer);
            let room_len = buffer.len();
            let read = if stream.ended { Read::WouldBlock } else { pipe.host_reads(buffer) };
            self.host.moved |= read != Read::WouldBlock;
            match read {
                Read::Bytes(len) => {
                    let is_last = len < room_len && stream.tidings == Tidings::None;
                    record.feed(peer, len, self.now);
                    self.host.budget.read(len);
                    if in_place {
                        self.hub.filled(id, len, self.now);
                    } else {
                        self.hub.receive(id, &mut self.host.buffer[..len], self.now);
                    }
                    self.judge_comer(index);
                    self.note_unread(index);
                    self.note(2, len as u64);
                    if is_last {
                        return;
                    }
                }
                Read::WouldBlock => return,
                Read::End => {
                    (stream.ended, record.failed) = (true, true);
                    return self.hub.end(id, self.now);
                }
                Read::Lost => {
                    (stream.ended, record.failed) = (true, true);
                    return self.hub.fail(id, "the peer reset the connection", self.now);
                }
            }
        }
        // Behind those that a full mail held back.
        if let Some(stream) = &mut self.links[index].stream
            && !std::mem::replace(&mut stream.reading, true)
        {
            self.host.reads_again.push(id);
        }
    }

    /// A socket may not be read now.
    fn hold(&mut self, id: SocketId, index: usize, tidings: Tidings) {
        self.tally.waits += u64::from(self.may_be_slowed(index));
        let Some(record) = &mut self.links[index].record else { return };
        self.tally.holds += 1;
        record.held = true;
        match tidings {
            Tidings::None => {}
            Tidings::Ending => {
                if record.times.left.is_none_or(|left| left < record.times.resumed) {
                    record.times.left = Some(self.now);
                }
                self.hub.peer_leaves(id, self.now);
            }
            Tidings::Lost => {
                record.failed = true;
                self.hub.fail(id, "the peer reset the connection", self.now);
            }
        }
    }

    fn write(&mut self, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let Some(stream) = &mut self.links[index].stream else { return };
        let has_unsent = self.hub.unsent_len(id) > 0;
        if has_unsent && (stream.writing || !self.host.budget.may_write()) {
            return self.host.write_later(id, stream);
        }
        let is_tried = has_unsent && stream.writable;
        let mut left = self.limits.turn_write_bytes_max;
        let next = loop {
            let Some(written) = self.write_once(id, index, left) else { break Next::Drop };
            let next = self.hub.wrote(id, written, self.now);
            if is_tried {
                self.host.budget.wrote(written);
            }
            left -= written;
            let unsent_len = self.hub.unsent_len(id);
            let Link { stream: Some(stream), record: Some(record), .. } = &mut self.links[index]
            else {
                return;
            };
            record.stalled = unsent_len > 0;
            if unsent_len == 0 || !stream.writable {
                break next;
            }
            if left == 0 {
                self.host.write_later(id, stream);
                break next;
            }
        };
        let Link { stream: Some(stream), pipe, .. } = &mut self.links[index] else { return };
        match next {
            Next::Keep => {}
            Next::EndWriting if stream.shut => {}
            Next::EndWriting => {
                stream.shut = true;
                pipe.host_ends();
            }
            Next::Drop => self.drop_link(id, index),
        }
    }

    /// Writes once; gives back how much has left, or nothing if the connection is lost.
    fn write_once(&mut self, id: SocketId, index: usize, left: usize) -> Option<usize> {
        let mut bytes = Vec::new();
        for chunk in self.hub.unsent(id).take(CHUNKS_MAX) {
            bytes.extend_from_slice(&chunk[..chunk.len().min(left - bytes.len())]);
        }
        let is_short = self.fate.once_in(30);
        let Link { pipe, peer, stream: Some(stream), record: Some(record), .. } =
            &mut self.links[index]
        else {
            return None;
        };
        if !stream.writable || bytes.is_empty() {
            return Some(0);
        }
        let len = if is_short { bytes.len() / 2 } else { bytes.len() };
        let Some(written) = pipe.host_writes(len) else {
            record.failed = true;
            // To drop it is enough; the true host tells why.
            if self.turns.is_multiple_of(2) {
                self.hub.fail(id, "the peer has closed the connection", self.now);
            }
            return None;
        };
        stream.writable = written == bytes.len();
        if is_short && written == len {
            pipe.has_room_again();
        }
        if written > 0 {
            self.host.moved = true;
            if record.stalled {
                record.times.life = self.now;
            }
            record.pay(written, self.now);
            record.look_ahead(self.hub.unsent(id));
            record.saw_unsent(self.hub.unsent_len(id), &self.limits);
            let messages = record.carry(peer, &bytes[..written], self.now);
            if messages > 0 {
                record.answered_turn = self.turns;
                self.tally.messages += messages as u64;
            }
            self.note_bytes(&bytes[..written]);
        }
        Some(written)
    }

    fn drop_link(&mut self, id: SocketId, index: usize) {
        self.judge_drop(index);
        self.note(3, id.as_u64());
        self.host.moved = true;
        let link = &mut self.links[index];
        link.pipe.host_drops();
        link.stream = None;
        self.surplus_len -= usize::from(link.record.as_ref().is_some_and(|record| record.surplus));
        self.hub.remove(id, self.now);
    }

    fn apply_batches(&mut self) {
        for _ in 0..self.host.rung.len() {
            if self.host.budget.deliveries() == 0 {
                return;
            }
            let Some(place) = self.host.rung.pop_front() else { return };
            self.apply_relics(place);
            let share = self.host.budget.deliveries();
            let mut left = share;
            for _ in 0..self.limits.turn_batches_max {
                let Some(worker) = &mut self.places[place].worker else { break };
                if worker.batch.len() == 0 {
                    worker.batch = worker.queue.pop_front().unwrap_or_default().into_iter();
                }
                if left == 0 || worker.batch.len() == 0 {
                    break;
                }
                self.host.moved = true;
                while left > 0 {
                    let Some(worker) = &mut self.places[place].worker else { break };
                    let (run, Some(order)) = (worker.run, worker.batch.next()) else { break };
                    left = self.apply(place, run, &order, left);
                }
            }
            self.host.budget.delivered(share - left);
            if self.places[place].worker.as_ref().is_some_and(Worker::has_more) {
                self.host.ring(place);
            }
        }
    }

    fn apply_exits(&mut self) {
        for _ in 0..self.host.exits.len() {
            let Some((place, run, how)) = self.host.exits.pop_front() else { return };
            self.host.moved = true;
            if self.places[place].worker.as_ref().is_some_and(Worker::has_more) {
                self.host.exits.push_back((place, run, how));
                continue;
            }
            self.end_service(place, run, how);
        }
    }

    fn apply_files(&mut self) {
        for _ in 0..self.host.files.len() {
            let Some((id, order)) = self.host.files.pop_front() else { return };
            self.host.moved = true;
            // A disk may be slow.
            if self.fate.once_in(3) {
                self.host.files.push_back((id, order));
                continue;
            }
            if matches!(order, FileOrder::Open) {
                self.hub.fetched();
            }
            let Some(index) = self.link_of(id) else { continue };
            let parts = self.links[index].file;
            match (order, parts) {
                (FileOrder::Open, _) if self.fate.once_in(3) => {
                    let response = Response::text(Status::NOT_FOUND, "no such file");
                    self.hub.respond(id, &response, self.now);
                }
                (FileOrder::Open, _) => {
                    self.hub.respond_head(id, &Response::empty(Status::OK), self.now);
                }
                (FileOrder::More, Some(File::Parts(left))) => {
                    let body = if left == 0 { Vec::new() } else { vec![b'f'; 700] };
                    let rest = left.checked_sub(1).map_or(File::Ended, File::Parts);
                    self.links[index].file = Some(rest);
                    self.hub.respond_body(id, body, self.now);
                }
                (FileOrder::More, Some(File::Ended)) => panic!("a file has ended"),
                (FileOrder::More, None) => panic!("a file was not asked for"),
            }
        }
    }

    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Write(id) => self.write(id),
            Output::Measure(id) => self.hub.measured(id, 0, self.now),
            Output::Mail(station) => {
                let (run, mail) = self.hub.take_mail(station);
                let place = self.place_of(station);
                self.hear(place, run, &mail);
                if let Some(worker) = &mut self.places[place].worker {
                    worker.deliver(run, mail);
                }
            }
            Output::Resume(id) => {
                let Some(index) = self.link_of(id) else { return };
                let Link { stream: Some(stream), record: Some(record), .. } =
                    &mut self.links[index]
                else {
                    return;
                };
                record.held = false;
                record.times.resumed = self.now;
                self.host.read_later(id, stream);
            }
            Output::Start { station, run } => self.start(station, run),
            Output::Stop(station) => {
                let place = self.place_of(station);
                if let Some(worker) = &mut self.places[place].worker {
                    worker.finish();
                }
            }
            Output::Fetch(fetch) => {
                let id = fetch.id;
                self.host.files.push_back((id, FileOrder::Open));
                // It may have gone in this turn, after it was asked for.
                let index = self.link_of_mail(id);
                assert!(self.links[index].file.is_none(), "a request is one file");
                self.links[index].file = Some(File::Parts(self.fate.below(9)));
            }
            Output::Lookup(lookup) => self.look_up(lookup.id, lookup.path),
            Output::FetchMore(id) => self.host.files.push_back((id, FileOrder::More)),
            Output::FetchEnd(id) => {
                let index = self.link_of_mail(id);
                let file = self.links[index].file.take();
                assert!(file.is_some(), "a file ends once, and only if it was asked for");
            }
        }
    }

    fn start(&mut self, station: StationId, run: u32) {
        let asleep = self.fate.pick(&[0, 1, 20, 200]);
        self.note(4, u64::from(run));
        let index = self.place_of(station);
        self.judge_start(index);
        let place = &mut self.places[index];
        assert!(place.worker.is_none(), "a service runs once at a time");
        assert_eq!(run, place.run + 1, "runs are numbered");
        (place.run, place.started, place.must_start) = (run, self.now, false);
        self.tally.restarts += u64::from(run > 1);
        let asleep = if index == 0 { 0 } else { asleep };
        let ready_by = self.now.after(self.limits.admission_ms_max);
        place.worker = Some(Worker::new(run, asleep, ready_by));
        if index > 0 && self.fate.once_in(30) {
            self.end_service(index, run, "there is no thread for it");
        }
    }
}

/// The most chunks in one write.
const CHUNKS_MAX: usize = 64;
