//! Databases: what a commit costs alone and in a group, and what a query costs that a service waits
//! for, or that it answers later. Times of commits are those of a clock on the wall, since the disk
//! takes most of them. The others are those of the whole process on its processors.

mod measure;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use switchboard::database::sqlite::{Sqlite, SqliteConnection, Synchronous};
use switchboard::{
    Database, DatabaseOptions, Handler, Host, JobResult, Limits, Message, Peer, Server, Thread,
    handler,
};

use measure::{At, Bench, Effort, Rate, Timed};

type Db = Database<SqliteConnection>;

fn main() {
    let mut bench = Bench::new("databases", Rate::Events);
    commits(&mut bench);
    reads(&mut bench);
    // Each answer has a write of its own, with `later` and without it.
    answers(&mut bench, "a message that is answered alone", 1);
    // An echo writes its answers together.
    answers(&mut bench, "a message of several", 16);
    bench.finish();
}

/// A file of its own, on the disk of the sources, with a row.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        let name = format!("databases-{}.db", process::id());
        let file = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        file.remove();
        file
    }

    fn open(&self, synchronous: Synchronous) -> Db {
        self.open_with(synchronous, DatabaseOptions::new())
    }

    fn open_with(&self, synchronous: Synchronous, options: DatabaseOptions) -> Db {
        let file = Sqlite::new(&self.0).synchronous(synchronous);
        let db = Database::open("bench", file, options).expect("there are threads");
        let table = "CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, name TEXT); \
            INSERT OR IGNORE INTO user VALUES (1, 'ada')";
        db.write(|c| Ok(c.execute_batch(table)?)).expect("it is made");
        db
    }

    fn remove(&self) {
        for end in ["db", "db-wal", "db-shm"] {
            let _ = fs::remove_file(self.0.with_extension(end));
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.remove();
    }
}

fn add(c: &mut SqliteConnection) -> JobResult<()> {
    c.prepare_cached("INSERT INTO user (name) VALUES ('ada')")?.execute([])?;
    Ok(())
}

/// So many threads have each job done after the other.
fn commits(bench: &mut Bench) {
    let each = if bench.effort() == Effort::Full { 50 } else { 2 };
    for (case, synchronous) in
        [("synchronous full", Synchronous::Full), ("synchronous normal", Synchronous::Normal)]
    {
        let file = File::new();
        let db = file.open(synchronous);
        for threads in [1, 8, 64] {
            bench.time(At { group: "a row by threads", case, x: threads }, || {
                let begin = Instant::now();
                thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| (0..each).for_each(|_| db.write(add).expect("written")));
                    }
                });
                Timed { took: begin.elapsed(), events: threads * each }
            });
        }
    }
}

fn find(c: &mut SqliteConnection) -> JobResult<String> {
    find_in(c)
}

fn find_in(c: &Connection) -> JobResult<String> {
    let mut select = c.prepare_cached("SELECT name FROM user WHERE id = ?")?;
    Ok(select.query_row([1], |row| row.get(0))?)
}

/// One row, from this thread.
fn reads(bench: &mut Bench) {
    let file = File::new();
    let db = file.open(Synchronous::Normal);
    let each = if bench.effort() == Effort::Full { 10_000 } else { 10 };
    let group = "a row that is read";
    bench.time(At { group, case: "by a thread that waits", x: 1 }, || {
        by_process(each, || (0..each).for_each(|_| drop(db.read(find).expect("it is there"))))
    });
    bench.time(At { group, case: "by one job over and over", x: 1 }, || {
        by_process(each, || {
            let all = db.read(move |c| (0..each).try_for_each(|_| find(c).map(drop)));
            all.expect("it is there");
        })
    });
    // What a job is beside its threads.
    let own = Connection::open(&file.0).expect("it is there");
    let step = |sql: &str| own.prepare_cached(sql).and_then(|mut step| step.execute([]));
    bench.time(At { group, case: "by rusqlite in transactions", x: 1 }, || {
        by_process(each, || {
            for _ in 0..each {
                step("BEGIN").expect("it begins");
                drop(find_in(&own).expect("it is there"));
                step("ROLLBACK").expect("it ends");
            }
        })
    });
}

