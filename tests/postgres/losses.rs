//! Connections that are lost, and servers that are gone: no job is done twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::{DatabaseError, DatabaseOptions};

use super::support::postgres::{End, Postgres as Server};
use super::support::until;
use super::{Db, close, execute, open, patient, value};

/// How jobs have ended, each by its number.
type Outcomes = BTreeMap<i32, Result<u64, DatabaseError>>;

/// Adds numbers from several threads, until `end` has returned after so many.
fn under_load(db: &Db, end: impl FnOnce(&dyn Fn(usize))) -> Outcomes {
    execute(db, "CREATE TABLE number (n INT)");
    let (done, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|thread| {
            let (done, is_over) = (&done, &is_over);
            scope.spawn(move || {
                let mut outcomes = Outcomes::new();
                for number in (thread..).step_by(8) {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let insert = "INSERT INTO number VALUES ($1)";
                    let outcome = db.write(move |c| Ok(c.execute(insert, &[&number])?));
                    if outcome.is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    outcomes.insert(number, outcome);
                }
                outcomes
            })
        });
        end(&|more| {
            let goal = done.load(Ordering::Relaxed) + more;
            until("more jobs are done", || done.load(Ordering::Relaxed) >= goal);
        });
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

/// Compares what the jobs got with what is in the table.
fn judge(db: &Db, outcomes: &Outcomes) {
    let rows = db.read(|c| Ok(c.query("SELECT n, count(*) FROM number GROUP BY n", &[])?));
    let rows = rows.expect("they are read");
    let found: BTreeMap<i32, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (number, outcome) in outcomes {
        let times = found.get(number).copied().unwrap_or(0);
        match outcome {
            Ok(_) => assert_eq!(times, 1, "{number} was done"),
            Err(DatabaseError::Lost(_)) => assert!(times <= 1, "{number} was done {times} times"),
            Err(DatabaseError::Busy | DatabaseError::Unavailable(_)) => {
                assert_eq!(times, 0, "{number}: nothing has happened");
            }
            Err(error) => panic!("{number}: {error:?}"),
        }
    }
    assert!(found.keys().all(|number| outcomes.contains_key(number)));
}

#[test]
fn a_server_restarts_under_load() {
    for how in [End::Fast, End::Immediate] {
        let mut server = Server::start();
        let db = open(&server, patient());
        let outcomes = under_load(&db, |wait_for| {
            for _ in 0..3 {
                wait_for(100);
                server.end(how);
                server.run();
            }
            wait_for(100);
        });
        let lost = outcomes.values().filter(|one| matches!(one, Err(DatabaseError::Lost(_))));
        // One for each connection and each end, at most: the others have waited.
        let lost = lost.count();
        assert!(lost <= 4 * 3, "{how:?}: {lost} were lost");
        assert!(outcomes.values().all(|one| !matches!(one, Err(DatabaseError::Unavailable(_)))));
        judge(&db, &outcomes);
        close(&db);
    }
}

#[test]
fn sessions_are_ended_under_load() {
    let server = Server::start();
    let (db, other) = (open(&server, patient()), open(&server, patient()));
    let outcomes = under_load(&db, |wait_for| {
        for _ in 0..10 {
            wait_for(50);
            // Not those of `other`, which are four of the eight of this name.
            let ended = other.read(|c| {
                Ok(c.query_one(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE query LIKE 'INSERT%' OR query = 'COMMIT' OR query = 'BEGIN'",
                    &[],
                )?
                .get::<_, i64>(0))
            });
            ended.expect("a superuser may");
        }
        wait_for(50);
    });
    let lost = outcomes.values().filter(|one| matches!(one, Err(DatabaseError::Lost(_)))).count();
    assert!(lost > 0, "a session had a job");
    judge(&db, &outcomes);
    close(&other);
    close(&db);
}

#[test]
fn a_job_whose_session_is_ended_is_lost() {
    let server = Server::start();
    let db = open(&server, patient());
    for access in ["read", "write"] {
        let lost: Result<u64, _> = match access {
            "read" => {
                db.read(|c| Ok(c.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[])?))
            }
            _ => db.write(|c| Ok(c.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[])?)),
        };
        assert!(matches!(lost, Err(DatabaseError::Lost(_))), "{access}: {lost:?}");
        assert_eq!(value::<i32>(&db, "SELECT 1"), 1);
    }
    close(&db);
}

#[test]
fn an_idle_connection_that_was_ended_fails_no_job() {
    let mut server = Server::start();
    let db = open(&server, DatabaseOptions { connections: 1, ..patient() });
    for _ in 0..3 {
        assert_eq!(value::<i32>(&db, "SELECT 1"), 1);
        let used = Instant::now();
        server.end(End::Fast);
        server.run();
        // A connection that was used just before is not checked.
        until("it is checked before it is used", || used.elapsed() > TRUSTED);
    }
    assert_eq!(value::<i32>(&db, "SELECT 1"), 1);
    close(&db);
}

#[test]
fn without_a_server_jobs_wait_for_one() {
    let mut server = Server::start();
    server.end(End::Fast);
    let hasty = open(&server, DatabaseOptions { wait: Duration::from_millis(200), ..patient() });
    let refused = hasty.read(|_| Ok(()));
    assert!(matches!(refused, Err(DatabaseError::Unavailable(_))), "{refused:?}");
    let db = open(&server, patient());
    thread::scope(|scope| {
        let waits = scope.spawn(|| value::<i32>(&db, "SELECT 1"));
        let refused = hasty.read(|_| Ok(()));
        assert!(matches!(refused, Err(DatabaseError::Unavailable(_))), "{refused:?}");
        assert!(!waits.is_finished(), "it waits");
        server.run();
        assert_eq!(waits.join().expect("it does not panic"), 1);
    });
    close(&hasty);
    close(&db);
}

/// Much longer than a connection is used without a check.
const TRUSTED: Duration = Duration::from_millis(500);
