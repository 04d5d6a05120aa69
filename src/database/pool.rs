//! `Database`: jobs for the threads that have its connections.

use std::fmt;
use std::io;
use std::sync::Arc;
#[cfg(test)]
use std::sync::Weak;
use std::time::Duration;

use log::Level;

use crate::database::connection_thread::{ConnectionThread, Shared};
#[cfg(feature = "admin")]
use crate::database::counts::{QueueFacts, Tally};
use crate::database::job::{JobReply, TypedJob};
use crate::database::queue::{JobQueue, Patience};
use crate::database::report::{ConnectionReport, log_database};
use crate::database::{Access, Connector, DatabaseError, DatabaseOptions, JobResult, Layout};
use crate::host::thread::spawn;
#[cfg(feature = "admin")]
use crate::pages::DatabaseMetrics;
#[cfg(doc)]
use crate::service::Peer;
#[cfg(feature = "admin")]
use crate::service::Start;
use crate::service::Work;
use crate::service::thread_mark::{ThreadMark, thread_mark};

/// A database, as connections of type `C` on threads of their own. Clones are the same database,
/// from any thread. With the last clone it is closed: jobs that wait are still done.
///
/// ```
/// # use switchboard::database::{ConnectionPlan, Connector, Database, DatabaseOptions};
/// # use switchboard::database::{JobResult, Step};
/// # struct Memory;
/// # impl Connector for Memory {
/// #     type Connection = Vec<String>;
/// #     fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Vec<String>> { Ok(Vec::new()) }
/// #     fn transact(&self, _: &mut Vec<String>, _: Step) -> JobResult<()> { Ok(()) }
/// #     fn check(&self, _: &mut Vec<String>) -> JobResult<()> { Ok(()) }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = DatabaseOptions { connections: 1, ..DatabaseOptions::new() };
/// let names: Database<Vec<String>> = Database::open("names", Memory, options)?;
/// names.write(|list| Ok(list.push("Ida".to_owned())))?;
/// let len = names.read(|list| Ok(list.len()))?;
/// assert_eq!(len, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Who waits
///
/// [`Database::read`] and [`Database::write`] wait for their answer. That is the simple way for a
/// service on a thread of its own: its sockets wait meanwhile, and no others. On the loop everybody
/// would wait, so there they are a [`DatabaseError::OnLoop`].
///
/// [`Peer::later`] does not wait, with a job of [`Database::reading`] or [`Database::writing`]. It
/// is for a service on the loop, and for one whose sockets shall not wait for each other: only the
/// socket that has asked waits for its answer. A full queue is waited for, except on the loop,
/// where the answer is a [`DatabaseError::Busy`].
///
/// # Limits
///
/// The bounds of [`DatabaseOptions`] hold for each database. A job is done at most once: one during
/// which the connection is lost is a [`DatabaseError::Lost`].
pub struct Database<C>(Arc<Handle<C>>);

/// What all clones share. Its drop closes the database.
struct Handle<C> {
    name: String,
    /// Where it is, for people.
    #[cfg(feature = "admin")]
    address: String,
    #[cfg(feature = "admin")]
    start: Start,
    queue: Arc<JobQueue<C>>,
}