/// How a service answers a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Without a query.
    Echo,
    /// It waits for its query.
    Read,
    /// It does not.
    Later,
}

struct Names {
    db: Db,
    way: Way,
}

impl Handler for Names {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match self.way {
            Way::Echo => peer.send(message),
            Way::Read => peer.send(self.db.read(find).expect("it is there")),
            Way::Later => {
                let then = |_: &mut Self, peer: &mut Peer, name: Result<String, _>| {
                    peer.send(name.expect("it is there"));
                };
                peer.later(self.db.reading(find), then);
            }
        }
    }
}

/// Many sockets ask a service, each so often before it reads the answers.
fn answers(bench: &mut Bench, group: &'static str, questions: usize) {
    let file = File::new();
    let db = file.open(Synchronous::Normal);
    let options = DatabaseOptions { connections: 1, ..DatabaseOptions::new() };
    let db_of_one = file.open_with(Synchronous::Normal, options);
    let cases = [
        ("an echo on the loop", Thread::Loop, Way::Echo, &db),
        ("later on the loop", Thread::Loop, Way::Later, &db),
        ("later on the loop by one connection", Thread::Loop, Way::Later, &db_of_one),
        ("an echo on a thread", Thread::Own, Way::Echo, &db),
        ("a read on a thread", Thread::Own, Way::Read, &db),
        ("later on a thread", Thread::Own, Way::Later, &db),
        ("later on a thread by one connection", Thread::Own, Way::Later, &db_of_one),
    ];
    for (case, thread, way, db) in cases {
        let host = Running::new(thread, way, db);
        let mut sockets: Vec<_> = (0..SOCKETS).map(|_| host.open()).collect();
        let rounds = if bench.effort() == Effort::Full { 320 / questions } else { 1 };
        bench.time(At { group, case, x: SOCKETS }, || {
            by_process(rounds * SOCKETS * questions, || {
                for _ in 0..rounds {
                    sockets.iter_mut().for_each(|socket| ask(socket, questions));
                    sockets.iter_mut().for_each(|socket| hear(socket, questions));
                }
            })
        });
    }
}

struct Running {
    address: std::net::SocketAddr,
    stopper: switchboard::Stopper,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn new(thread: Thread, way: Way, db: &Db) -> Self {
        let db = db.clone();
        let mut server = Server::new(Limits::SERVER);
        server.thread(thread);
        server.mount("/names", move || handler(Names { db: db.clone(), way }));
        let host: Host = server.bind("127.0.0.1:0").expect("a port is free");
        let address = host.address().tcp().expect("it listens by TCP");
        let stopper = host.stopper();
        let thread = thread::spawn(move || host.run().expect("it runs"));
        Self { address, stopper, thread: Some(thread) }
    }

    fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("it is TCP");
        let url = format!("ws://{}/names", self.address);
        let (socket, _) = tungstenite::client(url, stream).expect("it is admitted");
        socket.into_inner()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop_now();
        self.thread.take().map(thread::JoinHandle::join);
    }
}

/// Sends questions: texts of three bytes, which are as long as the answers, and not masked by
/// anything but zeros.
fn ask(socket: &mut TcpStream, questions: usize) {
    let frame = [0x81, 0x83, 0, 0, 0, 0, b'a', b'd', b'a'];
    socket.write_all(&frame.repeat(questions)).expect("it is open");
}

fn hear(socket: &mut TcpStream, questions: usize) {
    let mut answers = vec![0; 5 * questions];
    socket.read_exact(&mut answers).expect("it answers");
    assert_eq!(answers[..5], [0x81, 3, b'a', b'd', b'a']);
}

/// What so many events cost all threads of this process.
fn by_process(events: usize, act: impl FnOnce()) -> Timed {
    let begin = cpu_time();
    act();
    Timed { took: cpu_time() - begin, events }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("this clock begins with the process")
}

const SOCKETS: usize = 64;
