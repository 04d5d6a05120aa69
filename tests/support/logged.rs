//! Collects log lines while tests run.

use std::fmt::Write;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};

use log::kv::{self, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

use super::DEADLINE;

/// One line: its level, its target, its text, and its fields behind each other.
#[derive(Clone, Debug)]
pub struct Line {
    pub level: log::Level,
    pub target: String,
    pub text: String,
    pub fields: String,
}

struct Kept;

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();

/// Collects lines until the returned value is dropped, and keeps other tests from logging
/// meanwhile: their peers could have the same ports.
pub fn keep(level: LevelFilter) -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        log::set_logger(&Kept).expect("nobody else keeps them");
        log::set_max_level(level);
    });
    forget();
    one
}

/// Forgets all lines so far.
pub fn forget() {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// All lines so far that have this in them.
pub fn lines_with(part: &str) -> Vec<Line> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.text.contains(part)).cloned().collect()
}

/// The first line that has this in it, for which this waits.
pub fn line_with(part: &str) -> Line {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_missing = |lines: &mut Vec<Line>| !lines.iter().any(|line| line.text.contains(part));
    let (lines, _) = CAME
        .wait_timeout_while(lines, DEADLINE, is_missing)
        .unwrap_or_else(PoisonError::into_inner);
    let found = lines.iter().find(|line| line.text.contains(part)).cloned();
    found.unwrap_or_else(|| panic!("no line has {part:?}: {lines:#?}"))
}

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let mut fields = Fields(String::new());
        record.key_values().visit(&mut fields).expect("nothing is refused");
        let line = Line {
            level: record.level(),
            target: record.target().to_owned(),
            text: record.args().to_string(),
            fields: fields.0,
        };
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        CAME.notify_all();
    }

    fn flush(&self) {}
}

struct Fields(String);

impl<'a> VisitSource<'a> for Fields {
    fn visit_pair(&mut self, key: Key<'a>, value: Value<'a>) -> Result<(), kv::Error> {
        write!(self.0, "{key}={value};").expect("a string takes every text");
        Ok(())
    }
}
