//! Jobs that wait, and callers that wait for capacity.

use std::thread;
use std::time::{Duration, Instant};

use super::memory::{Memory, occupy, options, until};
use crate::database::{Access, DatabaseError, DatabaseOptions, Layout};

#[test]
fn a_job_waits_no_longer_than_it_may() {
    let memory = Memory::new(Layout::Clients);
    let wait = Duration::from_millis(50);
    let database = memory.open(DatabaseOptions { connections: 1, wait, ..options() });
    for _ in 0..2 {
        let busy = occupy(&database, Access::Read);
        let begun = Instant::now();
        let late = database.read(|_| Ok(()));
        assert!(matches!(late, Err(DatabaseError::Busy)), "{late:?}");
        assert!(begun.elapsed() >= wait);
        drop(busy);
        until("it is free", || database.read(|_| Ok(())).is_ok());
    }
}

#[test]
fn a_job_may_wait_for_ever() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(DatabaseOptions { wait: Duration::MAX, queue: 0, ..options() });
    database.write(|_| Ok(())).expect("it is done");
}

/// Without a `close`, all threads end as well.
#[test]
fn the_last_clone_ends_all_threads() {
    let memory = Memory::new(Layout::OneWriter);
    let database = memory.open(options());
    database.write(|_| Ok(())).expect("it is done");
    let queue = database.downgrade();
    drop(database);
    until("no thread has the queue", || queue.upgrade().is_none());
}

#[test]
fn a_full_queue_is_waited_for() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(DatabaseOptions { connections: 1, queue: 2, ..options() });
    let busy = occupy(&database, Access::Read);
    let threads: Vec<_> = (0..5)
        .map(|_| {
            let own = database.clone();
            thread::spawn(move || own.read(|_| Ok(())))
        })
        .collect();
    until("the queue is full", || database.waiting_len() == 2);
    until("the others wait for it", || database.callers_len() == 3);
    drop(busy);
    for thread in threads {
        thread.join().expect("it does not panic").expect("it has waited");
    }
}

#[test]
fn the_loop_never_waits() {
    let memory = Memory::new(Layout::Clients);
    let database = memory.open(options());
    let looping = thread::spawn(move || {
        crate::service::thread_mark::mark_loop();
        (database.read(|_| Ok(())), database.write(|_| Ok(())))
    });
    let outcomes = looping.join().expect("it does not panic");
    assert!(matches!(outcomes, (Err(DatabaseError::OnLoop), Err(DatabaseError::OnLoop))));
    assert_eq!(memory.store().opened, 0);
}
