//! `MemoryIo`: what the engine of a test works with. Connections are in memory, services are called
//! on this thread as those on the loop are, and ticks come by a clock that the test moves.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use crate::engine::{
    Arrival, CallResult, CloseMode, Connections, FileOrder, FilePart, HostEvent, Intake, Io,
    NextBatch, NotStarted, OwnBatches, PeerEnd, ReadResult, Ready, RunExit, Services, StopKind,
};
use crate::host::Factory;
use crate::host::clock::TickClock;
use crate::host::loop_service::LoopServices;
use crate::hub::{Hub, ListenerTraits, LookupJob, Reach, RunEnd, RunId, WorkerId};
use crate::service::context::RunTasks;
use crate::service::shared_values::SharedValues;
use crate::service::{SenderTable, SocketId, WakeForSenders};
use crate::testing::link::{ClientEnd, TestLink};
use crate::testing::waits::TestWaits;
use crate::time::Time;
use crate::ws::{Response, Status};

/// What is around the engine of a test.
pub(super) struct MemoryIo {
    /// All connections that there ever were. Clients keep their indices.
    pub(super) links: Vec<TestLink>,
    /// Those that were not accepted.
    arrivals: VecDeque<usize>,
    is_listening: bool,
    factories: Vec<Factory>,
    values: SharedValues,
    loop_services: LoopServices<TestClock>,
    pub(super) waits: TestWaits,
    pub(super) sender_table: SenderTable,
    intake: Intake,
    signals: Receiver<ThreadSignal>,
    signal: Sender<ThreadSignal>,
    /// Services for which other threads have sent something.
    senders: VecDeque<WorkerId>,
    events: VecDeque<HostEvent<()>>,
    /// How runs of services have failed.
    pub(super) failures: Vec<String>,
}

/// What another thread has for the loop.
#[derive(Clone, Copy, Debug)]
enum ThreadSignal {
    /// Senders have sent something for this worker.
    Sent(WorkerId),
    /// A worker has tasks.
    Tasks(WorkerId),
}

struct Wakes(Sender<ThreadSignal>);

impl WakeForSenders for Wakes {
    fn wake_for_senders(&self, worker: usize) {
        // A test that is over hears nothing.
        let _ = self.0.send(ThreadSignal::Sent(WorkerId::new(worker)));
    }
}

/// A clock that stands still until a test moves it.
#[derive(Clone, Debug)]
pub(super) struct TestClock {
    begun: Instant,
    now: Rc<Cell<Instant>>,
}

impl TestClock {
    pub(super) fn new() -> Self {
        let begun = Instant::now();
        Self { begun, now: Rc::new(Cell::new(begun)) }
    }

    /// The time is now this.
    pub(super) fn set(&self, time: Time) {
        self.now.set(self.begun + Duration::from_millis(time.as_ms()));
    }
}

impl TickClock for TestClock {
    fn now(&self) -> Instant {
        self.now.get()
    }
}

impl MemoryIo {
    pub(super) fn new(factories: Vec<Factory>, values: SharedValues, clock: TestClock) -> Self {
        let (signal, signals) = mpsc::channel();
        let wakes = Wakes(signal.clone());
        let sender_table = SenderTable::new(|| Arc::new(wakes));
        Self {
            links: Vec::new(),
            arrivals: VecDeque::new(),
            is_listening: true,
            waits: TestWaits::default(),
            loop_services: LoopServices::of(&factories, sender_table.clone(), clock),
            factories,
            values,
            intake: Intake::new(&sender_table),
            sender_table,
            signals,
            signal,
            senders: VecDeque::new(),
            events: VecDeque::new(),
            failures: Vec::new(),
        }
    }

    /// A client connects, and has sent its request. Returns the index of the connection.
    pub(super) fn connect(&mut self, link: TestLink) -> usize {
        self.arrivals.push_back(self.links.len());
        self.links.push(link);
        self.links.len() - 1
    }

    /// A clean stop is asked for.
    pub(super) fn ask_to_stop(&mut self) {
        self.events.push_back(HostEvent::Stop(StopKind::Clean));
    }

