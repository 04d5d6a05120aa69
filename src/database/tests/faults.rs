//! Connections that are lost, or that cannot be opened.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::memory::{DEADLINE, Line, Memory, Told, occupy, options, until};
use crate::database::{Access, DatabaseError, DatabaseOptions, Fault, JobResult, Layout, Step};
use crate::service::Start;

fn add(line: &mut Line, row: u32) -> JobResult<()> {
    line.add(row);
    Ok(())
}

#[test]
fn the_job_of_a_lost_connection_is_lost_and_others_wait() {
    for layout in [Layout::Clients, Layout::OneWriter] {
        let memory = Memory::new(layout);
        let database = memory.open(DatabaseOptions { connections: 1, ..options() });
        let (begun, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let own = database.clone();
        let first = thread::spawn(move || {
            own.write(move |line| {
                begun.send(()).expect("the test waits");
                let _ = ends.recv_timeout(DEADLINE);
                line.add(1);
                Err::<(), _>(Told(Fault::Lost).into())
            })
        });
        begins.recv_timeout(DEADLINE).expect("it begins");
        let own = database.clone();
        let second = thread::spawn(move || own.write(|line| add(line, 2)));
        until("the second one waits", || database.waiting_len() == 1);
        memory.store().is_down = true;
        drop(end);
        let lost = first.join().expect("it does not panic");
        assert!(matches!(lost, Err(DatabaseError::Lost(_))), "{lost:?}");
        until("it is tried again", || memory.store().refused > 1);
        memory.store().is_down = false;
        second.join().expect("it does not panic").expect("it has waited");
        assert_eq!(memory.store().rows, [2]);
        assert_eq!(memory.store().opened, 2);
    }
}

#[test]
fn jobs_that_have_not_begun_wait_for_the_next_connection() {
    for layout in [Layout::Clients, Layout::OneWriter] {
        let memory = Memory::new(layout);
        let database = memory.open(DatabaseOptions { connections: 1, ..options() });
        database.write(|line| add(line, 1)).expect("it is connected");
        memory.fail(Step::Begin, Fault::Lost);
        let own = database.clone();
        let waits = thread::spawn(move || own.write(|line| add(line, 2)));
        until("it was tried twice", || memory.store().opened > 2);
        memory.allow_all();
        waits.join().expect("it does not panic").expect("it has not begun before");
        assert_eq!(memory.store().rows, [1, 2]);
    }
}

#[test]
fn faults_have_their_errors() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(DatabaseOptions { connections: 1, ..options() });
    let fail = |fault| database.read(move |_| Err::<(), _>(Told(fault).into()));
    assert!(matches!(fail(Fault::Query), Err(DatabaseError::Query(error)) if error.is::<Told>()));
    assert!(matches!(fail(Fault::Timeout), Err(DatabaseError::Timeout(_))));
    assert!(matches!(fail(Fault::Busy), Err(DatabaseError::Busy)));
    assert_eq!(memory.store().opened, 1);
    assert!(matches!(fail(Fault::Lost), Err(DatabaseError::Lost(_))));
    database.read(|_| Ok(())).expect("there is another connection");
    let tally = database.tally();
    assert_eq!((tally.reads, tally.failed, tally.timeouts), (5, 1, 1));
    assert_eq!((tally.busy, tally.lost, tally.connects), (1, 1, 2));
}

#[test]
fn a_lost_commit_is_lost_for_all() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    memory.fail(Step::Commit, Fault::Lost);
    let lost = database.write(|line| add(line, 1));
    assert!(matches!(lost, Err(DatabaseError::Lost(_))), "{lost:?}");
    memory.allow_all();
    database.write(|line| add(line, 2)).expect("there is another connection");
}

#[test]
fn a_database_that_is_down_is_unavailable() {
    let memory = Memory::new(Layout::Clients);
    memory.store().is_down = true;
    let wait = Duration::from_millis(50);
    let database = memory.open(DatabaseOptions { wait, ..options() });
    for _ in 0..3 {
        let late = database.read(|_| Ok(()));
        assert!(matches!(late, Err(DatabaseError::Unavailable(_))), "{late:?}");
    }
    assert!(!database.close(Duration::ZERO) || memory.store().refused > 0);
}

