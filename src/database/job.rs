//! `Job`: what a database does for somebody, who gets the answer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::database::{DatabaseError, JobResult};

/// A job: it runs, and is settled afterwards, since its transaction may fail after it has run.
pub(super) trait Job<C>: Send {
    /// Runs, and keeps its value.
    fn run(&mut self, connection: &mut C) -> JobResult<()>;

    /// Sends the answer: the value, unless this is an error.
    fn settle(self: Box<Self>, outcome: Result<(), DatabaseError>);
}

/// A job of the caller's type, and where its answer goes. One that is dropped is answered, too.
pub(super) struct TypedJob<T, J, A: FnOnce(Result<T, DatabaseError>)> {
    job: Option<J>,
    value: Option<T>,
    answer: Option<A>,
}

impl<T, J, A: FnOnce(Result<T, DatabaseError>)> TypedJob<T, J, A> {
    pub(super) const fn new(job: J, answer: A) -> Self {
        Self { job: Some(job), value: None, answer: Some(answer) }
    }
}

impl<C, T, J, A> Job<C> for TypedJob<T, J, A>
where
    T: Send,
    J: FnOnce(&mut C) -> JobResult<T> + Send,
    A: FnOnce(Result<T, DatabaseError>) + Send,
{
    fn run(&mut self, connection: &mut C) -> JobResult<()> {
        if let Some(job) = self.job.take() {
            self.value = Some(job(connection)?);
        }
        Ok(())
    }

    fn settle(mut self: Box<Self>, outcome: Result<(), DatabaseError>) {
        let value = self.value.take();
        let Some(answer) = self.answer.take() else { return };
        answer(outcome.and_then(|()| value.ok_or(DatabaseError::Unavailable(None))));
    }
}

impl<T, J, A: FnOnce(Result<T, DatabaseError>)> Drop for TypedJob<T, J, A> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer(Err(DatabaseError::Unavailable(None)));
        }
    }
}

/// Where a thread waits for the answer of its job.
pub(super) struct JobReply<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> JobReply<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new((Mutex::new(None), Condvar::new())))
    }

    /// Sends the answer.
    pub(super) fn send(&self, answer: T) {
        *self.lock() = Some(answer);
        self.0.1.notify_one();
    }

    /// Waits for the answer.
    pub(super) fn wait(self) -> T {
        let mut slot = self.lock();
        loop {
            if let Some(answer) = slot.take() {
                return answer;
            }
            slot = self.0.1.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // Nothing panics with it.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for JobReply<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
