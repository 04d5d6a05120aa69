//! Another process that has the file open.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use switchboard::{DatabaseError, DatabaseOptions};

use super::support::{DEADLINE, next, until_quick_enough};
use super::{add, close, file, numbers, open_numbers, patient};

/// Holds the lock of a file until its input ends.
#[test]
#[ignore = "a part of another test"]
fn holds_the_lock() {
    let Some(file) = env::var_os("SWITCHBOARD_TEST_FILE") else { return };
    let file = Connection::open(file).expect("it is there");
    file.busy_timeout(DEADLINE).expect("it is set");
    file.execute_batch("BEGIN IMMEDIATE; INSERT INTO number VALUES (-1)").expect("it is free");
    println!("it is locked");
    std::io::stdout().flush().expect("it is read");
    let _ = std::io::stdin().lines().count();
    file.execute_batch("ROLLBACK").expect("it is ours");
}

/// Another process with the lock.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        let mut child = Command::new(env::current_exe().expect("it has a name"))
            .args(["--exact", "others::holds_the_lock", "--ignored", "--nocapture"])
            .env("SWITCHBOARD_TEST_FILE", file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("it is locked")), "it has the lock");
        // The rest of what it prints has to go somewhere.
        std::thread::spawn(move || lines.count());
        Self(child)
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("it is ours").success());
    }
}

#[test]
fn a_lock_of_another_process_is_waited_for() {
    let path = file("waited");
    let db = open_numbers(&path, patient());
    let holder = Holder::of(&path);
    let writer = std::thread::spawn({
        let db = db.clone();
        move || db.write(|c| add(c, 1))
    });
    // Readers do not wait, and see nothing of what is not committed.
    for _ in 0..100 {
        assert!(numbers(&db).is_empty());
    }
    assert!(!writer.is_finished(), "it waits for the lock");
    holder.end();
    writer.join().expect("it does not panic").expect("it has the lock then");
    assert_eq!(numbers(&db), [1]);
    close(&db);
}

#[test]
fn a_job_that_writes_has_the_lock_from_its_beginning() {
    let path = file("begins");
    let db = open_numbers(&path, patient());
    let (begun, has_begun) = mpsc::channel();
    let (go, goes) = mpsc::channel::<()>();
    let writer = std::thread::spawn({
        let db = db.clone();
        move || {
            db.write(move |c| {
                let before: i64 =
                    c.query_row("SELECT count(*) FROM number", [], |row| row.get(0))?;
                begun.send(())?;
                goes.recv()?;
                add(c, before)
            })
        }
    });
    next(&has_begun);
    // Otherwise this would make what the job has read old, and its write an error.
    let other = Connection::open(&path).expect("it is there");
    other.busy_timeout(Duration::ZERO).expect("it is set");
    let refused = other.execute("INSERT INTO number VALUES (7)", []);
    let code = refused.expect_err("it is locked").sqlite_error_code();
    assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy));
    go.send(()).expect("it waits");
    writer.join().expect("it does not panic").expect("it is done");
    assert_eq!(numbers(&db), [0]);
    close(&db);
}

#[test]
fn a_lock_that_stays_is_busy() {
    until_quick_enough("without the lock, it is written", |ms| {
        let path = file("busy");
        let _ = std::fs::remove_file(&path);
        let limit = Duration::from_millis(ms);
        let db = open_numbers(&path, patient());
        close(&db);
        let db = open_numbers(&path, DatabaseOptions { query_timeout: limit, ..patient() });
        let holder = Holder::of(&path);
        let refused = db.write(|c| add(c, 1));
        assert!(matches!(refused, Err(DatabaseError::Busy)), "{refused:?}");
        holder.end();
        let is_quick = db.write(|c| add(c, 2)).is_ok();
        close(&db);
        let db = open_numbers(&path, patient());
        assert_eq!(numbers(&db), if is_quick { vec![2] } else { vec![] });
        close(&db);
        is_quick
    });
}
