//! Jobs that are done: values, transactions, groups, the end.

use std::sync::mpsc;
use std::thread;

use super::memory::{DEADLINE, Line, Memory, Told, occupy, options, until};
use crate::database::{Access, Database, DatabaseError, Fault, Layout, Step};

/// Adds a row, or fails.
type Add = fn(&mut Line, u32) -> crate::database::JobResult<u32>;

/// Has rows added by one thread each, all of which wait before the writer is free.
fn add_together(database: &Database<Line>, rows: &[(u32, Add)]) -> Vec<Result<u32, DatabaseError>> {
    let writer = occupy(database, Access::Write);
    let (mut threads, mut waiting) = (Vec::new(), 0);
    for &(row, add) in rows {
        let own = database.clone();
        threads.push(thread::spawn(move || own.write(move |line| add(line, row))));
        waiting += 1;
        until("the job waits", || database.waiting_len() == waiting);
    }
    drop(writer);
    threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
}

fn add(line: &mut Line, row: u32) -> crate::database::JobResult<u32> {
    line.add(row);
    Ok(row)
}

fn add_and_fail(line: &mut Line, row: u32) -> crate::database::JobResult<u32> {
    line.add(row);
    Err("it is not wanted".into())
}

fn add_and_panic(line: &mut Line, row: u32) -> crate::database::JobResult<u32> {
    line.add(row);
    panic!("row {row}")
}

#[test]
fn values_come_back_in_both_layouts() {
    for layout in [Layout::Clients, Layout::OneWriter] {
        let memory = Memory::new(layout);
        let database = memory.open(options());
        for row in 1..=3 {
            let seen = database.write(move |line| Ok((add(line, row)?, line.rows())));
            let (added, rows) = seen.expect("it is done");
            assert_eq!((added, rows.len()), (row, row as usize));
        }
        assert_eq!(database.read(|line| Ok(line.rows())).expect("it is done"), [1, 2, 3]);
        let failed = database.write(|line| add_and_fail(line, 4)).expect_err("it fails");
        assert_eq!(failed.to_string(), "the database: it is not wanted");
        assert_eq!(memory.store().rows, [1, 2, 3]);
    }
}

#[test]
fn what_waits_together_shares_a_commit() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    let done = add_together(&database, &[(1, add), (2, add_and_fail), (3, add), (4, add)]);
    assert!(matches!(done.as_slice(), [Ok(1), Err(DatabaseError::Query(_)), Ok(3), Ok(4)]));
    let store = memory.store();
    assert_eq!(store.rows, [1, 3, 4]);
    let commits = store.steps.iter().filter(|step| **step == Step::Commit).count();
    assert_eq!(commits, 2, "one for the first job, and one for all others: {:?}", store.steps);
}

#[test]
fn each_job_of_a_client_has_a_transaction() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(crate::database::DatabaseOptions { connections: 1, ..options() });
    let done = add_together(&database, &[(1, add), (2, add_and_fail), (3, add)]);
    assert!(matches!(done.as_slice(), [Ok(1), Err(DatabaseError::Query(_)), Ok(3)]));
    use Step::{Begin, Commit, Rollback};
    let steps = [Begin, Commit, Begin, Commit, Begin, Rollback, Begin, Commit];
    assert_eq!(memory.store().steps, steps);
}

#[test]
fn a_panic_ends_its_own_job_only() {
    for layout in [Layout::Clients, Layout::OneWriter] {
        let memory = Memory::new(layout);
        let database =
            memory.open(crate::database::DatabaseOptions { connections: 1, ..options() });
        let done = add_together(&database, &[(1, add), (2, add_and_panic), (3, add)]);
        match done.as_slice() {
            [Ok(1), Err(DatabaseError::Query(text)), Ok(3)] => {
                assert_eq!(text.to_string(), "the job has panicked: row 2");
            }
            other => panic!("{other:?}"),
        }
        let store = memory.store();
        assert_eq!((store.rows.as_slice(), store.opened), ([1, 3].as_slice(), 2));
    }
}

