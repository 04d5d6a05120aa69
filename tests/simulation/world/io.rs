//! The world around the engine: simulated connections, whose events come once, a disk, and
//! services. The engine itself has the order of a turn.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use switchboard::engine::{
    Arrival, CallResult, CloseMode, Connections, FileOrder, FilePart, HostEvent, Io, NotStarted,
    ReadResult, RunExit, Services, TurnStep,
};
use switchboard::hub::{Hub, ListenerTraits, LookupJob, Reach, RunEnd, RunId, WorkerId};
use switchboard::service::SocketId;
use switchboard::time::Time;
use switchboard::ws::Transport;
use switchboard::{Response, Status};

use super::arrivals::Rate;
use super::notes::Arriving;
use super::pipe::{self, Stream};
use super::record::Record;
use super::service::Worker;
use super::{File, Link, World};

/// What is on its way to the engine.
pub struct Inbox {
    /// Services that have sent something, by place.
    senders: VecDeque<usize>,
    /// Services on the loop whose intervals have passed.
    pub ticks: VecDeque<WorkerId>,
    events: VecDeque<HostEvent<Notice>>,
    pub files: VecDeque<(SocketId, Wanted)>,
    pub backlog: VecDeque<usize>,
    /// A connection that has come, as long as the hub has not decided on it.
    pub arriving: Option<Arriving>,
    pub listener: Listener,
    /// Runs of services that have ended in this turn, by place.
    pub ended: Vec<(usize, u32)>,
    /// Whether anything came about in this turn.
    pub moved: bool,
    delivered: bool,
}

/// What the engine leaves to the world.
#[derive(Debug)]
pub enum Notice {
    /// The disk has found something.
    Lookups,
    /// Something comes from another host.
    #[cfg(feature = "processes")]
    Coming(super::broker::Coming),
}

/// What is read of a file.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    Head,
    Part,
}

/// A listening socket.
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

impl Inbox {
    pub const fn new() -> Self {
        Self {
            senders: VecDeque::new(),
            ticks: VecDeque::new(),
            events: VecDeque::new(),
            files: VecDeque::new(),
            backlog: VecDeque::new(),
            arriving: None,
            listener: Listener::Ready,
            ended: Vec::new(),
            moved: false,
            delivered: false,
        }
    }

    /// A service has sent something.
    pub fn add_sender(&mut self, place: usize) {
        if !self.senders.contains(&place) {
            self.senders.push_back(place);
        }
    }

    pub fn tell(&mut self, event: HostEvent<Notice>) {
        self.events.push_back(event);
    }
}

impl World {
    /// Files and programs are found on a slow disk, some of them for this turn.
    pub(super) fn look_at_disk(&mut self) {
        if self.disk.as_ref().is_some_and(|disk| !disk.is_idle()) {
            self.inbox.tell(HostEvent::Notice(Notice::Lookups));
        }
        for _ in 0..self.inbox.files.len() {
            let Some((id, order)) = self.inbox.files.pop_front() else { return };
            self.inbox.moved = true;
            if self.chooser.once_in(3) {
                self.inbox.files.push_back((id, order));
                continue;
            }
            let link = self.link_of(id).map(|index| &mut self.links[index]);
            let part = match (order, link.map(|link| &mut link.file)) {
                (Wanted::Head, _) if self.chooser.once_in(3) => {
                    FilePart::Response(Response::text(Status::NOT_FOUND, "no such file"))
                }
                (Wanted::Head, _) => FilePart::Head(Response::empty(Status::OK)),
                (Wanted::Part, None) => continue,
                (Wanted::Part, Some(file)) => {
                    let Some(File::Parts(left)) = *file else {
                        panic!("no file goes on: {file:?}")
                    };
                    *file = Some(left.checked_sub(1).map_or(File::Ended, File::Parts));
                    FilePart::Body(if left == 0 { Vec::new() } else { vec![b'f'; 700] })
                }
            };
            self.inbox.tell(HostEvent::File(id, part));
        }
    }

