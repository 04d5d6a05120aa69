//! The log lines about a database, and about its connections.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::kv::Value;
use log::{Level, Record};

use crate::database::link::LostLink;
use crate::service::line_limit::LineLimit;

/// What the log has about the connections of a database.
#[derive(Debug, Default)]
pub(super) struct ConnectionReport {
    /// Whether there was one.
    was_up: AtomicBool,
    /// Whether the last line is a failure.
    is_down: AtomicBool,
    panics: Mutex<LineLimit>,
}

impl ConnectionReport {
    /// Logs that there is a connection, if that is news.
    pub(super) fn up(&self, name: &str, address: &str) {
        let was_down = self.is_down.swap(false, Ordering::Relaxed);
        let was_up = self.was_up.swap(true, Ordering::Relaxed);
        let again = match (was_up, was_down) {
            (false, _) => "",
            (true, true) => " again",
            (true, false) => return,
        };
        let place = if address.is_empty() { "" } else { ": " };
        let text = format_args!("it is connected{again}{place}{address}");
        log_database(Level::Info, name, text);
    }

    /// Logs that a connection could not be opened.
    pub(super) fn not_connected(&self, name: &str, error: &str, pause: Duration) {
        let ms = pause.as_millis();
        let text = format_args!("it cannot be connected: {error}; next try in {ms} ms");
        log_database(self.level(), name, text);
    }

    /// Logs why a connection is replaced.
    pub(super) fn lost(&self, name: &str, lost: &LostLink) {
        match lost {
            LostLink::Lost(why) => {
                let text = format_args!("a connection was lost: {why}");
                log_database(self.level(), name, text);
            }
            // A peer may cause one with each message.
            LostLink::Panicked(panic) => {
                let mut limit = self.panics();
                let (left_out, is_logged) = (limit.begin(Instant::now()), limit.admits());
                drop(limit);
                log_left_out(name, left_out);
                if is_logged {
                    log_database(Level::Warn, name, format_args!("{panic}"));
                }
            }
        }
    }

    /// A thread has ended: logs what was left out so far.
    pub(super) fn end(&self, name: &str) {
        let left_out = self.panics().take_left_out();
        log_left_out(name, left_out);
    }

    fn panics(&self) -> MutexGuard<'_, LineLimit> {
        // Nothing panics with it.
        self.panics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A warning for the first connection, since all end together.
    fn level(&self) -> Level {
        let is_first = !self.is_down.swap(true, Ordering::Relaxed);
        if is_first { Level::Warn } else { Level::Debug }
    }
}

fn log_left_out(name: &str, lines: Option<u64>) {
    if let Some(lines) = lines {
        let text = format_args!("{lines} more panics of jobs were left out");
        log_database(Level::Warn, name, text);
    }
}

/// Logs a line about the database of this name.
pub(super) fn log_database(level: Level, name: &str, text: fmt::Arguments<'_>) {
    if level > log::max_level() {
        return;
    }
    let text = text.to_string();
    let fields = [("event", Value::from(text.as_str())), ("database", Value::from(name))];
    let fields = fields.as_slice();
    let mut record = Record::builder();
    record.level(level).target("switchboard::database").module_path_static(Some(module_path!()));
    let words = format_args!("database {name}: {text}");
    log::logger().log(&record.key_values(&fields).args(words).build());
}
