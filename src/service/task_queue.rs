//! `TaskQueue`: what other threads have a run of a service do, on the thread of its callbacks. It
//! ends with the run: tasks that are left, or that come later, are dropped.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::service::link::Wake;

/// The tasks of one run. It allocates nothing for them before the first one. Those who send them
/// bound their number: a gate sends one for each request that waits.
pub struct TaskQueue<T> {
    list: Arc<TaskList<T>>,
    /// Tasks that were taken out together, so that those who send more rarely wait for the lock.
    /// The thread of the queue alone locks this.
    taken: Mutex<VecDeque<T>>,
    /// Whether there are any. It says nothing to other threads.
    has_taken: AtomicBool,
}

/// Sends tasks to one run of a service, from any thread.
pub struct TaskSender<T>(Arc<TaskList<T>>);

struct TaskList<T> {
    /// The service, for the log.
    service: Box<str>,
    /// `None` once the run is over.
    tasks: Mutex<Option<VecDeque<T>>>,
    /// Whether there is a task. It changes with the lock held.
    has_some: AtomicBool,
    /// Called for the first task of an empty queue. The second one is set if the service receives
    /// tasks on another thread than its own.
    wakes: [OnceLock<Wake>; 2],
}

impl<T> TaskQueue<T> {
    /// An empty queue for a run of this service.
    pub fn new(service: &str) -> Self {
        let list = TaskList {
            service: service.into(),
            tasks: Mutex::new(Some(VecDeque::new())),
            has_some: AtomicBool::new(false),
            wakes: [const { OnceLock::new() }; 2],
        };
        let (taken, has_taken) = (Mutex::default(), AtomicBool::new(false));
        Self { list: Arc::new(list), taken, has_taken }
    }

    /// Sets what is called for the first task that comes while there is none, on the thread that
    /// sends the task.
    pub fn wake_by(&self, wake: impl FnOnce() -> Wake) {
        let _ = self.list.wakes[0].set(wake());
    }

    /// Sets what is called as well.
    pub fn wake_also_by(&self, wake: Wake) {
        let _ = self.list.wakes[1].set(wake);
    }

    /// The path of the service.
    pub fn service(&self) -> &str {
        &self.list.service
    }

    /// Sends tasks to this run.
    pub fn sender(&self) -> TaskSender<T> {
        TaskSender(self.list.clone())
    }

    /// The next task.
    pub fn next(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut taken = self.taken();
        if taken.is_empty() {
            let mut guard = self.list.lock();
            std::mem::swap(guard.as_mut()?, &mut *taken);
            self.list.has_some.store(false, Ordering::Release);
        }
        let task = taken.pop_front();
        self.has_taken.store(!taken.is_empty(), Ordering::Relaxed);
        task
    }

    /// Whether there is no task. A task that comes later calls the waker.
    pub fn is_empty(&self) -> bool {
        !self.has_taken.load(Ordering::Relaxed) && !self.list.has_some.load(Ordering::Acquire)
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let sent = self.list.lock().as_ref().map_or(0, VecDeque::len);
        self.taken().len() + sent
    }

    fn taken(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Nothing panics with it.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> TaskSender<T> {
    /// Sends a task. It is dropped if the run is over.
    pub fn send(&self, task: T) {
        let mut guard = self.0.lock();
        let Some(tasks) = guard.as_mut() else {
            // What a task holds may send tasks as well when it is dropped.
            drop(guard);
            return drop(task);
        };
        let is_first = tasks.is_empty();
        tasks.push_back(task);
        self.0.has_some.store(true, Ordering::Release);
        drop(guard);
        if is_first {
            self.0.wake();
        }
    }
}

impl<T> TaskList<T> {
    fn wake(&self) {
        for wake in self.wakes.iter().filter_map(OnceLock::get) {
            wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<T>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for TaskQueue<T> {
    /// Tasks hold values of the service, whose drop may panic. That ends neither the loop nor a
    /// process that unwinds already.
    fn drop(&mut self) {
        let taken = std::mem::take(&mut *self.taken());
        let left = self.list.lock().take();
        for task in taken.into_iter().chain(left.into_iter().flatten()) {
            catch_unwind(AssertUnwindSafe(|| drop(task))).unwrap_or_else(std::mem::forget);
        }
    }
}

impl<T> fmt::Debug for TaskQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TaskSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSender").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A queue, and how often it has woken its service.
    fn queue<T: 'static>() -> (TaskQueue<T>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let woken = wakes.clone();
        let queue = TaskQueue::new("/path");
        queue.wake_by(|| {
            Box::new(move || {
                woken.fetch_add(1, Ordering::Relaxed);
            })
        });
        (queue, wakes)
    }

    #[test]
    fn tasks_keep_their_order_and_wake_once() {
        let (queue, wakes) = queue();
        let sender = queue.sender();
        for round in 1..=2 {
            for number in 0..3 {
                sender.send(number);
            }
            assert_eq!((queue.len(), wakes.load(Ordering::Relaxed)), (3, round));
            let tasks: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
            assert_eq!((tasks, queue.is_empty()), (vec![0, 1, 2], true));
        }
    }

    /// Drops are counted. One of them panics.
    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            assert_ne!(self.0.fetch_add(1, Ordering::Relaxed), 1, "the second one panics");
        }
    }

    #[test]
    fn what_is_left_or_late_is_dropped_at_the_end() {
        let (queue, wakes) = queue();
        let (sender, dropped) = (queue.sender(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            sender.send(Counted(dropped.clone()));
        }
        drop(queue);
        assert_eq!(dropped.load(Ordering::Relaxed), 3, "a panic keeps nothing back");
        sender.send(Counted(dropped.clone()));
        assert_eq!((dropped.load(Ordering::Relaxed), wakes.load(Ordering::Relaxed)), (4, 1));
    }

    /// A task may hold what sends another task when it is dropped.
    #[test]
    fn a_late_task_may_send_another() {
        struct Chained(Option<TaskSender<Self>>);
        impl Drop for Chained {
            fn drop(&mut self) {
                if let Some(sender) = self.0.take() {
                    sender.send(Self(None));
                }
            }
        }
        let (queue, _) = queue();
        let (first, second) = (queue.sender(), queue.sender());
        first.send(Chained(Some(second)));
        drop(queue);
        first.send(Chained(Some(TaskSender(first.0.clone()))));
    }
}