    /// Takes what other threads have for the loop.
    pub(super) fn take_signals(&mut self) {
        while let Ok(signal) = self.signals.try_recv() {
            self.take_signal(signal);
        }
    }

    /// Waits for another thread, at most this long. Returns whether there was one.
    pub(super) fn wait_for_signal(&mut self, time: Duration) -> bool {
        let signal = self.signals.recv_timeout(time);
        signal.map(|signal| self.take_signal(signal)).is_ok()
    }

    fn take_signal(&mut self, signal: ThreadSignal) {
        match signal {
            ThreadSignal::Sent(worker) => self.senders.push_back(worker),
            ThreadSignal::Tasks(worker) => self.events.push_back(HostEvent::Tasks(worker)),
        }
    }

    /// What a poll would report: the place of each socket, and its readiness.
    pub(super) fn take_news(&mut self) -> Vec<(usize, Ready)> {
        let mut news = Vec::new();
        for link in &mut self.links {
            let (Some(id), true) = (link.socket, link.has_news) else { continue };
            link.has_news = false;
            let end = match link.end {
                ClientEnd::None => PeerEnd::None,
                ClientEnd::Ended => PeerEnd::HalfClosed,
                ClientEnd::Lost => PeerEnd::Lost,
            };
            let writable = !link.is_stalled && std::mem::take(&mut link.is_blocked);
            news.push((id.index(), Ready { readable: true, writable, end }));
        }
        news
    }

    /// Whether a connection waits to be accepted.
    pub(super) fn has_arrivals(&self) -> bool {
        self.is_listening && !self.arrivals.is_empty()
    }

    /// The time until the next tick of a service.
    pub(super) fn tick_time(&self) -> Option<Duration> {
        self.loop_services.wait_time()
    }

    fn link(&mut self, id: SocketId) -> &mut TestLink {
        let link = self.links.iter_mut().find(|link| link.socket == Some(id));
        link.expect("the engine uses only sockets that have connections")
    }

    fn note_end(&mut self, end: &RunEnd) {
        match end {
            RunEnd::Finished | RunEnd::Replaced(_) => {}
            RunEnd::Returned | RunEnd::Panicked(_) | RunEnd::Failed(_) => {
                self.failures.push(format!("the service has ended: {end}"));
            }
        }
    }
}

impl Io for MemoryIo {
    type Notice = ();

    fn next_event(&mut self) -> Option<HostEvent<()>> {
        self.events.pop_front()
    }

    fn events_len(&self) -> usize {
        self.events.len()
    }

    fn apply_notice(&mut self, (): (), _: &mut Hub, _: Time) {}

    fn look_up(&mut self, _: LookupJob) {
        unreachable!("a host without programs looks up none")
    }

    fn order_file(&mut self, order: FileOrder) {
        if let FileOrder::Open(fetch) = order {
            let answer = Response::text(Status::NOT_FOUND, "a test has no files");
            self.events.push_back(HostEvent::File(fetch.id, FilePart::Response(answer)));
        }
    }
}

impl Connections for MemoryIo {
    type Connection = usize;

    fn listeners_len(&self) -> usize {
        usize::from(self.is_listening)
    }

    fn accept(&mut self, _: usize, _: Time) -> Option<Arrival<usize>> {
        let connection = self.arrivals.pop_front()?;
        let peer = Some(self.links[connection].address);
        Some(Arrival { connection, peer, listener: ListenerTraits::plain(Reach::Network) })
    }

    fn insert(&mut self, id: SocketId, connection: usize) -> io::Result<()> {
        let link = &mut self.links[connection];
        (link.socket, link.id, link.has_news) = (Some(id), Some(id), true);
        Ok(())
    }

