//! `PostgresConnection`: one connection to a server of PostgreSQL.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use postgres::config::Config;
use postgres::error::{DbError, Severity, SqlState};
use postgres::{Client, NoTls};

use crate::connecting::client_tls;
use crate::database::postgres::options::Postgres;
use crate::database::postgres::stream::StreamConnector;
use crate::database::{ConnectionPlan, JobResult, Step};
use crate::host::thread::spawn;

/// A connection to PostgreSQL: what a job gets. It is a [`postgres::Client`]. A job of `write` is
/// in a transaction already. For a part of it that is undone alone, there is
/// [`PostgresConnection::transaction`].
///
/// `query_timeout` ends a query, and `cancel_token` does not: without TLS, the server is reached in
/// a way that a token cannot go.
pub struct PostgresConnection {
    client: Client,
    query_timeout: Duration,
    /// Whether there is a transaction, as far as a job has not executed `BEGIN` or `COMMIT`.
    is_in_transaction: bool,
    /// Whether a part was refused and undone, since an error of a query in it was ignored.
    has_refused_part: bool,
    notices: Arc<TransactionNotices>,
}

/// What the server has said about the transaction.
#[derive(Debug, Default)]
struct TransactionNotices {
    /// That there was one already.
    has_begun: AtomicBool,
    /// That there was none any more.
    has_ended: AtomicBool,
}

/// A job has begun or ended a transaction that is not its own. The state of the connection is not
/// what the next job has to find.
#[derive(Debug)]
pub(super) struct Misuse(&'static str);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Misuse {}

impl PostgresConnection {
    /// Connects, within [`CONNECT_MAX`].
    pub(super) fn open(server: &Postgres, plan: &ConnectionPlan<'_>) -> JobResult<Self> {
        let mut config = server.config().clone();
        config.application_name(&format!("switchboard/{}", plan.name));
        if let Some(password) = server.read_password()? {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX / 2);
        }
        // A machine that is gone does not answer these. One that is only slow does.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.tcp_user_timeout(4 * KEEPALIVE);
        let (name, notices) = (plan.name.to_owned(), Arc::<TransactionNotices>::default());
        let told = notices.clone();
        config.notice_callback(move |notice| {
            told.note(&notice);
            log_notice(&name, &notice);
        });
        let tls = server.trust().map(|trust| client_tls(trust.file())).transpose()?;
        // The server itself ends a query that takes longer.
        let silence_max = plan.query_timeout.saturating_add(SLACK);
        let streams = StreamConnector::new(&mut config, tls, silence_max);
        let client = connect(server, config, streams)?;
        let query_timeout = plan.query_timeout;
        let mut opened = Self {
            client,
            query_timeout,
            is_in_transaction: false,
            has_refused_part: false,
            notices,
        };
        // 0 would be no limit. PgBouncer refuses it as an option of the start.
        let timeout_ms = plan.query_timeout.as_millis().clamp(1, i32::MAX as u128);
        opened.batch_execute(&format!("SET statement_timeout = {timeout_ms}"))?;
        Ok(opened)
    }

    /// Takes a step, and finds out what jobs have done to the transaction.
    pub(super) fn transact(&mut self, step: Step) -> JobResult<()> {
        // A commit that has failed has ended its transaction.
        if step == Step::Rollback && !self.is_in_transaction {
            return Ok(());
        }
        self.notices.forget();
        let taken = self.batch_execute(match step {
            Step::Commit => CHECKED_COMMIT,
            step => step.sql(),
        });
        let is_aborted =
            |error: &postgres::Error| error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION);
        let is_open = taken.as_ref().is_err_and(is_aborted);
        self.is_in_transaction = is_open || !matches!(step, Step::Commit | Step::Rollback);
        taken?;
        match step {
            Step::Begin if self.notices.has_begun.load(Ordering::Relaxed) => {
                Err(Misuse(LEFT_OPEN).into())
            }
            Step::Commit | Step::Rollback if self.notices.has_ended.load(Ordering::Relaxed) => {
                Err(Misuse(ENDED_EARLY).into())
            }
            _ => Ok(()),
        }
    }

    /// Whether a transaction was begun that has not ended.
    pub(super) const fn is_in_transaction(&self) -> bool {
        self.is_in_transaction
    }

    /// A transaction was begun.
    pub(super) const fn enter_transaction(&mut self) {
        self.is_in_transaction = true;
    }

    /// It was ended.
    pub(super) const fn leave_transaction(&mut self) {
        self.is_in_transaction = false;
    }

    /// A part is refused.
    pub(super) const fn note_refused_part(&mut self) {
        self.has_refused_part = true;
    }

    /// Whether a part was refused since the last call.
    pub(super) const fn take_refused_part(&mut self) -> bool {
        std::mem::replace(&mut self.has_refused_part, false)
    }

    pub(super) fn check(&mut self) -> JobResult<()> {
        let timeout = self.query_timeout.min(CHECK_MAX);
        Ok(self.client.is_valid(timeout)?)
    }

    pub(super) fn close(self) {
        if let Err(error) = self.client.close() {
            log::debug!("a connection to PostgreSQL has not been closed: {error}");
        }
    }
}

