//! The rig: an engine with a hub, and all that is around it: peers are bytes, services are
//! transactions, and time is a number.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::vec;

use super::*;
use crate::engine::{
    Arrival, CloseMode, Connections, Engine, FileOrder, HostEvent, Io, NotStarted, PeerEnd,
    ReadResult, Ready, RunExit, Services, StopKind, TlsRead, TurnStep,
};
use crate::ws::Transport;

/// An engine whose turns are never cut short, since that is tested in the simulation.
pub(super) struct Rig {
    pub(super) engine: Engine,
    pub(super) io: RigIo,
    pub(super) now: Time,
    /// Where the next socket comes from.
    pub(super) peer: SocketAddr,
    /// Whether it has to begin with a header of the PROXY protocol.
    pub(super) protocol: ProxyProtocol,
    /// Whether it begins with a TLS handshake.
    pub(super) transport: Transport,
}

/// What the engine gets, and what it does with it.
#[derive(Default)]
pub(super) struct RigIo {
    pub(super) arrivals: VecDeque<Arrival<()>>,
    /// The last socket that came.
    came: Option<SocketId>,
    events: VecDeque<HostEvent<Answer>>,
    /// What a service has sent, and in which run.
    pub(super) batch: Option<(RunId, vec::IntoIter<Outbound>)>,
    /// What peers have sent and the engine has not read, by the serial number of the socket.
    unread: HashMap<u64, VecDeque<u8>>,
    /// What peers got, by the serial number of the socket.
    pub(super) written: HashMap<u64, Vec<u8>>,
    pub(super) dropped: Vec<SocketId>,
    pub(super) resumed: Vec<SocketId>,
    pub(super) started: Vec<(ServiceId, u32)>,
    pub(super) stopped: Vec<WorkerId>,
    pub(super) lookups: Vec<LookupJob>,
    pub(super) mail: Vec<Inbound>,
    /// Services report in the same turn that they have taken their mail.
    pub(super) takes_mail: bool,
    /// There are services on the loop, elsewhere.
    pub(super) has_loop_services: bool,
    /// Sockets whose peers take nothing.
    pub(super) stalled: Vec<SocketId>,
    pub(super) fetches: Vec<SocketId>,
    /// What the next reads of TLS connections result in, by the serial number of the socket.
    pub(super) sealed: HashMap<u64, VecDeque<TlsRead>>,
}

/// What was found for a socket.
type Answer = (SocketId, LookupResult);

impl Rig {
    pub(super) fn new(limits: Limits) -> Self {
        let mut hub = Hub::new(limits, FilePolicy::None, Time::ZERO);
        for path in ["/a", "/b"] {
            hub.mount(path, mount(limits)).expect("the paths differ");
        }
        let endless = Limits {
            turn_reads_max: usize::MAX,
            turn_write_bytes_max: usize::MAX,
            turn_batches_max: usize::MAX,
            turn_deliveries_max: usize::MAX,
            turn_work_max: usize::MAX,
            ..limits
        };
        Self {
            engine: Engine::new(hub, &endless),
            io: RigIo::default(),
            now: Time::ZERO,
            peer: ([127, 0, 0, 1], 1).into(),
            protocol: ProxyProtocol::Off,
            transport: Transport::Unknown,
        }
    }

    pub(super) fn hub(&self) -> &Hub {
        self.engine.hub()
    }

    pub(super) fn turn(&mut self) {
        self.engine.turn(&mut self.io, self.now);
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now = self.now.after(ms);
        self.turn();
    }

    pub(super) fn connect(&mut self) -> SocketId {
        self.connect_to(Reach::Network)
    }

    pub(super) fn connect_to(&mut self, reach: Reach) -> SocketId {
        self.accept(self.peer, reach).expect("there is space")
    }

    /// A connection comes. Returns its socket, if it gets one.
    pub(super) fn accept(&mut self, peer: SocketAddr, reach: Reach) -> Option<SocketId> {
        self.io.arrivals.push_back(Arrival {
            connection: (),
            peer: Some(peer),
            listener: ListenerTraits { reach, protocol: self.protocol, transport: self.transport },
        });
        self.turn();
        self.io.came.take()
    }

    /// A peer that asks for a service.
    pub(super) fn ask(&mut self, path: &str) -> SocketId {
        self.ask_with(path, "Sec-WebSocket-Protocol: x, y")
    }