    /// The system takes as many of these bytes as it likes.
    fn write_bytes(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, &'static str> {
        let index = self.link_of(id).expect("only sockets with connections are written to");
        let is_short = self.chooser.once_in(30);
        let Link { pipe, stream: Some(stream), record: Some(record), .. } = &mut self.links[index]
        else {
            panic!("a socket has a stream and a record")
        };
        assert!(stream.writable, "peer {index} is written to before it is writable again");
        assert!(!bytes.is_empty(), "a write of nothing costs a system call");
        assert!(!stream.shut, "peer {index} is written to after its end");
        let len = if is_short { bytes.len() / 2 } else { bytes.len() };
        let Some(written) = pipe.host_writes(len) else {
            (record.failed, record.refuses) = (true, true);
            return Err("the peer has closed the connection");
        };
        stream.writable = written == bytes.len();
        if is_short && written == len {
            pipe.has_room_again();
        }
        self.carry(index, &bytes[..written]);
        Ok(written)
    }

    /// These bytes have left, and the hub knows.
    pub(super) fn carry(&mut self, index: usize, bytes: &[u8]) {
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        if bytes.is_empty() {
            return;
        }
        self.inbox.moved = true;
        if record.stalled {
            record.times.life = self.now;
        }
        record.pay(bytes.len(), &self.limits, self.now);
        let before = record.pact.inflated;
        let messages = record.carry(peer, bytes, self.now);
        self.tally.deflated += record.pact.inflated - before;
        if messages > 0 {
            record.answered_turn = self.turns;
            self.tally.messages += messages as u64;
        }
        self.note_bytes(bytes);
    }

    /// A connection for the engine.
    fn arrival(&mut self, index: usize, transport: Transport) -> Arrival<usize> {
        self.inbox.arriving = Some(self.check_arrival(index));
        let peer = self.links[index].address;
        let listener = ListenerTraits { transport, ..ListenerTraits::plain(Reach::Network) };
        Arrival { connection: index, peer: Some(peer), listener }
    }

    /// A service acts, as far as it has something to act on, and its batches are sent.
    pub(super) fn service_acts(&mut self, place: usize) {
        let is_on_loop = self.places[place].is_on_loop;
        let Some((has_sent, ended)) = self.act(place) else { return };
        if is_on_loop {
            return;
        }
        if has_sent {
            self.inbox.add_sender(place);
        }
        let Some((run, how)) = ended else { return };
        if let Some(run) = self.places[place].run_id(run) {
            self.inbox.tell(HostEvent::Ended(RunExit { run, end: RunEnd::Failed(how.to_owned()) }));
        }
    }

    /// A service gets its mail.
    fn take_mail(&mut self, worker: WorkerId, hub: &mut Hub) {
        let (run, mail) = hub.take_mail(worker);
        let place = self.place_of(worker);
        self.hear(hub, place, run.number, &mail);
        if let Some(worker) = &mut self.places[place].worker {
            worker.deliver(run.number, mail);
        }
    }

    /// A run of a service begins.
    fn start_service(&mut self, index: usize, run: u32) {
        let asleep = self.chooser.pick(&[0, 1, 20, 200]);
        self.note(4, u64::from(run));
        self.check_start(index);
        let place = &mut self.places[index];
        assert!(place.worker.is_none(), "a service runs once at a time");
        assert_eq!(run, place.run + 1, "runs are numbered");
        (place.run, place.started, place.must_start) = (run, self.now, false);
        self.tally.restarts += u64::from(run > 1);
        let asleep = if index == 0 { 0 } else { asleep };
        let ready_by = self.now.after(self.limits.admission_ms_max);
        #[cfg(feature = "processes")]
        self.sharing.begin_run(index);
        let desk = self.jobs.desk((index, run), place.is_on_loop);
        place.worker = Some(Worker::new(run, asleep, ready_by, desk));
    }

