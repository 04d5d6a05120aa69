//! `SocketWaits`: the sockets that a service answers later, with what it keeps of them until then.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use crate::service::{Inbound, SocketId};

/// The sockets that a service answers later: for each a job is under way. Its other mail is
/// kept, and comes in order once the job has been answered. Its close is kept with all else, so
/// that the next socket in its place may be open before it.
#[derive(Default)]
pub struct SocketWaits {
    waits: HashMap<SocketId, SocketWait>,
    /// Those whose next transaction is to be delivered.
    ready: VecDeque<SocketId>,
    /// The one whose transaction was delivered last.
    in_hand: Option<SocketId>,
}

/// Begins a job.
pub type BeginJob = Box<dyn FnOnce() + Send>;

struct SocketWait {
    has_job: bool,
    /// Jobs that begin one after the other.
    jobs: VecDeque<BeginJob>,
    kept: VecDeque<Inbound>,
}

/// What to do after a job was added.
pub enum AfterAdding {
    /// Its socket is answered later from now on, and the job begins.
    BeginWith(SocketId, BeginJob),
    /// The job begins.
    Begin(BeginJob),
    /// It begins after others.
    Nothing,
}

/// What is to be delivered before other mail.
#[derive(Debug)]
pub enum Released {
    /// A transaction that was kept.
    Transaction(Inbound),
    /// Nothing is left of this socket.
    Answered(SocketId),
}

impl SocketWaits {
    /// Adds a job of a socket.
    pub fn add(&mut self, id: SocketId, job: BeginJob) -> AfterAdding {
        let Some(wait) = self.waits.get_mut(&id) else {
            let wait = SocketWait { has_job: true, jobs: VecDeque::new(), kept: VecDeque::new() };
            self.waits.insert(id, wait);
            return AfterAdding::BeginWith(id, job);
        };
        if wait.has_job {
            wait.jobs.push_back(job);
            return AfterAdding::Nothing;
        }
        wait.has_job = true;
        AfterAdding::Begin(job)
    }

    /// Keeps a transaction, if it has to wait. Otherwise it is returned.
    pub fn keep(&mut self, transaction: Inbound) -> Option<Inbound> {
        let Some(wait) = self.waits.get_mut(&transaction.id()) else { return Some(transaction) };
        wait.kept.push_back(transaction);
        None
    }

    /// The job of a socket has been answered. Returns its next job, which begins now.
    pub fn answered(&mut self, id: SocketId) -> Option<BeginJob> {
        let wait = self.waits.get_mut(&id)?;
        let next = wait.jobs.pop_front();
        if next.is_none() {
            wait.has_job = false;
            self.ready.push_back(id);
        }
        next
    }

    /// What is to be delivered next. The service is done with what was delivered before.
    pub fn release(&mut self) -> Option<Released> {
        if let Some(id) = self.in_hand.take()
            && self.waits.get(&id).is_some_and(|wait| !wait.has_job)
        {
            self.ready.push_front(id);
        }
        let id = self.ready.pop_front()?;
        let wait = self.waits.get_mut(&id)?;
        if let Some(transaction) = wait.kept.pop_front() {
            self.in_hand = Some(id);
            return Some(Released::Transaction(transaction));
        }
        self.waits.remove(&id);
        Some(Released::Answered(id))
    }

    /// Whether no socket is answered later.
    pub fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// Whether something may be released now.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty() || self.in_hand.is_some()
    }
}

impl fmt::Debug for SocketWaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketWaits").field("len", &self.waits.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for AfterAdding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterAdding").finish_non_exhaustive()
    }
}