/// Connects on a thread of its own, since a server that has accepted a connection may not answer:
/// the crate has no limit of time for that. The thread ends with the connection.
fn connect(
    server: &Postgres,
    config: Config,
    streams: Option<StreamConnector>,
) -> JobResult<Client> {
    let pending = server.pending();
    if Arc::strong_count(&pending) > PENDING_MAX {
        return Err("the server has not answered earlier attempts to connect".into());
    }
    let (sender, connected) = mpsc::channel();
    spawn("database connects".to_owned(), move || {
        let client = match streams {
            Some(streams) => config.connect(streams),
            None => config.connect(NoTls),
        };
        let _ = sender.send(client);
        drop(pending);
    })?;
    match connected.recv_timeout(CONNECT_MAX) {
        Ok(client) => Ok(client?),
        Err(RecvTimeoutError::Timeout) => {
            let seconds = CONNECT_MAX.as_secs();
            Err(format!("the server has not answered for {seconds} s").into())
        }
        Err(RecvTimeoutError::Disconnected) => Err("the thread that connects has ended".into()),
    }
}

impl TransactionNotices {
    fn note(&self, notice: &DbError) {
        let code = notice.code();
        if *code == SqlState::ACTIVE_SQL_TRANSACTION {
            self.has_begun.store(true, Ordering::Relaxed);
        }
        if *code == SqlState::NO_ACTIVE_SQL_TRANSACTION {
            self.has_ended.store(true, Ordering::Relaxed);
        }
    }

    fn forget(&self) {
        self.has_begun.store(false, Ordering::Relaxed);
        self.has_ended.store(false, Ordering::Relaxed);
    }
}

/// What the server says beside its answers.
fn log_notice(name: &str, notice: &DbError) {
    let nested = [SqlState::ACTIVE_SQL_TRANSACTION, SqlState::NO_ACTIVE_SQL_TRANSACTION];
    if nested.contains(notice.code()) {
        log::warn!(
            "database {name}: a job has executed BEGIN, COMMIT or ROLLBACK ({}): use \
             PostgresConnection::transaction",
            notice.message()
        );
    } else if notice.parsed_severity() == Some(Severity::Warning) {
        log::warn!("database {name}: {}", notice.message());
    } else {
        log::debug!("database {name}: {}", notice.message());
    }
}

impl Deref for PostgresConnection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for PostgresConnection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnection").finish_non_exhaustive()
    }
}

/// After an error that a job has kept to itself, `COMMIT` undoes all of it and reports no error.
/// The query before it fails then.
const CHECKED_COMMIT: &str = "SELECT 1; COMMIT";
/// How long an attempt to connect takes at most.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How many attempts to connect there are at most: as many as a database may have connections,
/// which are opened together, and some that a server has not answered.
pub(super) const PENDING_MAX: usize = 320;
/// How long a connection may be quiet until the system probes the peer.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How much longer than a query a server may be silent: it ends the query, and says so.
const SLACK: Duration = Duration::from_secs(5);
/// How long a check takes at most.
const CHECK_MAX: Duration = Duration::from_secs(5);
const LEFT_OPEN: &str = "an earlier job has executed BEGIN without COMMIT or ROLLBACK: use \
    PostgresConnection::transaction";
const ENDED_EARLY: &str = "the job has ended the transaction of `write` (COMMIT, ROLLBACK): use \
    PostgresConnection::transaction";