    /// What has to hold of the services that have ended in this turn.
    pub(super) fn check_ended(&mut self, hub: &mut Hub) {
        for (place, run) in std::mem::take(&mut self.inbox.ended) {
            let Some(ended) = self.places[place].run_id(run) else { continue };
            // A second end of the same run is none.
            hub.ended(ended, &RunEnd::Returned, self.now);
            let stale = std::mem::take(&mut self.places[place].stale);
            for (run, order) in stale.iter().filter(|old| old.0 <= run) {
                self.apply_stale_order(hub, place, *run, order);
            }
            self.places[place].stale = stale;
        }
        self.settle_arrival();
    }
}

/// The index of the listener whose connections begin with a handshake, if there is one.
const SECURE_LISTENER: usize = 1;

impl Io for World {
    type Notice = Notice;

    fn next_event(&mut self) -> Option<HostEvent<Notice>> {
        self.inbox.moved = true;
        self.inbox.events.pop_front()
    }

    fn events_len(&self) -> usize {
        self.inbox.events.len()
    }

    fn apply_notice(&mut self, notice: Notice, hub: &mut Hub, _: Time) {
        match notice {
            Notice::Lookups => self.apply_lookups(hub),
            #[cfg(feature = "processes")]
            Notice::Coming(coming) => self.apply_coming(hub, &coming),
        }
    }

    fn look_up(&mut self, lookup: LookupJob) {
        self.begin_lookup(lookup.id, lookup.path);
    }

    fn order_file(&mut self, order: FileOrder) {
        match order {
            FileOrder::Open(fetch) => {
                self.inbox.files.push_back((fetch.id, Wanted::Head));
                // It may have gone in this turn, after it was asked for.
                let index = self.link_of_mail(fetch.id);
                assert!(self.links[index].file.is_none(), "a request is one file");
                self.links[index].file = Some(File::Parts(self.chooser.below(9)));
            }
            FileOrder::More(id) => self.inbox.files.push_back((id, Wanted::Part)),
            FileOrder::Close(id) => {
                let index = self.link_of_mail(id);
                let file = self.links[index].file.take();
                assert!(file.is_some(), "a file ends once, and only if it was asked for");
            }
        }
    }

    fn observe(&mut self, moment: TurnStep, hub: &Hub, _: Time) {
        self.note_moment(moment, hub);
    }
}

impl Connections for World {
    type Connection = usize;

    fn listeners_len(&self) -> usize {
        match self.inbox.listener {
            Listener::Closed => 0,
            Listener::Ready | Listener::Pausing(_) => 1 + usize::from(self.layer.has_listener()),
        }
    }

    fn is_secure_listener(&self, listener: usize) -> bool {
        listener == SECURE_LISTENER
    }

    fn is_sealed(&self, id: SocketId) -> bool {
        self.layer.has(id)
    }

    fn accept(&mut self, listener: usize, now: Time) -> Option<Arrival<usize>> {
        self.settle_arrival();
        if listener == SECURE_LISTENER {
            assert!(!self.has_all_handshakes(), "more handshakes than may be");
            let index = self.layer.next_arrival()?;
            self.inbox.moved = true;
            return Some(self.arrival(index, Transport::Secure));
        }
        if matches!(self.inbox.listener, Listener::Pausing(until) if now < until) {
            return None;
        }
        self.inbox.listener = Listener::Ready;
        let index = self.inbox.backlog.pop_front()?;
        self.inbox.moved = true;
        if self.chooser.once_in(60) {
            self.inbox.backlog.push_front(index);
            self.inbox.listener = Listener::Pausing(now.after(100));
            return None;
        }
        Some(self.arrival(index, Transport::Unknown))
    }

