//! Services with more sockets than there are connections.

use switchboard::database::postgres::PostgresConnection;
use switchboard::{
    Context, Database, DatabaseError, DatabaseOptions, Handler, JobResult, Message, Peer, Thread,
    handler,
};

use super::support::postgres::Postgres as PostgresServer;
use super::support::services::mount_echo;
use super::support::{LIMITS, Running, on_each_thread, server_on, until};
use super::{Db, close, open, patient, value};

/// Answers each message after a query that waits for a lock.
struct Slow {
    db: Option<Db>,
    way: Way,
}

/// How it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Itself.
    Blocking,
    /// Not at all.
    Later,
}

/// Waits for the lock, and returns the text.
fn wait(c: &mut PostgresConnection, text: String) -> JobResult<String> {
    c.batch_execute("SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1)")?;
    Ok(text)
}

fn answer(peer: &mut Peer, answer: Result<String, DatabaseError>) {
    peer.send(answer.unwrap_or_else(|error| error.to_string()));
}

impl Handler for Slow {
    fn start(&mut self, line: &mut Context) {
        self.db = Some(line.database("main").expect("the test has added it"));
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or_default().to_owned();
        let db = self.db.as_ref().expect("it has started");
        match self.way {
            Way::Blocking => answer(peer, db.read(move |c| wait(c, text))),
            Way::Later => {
                let work = db.reading(move |c| wait(c, text));
                peer.later(work, |_: &mut Self, peer, value| answer(peer, value));
            }
        }
    }
}

/// A lock that all queries wait for.
fn lock(db: &Db) {
    value::<i32>(db, "SELECT 1 FROM pg_advisory_lock(1)");
}

fn unlock(db: &Db) {
    assert!(value::<bool>(db, "SELECT pg_advisory_unlock(1)"));
}

/// Has 100 sockets ask three questions each while the database does not answer, beside an echo.
fn ask(thread: Thread, way: Way) {
    let server = PostgresServer::start();
    let owner = open(&server, DatabaseOptions { connections: 1, ..patient() });
    let options = DatabaseOptions { connections: 4, ..patient() };
    let db: Database<_> = Database::open("main", super::reach(&server), options).expect("threads");
    let mut rules = server_on(thread, LIMITS);
    rules.database("main", db.clone());
    rules.mount("/slow", move || handler(Slow { db: None, way }));
    mount_echo(&mut rules, "/echo");
    let host = Running::start(rules);
    lock(&owner);
    let mut sockets: Vec<_> = (0..100).map(|_| host.open("/slow")).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        (0..3).for_each(|question| socket.send_text(&format!("{number}/{question}")));
    }
    // Each connection of the four has a query, which waits, unless one thread asks for all.
    let busy = if way == Way::Later { 4 } else { 1 };
    let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'";
    until("the database is busy", || value::<i64>(&owner, count) == busy);
    let mut echo = host.open("/echo");
    for number in 0..1_000 {
        echo.send_text(&number.to_string());
        assert_eq!(echo.read_text(), number.to_string());
    }
    assert_eq!(value::<i64>(&owner, count), busy, "the database has not answered meanwhile");
    unlock(&owner);
    for (number, socket) in sockets.iter_mut().enumerate() {
        for question in 0..3 {
            assert_eq!(socket.read_text(), format!("{number}/{question}"));
        }
    }
    drop((sockets, echo));
    host.stop();
    close(&owner);
    close(&db);
}

#[test]
fn a_hundred_slow_queries_wait_for_four_connections_and_an_echo_does_not() {
    on_each_thread(|thread| ask(thread, Way::Later));
}

#[test]
fn a_service_that_waits_itself_keeps_nobody_else_waiting() {
    ask(Thread::Own, Way::Blocking);
}
