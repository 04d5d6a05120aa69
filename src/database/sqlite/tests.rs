//! Jobs that share a transaction: each is done or not, whatever its neighbors do, and its answer
//! comes after the commit.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::database::{Database, DatabaseError, DatabaseOptions};

type Db = Database<SqliteConnection>;
type Answer = Result<(), DatabaseError>;
type Job = Box<dyn FnOnce(&mut SqliteConnection) -> JobResult<()> + Send>;

/// A file that goes with it.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("swb-sqlite-{}-{number}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self, options: DatabaseOptions) -> Db {
        let file = Sqlite::new(&self.0).synchronous(Synchronous::Normal);
        let db = Database::open("test", file, options).expect("there are threads");
        let tables = "CREATE TABLE user (n INTEGER PRIMARY KEY); \
            CREATE TABLE post (user REFERENCES user (n) DEFERRABLE INITIALLY DEFERRED)";
        db.write(|c| Ok(c.execute_batch(tables)?)).expect("they are made");
        db
    }

    /// What another process sees.
    fn users(&self) -> Vec<i64> {
        let file = Connection::open(&self.0).expect("it is there");
        let mut select = file.prepare("SELECT n FROM user ORDER BY n").expect("it is SQL");
        let rows = select.query_map([], |row| row.get(0)).expect("it is read");
        rows.collect::<Result<_, _>>().expect("it is read")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn patient() -> DatabaseOptions {
    let never = Duration::from_secs(600);
    DatabaseOptions { wait: never, query_timeout: never, ..DatabaseOptions::new() }
}

/// A job that adds a user.
fn add(n: i64) -> Job {
    Box::new(move |c| {
        c.prepare_cached("INSERT INTO user VALUES (?)")?.execute([n])?;
        Ok(())
    })
}

/// A job that adds a user and executes this.
fn add_and(n: i64, sql: &'static str) -> Job {
    Box::new(move |c| {
        add(n)(c)?;
        Ok(c.execute_batch(sql)?)
    })
}

/// A job that says that it has begun, and then waits.
fn pause() -> (Job, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go, goes)) = (mpsc::channel(), mpsc::channel());
    let job = move |_: &mut SqliteConnection| {
        begun.send(())?;
        Ok(goes.recv()?)
    };
    (Box::new(job), has_begun, go)
}

