//! Parts of a job that are undone alone, and jobs that end the transaction that they are in.

use switchboard::database::postgres::PostgresConnection;
use switchboard::{DatabaseError, DatabaseOptions, JobResult};

use super::support::logged;
use super::support::postgres::Postgres as Server;
use super::{Db, close, execute, open, patient, value};

/// A database with one connection and a table of numbers.
fn open_numbers(server: &Server) -> Db {
    let db = open(server, DatabaseOptions { connections: 1, ..patient() });
    execute(&db, "CREATE TABLE number (n INT PRIMARY KEY)");
    db
}

fn add(c: &mut PostgresConnection, number: i32) -> JobResult<()> {
    c.execute("INSERT INTO number VALUES ($1)", &[&number])?;
    Ok(())
}

/// All numbers.
fn numbers(db: &Db) -> Vec<i32> {
    value(db, "SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM number")
}

/// Adds numbers in parts: 1 beside them, 2 and 3 in one, 4 and 5 in parts that are undone, and 6
/// in one whose query fails.
fn add_in_parts(c: &mut PostgresConnection) -> JobResult<()> {
    add(c, 1)?;
    let mut part = c.transaction()?;
    add(&mut part, 2)?;
    let mut inner = part.transaction()?;
    add(&mut inner, 3)?;
    inner.commit()?;
    let mut inner = part.transaction()?;
    add(&mut inner, 4)?;
    drop(inner);
    part.commit()?;
    let mut part = c.transaction()?;
    add(&mut part, 5)?;
    part.rollback()?;
    let mut part = c.transaction()?;
    add(&mut part, 6)?;
    assert!(add(&mut part, 6).is_err(), "it is there");
    drop(part);
    Ok(())
}

#[test]
fn a_part_of_a_job_is_undone_alone() {
    let server = Server::start();
    let db = open_numbers(&server);
    db.write(add_in_parts).expect("it is done");
    assert_eq!(numbers(&db), [1, 2, 3]);
    execute(&db, "DELETE FROM number");
    // What is committed within a job goes with it.
    let failed: Result<(), _> = db.write(|c| {
        add_in_parts(c)?;
        Err("it is not wanted".into())
    });
    assert!(matches!(failed, Err(DatabaseError::Query(_))), "{failed:?}");
    assert!(numbers(&db).is_empty());
    // A job that reads has no transaction, so there it is one.
    db.read(add_in_parts).expect("it is done");
    assert_eq!(numbers(&db), [1, 2, 3]);
    close(&db);
}

#[test]
fn a_job_that_ends_its_transaction_is_lost() {
    let _lines = logged::keep(log::LevelFilter::Warn);
    let server = Server::start();
    let db = open_numbers(&server);
    let ends: [fn(&mut PostgresConnection) -> JobResult<()>; 3] = [
        |c| Ok(c.batch_execute("COMMIT")?),
        |c| Ok(c.batch_execute("ROLLBACK")?),
        // That of the crate, which knows nothing of the one around it.
        |c| {
            let mut inner = c.build_transaction().start()?;
            inner.execute("INSERT INTO number VALUES (20)", &[])?;
            Ok(inner.commit()?)
        },
    ];
    for (at, end) in (0..).zip(ends) {
        let lost = db.write(move |c| {
            add(c, 10 + at)?;
            end(c)
        });
        let Err(DatabaseError::Lost(error)) = lost else { panic!("{at}: {lost:?}") };
        assert!(error.to_string().contains("PostgresConnection::transaction"), "{error}");
    }
    logged::line_with("a job has executed BEGIN, COMMIT or ROLLBACK");
    // It has happened or not.
    assert_eq!(numbers(&db), [10, 12, 20]);
    close(&db);
}

#[test]
fn a_transaction_that_a_job_has_left_open_is_undone() {
    let server = Server::start();
    let db = open_numbers(&server);
    let leave = |number| {
        let left = db.read(move |c| {
            c.batch_execute("BEGIN")?;
            add(c, number)
        });
        left.expect("nobody has looked");
    };
    leave(1);
    // The next job that writes finds it, and waits for another connection.
    db.write(|c| add(c, 2)).expect("it has waited");
    assert_eq!(numbers(&db), [2]);
    leave(3);
    assert!(db.read(|c| add(c, 3)).is_err(), "it is there");
    let refused = db.read(|c| add(c, 4));
    assert!(matches!(refused, Err(DatabaseError::Lost(_))), "{refused:?}");
    assert_eq!(numbers(&db), [2]);
    close(&db);
}

/// The server answers `COMMIT` after an error with a `ROLLBACK`, and reports no error.
#[test]
fn a_job_that_ignores_an_error_is_not_done() {
    let server = Server::start();
    let db = open_numbers(&server);
    let ignored = db.write(|c| {
        add(c, 1)?;
        assert!(add(c, 1).is_err(), "it is there");
        Ok(())
    });
    assert!(matches!(ignored, Err(DatabaseError::Query(_))), "{ignored:?}");
    let ignored = db.read(|c| {
        let mut part = c.transaction()?;
        add(&mut part, 2)?;
        assert!(add(&mut part, 2).is_err(), "it is there");
        Ok(part.commit()?)
    });
    assert!(matches!(ignored, Err(DatabaseError::Query(_))), "{ignored:?}");
    assert!(numbers(&db).is_empty(), "nothing of them remains");
    // A job that has ended its transaction, and then fails, may be done.
    let ended: Result<(), _> = db.write(|c| {
        add(c, 3)?;
        c.batch_execute("COMMIT")?;
        Err("it is not wanted".into())
    });
    assert!(matches!(ended, Err(DatabaseError::Lost(_))), "{ended:?}");
    assert_eq!(numbers(&db), [3]);
    close(&db);
}
