//! What the log says of databases: that they are connected, and what jobs have done to connections.

#![cfg(feature = "database")]

mod support;

use std::error::Error;
use std::fmt;
use std::time::Instant;

use log::{Level, LevelFilter};
use switchboard::database::{ConnectionPlan, Fault, Step, will_log_panic};
use switchboard::{Connector, Database, DatabaseOptions, JobResult, Start};

use support::logged::{self, Line};

/// A database whose jobs may say that their connection is lost.
struct Plain;

#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as a test wants it")
    }
}

impl Error for Lost {}

impl Connector for Plain {
    type Connection = ();

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<()> {
        Ok(())
    }

    fn transact(&self, (): &mut (), _: Step) -> JobResult<()> {
        Ok(())
    }

    fn check(&self, (): &mut ()) -> JobResult<()> {
        Ok(())
    }

    fn fault(&self, (): &mut (), error: &(dyn Error + Send + Sync + 'static)) -> Fault {
        if error.is::<Lost>() { Fault::Lost } else { Fault::Query }
    }

    fn address(&self) -> String {
        "plain:1".to_owned()
    }
}

fn open(name: &str, connections: usize) -> Database<()> {
    let options = DatabaseOptions { connections, start: Start::Lazy, ..DatabaseOptions::new() };
    Database::open(name, Plain, options).expect("there are threads")
}

fn texts(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

#[test]
fn connections_are_news_once() {
    let _lines = logged::keep(LevelFilter::Info);
    let db = open("news", 1);
    db.read(|()| Ok(())).expect("it is done");
    assert!(db.read(|()| Err::<(), _>(Lost.into())).is_err());
    db.read(|()| Ok(())).expect("there is another connection");
    let expected = [
        "database news: it is connected: plain:1",
        "database news: a connection was lost: as a test wants it",
        "database news: it is connected again: plain:1",
    ];
    assert_eq!(texts(logged::lines_with("database news")), expected);
}

/// The panics of jobs have one line each, with their places if the program's hook asks for that,
/// and few lines for many.
#[test]
fn panics_of_jobs_have_few_lines() {
    let _lines = logged::keep(LevelFilter::Info);
    let db = open("panics", 1);
    let panicked = |db: &Database<()>| {
        let error = db.write(|()| -> JobResult<()> { panic!("it is too much") });
        error.expect_err("it has panicked").to_string()
    };
    assert_eq!(panicked(&db), "the database: the job has panicked: it is too much");
    db.read(|()| Ok(())).expect("there is another connection");
    std::panic::set_hook(Box::new(|panic| {
        let is_logged = panic.location().is_some_and(will_log_panic);
        log::info!("the hook: {is_logged}");
    }));
    panicked(&db);
    db.read(|()| Ok(())).expect("there is another connection");
    assert!(std::panic::catch_unwind(|| panic!("without a job")).is_err());
    let said = texts(logged::lines_with(""));
    let [up, first, hook, second, other] = said.as_slice() else { panic!("{said:#?}") };
    assert_eq!(up, "database panics: it is connected: plain:1");
    let end = ": it is too much; its connection is replaced";
    assert_eq!(*first, format!("database panics: a job has panicked{end}"));
    assert_eq!((hook.as_str(), other.as_str()), ("the hook: true", "the hook: false"));
    let place =
        second.strip_prefix("database panics: a job has panicked at tests/database_logs.rs:");
    assert!(place.is_some_and(|place| place.ends_with(end)), "{second}");
    assert_eq!(logged::line_with(first).level, Level::Warn);

    let (many, begun) = (open("many", 40), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| panicked(&many));
        }
    });
    assert!(many.close(support::DEADLINE));
    let lines = logged::lines_with("database many: a job has panicked").len();
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("it is soon over");
    assert!(lines <= 10 * (seconds + 2), "{lines} lines in {seconds} s");
    let left_out = texts(logged::lines_with("more panics of jobs were left out"));
    let count = |text: &String| text.split(' ').find_map(|word| word.parse::<usize>().ok());
    let counts: Vec<_> = left_out.iter().filter_map(count).collect();
    assert_eq!(lines + counts.iter().sum::<usize>(), 40, "{left_out:?}");
    let _ = std::panic::take_hook();
}