    fn insert(&mut self, id: SocketId, index: usize) -> io::Result<()> {
        let arriving = self.inbox.arriving.take().expect("a connection has come");
        let Arriving { surplus, rate, is_dropped, .. } = arriving;
        assert!(!is_dropped, "there is no space even for a refusal");
        assert_eq!(usize::try_from(id.serial()), Ok(self.of_serial.len()), "ids are never reused");
        self.note(1, id.as_u64());
        self.of_serial.push(index);
        self.ids.push(id);
        self.tally.sockets += 1;
        if self.chooser.once_in(200) {
            self.links[index].pipe.host_drops();
            return Err(io::Error::other("the system cannot poll it"));
        }
        self.surplus_len += usize::from(surplus);
        let link = &mut self.links[index];
        link.stream = Some(Stream::new());
        let mut record = Record::new(id, surplus, self.now);
        (record.hasty, record.pact.offer) = (rate == Rate::Told, link.peer.offer);
        self.tally.hasty += u64::from(record.hasty);
        link.record = Some(record);
        self.begin_sealed(id, index);
        Ok(())
    }

    fn close_listeners(&mut self) {
        self.senders.check_stop();
        self.inbox.listener = Listener::Closed;
        self.drained = Some(self.now);
        let next = |world: &mut Self| {
            world.inbox.backlog.pop_front().or_else(|| world.layer.next_arrival())
        };
        while let Some(index) = next(self) {
            self.links[index].pipe.host_drops();
        }
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        if self.layer.has(id) {
            return self.read_sealed(id, buffer);
        }
        let index = self.link_of(id).expect("only sockets with connections are read");
        let Link { pipe, peer, stream: Some(stream), record: Some(record), .. } =
            &mut self.links[index]
        else {
            panic!("a socket has a stream and a record")
        };
        assert!(!stream.ended, "peer {index} is read after its end");
        let read = pipe.host_reads(buffer);
        self.inbox.moved |= read != pipe::Read::WouldBlock;
        match read {
            pipe::Read::Bytes(len) => {
                record.feed(peer, len, self.now);
                ReadResult::Bytes(len)
            }
            pipe::Read::WouldBlock => ReadResult::WouldBlock,
            pipe::Read::End => {
                (stream.ended, record.failed, record.ended) = (true, true, true);
                ReadResult::End
            }
            pipe::Read::Lost => {
                (stream.ended, record.failed, record.reset) = (true, true, true);
                ReadResult::Lost("the peer reset the connection")
            }
        }
    }

    fn write(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, &'static str> {
        if self.layer.has(id) {
            return self.write_sealed(id, &[IoSlice::new(bytes)]);
        }
        self.write_bytes(id, bytes)
    }

    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        if self.layer.has(id) {
            return self.write_sealed(id, chunks);
        }
        let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        self.write_bytes(id, &bytes)
    }

    fn queued_len(&mut self, _: SocketId) -> usize {
        0
    }

    fn end_writing(&mut self, id: SocketId) {
        let index = self.link_of(id).expect("only sockets with connections are ended");
        let Link { pipe, stream: Some(stream), .. } = &mut self.links[index] else { return };
        assert!(!stream.shut, "peer {index} is ended twice");
        stream.shut = true;
        if self.layer.has(id) {
            return self.end_sealed(id);
        }
        pipe.host_ends();
    }

    fn close(&mut self, id: SocketId, mode: CloseMode) {
        let index = self.link_of(id).expect("only sockets with connections are closed");
        self.note(3, id.as_u64());
        self.inbox.moved = true;
        self.closed_turn = self.turns;
        self.close_sealed(id, mode);
        let link = &mut self.links[index];
        link.pipe.host_drops();
        link.stream = None;
        self.surplus_len -= usize::from(link.record.as_ref().is_some_and(|record| record.surplus));
    }
}

impl Services for World {
    fn senders_len(&self) -> usize {
        self.inbox.senders.len()
    }

    fn next_sender(&mut self) -> Option<WorkerId> {
        let place = self.inbox.senders.pop_front()?;
        self.places[place].worker_id
    }

    fn add_sender(&mut self, worker: WorkerId) {
        let place = self.place_of(worker);
        self.inbox.add_sender(place);
    }

    fn begin_batch(&mut self, worker: WorkerId) -> bool {
        self.begin_next(self.place_of(worker), worker)
    }

