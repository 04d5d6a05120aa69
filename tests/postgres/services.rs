//! Services with more sockets than there are connections.

use switchboard::database::postgres::PostgresConnection;
use switchboard::host::raise_descriptor_limit;
use switchboard::{
    Context, Database, DatabaseError, DatabaseOptions, Handler, JobResult, Message, MetricsHandle,
    Peer, Server, Start, Thread, handler,
};

use super::support::postgres::{End, Postgres as PostgresServer};
use super::support::services::mount_echo;
use super::support::{DEADLINE, LIMITS, Raw, Running, on_each_thread, server_on, until};
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

/// How many turns the loop makes while an echo answers so often.
fn echo_turns(echo: &mut Raw, metrics: &MetricsHandle) -> u64 {
    let turns = || metrics.metrics(DEADLINE).expect("the host turns").turns.count;
    let before = turns();
    for number in 0..ECHOES {
        echo.send_text(&number.to_string());
        assert_eq!(echo.read_text(), number.to_string());
    }
    turns() - before
}

/// Has sockets ask three questions each while the database does not answer, beside an echo.
fn ask(thread: Thread, way: Way, sockets_len: usize) {
    let server = PostgresServer::start();
    let owner = open(&server, DatabaseOptions { connections: 1, ..patient() });
    let options = DatabaseOptions { connections: 4, ..patient() };
    let db: Database<_> = Database::open("main", super::reach(&server), options).expect("threads");
    let mut rules = server_on(thread, LIMITS);
    rules.database("main", db.clone());
    rules.mount("/slow", move || handler(Slow { db: None, way }));
    mount_echo(&mut rules, "/echo");
    let host = rules.bind("127.0.0.1:0").expect("a port is free");
    let metrics = host.metrics_handle();
    let host = Running::run(host);
    lock(&owner);
    let mut sockets: Vec<_> = (0..sockets_len).map(|_| host.open("/slow")).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        (0..3).for_each(|question| socket.send_text(&format!("{number}/{question}")));
    }
    // Each connection of the four has a query, which waits, unless one thread asks for all. One
    // question of each other socket waits for a connection.
    let (busy, waiting) = if way == Way::Later { (4, sockets_len - 4) } else { (1, 0) };
    let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'";
    until("the database is busy", || value::<i64>(&owner, count) == busy);
    until("the others wait", || db.metrics().queue == waiting as u64);
    let mut echo = host.open("/echo");
    // It has nothing else to do than the echo: reading a message, and sending its answer.
    let turns = echo_turns(&mut echo, &metrics);
    assert!(turns <= 4 * ECHOES, "{turns} turns for {ECHOES} messages");
    assert_eq!(value::<i64>(&owner, count), busy, "the database has not answered meanwhile");
    assert_eq!(db.metrics().queue, waiting as u64, "nor has anything else been asked");
    unlock(&owner);
    for (number, socket) in sockets.iter_mut().enumerate() {
        for question in 0..3 {
            assert_eq!(socket.read_text(), format!("{number}/{question}"));
        }
    }
    let of_db = db.metrics();
    assert_eq!((of_db.reads, of_db.connects), (3 * sockets_len as u64, 4));
    assert!(of_db.errors.iter().all(|(_, count)| *count == 0), "{of_db:?}");
    drop((sockets, echo));
    host.stop();
    close(&owner);
    close(&db);
}

#[test]
fn a_thousand_sockets_wait_for_four_connections_and_the_loop_does_not() {
    // Both ends of each socket are here.
    assert!(raise_descriptor_limit() > 2_200);
    on_each_thread(|thread| ask(thread, Way::Later, 1_000));
}

#[test]
fn a_service_that_waits_itself_keeps_nobody_else_waiting() {
    ask(Thread::Own, Way::Blocking, 100);
}

#[test]
fn a_host_is_ready_while_its_eager_database_is_there() {
    let mut server = PostgresServer::start();
    let open = |start| open(&server, DatabaseOptions { start, ..patient() });
    let (eager, lazy) = (open(Start::Eager), open(Start::Lazy));
    let mut rules = Server::new(LIMITS);
    rules.database("main", eager.clone()).database("other", lazy.clone());
    let host = rules.bind("127.0.0.1:0").expect("a port is free");
    let metrics = host.metrics_handle();
    let host = Running::run(host);
    let readiness = || metrics.readiness(DEADLINE).expect("the host turns").to_string();
    until("it is connected", || readiness() == "ready");
    assert_eq!((lazy.metrics().connects, lazy.metrics().is_required), (0, false));
    // No job comes: it is asked whether it is there.
    server.end(End::Fast);
    until("it is missed", || readiness() == "database main is down");
    server.run();
    until("it is connected again", || readiness() == "ready");
    host.stop();
    close(&eager);
    close(&lazy);
}

const ECHOES: u64 = 1_000;
