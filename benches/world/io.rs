//! What is around the engine: peers are slices of bytes, services are functions.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::vec;

use switchboard::engine::{
    Arrival, CloseMode, Connections, FileOrder, HostEvent, Io, NotStarted, ReadResult, Services,
};
use switchboard::hub::{Hub, ListenerTraits, LookupJob, Reach, RunId, WorkerId};
use switchboard::service::{Admission, Inbound, Outbound, SocketId};
use switchboard::time::Time;

/// What outlasts a turn.
#[derive(Default)]
pub struct Outside {
    /// Connections that have not been accepted.
    pub arrivals: VecDeque<SocketAddr>,
    /// The sockets of those that were.
    pub came: Vec<SocketId>,
    /// Sockets whose peers have heard of the end, and end their half.
    pub ended: Vec<SocketId>,
    /// The sockets that were written to since this was last cleared, if that is wanted.
    pub written: Option<Vec<SocketId>>,
    /// Runs of services that are not ready yet, if they start late.
    pub starting: Option<Vec<RunId>>,
    senders: VecDeque<WorkerId>,
    /// By the index of the service: what it has sent.
    batches: Vec<VecDeque<Batch>>,
}

/// What a run of a service has sent at once.
type Batch = (RunId, vec::IntoIter<Outbound>);

impl Outside {
    /// A service sends these.
    pub fn send(&mut self, run: RunId, batch: Vec<Outbound>) {
        let index = run.worker.index();
        if index >= self.batches.len() {
            self.batches.resize_with(index + 1, VecDeque::new);
        }
        if self.batches[index].is_empty() {
            self.senders.push_back(run.worker);
        }
        self.batches[index].push_back((run, batch.into_iter()));
    }

    /// A service is ready and admits all sockets.
    pub fn let_everyone_in(&mut self, run: RunId) {
        self.send(run, vec![Outbound::Ready(Admission::default())]);
    }
}

/// The same, and what peers have sent: an empty slice is the end.
pub struct Around<'a> {
    pub outside: &'a mut Outside,
    pub input: VecDeque<(SocketId, &'a [u8])>,
}

impl Io for Around<'_> {
    type Notice = ();

    fn next_event(&mut self) -> Option<HostEvent<()>> {
        None
    }

    fn events_len(&self) -> usize {
        0
    }

    fn apply_notice(&mut self, (): (), _: &mut Hub, _: Time) {}

    fn look_up(&mut self, lookup: LookupJob) {
        unreachable!("all paths have services: {lookup:?}")
    }

    fn order_file(&mut self, order: FileOrder) {
        unreachable!("there are no files: {order:?}")
    }
}

impl Connections for Around<'_> {
    type Connection = ();

    fn listeners_len(&self) -> usize {
        1
    }

    fn accept(&mut self, _: usize, _: Time) -> Option<Arrival<()>> {
        let peer = self.outside.arrivals.pop_front()?;
        let listener = ListenerTraits::plain(Reach::Network);
        Some(Arrival { connection: (), peer: Some(peer), listener })
    }

    fn insert(&mut self, id: SocketId, (): ()) -> io::Result<()> {
        self.outside.came.push(id);
        Ok(())
    }

    fn close_listeners(&mut self) {}

    /// As a system does it: bytes are copied.
    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        // It is the first one, unless a turn was cut short.
        let Some(at) = self.input.iter().position(|input| input.0 == id) else {
            return ReadResult::WouldBlock;
        };
        let bytes = self.input[at].1;
        let (now, later) = bytes.split_at(bytes.len().min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        match later {
            [] => drop(self.input.remove(at)),
            _ => self.input[at].1 = later,
        }
        if now.is_empty() { ReadResult::End } else { ReadResult::Bytes(now.len()) }
    }

    /// The peer takes all.
    fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        if let Some(written) = &mut self.outside.written {
            written.push(id);
        }
        Ok(chunks.iter().map(|chunk| black_box(&**chunk).len()).sum())
    }

    fn queued_len(&mut self, _: SocketId) -> usize {
        0
    }

    fn end_writing(&mut self, id: SocketId) {
        self.outside.ended.push(id);
    }

    fn close(&mut self, _: SocketId, _: CloseMode) {}
}

impl Services for Around<'_> {
    fn senders_len(&self) -> usize {
        self.outside.senders.len()
    }

    fn next_sender(&mut self) -> Option<WorkerId> {
        self.outside.senders.pop_front()
    }

    fn add_sender(&mut self, worker: WorkerId) {
        self.outside.senders.push_back(worker);
    }

    fn begin_batch(&mut self, worker: WorkerId) -> bool {
        self.has_more(worker)
    }

    fn apply_batch(&mut self, worker: WorkerId, hub: &mut Hub, left: usize, now: Time) -> usize {
        let batches = &mut self.outside.batches[worker.index()];
        let Some((run, batch)) = batches.front_mut() else { return left };
        let left = hub.apply(*run, batch, left, now);
        if batch.len() == 0 {
            batches.pop_front();
        }
        left
    }

    fn has_more(&self, worker: WorkerId) -> bool {
        !self.outside.batches[worker.index()].is_empty()
    }

    fn start(&mut self, run: RunId, _: &mut Hub, _: Time) -> Result<(), NotStarted> {
        match &mut self.outside.starting {
            Some(starting) => starting.push(run),
            None => self.outside.let_everyone_in(run),
        }
        Ok(())
    }

    fn remove(&mut self, _: WorkerId) -> bool {
        false
    }

    /// It echoes at once.
    fn deliver(&mut self, worker: WorkerId, hub: &mut Hub) {
        let (run, mail) = hub.take_mail(worker);
        self.outside.send(run, answer(mail));
    }

    fn finish(&mut self, _: WorkerId) {}

    fn running_len(&self) -> usize {
        0
    }

    fn has_delivered(&mut self) -> bool {
        false
    }

    fn yield_to_services(&mut self) {}
}

/// What an echo service makes of its mail.
fn answer(mail: Vec<Inbound>) -> Vec<Outbound> {
    let taken =
        Outbound::Taken { messages: mail.len(), bytes: mail.iter().map(Inbound::mail_bytes).sum() };
    let echo = |transaction| match transaction {
        Inbound::Data { id, message } => Some(Outbound::Send { to: id.into(), message }),
        _ => None,
    };
    mail.into_iter().filter_map(echo).chain([taken]).collect()
}