/// Has these jobs done in one transaction: the writer is kept until all of them wait. Then it calls
/// `meanwhile`, and returns the answers.
fn group(db: &Db, jobs: Vec<Job>, meanwhile: impl FnOnce()) -> Vec<Answer> {
    thread::scope(|scope| {
        // It is here so that no thread waits for a test that has failed.
        let (keep, is_kept, free) = pause();
        let keeper = scope.spawn(|| db.write(keep));
        is_kept.recv().expect("it begins");
        let mut threads = Vec::new();
        for (number, job) in jobs.into_iter().enumerate() {
            threads.push(scope.spawn(move || db.write(job)));
            // They are done in the order in which they come.
            while db.waiting_len() <= number {
                thread::yield_now();
            }
        }
        free.send(()).expect("it waits");
        meanwhile();
        keeper.join().expect("it does not panic").expect("it only waits");
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

/// How jobs have ended, a letter each.
fn letters(answers: &[Answer]) -> String {
    let letter = |answer: &Answer| match answer {
        Ok(()) => 'o',
        Err(DatabaseError::Query(_)) => 'q',
        Err(DatabaseError::Busy) => 'b',
        Err(DatabaseError::Timeout(_)) => 't',
        Err(_) => '?',
    };
    answers.iter().map(letter).collect()
}

#[test]
fn each_job_of_a_group_fails_alone() {
    let file = File::new();
    let db = file.open(patient());
    let jobs: Vec<Job> = vec![
        add(1),
        // A constraint.
        Box::new(|c| add(2)(c).and_then(|()| add(2)(c))),
        // A foreign key that is checked at the commit, which is that of all.
        add_and(3, "INSERT INTO post VALUES (77)"),
        // The ends of the transaction of all.
        add_and(4, "COMMIT"),
        add_and(5, "ROLLBACK"),
        add_and(6, "END; BEGIN"),
        Box::new(|c| add(7)(c).and_then(|()| Err("it wants to".into()))),
        // Savepoints of its own, of whatever name.
        add_and(8, "SAVEPOINT job; INSERT INTO user VALUES (80); RELEASE job"),
        add_and(9, "SAVEPOINT a; INSERT INTO user VALUES (90); ROLLBACK TO a"),
        // One that it leaves open.
        add_and(10, "SAVEPOINT a; INSERT INTO user VALUES (100)"),
        // A reference that is right at its end.
        add_and(11, "INSERT INTO post VALUES (110); INSERT INTO user VALUES (110)"),
        Box::new(|c| {
            add(12)(c)?;
            panic!("on purpose")
        }),
        add(13),
    ];
    let answers = group(&db, jobs, || ());
    assert_eq!(letters(&answers), "oqqqqqqoooo".to_owned() + "qo");
    assert_eq!(file.users(), [1, 8, 9, 10, 11, 13, 80, 100, 110]);
    assert!(db.close(Duration::from_secs(60)));
}

#[test]
fn the_errors_of_jobs_say_what_is_wrong() {
    let file = File::new();
    let db = file.open(patient());
    let rows = [
        ("INSERT INTO post VALUES (77)", "FOREIGN KEY constraint failed"),
        ("COMMIT", "not authorized"),
        ("BEGIN", "cannot start a transaction within a transaction"),
        ("SELECT missing FROM user", "no such column"),
    ];
    for (sql, part) in rows {
        let error = db.write(move |c| Ok(c.execute_batch(sql)?)).expect_err(sql).to_string();
        assert!(error.contains(part), "{sql}: {error}");
    }
    // Nor is a statement of the host in the cache.
    for sql in ["COMMIT", "ROLLBACK"] {
        let cached = db.write(move |c| Ok(c.prepare_cached(sql)?.execute([])?));
        let error = cached.expect_err(sql).to_string();
        assert!(error.contains("not authorized"), "{sql}: {error}");
    }
    assert!(db.close(Duration::from_secs(60)));
}

#[test]
fn what_ends_the_transaction_of_all_leaves_nothing() {
    let file = File::new();
    let limit = Duration::from_millis(500);
    let db = file.open(DatabaseOptions { query_timeout: limit, ..patient() });
    let endless = "WITH RECURSIVE i(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM i) \
        INSERT INTO user SELECT n FROM i";
    let answers = group(&db, vec![add(1), add_and(2, endless), add(3)], || ());
    // SQLite undoes the whole transaction when it interrupts a job that writes. A job before it
    // may be tried again, and one behind it is in the next transaction.
    assert!(["bto", "btt"].contains(&&*letters(&answers)), "{answers:?}");
    let left = if answers[2].is_ok() { vec![3] } else { vec![] };
    assert_eq!(file.users(), left);
    assert!(db.close(Duration::from_secs(60)));
}

#[test]
fn an_answer_comes_after_the_commit_of_all() {
    let file = File::new();
    let db = file.open(patient());
    let (answered, answers) = mpsc::channel();
    let db_of_first = db.clone();
    // The first waits for the commit that the second holds back.
    let first = add(1);
    let answers_so_far = thread::scope(|scope| {
        let sender = answered.clone();
        let ((wait, begun, go), (keep, is_kept, free)) = (pause(), pause());
        let keeper = scope.spawn(|| db.write(keep));
        is_kept.recv().expect("it begins");
        scope.spawn(move || {
            let answer = db_of_first.write(first);
            sender.send(answer).expect("it is awaited");
        });
        while db.waiting_len() < 1 {
            thread::yield_now();
        }
        let second = scope.spawn(|| db.write(wait));
        while db.waiting_len() < 2 {
            thread::yield_now();
        }
        free.send(()).expect("it waits");
        begun.recv().expect("it begins after the first");
        let so_far = (answers.try_recv().is_ok(), file.users());
        go.send(()).expect("it waits");
        second.join().expect("it does not panic").expect("it only waits");
        keeper.join().expect("it does not panic").expect("it only waits");
        so_far
    });
    assert_eq!(answers_so_far, (false, Vec::new()));
    answers.recv().expect("it comes").expect("it is done");
    assert_eq!(file.users(), [1]);
    assert!(db.close(Duration::from_secs(60)));
}

#[test]
fn what_the_log_of_writes_holds_is_grouped() {
    let file = File::new();
    let db = file.open(patient());
    let log = || std::fs::metadata(file.0.with_extension("db-wal")).expect("it is there").len();
    let before = log();
    let answers = group(&db, (0..63).map(add).collect(), || ());
    assert_eq!(letters(&answers), "o".repeat(63));
    let grouped = log() - before;
    for n in 100..163 {
        db.write(add(n)).expect("it is done");
    }
    let single = log() - before - grouped;
    // A commit writes each page that has changed, so one commit for all has far fewer.
    assert!(single > 20 * grouped, "{single} and {grouped} bytes");
    assert!(db.close(Duration::from_secs(60)));
}