    fn close_listeners(&mut self) {
        self.is_listening = false;
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        let link = self.link(id);
        if link.end == ClientEnd::Lost {
            return ReadResult::Lost(LOST);
        }
        let len = buffer.len().min(link.input.len());
        for (place, byte) in buffer.iter_mut().zip(link.input.drain(..len)) {
            *place = byte;
        }
        match (len, link.end) {
            (0, ClientEnd::None) => ReadResult::WouldBlock,
            (0, ClientEnd::Ended | ClientEnd::Lost) => ReadResult::End,
            _ => ReadResult::Bytes(len),
        }
    }

    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        let link = self.link(id);
        if link.end == ClientEnd::Lost {
            return Err(LOST);
        }
        if link.is_stalled {
            link.is_blocked = true;
            return Ok(0);
        }
        for chunk in chunks {
            link.receive(chunk);
        }
        Ok(chunks.iter().map(|chunk| chunk.len()).sum())
    }

    fn queued_len(&mut self, _: SocketId) -> usize {
        0
    }

    fn end_writing(&mut self, id: SocketId) {
        self.link(id).host_ends();
    }

    fn close(&mut self, id: SocketId, _: CloseMode) {
        let link = self.link(id);
        link.host_ends();
        link.socket = None;
    }
}

impl Services for MemoryIo {
    fn senders_len(&self) -> usize {
        self.senders.len()
    }

    fn next_sender(&mut self) -> Option<WorkerId> {
        let worker = self.senders.pop_front()?;
        self.intake.hear(worker);
        Some(worker)
    }

    fn add_sender(&mut self, worker: WorkerId) {
        self.senders.push_back(worker);
    }

    fn begin_batch(&mut self, worker: WorkerId) -> bool {
        self.intake.begin(worker, || OwnBatches::Waiting(0)) == NextBatch::Senders
    }

    fn apply_batch(&mut self, worker: WorkerId, hub: &mut Hub, left: usize, now: Time) -> usize {
        self.intake.apply(worker, hub, left, now).unwrap_or(left)
    }

    fn has_more(&self, _: WorkerId) -> bool {
        false
    }

    fn has_sent(&self, worker: WorkerId) -> bool {
        self.intake.has_more(worker)
    }

    fn hold_stop(&mut self) -> bool {
        self.intake.hold_stop()
    }

    fn holds_stop(&self) -> bool {
        self.intake.holds_stop()
    }

    fn start(&mut self, run: RunId, hub: &mut Hub, now: Time) -> Result<(), NotStarted> {
        let worker = run.worker;
        let Factory::Loop(make) = self.factories[hub.service_of(worker).index()].clone() else {
            unreachable!("a test has services with callbacks only")
        };
        let number = hub.number_of(worker);
        let tasks = RunTasks::new(hub.path_of(worker), &self.values).of_worker(number);
        let signal = self.signal.clone();
        tasks.wake_by(|| {
            Box::new(move || {
                let _ = signal.send(ThreadSignal::Tasks(worker));
            })
        });
        self.waits.add(&tasks);
        self.loop_services.start(run, &make, tasks, hub, now).map_err(|end| {
            self.note_end(&end);
            NotStarted::Failed(end)
        })
    }

    fn remove(&mut self, _: WorkerId) -> bool {
        false
    }

    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub) {
        // Its run has ended.
        drop(hub.take_mail(worker));
    }

    fn finish(&mut self, worker: WorkerId) {
        self.loop_services.finish(worker);
    }

    fn has_loop_services(&self) -> bool {
        self.loop_services.is_used()
    }

    fn is_on_loop(&self, worker: WorkerId) -> bool {
        self.loop_services.has(worker)
    }

    fn next_tick(&mut self) -> Option<WorkerId> {
        self.loop_services.next_tick()
    }

    fn call(&mut self, worker: WorkerId, hub: &mut Hub, left: &mut usize, now: Time) -> CallResult {
        let called = self.loop_services.call(worker, hub, left, now);
        if let CallResult::Ended(RunExit { end, .. }) = &called {
            self.note_end(end);
        }
        called
    }

    fn running_len(&self) -> usize {
        self.loop_services.len()
    }

    fn has_delivered(&mut self) -> bool {
        false
    }

    fn yield_to_services(&mut self) {}
}

/// Why a connection was lost, in the words of the host.
const LOST: &str = "the peer reset the connection";