impl<C: 'static> Database<C> {
    /// Starts the threads of a database, which open its connections. It waits for none of them. The
    /// name is for the log.
    ///
    /// # Errors
    /// The system gives no thread. Those that were started end.
    pub fn open(
        name: &str,
        connector: impl Connector<Connection = C>,
        options: DatabaseOptions,
    ) -> io::Result<Self> {
        let layout = connector.layout();
        let readers = vec![Access::Read; options.connections.max(1)];
        let threads = match layout {
            Layout::Clients => vec![Access::Write; options.connections.max(1)],
            Layout::OneWriter => [vec![Access::Write], readers].concat(),
        };
        let query_timeout = options.query_timeout;
        #[cfg(feature = "admin")]
        let start = options.start;
        let queue = Arc::new(JobQueue::new(layout, options));
        let database = Self(Arc::new(Handle {
            name: name.to_owned(),
            #[cfg(feature = "admin")]
            address: connector.address(),
            #[cfg(feature = "admin")]
            start,
            queue: queue.clone(),
        }));
        let shared = Arc::new(Shared {
            name: name.into(),
            connector,
            queue: queue.clone(),
            query_timeout,
            report: ConnectionReport::default(),
        });
        for access in threads {
            let thread = ConnectionThread { shared: shared.clone(), access };
            queue.enter();
            spawn(format!("database {name}"), move || thread.run())
                .inspect_err(|_| queue.leave())?;
        }
        spawn(format!("database {name}"), move || queue.run_clock())?;
        Ok(database)
    }

    /// Has a job done that reads, and waits for its value. Jobs of several threads run at the same
    /// time, on as many connections as there are.
    ///
    /// # Errors
    /// Why it was not done: [`DatabaseError`].
    pub fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.wait_for(Access::Read, job)
    }

    /// Has a job done that writes, in a transaction, and waits until that is committed. If the job
    /// returns an error or panics, nothing of it remains. A job neither begins a transaction nor
    /// ends its own; what else it needs is a savepoint.
    ///
    /// # Errors
    /// Why it was not done: [`DatabaseError`].
    pub fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.wait_for(Access::Write, job)
    }

    /// A job that reads, as [`Database::read`] does it, for [`Peer::later`].
    pub fn reading<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Work<Result<T, DatabaseError>> {
        self.work(Access::Read, job)
    }

    /// A job that writes, as [`Database::write`] does it, for [`Peer::later`].
    pub fn writing<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Work<Result<T, DatabaseError>> {
        self.work(Access::Write, job)
    }

    /// Takes no more jobs, and waits until those that are there have been done and the connections
    /// are closed, `within` this time. Returns whether that was enough. If not, jobs that wait
    /// are a [`DatabaseError::Unavailable`].
    #[expect(clippy::must_use_candidate, reason = "closing is the point")]
    pub fn close(&self, within: Duration) -> bool {
        self.0.queue.close(within)
    }

    /// The name that it was opened with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    fn wait_for<T: Send + 'static>(
        &self,
        access: Access,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        if thread_mark() == ThreadMark::Loop {
            self.0.warn_on_loop();
            return Err(DatabaseError::OnLoop);
        }
        let reply = JobReply::new();
        let answered = reply.clone();
        let job = TypedJob::new(job, move |answer| answered.send(answer));
        self.0.queue.push(access, Box::new(job), Patience::Wait);
        reply.wait()
    }

    fn work<T: Send + 'static>(
        &self,
        access: Access,
        job: impl FnOnce(&mut C) -> JobResult<T> + Send + 'static,
    ) -> Work<Result<T, DatabaseError>> {
        let database = self.clone();
        Work::new(move |done| {
            let patience = match thread_mark() {
                ThreadMark::Loop => Patience::None,
                ThreadMark::Service | ThreadMark::Other => Patience::Wait,
            };
            let job = TypedJob::new(job, done);
            database.0.queue.push(access, Box::new(job), patience);
        })
    }
}

#[cfg(feature = "admin")]
impl<C> Database<C> {
    /// What was counted of it. It waits for nothing.
    #[must_use]
    pub fn metrics(&self) -> DatabaseMetrics {
        let QueueFacts { waiting, up, is_up, tally } = self.0.queue.facts();
        let Tally { reads, writes, busy, unavailable, lost, timeouts, failed, connects } = tally;
        let mut metrics = DatabaseMetrics::default();
        self.0.name.clone_into(&mut metrics.name);
        self.0.address.clone_into(&mut metrics.address);
        (metrics.is_up, metrics.is_required) = (is_up, self.0.start == Start::Eager);
        (metrics.connections, metrics.connects) = (up as u64, connects);
        (metrics.queue, metrics.reads, metrics.writes) = (waiting as u64, reads, writes);
        metrics.errors = vec![
            ("busy", busy),
            ("unavailable", unavailable),
            ("lost", lost),
            ("timeout", timeouts),
            ("query", failed),
        ];
        metrics
    }
}

/// What tests ask for.
#[cfg(test)]
impl<C> Database<C> {
    pub(super) fn waiting_len(&self) -> usize {
        self.0.queue.facts().waiting
    }

    pub(super) fn downgrade(&self) -> Weak<JobQueue<C>> {
        Arc::downgrade(&self.0.queue)
    }

    pub(super) fn idle_len(&self) -> usize {
        self.0.queue.idle_len()
    }

    pub(super) fn callers_len(&self) -> usize {
        self.0.queue.callers_len()
    }

    pub(super) fn tally(&self) -> Tally {
        self.0.queue.facts().tally
    }
}

impl<C> Handle<C> {
    #[cold]
    fn warn_on_loop(&self) {
        let text = format_args!("{}", DatabaseError::OnLoop);
        log_database(Level::Warn, &self.name, text);
    }
}

impl<C> Drop for Handle<C> {
    fn drop(&mut self) {
        self.queue.begin_close();
    }
}

impl<C> Clone for Database<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> fmt::Debug for Database<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.0.name).finish_non_exhaustive()
    }
}
