//! What is logged while these tests run, by the service that each line is about.

use std::collections::BTreeMap;
use std::sync::{Mutex, Once, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Keeps the lines of services.
struct Kept;

static LINES: Mutex<BTreeMap<String, Vec<(Level, String)>>> = Mutex::new(BTreeMap::new());

/// Later lines are kept.
pub fn keep() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        log::set_logger(&Kept).expect("nobody else keeps them");
        log::set_max_level(LevelFilter::Info);
    });
}

/// What was logged of a service.
pub fn lines_of(service: &str) -> Vec<String> {
    texts_of(service, Level::Info)
}

/// What `-q` leaves of it.
pub fn warnings_of(service: &str) -> Vec<String> {
    texts_of(service, Level::Warn)
}

fn texts_of(service: &str, level_max: Level) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = lines.get(service).into_iter().flatten();
    lines.filter(|(level, _)| *level <= level_max).map(|(_, text)| text.clone()).collect()
}

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = record.args().to_string();
        let rest = line.strip_prefix("service ");
        let Some((service, text)) = rest.and_then(|rest| rest.split_once(": ")) else { return };
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(service.to_owned()).or_default().push((record.level(), text.to_owned()));
    }

    fn flush(&self) {}
}
