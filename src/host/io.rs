//! `HostIo`: the sockets, threads and channels that the engine works with.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use crossbeam_channel::Receiver;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use crate::engine::{
    Arrival, CallResult, CloseMode, Connections, FileOrder, HostEvent, Intake, Io, IoFacts,
    NextBatch, NotStarted, OwnBatches, ReadResult, Services,
};
use crate::host::events::{EventSender, LoopEvent};
use crate::host::factory::Factory;
use crate::host::files::FileReader;
use crate::host::loop_service::LoopServices;
use crate::host::notify::Reports;
use crate::host::reload::{FileChange, HostReload};
use crate::host::resolver::{Mounts, Notice, Resolver};
use crate::host::wake::WakeQueue;
use crate::host::worker::{Worker, WorkerPlan, WorkerThread};
use crate::hub::{Descriptors, Hub, ListenerTraits, LookupJob, RunId, WorkerId};
use crate::net::listener::Listener;
use crate::net::streams::Streams;
use crate::service::context::RunTasks;
use crate::service::shared_values::SharedValues;
use crate::service::{SenderTable, SocketId};
use crate::time::Time;

/// The sockets, threads and channels of a host, for its engine.
pub(super) struct HostIo {
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    pub(super) streams: Streams,
    /// The services on threads of their own that have sent something.
    pub(super) wake_queue: WakeQueue,
    /// By the index of the service.
    pub(super) factories: Vec<Factory>,
    /// The workers on threads of their own that run, by their index.
    pub(super) workers: Vec<Option<Worker>>,
    /// The queues of senders, and what was taken from them.
    pub(super) sender_table: SenderTable,
    pub(super) intake: Intake,
    /// Whether a service on a thread of its own got mail in this turn.
    pub(super) mailed: bool,
    pub(super) loop_services: LoopServices,
    /// Threads of services that have ended.
    pub(super) leaving: Vec<WorkerThread>,
    pub(super) events: Receiver<LoopEvent>,
    pub(super) event_sender: EventSender,
    pub(super) files: Option<FileReader>,
    /// Whether `files` has a thread, or is about to have one.
    pub(super) has_reader: Arc<AtomicBool>,
    /// What answers paths without a service.
    pub(super) resolver: Option<Box<dyn Resolver>>,
    /// What a service manager gets, if there is one.
    pub(super) reports: Option<Box<dyn Reports>>,
    /// What services find by name.
    pub(super) values: SharedValues,
}

impl Io for HostIo {
    type Notice = Notice;

    fn next_event(&mut self) -> Option<LoopEvent> {
        self.events.try_recv().ok()
    }

    fn events_len(&self) -> usize {
        self.events.len()
    }

    fn apply_notice(&mut self, notice: Notice, hub: &mut Hub, now: Time) {
        if let Some(reports) = &mut self.reports
            && reports.has_taken(&notice, now)
        {
            return;
        }
        match notice.downcast::<HostReload>() {
            Ok(reload) => self.reload(*reload, hub, now),
            Err(notice) => {
                let Self { resolver, factories, workers, .. } = self;
                if let Some(resolver) = resolver {
                    resolver.apply(notice, &mut Mounts { hub, factories, workers }, now);
                }
            }
        }
    }

    fn facts(&self) -> IoFacts {
        let lacks = |of: &Listener| of.descriptors() == Descriptors::Lacking;
        let is_lacking = self.listeners.iter().any(lacks);
        IoFacts {
            descriptors: if is_lacking { Descriptors::Lacking } else { Descriptors::Enough },
            accept_pauses: self.listeners.iter().map(Listener::pauses).sum(),
            batch_bytes: self.batch_bytes(),
            programs: self.resolver.as_ref().map(|of| of.programs()).unwrap_or_default(),
        }
    }

    fn look_up(&mut self, lookup: LookupJob) {
        // The hub of a host without a resolver orders no lookups.
        if let Some(resolver) = &mut self.resolver {
            resolver.look_up(lookup);
        }
    }

    fn order_file(&mut self, order: FileOrder) {
        if let Some(files) = &self.files {
            files.order(order);
        }
    }
}

impl Connections for HostIo {
    type Connection = (TcpStream, ListenerTraits);

    fn listeners_len(&self) -> usize {
        self.listeners.len()
    }

    fn listener_name(&self, listener: usize) -> String {
        let listener = self.listeners.get(listener);
        listener.map(|listener| listener.address().to_string()).unwrap_or_default()
    }

    fn is_secure_listener(&self, listener: usize) -> bool {
        self.listeners.get(listener).is_some_and(|listener| listener.traits().is_secure())
    }

    fn is_sealed(&self, id: SocketId) -> bool {
        self.streams.is_sealed(id)
    }

    fn accept(&mut self, listener: usize, now: Time) -> Option<Arrival<Self::Connection>> {
        let listener = self.listeners.get_mut(listener)?;
        let (stream, peer) = listener.accept(now)?;
        let listener = listener.traits();
        Some(Arrival { connection: (stream, listener), peer, listener })
    }

    fn insert(&mut self, id: SocketId, connection: Self::Connection) -> io::Result<()> {
        let (mut stream, listener) = connection;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(id.index()), both)?;
        self.streams.insert(id, stream, listener)
    }

    fn close_listeners(&mut self) {
        self.listeners.clear();
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        self.streams.read(id, buffer)
    }

    fn write(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, &'static str> {
        self.streams.write(id, bytes)
    }

    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        self.streams.write_vectored(id, chunks)
    }

    fn queued_len(&mut self, id: SocketId) -> usize {
        self.streams.queued_len(id)
    }

    fn end_writing(&mut self, id: SocketId) {
        self.streams.end_writing(id);
    }

    fn close(&mut self, id: SocketId, mode: CloseMode) {
        self.streams.close(id, mode);
    }
}