    /// The same, with this line in its head.
    pub(super) fn ask_with(&mut self, path: &str, line: &str) -> SocketId {
        let id = self.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {line}\r\n\r\n"
        );
        self.receive(id, head.as_bytes());
        id
    }

    /// A peer sends bytes, which are read as far as the hub allows it.
    pub(super) fn receive(&mut self, id: SocketId, bytes: &[u8]) {
        self.send(id, bytes);
        self.turn();
    }

    /// A peer sends bytes. The next turn reads them.
    pub(super) fn send(&mut self, id: SocketId, bytes: &[u8]) {
        self.io.unread.entry(id.serial()).or_default().extend(bytes);
        let ready = Ready { readable: true, writable: false, end: PeerEnd::None };
        self.engine.notify(id.index(), ready);
    }

    /// Whether all that a peer has sent was read.
    pub(super) fn is_read(&self, id: SocketId) -> bool {
        self.io.unread.get(&id.serial()).is_none_or(VecDeque::is_empty)
    }

    /// The hub gets bytes that were read before it said that the socket is not to be read.
    pub(super) fn receive_late(&mut self, id: SocketId, bytes: &[u8]) {
        self.engine.hub_mut().receive(id, &mut bytes.to_vec(), self.now);
        self.turn();
    }

    /// A text message.
    pub(super) fn say(&mut self, id: SocketId, text: &str) {
        self.receive(id, &frame(0x81, text.as_bytes()));
    }

    /// A peer that took nothing may be written to again.
    pub(super) fn write(&mut self, id: SocketId) {
        let ready = Ready { readable: false, writable: true, end: PeerEnd::None };
        self.engine.notify(id.index(), ready);
        self.turn();
    }

    pub(super) fn may_read(&mut self, id: SocketId) -> bool {
        self.engine.hub_mut().may_read(id, self.now)
    }

    /// A connection is lost. The next turn drops it.
    pub(super) fn fail(&mut self, id: SocketId) {
        self.engine.hub_mut().fail(id, "the peer reset the connection", self.now);
    }

    pub(super) fn remove(&mut self, id: SocketId) {
        self.engine.hub_mut().remove(id, self.now);
    }

    pub(super) fn apply(&mut self, service: usize, batch: Vec<Outbound>) {
        let service = ServiceId::new(service);
        let number = self.hub().workers[self.hub().first_of(service)].run;
        self.apply_of(service, number, batch);
    }

    /// What a run of a service has sent, which may be over.
    pub(super) fn apply_of(&mut self, service: ServiceId, number: u32, batch: Vec<Outbound>) {
        let run = RunId { worker: self.hub().first_of(service), number };
        self.io.batch = Some((run, batch.into_iter()));
        self.turn();
    }

    pub(super) fn ready(&mut self, service: usize) {
        self.apply(service, vec![Outbound::Ready(Admission::default())]);
    }

    /// The run of a service ends.
    pub(super) fn end_run(&mut self, service: ServiceId, number: u32) {
        let run = RunId { worker: self.hub().first_of(service), number };
        self.tell(HostEvent::Ended(RunExit { run, end: RunEnd::Returned }));
    }

    /// What was looked up for a socket is found.
    pub(super) fn looked_up(&mut self, id: SocketId, looked: LookupResult) {
        self.tell(HostEvent::Notice((id, looked)));
    }

    /// A clean stop begins. What connects after it was on its way.
    pub(super) fn stop(&mut self) {
        self.tell(HostEvent::Stop(StopKind::Clean));
    }

    pub(super) fn tell(&mut self, event: HostEvent<Answer>) {
        self.io.events.push_back(event);
        self.turn();
    }

    /// A socket that is open at a service that runs.
    pub(super) fn open(&mut self, path: &str) -> SocketId {
        let id = self.ask(path);
        let service = usize::from(path == "/b");
        if self.hub().workers[WorkerId::new(service)].state == RunState::Starting {
            self.ready(service);
        }
        self.mail();
        self.got(id);
        id
    }

    /// The mail that has come since it was last asked for, in words.
    pub(super) fn mail(&mut self) -> Vec<String> {
        let word = |transaction: Inbound| {
            let serial = transaction.id().serial();
            match transaction {
                Inbound::Ask { .. } => format!("ask {serial}"),
                Inbound::Open { .. } => format!("open {serial}"),
                Inbound::Data { message, .. } => {
                    format!("data {serial} {}", message.as_text().unwrap_or_default())
                }
                Inbound::Full { .. } => format!("full {serial}"),
                Inbound::Drained { .. } => format!("drained {serial}"),
                Inbound::Close { close, .. } => format!("close {serial} {}", close.code),
                #[cfg(feature = "processes")]
                Inbound::Gap { topic } => format!("gap {topic:?}"),
                #[cfg(feature = "processes")]
                Inbound::Heard { topic, message } => {
                    format!("heard {topic} {}", message.as_text().unwrap_or_default())
                }
            }
        };
        std::mem::take(&mut self.io.mail).into_iter().map(word).collect()
    }

    /// What a peer got since it was last asked for.
    pub(super) fn got(&mut self, id: SocketId) -> Vec<u8> {
        self.io.written.remove(&id.serial()).unwrap_or_default()
    }

    pub(super) fn status(&mut self, id: SocketId) -> String {
        let text = String::from_utf8(self.got(id)).expect("an answer is text");
        text.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

impl Io for RigIo {
    type Notice = Answer;

    fn next_event(&mut self) -> Option<HostEvent<Answer>> {
        self.events.pop_front()
    }

    fn events_len(&self) -> usize {
        self.events.len()
    }

    fn apply_notice(&mut self, (id, looked): Answer, hub: &mut Hub, now: Time) {
        hub.looked_up(id, looked, now);
    }

    fn look_up(&mut self, lookup: LookupJob) {
        self.lookups.push(lookup);
    }

    fn order_file(&mut self, order: FileOrder) {
        match order {
            FileOrder::Open(fetch) => self.fetches.push(fetch.id),
            FileOrder::Close(_) => {}
            FileOrder::More(_) => panic!("no file is found"),
        }
    }

    fn observe(&mut self, moment: TurnStep, _: &Hub, _: Time) {
        if let TurnStep::Resumes(id) = moment {
            self.resumed.push(id);
        }
    }
}

impl Connections for RigIo {
    type Connection = ();

    fn listeners_len(&self) -> usize {
        1
    }

    fn is_secure_listener(&self, _: usize) -> bool {
        let next = self.arrivals.front();
        next.is_some_and(|arrival| arrival.listener.transport == Transport::Secure)
    }

    fn is_sealed(&self, id: SocketId) -> bool {
        self.sealed.contains_key(&id.serial())
    }

    fn accept(&mut self, _: usize, _: Time) -> Option<Arrival<()>> {
        self.arrivals.pop_front()
    }

    fn insert(&mut self, id: SocketId, (): ()) -> io::Result<()> {
        self.came = Some(id);
        Ok(())
    }

    fn close_listeners(&mut self) {}

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        if let Some(reads) = self.sealed.get_mut(&id.serial()) {
            let read = reads.pop_front().unwrap_or(TlsRead::Drained(0));
            if let (TlsRead::Bytes { len, .. }, Some(unread)) =
                (&read, self.unread.get_mut(&id.serial()))
            {
                io::Read::read_exact(unread, &mut buffer[..*len]).expect("so many were sent");
            }
            return ReadResult::Tls(read);
        }
        let Some(unread) = self.unread.get_mut(&id.serial()) else { return ReadResult::WouldBlock };
        match io::Read::read(unread, buffer).expect("it is memory") {
            0 => ReadResult::WouldBlock,
            len => ReadResult::Bytes(len),
        }
    }

    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        if self.stalled.contains(&id) {
            return Ok(0);
        }
        let written = self.written.entry(id.serial()).or_default();
        let before = written.len();
        chunks.iter().for_each(|chunk| written.extend_from_slice(chunk));
        Ok(written.len() - before)
    }

    fn queued_len(&mut self, _: SocketId) -> usize {
        0
    }

    fn end_writing(&mut self, _: SocketId) {}

    fn close(&mut self, id: SocketId, _: CloseMode) {
        self.dropped.push(id);
    }
}

