//! Sockets that are answered later, and mail that waits for that.

use std::any::Any;

use crate::service::context::run_tasks::RunTasks;
use crate::service::context::{Context, Task};
use crate::service::socket_waits::{AfterAdding, BeginJob, Released};
use crate::service::task_queue::TaskSender;
use crate::service::{Inbound, Outbound, SocketId};

impl Context<'_> {
    /// Sends tasks to this run of the service, for what is answered later.
    ///
    /// # Panics
    /// No callbacks receive them.
    pub(crate) fn later_sender(&self) -> TaskSender<Task> {
        let tasks = self.tasks().filter(|tasks| tasks.is_attended());
        let tasks = tasks.expect(
            "only a service of handlers has a `later`: one with a loop of its own may wait for the \
             database",
        );
        tasks.sender()
    }

    /// Adds a job of a socket. It begins once those that the socket had before are answered.
    pub(crate) fn begin_later(&mut self, id: SocketId, job: BeginJob) {
        let Some(tasks) = self.tasks() else { return };
        let mut waits = tasks.waits();
        let after = waits.add(id, job);
        tasks.note_waits(&waits);
        drop(waits);
        match after {
            AfterAdding::BeginWith(id, job) => {
                self.apply(Outbound::Later { id });
                job();
            }
            AfterAdding::Begin(job) => job(),
            AfterAdding::Nothing => {}
        }
    }

    /// The job of a socket has been answered.
    pub(crate) fn end_later(&mut self, id: SocketId) {
        let next = self.tasks().and_then(|tasks| tasks.waits().answered(id));
        if let Some(job) = next {
            job();
        }
    }

    /// The next transaction that has waited, and may come now.
    #[inline]
    pub(crate) fn released(&mut self) -> Option<Inbound> {
        if self.tasks().is_some_and(RunTasks::has_waits) { self.release() } else { None }
    }

    /// Keeps a transaction if its socket is answered later. Otherwise it is returned.
    #[inline]
    pub(crate) fn keep(&self, transaction: Inbound) -> Option<Inbound> {
        match self.tasks() {
            Some(tasks) if tasks.has_waits() => tasks.waits().keep(transaction),
            _ => Some(transaction),
        }
    }

    /// A value that the host has for its services.
    pub(crate) fn shared_value(&self, name: &str) -> Option<&(dyn Any + Send + Sync)> {
        self.tasks()?.values().find(name)
    }

    /// The names of all of them.
    pub(crate) fn shared_names(&self) -> Vec<&str> {
        self.tasks().map_or_else(Vec::new, |tasks| tasks.values().names().collect())
    }

    #[cold]
    fn release(&mut self) -> Option<Inbound> {
        loop {
            let tasks = self.tasks()?;
            let mut waits = tasks.waits();
            let released = waits.release();
            tasks.note_waits(&waits);
            drop(waits);
            match released? {
                Released::Transaction(transaction) => return Some(transaction),
                Released::Answered(id) => self.apply(Outbound::Answered { id }),
            }
        }
    }
}
