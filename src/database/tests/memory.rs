//! A database in memory with transactions, whose connections fail as a test wants it.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::database::{
    Access, ConnectionPlan, Connector, Database, DatabaseOptions, Fault, JobResult, Layout, Step,
};
use crate::service::Start;

/// The longest that a test waits for anything.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// What the database has, and how it behaves. A test keeps a clone.
#[derive(Clone)]
pub(super) struct Memory {
    layout: Layout,
    store: Arc<Mutex<Store>>,
}

#[derive(Default)]
pub(super) struct Store {
    /// What has been committed.
    pub(super) rows: Vec<u32>,
    /// The steps of all transactions.
    pub(super) steps: Vec<Step>,
    /// The connections that are refused at the moment, and how often that was asked.
    pub(super) is_down: bool,
    pub(super) refused: usize,
    /// What its error says besides.
    pub(super) details: String,
    pub(super) opened: usize,
    pub(super) checked: usize,
    /// The connections that were ended cleanly.
    pub(super) finished: Vec<Access>,
    /// The steps that fail, and as what.
    pub(super) fails: BTreeSet<(u8, u8)>,
}

/// A connection.
pub(super) struct Line {
    store: Arc<Mutex<Store>>,
    /// What the transaction has added, and how much of it before the savepoint.
    pub(super) added: Vec<u32>,
    saved: Option<usize>,
    is_in: bool,
}

/// An error of this database.
#[derive(Debug)]
pub(super) struct Told(pub(super) Fault);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "told to fail as {:?}", self.0)
    }
}

impl Error for Told {}

impl Memory {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, store: Arc::default() }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a step fail until it is allowed again.
    pub(super) fn fail(&self, step: Step, fault: Fault) {
        self.store().fails.insert((step as u8, fault as u8));
    }

    pub(super) fn allow_all(&self) {
        self.store().fails.clear();
    }

    pub(super) fn open(&self, options: DatabaseOptions) -> Database<Line> {
        Database::open("memory", self.clone(), options).expect("there are threads")
    }
}

/// Options that a test can wait for.
pub(super) fn options() -> DatabaseOptions {
    DatabaseOptions { connections: 2, start: Start::Lazy, wait: DEADLINE, ..DatabaseOptions::new() }
}

impl Line {
    /// Adds a row; commits it at once outside of a transaction.
    pub(super) fn add(&mut self, row: u32) {
        self.added.push(row);
    }

    /// All rows that this connection sees.
    pub(super) fn rows(&self) -> Vec<u32> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.rows.iter().chain(&self.added).copied().collect()
    }
}

impl Connector for Memory {
    type Connection = Line;

    fn connect(&self, _: &ConnectionPlan<'_>) -> JobResult<Line> {
        let mut store = self.store();
        if store.is_down {
            store.refused += 1;
            return Err(format!("it is down{}", store.details).into());
        }
        store.opened += 1;
        Ok(Line { store: self.store.clone(), added: Vec::new(), saved: None, is_in: false })
    }

    fn transact(&self, line: &mut Line, step: Step) -> JobResult<()> {
        let mut store = self.store();
        store.steps.push(step);
        for fault in [Fault::Query, Fault::Timeout, Fault::Busy, Fault::Lost] {
            if store.fails.contains(&(step as u8, fault as u8)) {
                return Err(Box::new(Told(fault)));
            }
        }
        match step {
            Step::Begin => {
                assert!(!line.is_in, "a transaction in another one");
                line.is_in = true;
            }
            Step::Commit => {
                assert!(line.is_in && line.saved.is_none(), "a commit of nothing");
                line.is_in = false;
                store.rows.append(&mut line.added);
            }
            Step::Rollback => {
                line.is_in = false;
                line.saved = None;
                line.added.clear();
            }
            Step::Savepoint => line.saved = Some(line.added.len()),
            Step::Release => {
                line.saved.take().ok_or("no such savepoint")?;
            }
            Step::RollBackTo => line.added.truncate(line.saved.ok_or("no such savepoint")?),
        }
        Ok(())
    }

    fn check(&self, _: &mut Line) -> JobResult<()> {
        let mut store = self.store();
        store.checked += 1;
        if store.is_down { Err("it is down".into()) } else { Ok(()) }
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn fault(&self, _: &mut Line, error: &(dyn Error + Send + Sync + 'static)) -> Fault {
        error.downcast_ref::<Told>().map_or(Fault::Query, |told| told.0)
    }

    fn finish(&self, _: Line, access: Access) {
        self.store().finished.push(access);
    }
}

/// Keeps a connection in a job until the sender is dropped. Returns when the job has begun.
pub(super) fn occupy(database: &Database<Line>, access: Access) -> Sender<()> {
    let (begun, begins) = mpsc::channel();
    let (end, ends): (_, Receiver<()>) = mpsc::channel();
    let database = database.clone();
    std::thread::spawn(move || {
        let job = move |_: &mut Line| {
            begun.send(()).expect("the test waits");
            let _ = ends.recv_timeout(DEADLINE);
            Ok(())
        };
        match access {
            Access::Read => database.read(job),
            Access::Write => database.write(job),
        }
    });
    begins.recv_timeout(DEADLINE).expect("the job begins");
    end
}

/// Waits until something holds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited for too long: {what}");
        std::thread::yield_now();
    }
}
