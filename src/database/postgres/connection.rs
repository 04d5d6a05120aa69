//! `PostgresConnection`: one connection to a server of PostgreSQL.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use postgres::config::Config;
use postgres::error::{DbError, Severity, SqlState};
use postgres::{Client, NoTls};

use crate::database::postgres::options::Postgres;
use crate::database::postgres::stream::StreamConnector;
use crate::database::postgres::tls::read_authorities;
use crate::database::{ConnectionPlan, JobResult};
use crate::host::thread::spawn;

/// A connection to PostgreSQL: what a job gets. It is a [`postgres::Client`]. A job of `write` is
/// in a transaction already, in which it may have savepoints (`SAVEPOINT`).
pub struct PostgresConnection {
    client: Client,
    query_timeout: Duration,
}

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
        let name = plan.name.to_owned();
        config.notice_callback(move |notice| log_notice(&name, &notice));
        let tls = server.trust().map(read_authorities).transpose()?;
        // The server itself ends a query that takes longer.
        let silence_max = plan.query_timeout.saturating_add(SLACK);
        let streams = StreamConnector::new(&mut config, tls, silence_max);
        let client = connect(server, config, streams)?;
        let mut opened = Self { client, query_timeout: plan.query_timeout };
        // 0 would be no limit. PgBouncer refuses it as an option of the start.
        let timeout_ms = plan.query_timeout.as_millis().clamp(1, i32::MAX as u128);
        opened.batch_execute(&format!("SET statement_timeout = {timeout_ms}"))?;
        Ok(opened)
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

/// What the server says beside its answers.
fn log_notice(name: &str, notice: &DbError) {
    let nested = [SqlState::ACTIVE_SQL_TRANSACTION, SqlState::NO_ACTIVE_SQL_TRANSACTION];
    if nested.contains(notice.code()) {
        log::warn!(
            "database {name}: a job begins or ends a transaction in the one that write makes \
             ({}); use savepoints",
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

/// How long an attempt to connect takes at most.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How many attempts without an answer there are at most, for all connections.
const PENDING_MAX: usize = 16;
/// How long a connection may be quiet until the system asks the other one whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How much longer than a query a server may be silent: it ends the query, and says so.
const SLACK: Duration = Duration::from_secs(5);
/// How long a check takes at most.
const CHECK_MAX: Duration = Duration::from_secs(5);