impl Services for HostIo {
    fn senders_len(&self) -> usize {
        self.wake_queue.len()
    }

    fn next_sender(&mut self) -> Option<WorkerId> {
        let worker = self.wake_queue.next()?;
        if let Some(worker) = self.worker(worker) {
            worker.wake_flag().clear();
        }
        self.intake.hear(worker);
        Some(worker)
    }

    fn add_sender(&mut self, worker: WorkerId) {
        if let Some(Some(of)) = self.workers.get(worker.index()) {
            self.wake_queue.again(worker, of.wake_flag());
        }
        if self.intake.has_more(worker) {
            self.wake_queue.again_for_senders(worker);
        }
    }

    fn begin_batch(&mut self, worker: WorkerId) -> bool {
        let Self { workers, intake, .. } = self;
        let of = workers.get(worker.index()).and_then(Option::as_ref);
        let own = || of.map_or(OwnBatches::Waiting(0), Worker::batches);
        if intake.begin(worker, own) == NextBatch::Senders {
            return true;
        }
        self.worker(worker).is_some_and(Worker::begin_batch)
    }

    fn apply_batch(&mut self, worker: WorkerId, hub: &mut Hub, left: usize, now: Time) -> usize {
        if let Some(left) = self.intake.apply(worker, hub, left, now) {
            return left;
        }
        let Some(worker) = self.worker(worker) else { return left };
        hub.apply(worker.run(), &mut worker.transactions(), left, now)
    }

    fn has_more(&self, worker: WorkerId) -> bool {
        let worker = self.workers.get(worker.index()).and_then(Option::as_ref);
        worker.is_some_and(Worker::has_more)
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
        let (worker, service) = (run.worker, hub.service_of(run.worker));
        let path = hub.path(service);
        hub.subject_of(worker).log(log::Level::Info, format_args!("it starts"));
        let limits = *hub.limits(service);
        let body = match &self.factories[service.index()] {
            Factory::Thread(service) => service.clone(),
            Factory::Loop(factory) => {
                let (events, worker) = (&self.event_sender, run.worker);
                let tasks = RunTasks::new(path, &self.values);
                tasks.wake_by(|| {
                    let events = events.clone();
                    Box::new(move || events.send(HostEvent::Tasks(worker)))
                });
                let started = self.loop_services.start(run, factory, tasks, hub, now);
                return started.map_err(NotStarted::Failed);
            }
        };
        let events = self.event_sender.clone();
        let senders = self.sender_table.source(hub.first_of(service).index(), &limits);
        let plan = WorkerPlan {
            run,
            number: hub.number_of(worker),
            path,
            limits: &limits,
            body,
            events,
            senders,
            values: &self.values,
        };
        let started = Worker::start(plan, &self.wake_queue).map_err(|error| {
            NotStarted::NoThread(format!(
                "there is no thread for it: {error}; ulimit -u, the pids of the container or unit, \
                 and kernel.threads-max limit them"
            ))
        })?;
        if self.workers.len() <= worker.index() {
            self.workers.resize_with(worker.index() + 1, || None);
        }
        self.workers[worker.index()] = Some(started);
        Ok(())
    }

    fn remove(&mut self, worker: WorkerId) -> bool {
        let worker = self.workers.get_mut(worker.index()).and_then(Option::take);
        let Some(worker) = worker else { return false };
        // Not waited for here: what a service keeps for its thread may be slow to drop.
        self.leaving.retain(|thread| !thread.has_ended());
        self.leaving.push(worker.into_thread());
        true
    }

    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub) {
        match self.worker(worker) {
            Some(of) => {
                of.deliver(hub);
                self.mailed = true;
            }
            None => drop(hub.take_mail(worker)),
        }
    }

    fn finish(&mut self, worker: WorkerId) {
        if !self.loop_services.finish(worker)
            && let Some(worker) = self.worker(worker)
        {
            worker.finish();
        }
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
        self.loop_services.call(worker, hub, left, now)
    }

    fn running_len(&self) -> usize {
        self.workers.iter().flatten().count() + self.loop_services.len()
    }

    fn has_delivered(&mut self) -> bool {
        std::mem::take(&mut self.mailed)
    }

    /// If they share this CPU, neither side has to be woken then. Otherwise, or if no other thread
    /// wants to run, this returns at once.
    fn yield_to_services(&mut self) {
        thread::yield_now();
    }
}

impl HostIo {
    /// Applies a reload.
    fn reload(&mut self, reload: HostReload, hub: &mut Hub, now: Time) {
        let HostReload { rules, files: change, plan } = reload;
        if let Some(rules) = rules {
            rules(hub, now);
        }
        let Self { resolver, factories, workers, files, .. } = self;
        match (change, &files) {
            (FileChange::Resolve, Some(reader)) => reader.resolve(),
            (FileChange::Serve(root, bounds), Some(reader)) => reader.serve(root, bounds),
            // There is no other: `Reloader::serve_files` starts one only.
            (FileChange::Start(reader), _) => *files = Some(reader),
            (FileChange::Resolve | FileChange::Serve(..), None) | (FileChange::Stop, _) => {}
        }
        if let Some(resolver) = resolver {
            resolver.reload(plan, &mut Mounts { hub, factories, workers }, now);
        }
    }

    /// How many bytes services and their senders have sent that the loop has not begun.
    fn batch_bytes(&self) -> u64 {
        let own: u64 = self.workers.iter().flatten().map(|of| of.batch_bytes() as u64).sum();
        self.intake.bytes().saturating_add(own)
    }

    fn worker(&mut self, worker: WorkerId) -> Option<&mut Worker> {
        self.workers.get_mut(worker.index())?.as_mut()
    }
}
