//! `RunTasks`: what other threads have a run of a service do, and what of its mail waits for that.

use std::any::Any;
use std::fmt;
#[cfg(all(feature = "database", feature = "testing"))]
use std::sync::Weak;
#[cfg(feature = "database")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "database")]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::service::context::Context;
use crate::service::link::Wake;
use crate::service::shared_values::SharedValues;
#[cfg(feature = "database")]
use crate::service::socket_waits::SocketWaits;
use crate::service::task_queue::{TaskQueue, TaskSender};

/// Code of another thread, for the service that its run made and for the context of its callbacks.
pub(crate) type Task = Box<dyn FnOnce(&mut dyn TaskTarget, &mut Context<'_>) + Send>;

/// What a task is for.
pub trait TaskTarget {
    /// The service, which a function of this crate has made.
    fn service(&mut self) -> &mut dyn Any;

    /// The handler of the program.
    fn handler(&mut self) -> &mut dyn Any;
}

/// The tasks of one run.
pub(crate) struct RunTasks {
    queue: TaskQueue<Task>,
    /// The sockets that it answers later. Its thread alone locks this.
    #[cfg(feature = "database")]
    waits: Mutex<SocketWaits>,
    /// Whether there are any. It says nothing to other threads.
    #[cfg(feature = "database")]
    has_waits: Arc<AtomicBool>,
    /// Whether tasks are received.
    #[cfg(feature = "database")]
    is_attended: AtomicBool,
    #[cfg(feature = "database")]
    values: SharedValues,
    /// The number of the worker, and how many there are, for a context on the loop. Only a test has
    /// several workers there.
    #[cfg(all(feature = "testing", feature = "workers"))]
    pub(super) number: [usize; 2],
}

impl RunTasks {
    /// No tasks, for a run of this service.
    #[cfg_attr(not(feature = "database"), expect(unused_variables, reason = "there are none"))]
    pub(crate) fn new(service: &str, values: &SharedValues) -> Self {
        Self {
            queue: TaskQueue::new(service),
            #[cfg(feature = "database")]
            waits: Mutex::default(),
            #[cfg(feature = "database")]
            has_waits: Arc::default(),
            #[cfg(feature = "database")]
            is_attended: AtomicBool::new(false),
            #[cfg(feature = "database")]
            values: values.clone(),
            #[cfg(all(feature = "testing", feature = "workers"))]
            number: [0, 1],
        }
    }

    /// The same for a worker with this number, of so many.
    #[cfg(feature = "testing")]
    #[cfg_attr(not(feature = "workers"), expect(unused_mut, reason = "there is one worker"))]
    pub(crate) fn of_worker(mut self, number: [usize; 2]) -> Self {
        #[cfg(feature = "workers")]
        {
            self.number = number;
        }
        let _ = number;
        self
    }

    /// What is called for the first task that comes: [`TaskQueue::wake_by`].
    pub(crate) fn wake_by(&self, wake: impl FnOnce() -> Wake) {
        self.queue.wake_by(wake);
    }

    /// What is called as well.
    pub(super) fn wake_also_by(&self, wake: Wake) {
        self.queue.wake_also_by(wake);
    }

    /// The next task.
    pub(crate) fn next(&self) -> Option<Task> {
        self.queue.next()
    }

    /// Whether there is neither a task nor mail that has waited for one.
    pub(crate) fn is_empty(&self) -> bool {
        #[cfg(feature = "database")]
        if self.has_waits() && self.waits().is_ready() {
            return false;
        }
        self.queue.is_empty()
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Sends tasks to this run.
    pub(super) fn sender(&self) -> TaskSender<Task> {
        self.queue.sender()
    }

    /// The path of the service.
    pub(super) fn service(&self) -> &str {
        self.queue.service()
    }
}

/// What waits for tasks.
#[cfg(feature = "database")]
impl RunTasks {
    /// Whether there are sockets that are answered later.
    pub(crate) fn has_waits(&self) -> bool {
        self.has_waits.load(Ordering::Relaxed)
    }

    /// What [`RunTasks::has_waits`] returns, as long as the run goes on.
    #[cfg(feature = "testing")]
    pub(crate) fn watch_waits(&self) -> Weak<AtomicBool> {
        Arc::downgrade(&self.has_waits)
    }

    /// The sockets that are answered later.
    pub(super) fn waits(&self) -> MutexGuard<'_, SocketWaits> {
        // Nothing panics with it.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether there are any.
    pub(super) fn note_waits(&self, waits: &SocketWaits) {
        self.has_waits.store(!waits.is_empty(), Ordering::Relaxed);
    }

    /// From now on, tasks are received.
    pub(crate) fn attend(&self) {
        self.is_attended.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_attended(&self) -> bool {
        self.is_attended.load(Ordering::Relaxed)
    }

    pub(super) const fn values(&self) -> &SharedValues {
        &self.values
    }
}

/// Without sockets that are answered later.
#[cfg(not(feature = "database"))]
impl RunTasks {
    #[expect(clippy::unused_self, reason = "there are none")]
    pub(crate) const fn has_waits(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "nothing asks whether they are")]
    pub(crate) const fn attend(&self) {}
}

impl fmt::Debug for RunTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.queue.fmt(f)
    }
}
