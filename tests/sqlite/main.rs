//! Databases of SQLite, as files: many writers, groups of jobs, limits of time, locks of others, a
//! full disk, and a process that is killed.
#![cfg(feature = "sqlite")]

mod faults;
mod others;
mod queries;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use switchboard::database::sqlite::{Sqlite, SqliteConnection, Synchronous};
use switchboard::{Database, DatabaseOptions};

/// A database in a file.
type Db = Database<SqliteConnection>;

/// Options without a limit of time that a slow machine would miss.
fn patient() -> DatabaseOptions {
    DatabaseOptions {
        wait: support::DEADLINE,
        query_timeout: support::DEADLINE,
        ..DatabaseOptions::new()
    }
}

/// The file of a test, which is not there.
fn file(name: &str) -> std::path::PathBuf {
    support::folder::folder(name).join("main.db")
}

/// Opens a file. Commits wait for nothing: what these tests are about does not need it.
fn open(file: &Path, options: DatabaseOptions) -> Db {
    let file = Sqlite::new(file).synchronous(Synchronous::Normal);
    Database::open("test", file, options).expect("there are threads")
}

/// The same, with a table of numbers.
fn open_numbers(file: &Path, options: DatabaseOptions) -> Db {
    let db = open(file, options);
    let table = "CREATE TABLE IF NOT EXISTS number (n INTEGER)";
    db.write(|c| Ok(c.execute_batch(table)?)).expect("it is made");
    db
}

/// Adds a number.
fn add(c: &mut SqliteConnection, number: i64) -> switchboard::JobResult<()> {
    c.prepare_cached("INSERT INTO number VALUES (?)")?.execute([number])?;
    Ok(())
}

/// All numbers.
fn numbers(db: &Db) -> Vec<i64> {
    db.read(|c| {
        let mut query = c.prepare_cached("SELECT n FROM number ORDER BY n")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<Vec<i64>, _>>()?)
    })
    .expect("they are read")
}

/// Closes it, as a host does at its end.
fn close(db: &Db) {
    assert!(db.close(Duration::from_secs(60)), "it ends");
}