#[test]
fn an_error_says_why_there_is_no_connection() {
    for layout in [Layout::Clients, Layout::OneWriter] {
        let memory = Memory::new(layout);
        (memory.store().is_down, memory.store().details) = (true, ": who knows".to_owned());
        let wait = Duration::from_millis(200);
        let database = memory.open(DatabaseOptions { connections: 1, wait, ..options() });
        let late = |access| match access {
            Access::Read => database.read(|_| Ok(())).expect_err("it is down"),
            Access::Write => database.write(|line| add(line, 1)).expect_err("it is down"),
        };
        for access in [Access::Read, Access::Write] {
            let error = late(access).to_string();
            assert!(error.ends_with("nothing has happened: it is down: who knows"), "{error}");
        }
        memory.store().details = "\u{20ac}".repeat(2_000);
        let long = || match late(Access::Read) {
            DatabaseError::Unavailable(Some(why)) => why.len(),
            error => panic!("it is down: {error:?}"),
        };
        until("the long error is kept, in part", || (1_020..=1_024).contains(&long()));
        // An error of long ago explains nothing.
        memory.store().is_down = false;
        for access in [Access::Read, Access::Write] {
            until("it is connected", || match access {
                Access::Read => database.read(|_| Ok(())).is_ok(),
                Access::Write => database.write(|line| add(line, 1)).is_ok(),
            });
        }
        assert!(database.close(DEADLINE));
        assert!(matches!(late(Access::Read), DatabaseError::Unavailable(None)));
    }
}

#[test]
fn a_close_gives_up_jobs_without_a_connection() {
    let memory = Memory::new(Layout::OneWriter);
    memory.store().is_down = true;
    let database = memory.open(options());
    let own = database.clone();
    let waits = thread::spawn(move || own.write(|line| add(line, 1)));
    until("it waits", || database.waiting_len() == 1);
    assert!(!database.close(Duration::from_millis(20)));
    let given_up = waits.join().expect("it does not panic");
    assert!(matches!(given_up, Err(DatabaseError::Unavailable(_))), "{given_up:?}");
}

/// The second job of a group has not begun when the connection is lost. It would wait again, and
/// nobody would take it.
#[test]
fn a_job_that_comes_back_after_a_close_is_unavailable() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    let writer = occupy(&database, Access::Write);
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let own = database.clone();
    let first = thread::spawn(move || {
        own.write(move |_| {
            begun.send(()).expect("the test waits");
            let _ = ends.recv_timeout(DEADLINE);
            Err::<(), _>(Told(Fault::Lost).into())
        })
    });
    until("it waits", || database.waiting_len() == 1);
    let (answer, answers) = mpsc::channel();
    let own = database.clone();
    thread::spawn(move || answer.send(own.write(|line| add(line, 2))));
    until("both wait", || database.waiting_len() == 2);
    drop(writer);
    begins.recv_timeout(DEADLINE).expect("it begins");
    assert!(!database.close(Duration::ZERO));
    drop(end);
    let second = answers.recv_timeout(DEADLINE).expect("it is answered");
    assert!(matches!(second, Err(DatabaseError::Unavailable(_))), "{second:?}");
    let lost = first.join().expect("it does not panic");
    assert!(matches!(lost, Err(DatabaseError::Lost(_))), "{lost:?}");
    let tally = database.tally();
    assert_eq!((tally.writes, tally.lost, tally.unavailable), (3, 1, 1));
}

#[test]
fn lazy_connections_are_opened_as_they_are_needed() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(DatabaseOptions { connections: 4, ..options() });
    for _ in 0..10 {
        database.read(|_| Ok(())).expect("it is done");
        until("it has nothing to do", || database.idle_len() == 1);
    }
    assert_eq!(memory.store().opened, 1);
    let busy = occupy(&database, Access::Read);
    database.read(|_| Ok(())).expect("it is done");
    assert_eq!(memory.store().opened, 2);
    drop(busy);
}

#[test]
fn eager_connections_are_opened_at_the_start() {
    let memory = Memory::new(Layout::OneWriter);
    let _database =
        memory.open(DatabaseOptions { connections: 3, start: Start::Eager, ..options() });
    until("all are there", || memory.store().opened == 4);
}
