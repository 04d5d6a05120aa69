//! `SqliteConnection`: one connection to a file of SQLite, which ends its own queries.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization, TransactionOperation};
use rusqlite::{Connection, OpenFlags};

use crate::database::sqlite::options::{Sqlite, Synchronous};
use crate::database::{Access, ConnectionPlan, JobResult, Step};
use crate::sys;

/// A connection to SQLite: what a job gets. It is a [`rusqlite::Connection`], with a cache of 64
/// statements for `prepare_cached`. A job of `write` is in a transaction already, in which it may
/// have savepoints. It cannot begin or end a transaction.
pub struct SqliteConnection {
    connection: Connection,
    query_timeout: Duration,
    limit: Arc<TimeLimit>,
    /// Whether a job runs, which may not end the transaction that it is in.
    has_job: Arc<AtomicBool>,
}

/// Until when the job that runs may take.
#[derive(Debug, Default)]
struct TimeLimit(Mutex<Option<Instant>>);

impl TimeLimit {
    fn set(&self, limit: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    fn is_over(&self) -> bool {
        let limit = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limit.is_some_and(|limit| Instant::now() >= limit)
    }
}

impl SqliteConnection {
    /// Opens the file, which is made if it is not there.
    pub(super) fn open(file: &Sqlite, plan: &ConnectionPlan<'_>) -> JobResult<Self> {
        let path = file.path();
        let named = |error| format!("{}: {error}", path.display());
        // Any connection may be the first. Nothing in the path is an option.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| {
            format!("{}; its folder has to be there, and to be writable", named(error))
        })?;
        let mut opened = Self {
            connection,
            query_timeout: plan.query_timeout,
            limit: Arc::default(),
            has_job: Arc::default(),
        };
        opened.set_up(file.mode(), plan.access).map_err(named)?;
        if plan.access == Access::Write {
            opened.use_log().map_err(|text| format!("{}: {text}", path.display()))?;
        }
        Ok(opened)
    }

    fn set_up(&mut self, synchronous: Synchronous, access: Access) -> rusqlite::Result<()> {
        let connection = &mut self.connection;
        // Another process may have a lock for as long as a query may take.
        connection.busy_timeout(self.query_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "foreign_keys", true)?;
        let synchronous = match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        if access == Access::Read {
            connection.pragma_update(None, "query_only", true)?;
        }
        let limit = Arc::clone(&self.limit);
        connection.progress_handler(STEPS, Some(move || limit.is_over()))?;
        let has_job = Arc::clone(&self.has_job);
        connection.authorizer(Some(move |context: AuthContext<'_>| match context.action {
            // A job that ends its transaction would end that of its neighbors.
            AuthAction::Transaction { operation } if operation != TransactionOperation::Begin => {
                let is_of_job = has_job.load(Ordering::Relaxed);
                if is_of_job { Authorization::Deny } else { Authorization::Allow }
            }
            _ => Authorization::Allow,
        }))
    }

    /// Makes the file one with a log (WAL), so that it is read while it is written.
    fn use_log(&self) -> Result<(), String> {
        let set = self
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match set {
            Ok(mode) if mode == "wal" => Ok(()),
            Ok(mode) => Err(format!(
                "the file system has no shared memory for a log (WAL), and SQLite uses {mode}: put \
                 the file on a disk of this machine"
            )),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn transact(&mut self, step: Step) -> JobResult<()> {
        match step {
            Step::Release => {
                // SQLite looks at these at the commit, which is that of other jobs, too.
                if sys::sqlite::has_deferred_violations(&self.connection) {
                    return Err(VIOLATION.into());
                }
                self.step(sql_of(step))
            }
            Step::Commit => self.step(sql_of(step)).inspect_err(|_| {
                // One that fails for a lock or a constraint is still open.
                let _ = self.rollback();
            }),
            Step::Rollback => self.rollback(),
            Step::Begin | Step::Savepoint | Step::RollBackTo => self.step(sql_of(step)),
        }
    }

    fn step(&self, sql: &str) -> JobResult<()> {
        // A job that has panicked has not ended before.
        self.has_job.store(false, Ordering::Relaxed);
        self.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Ends a transaction, if there is one: some errors end it by themselves.
    fn rollback(&self) -> JobResult<()> {
        if self.is_autocommit() {
            return Ok(());
        }
        self.step(sql_of(Step::Rollback))
    }

    pub(super) fn begin_job(&mut self, access: Access) -> JobResult<()> {
        if access == Access::Read {
            // All queries of a job see one state.
            self.step(BEGIN_READING)?;
        }
        self.limit.set(Instant::now().checked_add(self.query_timeout));
        self.has_job.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn end_job(&mut self, access: Access) -> JobResult<()> {
        self.limit.set(None);
        self.has_job.store(false, Ordering::Relaxed);
        if access == Access::Read {
            // A reader that stays would keep the log from being used again.
            return self.rollback();
        }
        Ok(())
    }

    /// Writes the log into the file, and empties it.
    pub(super) fn checkpoint(self) {
        let left = self.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        let path = self.path().unwrap_or_default();
        match left {
            Ok(0) => {}
            Ok(_) => {
                log::warn!("{path}: its log has not been emptied, since another process reads it");
            }
            Err::<i32, _>(error) => log::warn!("{path}: its log has not been emptied: {error}"),
        }
    }
}

impl Deref for SqliteConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for SqliteConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl fmt::Debug for SqliteConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteConnection").field(&self.connection).finish()
    }
}

/// A step as SQL. A comment tells these statements from those of jobs: the authorizer is asked only
/// when a statement is prepared, so a job would find the COMMIT of the host in the cache.
const fn sql_of(step: Step) -> &'static str {
    match step {
        // A transaction that begins as a reader cannot always become a writer: SQLITE_BUSY.
        Step::Begin => "/* host */ BEGIN IMMEDIATE",
        Step::Commit => "/* host */ COMMIT",
        Step::Rollback => "/* host */ ROLLBACK",
        Step::Savepoint => "/* host */ SAVEPOINT job",
        Step::Release => "/* host */ RELEASE SAVEPOINT job",
        Step::RollBackTo => "/* host */ ROLLBACK TO SAVEPOINT job",
    }
}

const BEGIN_READING: &str = "/* host */ BEGIN";
/// How many prepared statements a connection keeps: 64 of jobs, and those of the host.
const STATEMENTS: usize = 64 + 7;
/// After how many steps of its machine SQLite looks at the time: some microseconds.
const STEPS: i32 = 1_000;
const VIOLATION: &str = "FOREIGN KEY constraint failed (deferred)";