#[test]
fn a_commit_that_fails_fails_for_all() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    memory.fail(Step::Commit, Fault::Query);
    let done = add_together(&database, &[(1, add), (2, add)]);
    for outcome in done {
        let Err(DatabaseError::Query(error)) = outcome else { panic!("{outcome:?}") };
        let source = std::error::Error::source(error.as_ref()).expect("they share it");
        assert!(source.is::<Told>(), "{source}");
    }
    memory.allow_all();
    assert!(memory.store().rows.is_empty());
    let left = database.write(|line| Ok(line.rows().len()));
    assert_eq!(left.expect("it is done"), 0);
}

#[test]
fn a_transaction_that_is_gone_takes_others_along() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    memory.fail(Step::RollBackTo, Fault::Query);
    let done = add_together(&database, &[(1, add), (2, add_and_fail), (3, add)]);
    assert!(
        matches!(done.as_slice(), [Err(DatabaseError::Busy), Err(DatabaseError::Query(_)), Ok(3)]),
        "{done:?}"
    );
    assert_eq!(memory.store().rows, [3]);
}

#[test]
fn readers_run_at_the_same_time() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    let readers = [(); 2].map(|()| occupy(&database, Access::Read));
    database.write(|line| add(line, 1)).expect("the writer is free");
    drop(readers);
    assert_eq!(database.read(|line| Ok(line.rows())).expect("it is done"), [1]);
}

/// Each of these jobs waits until all others run.
#[test]
fn jobs_that_come_together_run_at_the_same_time() {
    let memory = Memory::new(Layout::Clients);
    let open = || memory.open(crate::database::DatabaseOptions { connections: 4, ..options() });
    let mut database = open();
    for round in 0..200 {
        if round % 10 == 0 {
            // Its connections are opened for these jobs.
            database = open();
        }
        let (begun, begins) = mpsc::channel();
        let ends: Vec<_> = (0..4)
            .map(|_| {
                let (end, ends) = mpsc::channel::<()>();
                let (begun, own) = (begun.clone(), database.clone());
                thread::spawn(move || {
                    own.read(move |_| {
                        begun.send(()).expect("the test waits");
                        let _ = ends.recv();
                        Ok(())
                    })
                });
                end
            })
            .collect();
        for _ in 0..4 {
            assert_eq!(begins.recv_timeout(DEADLINE), Ok(()), "round {round}");
        }
        drop(ends);
    }
}

#[test]
fn a_close_finishes_the_queue() {
    let memory = Memory::new(Layout::OneWriter);
    let options = crate::database::DatabaseOptions { connections: 1, ..options() };
    let database = memory.open(options);
    database.read(|_| Ok(())).expect("a reader is there");
    let writer = occupy(&database, Access::Write);
    let (answer, answers) = mpsc::channel();
    let own = database.clone();
    thread::spawn(move || answer.send(own.write(|line| add(line, 1)).is_ok()));
    until("the job waits", || database.waiting_len() == 1);
    let closing = database.clone();
    let closes = thread::spawn(move || closing.close(DEADLINE));
    until("it takes nothing more", || {
        matches!(database.read(|_| Ok(())), Err(DatabaseError::Unavailable(_)))
    });
    drop(writer);
    assert_eq!(answers.recv_timeout(DEADLINE), Ok(true));
    assert!(closes.join().expect("it does not panic"));
    assert_eq!(memory.store().finished, [Access::Read, Access::Write], "the writer comes last");
    assert_eq!(memory.store().rows, [1]);
}

#[test]
fn the_last_clone_closes_it() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(options());
    let clone = database.clone();
    drop(database);
    clone.write(|line| add(line, 1)).expect("it is open");
    drop(clone);
    until("it is closed", || memory.store().finished == [Access::Write]);
}
