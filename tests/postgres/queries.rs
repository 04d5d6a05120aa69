//! What a job does, and how long a query may take.

use std::thread;
use std::time::Duration;

use switchboard::{DatabaseError, DatabaseOptions};

use super::support::postgres::Postgres as Server;
use super::support::until_quick_enough;
use super::{close, execute, open, patient, value};

#[test]
fn a_connection_says_whose_it_is() {
    let server = Server::start();
    let db = open(
        &server,
        DatabaseOptions { query_timeout: Duration::from_millis(12_345), ..patient() },
    );
    assert_eq!(value::<String>(&db, "SHOW application_name"), "switchboard/test");
    assert_eq!(value::<String>(&db, "SHOW statement_timeout"), "12345ms");
    close(&db);
}

#[test]
fn four_writers_count_exactly() {
    let server = Server::start();
    let db = open(&server, patient());
    execute(&db, "CREATE TABLE counter (n INT); INSERT INTO counter VALUES (0)");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    db.write(|c| Ok(c.execute("UPDATE counter SET n = n + 1", &[])?))
                        .expect("it is done");
                }
            });
        }
    });
    assert_eq!(value::<i32>(&db, "SELECT n FROM counter"), 1_000);
    close(&db);
}

#[test]
fn nothing_of_a_job_that_fails_remains() {
    let server = Server::start();
    let db = open(&server, DatabaseOptions { connections: 1, ..patient() });
    execute(&db, "CREATE TABLE number (n INT PRIMARY KEY)");
    let insert = "INSERT INTO number VALUES ($1)";
    let failed = db.write(move |c| {
        c.execute(insert, &[&1])?;
        Ok(c.execute(insert, &[&1])?)
    });
    match failed {
        Err(DatabaseError::Query(error)) => {
            let error = error.downcast::<postgres::Error>().expect("it is as it was returned");
            assert_eq!(error.code(), Some(&postgres::error::SqlState::UNIQUE_VIOLATION));
        }
        other => panic!("{other:?}"),
    }
    let panicked: Result<(), _> = db.write(move |c| {
        c.execute(insert, &[&2])?;
        panic!("on purpose")
    });
    assert!(matches!(panicked, Err(DatabaseError::Query(_))), "{panicked:?}");
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM number"), 0);
    close(&db);
}

#[test]
fn a_query_that_takes_too_long_is_ended() {
    let server = Server::start();
    until_quick_enough("what is quick ends within the limit of time", |ms| {
        let limit = Duration::from_millis(ms);
        let options = DatabaseOptions { connections: 1, query_timeout: limit, ..patient() };
        let db = open(&server, options);
        let session =
            || db.read(|c| Ok(c.query_one("SELECT pg_backend_pid()", &[])?.get::<_, i32>(0)));
        let Ok(before) = session() else { return false };
        for _ in 0..2 {
            let slow = db.write(|c| Ok(c.execute("SELECT pg_sleep(3600)", &[])?));
            assert!(matches!(slow, Err(DatabaseError::Timeout(_))), "{slow:?}");
        }
        // The connection is the same.
        let is_quick = session().is_ok_and(|after| after == before);
        close(&db);
        is_quick
    });
}

#[test]
fn a_deadlock_is_busy_and_nothing_has_happened() {
    let server = Server::start();
    let db = open(&server, patient());
    execute(&db, "CREATE TABLE lot (id INT, n INT); INSERT INTO lot VALUES (1, 0), (2, 0)");
    let both = std::sync::Arc::new(std::sync::Barrier::new(2));
    let outcomes = thread::scope(|scope| {
        let threads = [(1, 2), (2, 1)].map(|(first, second)| {
            let (db, both) = (&db, both.clone());
            scope.spawn(move || {
                db.write(move |c| {
                    c.execute("UPDATE lot SET n = n + 1 WHERE id = $1", &[&first])?;
                    both.wait();
                    Ok(c.execute("UPDATE lot SET n = n + 1 WHERE id = $1", &[&second])?)
                })
            })
        });
        threads.map(|thread| thread.join().expect("it does not panic"))
    });
    let busy = outcomes.iter().filter(|one| matches!(one, Err(DatabaseError::Busy))).count();
    let done = outcomes.iter().filter(|one| one.is_ok()).count();
    assert_eq!((busy, done), (1, 1), "{outcomes:?}");
    assert_eq!(value::<i64>(&db, "SELECT sum(n) FROM lot"), 2);
    close(&db);
}