    fn apply_batch(&mut self, worker: WorkerId, hub: &mut Hub, left: usize, _: Time) -> usize {
        let place = self.place_of(worker);
        let is_cut_short = self.places[place].cut_turn.get() == self.turns;
        assert!(!is_cut_short && left > 0, "a service has one share of a turn");
        self.apply_stale_orders(hub, place);
        if let Some(left) = self.apply_sent(hub, place, worker, left) {
            return left;
        }
        self.apply_orders(hub, place, left)
    }

    fn has_sent(&self, worker: WorkerId) -> bool {
        self.has_sent_more(worker)
    }

    fn hold_stop(&mut self) -> bool {
        self.senders.hold_stop()
    }

    fn holds_stop(&self) -> bool {
        self.senders.holds_stop()
    }

    fn has_more(&self, worker: WorkerId) -> bool {
        let of = &self.places[self.place_of(worker)];
        let has_more = of.worker.as_ref().is_some_and(Worker::has_more);
        if has_more {
            of.cut_turn.set(self.turns);
        }
        has_more
    }

    fn start(&mut self, run: RunId, _: &mut Hub, _: Time) -> Result<(), NotStarted> {
        let place = self.place_of(run.worker);
        self.start_service(place, run.number);
        if place > 0 && self.chooser.once_in(30) {
            self.end_service(place);
            let how = "there is no thread for it".to_owned();
            return Err(if self.chooser.once_in(2) {
                NotStarted::NoThread(how)
            } else {
                NotStarted::Failed(RunEnd::Failed(how))
            });
        }
        Ok(())
    }

    fn remove(&mut self, worker: WorkerId) -> bool {
        let place = self.place_of(worker);
        self.end_service(place)
    }

    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub) {
        self.inbox.delivered = true;
        self.take_mail(worker, hub);
    }

    fn finish(&mut self, worker: WorkerId) {
        let place = self.place_of(worker);
        if let Some(worker) = &mut self.places[place].worker {
            worker.finish();
        }
    }

    fn has_loop_services(&self) -> bool {
        self.places.iter().any(|place| place.is_on_loop)
    }

    fn is_on_loop(&self, worker: WorkerId) -> bool {
        let place = &self.places[self.place_of(worker)];
        place.is_on_loop && place.worker.is_some()
    }

    fn next_tick(&mut self) -> Option<WorkerId> {
        self.inbox.ticks.pop_front()
    }

    fn call(&mut self, worker: WorkerId, hub: &mut Hub, left: &mut usize, _: Time) -> CallResult {
        let place = self.place_of(worker);
        if !self.is_on_loop(worker) {
            return CallResult::Done;
        }
        let of = &mut self.places[place];
        assert!(of.called_turn < self.turns, "a service is called once in a turn");
        of.called_turn = self.turns;
        self.inbox.moved = true;
        self.take_mail(worker, hub);
        self.service_acts(place);
        while *left > 0 && self.begin(place) {
            *left = self.apply_orders(hub, place, *left);
        }
        if self.places[place].worker.as_ref().is_some_and(Worker::has_more) {
            return CallResult::More;
        }
        let of = self.places[place].worker.as_ref();
        match of.and_then(|of| Some((of.run, of.ended?))) {
            Some((number, how)) => {
                let run = RunId { worker, number };
                self.end_service(place);
                CallResult::Ended(RunExit { run, end: RunEnd::Failed(how.to_owned()) })
            }
            None if of.is_some_and(|of| of.desk.is_ready()) => CallResult::More,
            None => CallResult::Done,
        }
    }

    fn running_len(&self) -> usize {
        self.places.iter().filter(|place| place.worker.is_some()).count()
    }

    fn has_delivered(&mut self) -> bool {
        std::mem::take(&mut self.inbox.delivered)
    }

    /// Some answer at once.
    fn yield_to_services(&mut self) {
        for place in 0..self.places.len() {
            if !self.places[place].is_on_loop && self.chooser.once_in(2) {
                self.service_acts(place);
            }
        }
        self.senders_act();
        self.jobs_act();
    }
}
