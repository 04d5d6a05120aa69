//! A server that hangs: its system keeps the connection open, and nothing comes over it.

use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use switchboard::database::postgres::PostgresConnection;
use switchboard::{Database, DatabaseError, DatabaseOptions, JobResult, Start};

use super::access::{server_with_tls, url};
use super::support::tls::certificates;
use super::support::{next, until_quick_enough};
use super::{close, open, patient};

/// A process of a server that is stopped. It goes on when this is dropped.
struct Stopped(i32);

impl Stopped {
    fn new(pid: i32) -> Self {
        signal(pid, "STOP");
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

fn signal(pid: i32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.expect("it runs").success(), "{name}");
}

fn session(c: &mut PostgresConnection) -> JobResult<i32> {
    Ok(c.query_one("SELECT pg_backend_pid()", &[])?.get(0))
}

/// Stops the session, and asks it for something.
fn hang(c: &mut PostgresConnection, stopped: &Sender<Stopped>) -> JobResult<()> {
    stopped.send(Stopped::new(session(c)?))?;
    Ok(c.batch_execute("SELECT 1")?)
}

#[test]
fn a_server_that_hangs_keeps_nobody_waiting_for_ever() {
    let server = server_with_tls();
    let plain = || url(&server, "tester", "127.0.0.1", "");
    let sealed = plain().verify_full(Some(certificates().join("ca.pem")));
    let by_address = switchboard::database::postgres::Postgres::new(&format!(
        "postgres://tester@/postgres?hostaddr=127.0.0.1&port={}",
        server.port()
    ));
    let ways = [plain(), sealed, by_address.expect("it is a URL")];
    std::thread::scope(|scope| {
        for way in ways {
            scope.spawn(move || {
                until_quick_enough("a server that does not hang answers", |ms| {
                    let query_timeout = Duration::from_millis(ms);
                    let options = DatabaseOptions { connections: 1, query_timeout, ..patient() };
                    let db = Database::open("test", way.clone(), options).expect("threads");
                    let is_quick = is_lost_and_replaced(&db) && checks_and_replaces(&db);
                    close(&db);
                    is_quick
                });
            });
        }
    });
}

/// Whether there is another connection after a job whose server has hung during it.
fn is_lost_and_replaced(db: &Database<PostgresConnection>) -> bool {
    let Ok(before) = db.read(session) else { return false };
    let (stop, stopped) = mpsc::channel();
    let lost = db.write(move |c| hang(c, &stop));
    let Err(DatabaseError::Lost(error)) = lost else { return false };
    let text = error.source().expect("it is one of the connection").to_string();
    assert!(text.contains("the server has been silent for "), "{text}");
    let after = db.read(session);
    drop(next(&stopped));
    after.is_ok_and(|after| after != before)
}

/// Whether a job that comes while its server hangs waits for another connection.
fn checks_and_replaces(db: &Database<PostgresConnection>) -> bool {
    let Ok(before) = db.read(session) else { return false };
    let stopped = Stopped::new(before);
    // Not within the time for which a connection is trusted.
    let is_old = std::time::Instant::now() + Duration::from_millis(51);
    while std::time::Instant::now() < is_old {
        std::thread::yield_now();
    }
    let after = db.read(session);
    drop(stopped);
    after.is_ok_and(|after| after != before)
}

/// It is read before its next query is written.
#[test]
fn a_connection_that_has_had_nothing_to_do_does_not_hang() {
    let server = server_with_tls();
    let other = open(&server, patient());
    until_quick_enough("what is quick ends within the limit of time", |ms| {
        let options = DatabaseOptions {
            connections: 1,
            query_timeout: Duration::from_millis(ms),
            start: Start::Lazy,
            ..patient()
        };
        let way = url(&server, "tester", "127.0.0.1", "");
        let db = Database::open("test", way, options).expect("there are threads");
        let seconds = f64::from(u32::try_from(ms).expect("it is short")) / 1_000.0 + 5.5;
        let pause = || {
            let other = other.clone();
            move || other.read(move |c| Ok(c.execute("SELECT pg_sleep($1)", &[&seconds])?))
        };
        let within = pause();
        let sessions = db.write(move |c| {
            let before = session(c)?;
            within()?;
            Ok((before, session(c)?))
        });
        let Ok((first, second)) = sessions else { return false };
        pause()().expect("it is patient");
        let is_quick = db.read(session).is_ok_and(|third| [second, third] == [first; 2]);
        close(&db);
        is_quick
    });
    close(&other);
}