impl Services for RigIo {
    fn senders_len(&self) -> usize {
        usize::from(self.batch.is_some())
    }

    fn next_sender(&mut self) -> Option<WorkerId> {
        self.batch.as_ref().map(|batch| batch.0.worker)
    }

    fn add_sender(&mut self, _: WorkerId) {}

    fn begin_batch(&mut self, _: WorkerId) -> bool {
        self.batch.is_some()
    }

    fn apply_batch(&mut self, _: WorkerId, hub: &mut Hub, left: usize, now: Time) -> usize {
        let Some((run, mut batch)) = self.batch.take() else { return left };
        hub.apply(run, &mut batch, left, now)
    }

    fn has_more(&self, _: WorkerId) -> bool {
        false
    }

    fn start(&mut self, run: RunId, hub: &mut Hub, _: Time) -> Result<(), NotStarted> {
        self.started.push((hub.service_of(run.worker), run.number));
        Ok(())
    }

    fn remove(&mut self, _: WorkerId) -> bool {
        true
    }

    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub) {
        let (run, mail) = hub.take_mail(worker);
        if self.takes_mail {
            self.batch = Some((run, vec![taken(mail.len())].into_iter()));
        }
        self.mail.extend(mail);
    }

    fn finish(&mut self, worker: WorkerId) {
        self.stopped.push(worker);
    }

    fn running_len(&self) -> usize {
        0
    }

    fn has_loop_services(&self) -> bool {
        self.has_loop_services
    }

    fn has_delivered(&mut self) -> bool {
        false
    }

    fn yield_to_services(&mut self) {}
}
