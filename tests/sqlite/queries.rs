//! What a job sees, and what it may do.

use std::error::Error;
use std::fs;
use std::sync::mpsc;
use std::thread;

use rusqlite::Connection;
use switchboard::DatabaseError;

use super::support::{next, until_quick_enough};
use super::{add, close, file, numbers, open, open_numbers, patient};

#[test]
fn eight_writers_count_to_eighty_thousand() {
    let path = file("count");
    let db = open(&path, patient());
    db.write(|c| Ok(c.execute_batch("CREATE TABLE counter (n); INSERT INTO counter VALUES (0)")?))
        .expect("it is made");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    // In two steps, between which another writer would be one too many.
                    db.write(|c| {
                        let n: i64 = c
                            .prepare_cached("SELECT n FROM counter")?
                            .query_row([], |row| row.get(0))?;
                        c.prepare_cached("UPDATE counter SET n = ?")?.execute([n + 1])?;
                        Ok(())
                    })
                    .expect("it is done");
                }
            });
        }
    });
    let n = db.read(|c| Ok(c.query_row("SELECT n FROM counter", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(n.expect("it is read"), 80_000);
    close(&db);
}

#[test]
fn a_reader_sees_one_state_and_keeps_no_writer_waiting() {
    let path = file("state");
    let db = open_numbers(&path, patient());
    db.write(|c| add(c, 1)).expect("it is added");
    thread::scope(|scope| {
        // They are here so that no thread waits for a test that has failed.
        let (begun, has_begun) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let reader = scope.spawn(|| {
            db.read(move |c| {
                let count = "SELECT count(*) FROM number";
                let before: i64 = c.query_row(count, [], |row| row.get(0))?;
                begun.send(())?;
                ends.recv()?;
                let after: i64 = c.query_row(count, [], |row| row.get(0))?;
                Ok((before, after))
            })
        });
        next(&has_begun);
        db.write(|c| add(c, 2)).expect("it is added meanwhile");
        end.send(()).expect("it waits");
        let seen = reader.join().expect("it does not panic");
        assert_eq!(seen.expect("it reads"), (1, 1));
    });
    assert_eq!(numbers(&db), [1, 2]);
    close(&db);
}

#[test]
fn a_job_that_reads_cannot_write() {
    let db = open_numbers(&file("read_only"), patient());
    match db.read(|c| add(c, 1)) {
        Err(DatabaseError::Query(error)) => {
            assert!(error.to_string().contains("readonly"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(numbers(&db).is_empty());
    close(&db);
}

#[test]
fn a_job_that_reads_leaves_no_transaction() {
    let db =
        open_numbers(&file("left"), switchboard::DatabaseOptions { connections: 1, ..patient() });
    // It has a transaction already, which it may not end.
    for sql in ["BEGIN", "COMMIT", "ROLLBACK"] {
        let refused = db.read(move |c| Ok(c.execute_batch(sql)?));
        assert!(matches!(refused, Err(DatabaseError::Query(_))), "{sql}: {refused:?}");
    }
    assert!(numbers(&db).is_empty());
    db.write(|c| add(c, 1)).expect("it is added");
    // The same connection would still see the old state.
    assert_eq!(numbers(&db), [1]);
    close(&db);
}

#[test]
fn a_query_without_an_end_is_ended() {
    until_quick_enough("what is quick ends within the limit of time", |ms| {
        let path = file("endless");
        let limit = std::time::Duration::from_millis(ms);
        let options = switchboard::DatabaseOptions { query_timeout: limit, ..patient() };
        let db = open_numbers(&path, options);
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";
        let read = db.read(move |c| {
            Ok(c.query_row(&format!("{endless} SELECT sum(i) FROM n"), [], |_| Ok(()))?)
        });
        assert!(matches!(read, Err(DatabaseError::Timeout(_))), "{read:?}");
        let written = db.write(move |c| {
            Ok(c.execute_batch(&format!("{endless} INSERT INTO number SELECT i FROM n"))?)
        });
        assert!(matches!(written, Err(DatabaseError::Timeout(_))), "{written:?}");
        // The limit is that of a job, and the next one has its own.
        let is_quick = db.write(|c| add(c, 1)).is_ok();
        close(&db);
        let kept = open(&path, patient());
        assert_eq!(numbers(&kept), if is_quick { vec![1] } else { vec![] });
        is_quick
    });
}

#[test]
fn a_file_that_cannot_be_made_is_named_in_the_log() {
    let _kept = super::support::logged::keep(log::LevelFilter::Warn);
    let path = file("missing").join("folder/main.db");
    let options =
        switchboard::DatabaseOptions { wait: std::time::Duration::from_millis(100), ..patient() };
    let db = open(&path, options);
    let refused = db.read(|_| Ok(()));
    assert!(matches!(refused, Err(DatabaseError::Unavailable(_))), "{refused:?}");
    let line = super::support::logged::line_with("it cannot be connected").text;
    assert!(line.contains(&path.display().to_string()), "{line}");
    assert!(line.contains("its folder"), "{line}");
    assert!(db.close(super::support::DEADLINE));
}

#[test]
fn foreign_keys_are_checked() {
    let db = open(&file("keys"), patient());
    let made = db.write(|c| {
        Ok(c.execute_batch(
            "CREATE TABLE user (id INTEGER PRIMARY KEY); \
             CREATE TABLE post (user REFERENCES user (id))",
        )?)
    });
    made.expect("they are made");
    match db.write(|c| Ok(c.execute("INSERT INTO post VALUES (7)", [])?)) {
        Err(DatabaseError::Query(error)) => assert!(error.to_string().contains("FOREIGN KEY")),
        other => panic!("{other:?}"),
    }
    close(&db);
}

#[test]
fn the_log_is_empty_after_a_clean_end() -> Result<(), Box<dyn Error>> {
    let path = file("log");
    let db = open_numbers(&path, patient());
    db.write(|c| add(c, 1))?;
    // The last connection would remove the log. Another process may have the file open.
    let other = Connection::open(&path)?;
    let mode = || other.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
    assert_eq!(mode()?, "wal");
    let count = || other.query_row("SELECT count(*) FROM number", [], |row| row.get::<_, i32>(0));
    assert_eq!(count()?, 1);
    let log = path.with_extension("db-wal");
    assert_ne!(fs::metadata(&log)?.len(), 0);
    close(&db);
    assert_eq!(fs::metadata(&log)?.len(), 0);
    assert_eq!(count()?, 1);
    Ok(())
}
