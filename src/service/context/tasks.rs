//! Tasks: what other threads have a service do, on the thread of its callbacks.

use std::time::Instant;

use crate::service::context::Context;
use crate::service::context::run_tasks::{RunTasks, Task};
use crate::service::link::{self, Batch, ServiceLink, Waited};
use crate::service::task_queue::TaskSender;
use crate::service::{Inbound, SocketId};

/// What comes next for a service that is called.
pub(crate) enum NextCall {
    /// A transaction.
    Transaction(Inbound),
    /// A task.
    Task(Task),
    /// The deadline has passed.
    Time,
    /// The host stops.
    End,
}

/// The queue of the tasks of this run.
pub(super) enum TaskWay<'host> {
    /// It has none.
    None,
    /// Of a service on a thread of its own.
    Own(RunTasks),
    /// Of a service on the loop.
    Lent(&'host RunTasks),
}

impl<'host> Context<'host> {
    /// This context of a thread, with the queue of its run.
    #[must_use]
    pub(crate) fn with_tasks(mut self, tasks: RunTasks) -> Self {
        self.tasks = TaskWay::Own(tasks);
        self
    }

    /// This context on the loop, with the queue of its run.
    #[must_use]
    pub(crate) fn lending(mut self, tasks: &'host RunTasks) -> Self {
        self.tasks = TaskWay::Lent(tasks);
        #[cfg(all(feature = "testing", feature = "workers"))]
        {
            self.number = tasks.number;
        }
        self
    }

    /// Sends tasks to this run of the service. `None`: it is no run of a host.
    pub(crate) fn task_sender(&self) -> Option<TaskSender<Task>> {
        self.tasks().map(RunTasks::sender)
    }

    /// How many bytes wait for the peer of a socket; `None` on a thread of its own.
    pub(crate) fn unsent_len(&self, id: SocketId) -> Option<usize> {
        match &self.way {
            ServiceLink::Loop(host, _) => Some(host.unsent_len(id)),
            ServiceLink::Ends(_) => None,
        }
    }

    /// The path of the service; empty if it is no run of a host.
    pub(crate) fn service(&self) -> &str {
        self.tasks().map_or("", RunTasks::service)
    }

    /// Waits for the next transaction or task, until `deadline` at most. Once that has passed, it
    /// returns [`NextCall::Time`], even if there is mail.
    ///
    /// A batch of mail and the tasks that are there after it take turns, so that neither keeps the
    /// other waiting.
    pub(crate) fn receive_or_task(&mut self, deadline: Option<Instant>) -> NextCall {
        self.taken.put_down();
        loop {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.flush();
                return NextCall::Time;
            }
            if let Some(transaction) = self.released() {
                self.taken.pick_up_kept(&transaction);
                self.flush_by_tick();
                return NextCall::Transaction(transaction);
            }
            if let Some(transaction) = self.mail.pop_front() {
                let Some(transaction) = self.keep(transaction) else {
                    self.taken.keep();
                    continue;
                };
                self.taken.pick_up(&transaction);
                self.flush_by_tick();
                return NextCall::Transaction(transaction);
            }
            if let Some(tasks_left) = self.tasks_left.checked_sub(1) {
                self.tasks_left = tasks_left;
                if let Some(task) = self.tasks().and_then(RunTasks::next) {
                    self.flush_by_tick();
                    return NextCall::Task(task);
                }
            }
            self.flush();
            let ServiceLink::Ends(ends) = &self.way else {
                panic!("a callback on the loop cannot receive: it is called with what comes")
            };
            let received = ends.begin_wait();
            self.tasks_left = self.tasks().map_or(0, RunTasks::len);
            match received {
                Waited::Batch(Batch { inbound, outbound, .. }) => {
                    self.mail = inbound.into();
                    if self.batch.capacity() == 0 {
                        self.batch = outbound;
                    }
                }
                // What waits is answered before the end.
                Waited::End if self.has_waits() => {
                    if self.tasks_left == 0 {
                        link::park(deadline);
                    }
                }
                Waited::End => return NextCall::End,
                Waited::Nothing if self.tasks_left > 0 => {}
                Waited::Nothing => link::park(deadline),
            }
        }
    }

    /// This thread is the one that receives tasks. A service may lend its context to another thread
    /// than its own.
    pub(crate) fn attend(&mut self) {
        self.tasks().into_iter().for_each(RunTasks::attend);
        let (ServiceLink::Ends(ends), Some(tasks)) = (&self.way, self.tasks()) else { return };
        if ends.is_lent() {
            tasks.wake_also_by(Box::new(link::unparker()));
            self.wake_by(link::unparker());
        }
    }

    fn has_waits(&self) -> bool {
        self.tasks().is_some_and(RunTasks::has_waits)
    }

    pub(super) fn tasks(&self) -> Option<&RunTasks> {
        match &self.tasks {
            TaskWay::None => None,
            TaskWay::Own(tasks) => Some(tasks),
            TaskWay::Lent(tasks) => Some(tasks),
        }
    }
}
