//! The log on standard error or in a file: one line per record, in one write. Texts of peers in a
//! record cannot make another line or control a terminal. Nothing else writes to standard error
//! once the server runs; panics are logged, too. A separate thread writes the lines, so that
//! logging never blocks. If standard error is not read, or a disk is full, lines are dropped and
//! counted. A closed standard error does no harm.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record};
use switchboard::config::LogFormat;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use switchboard::database::will_log_panic;

use super::log_line::line;
use super::log_target::LogTarget;

/// Sends the log to its target, and the texts of panics to the log. A second call changes the
/// level and the format; the target stays.
pub(crate) fn start(level: LevelFilter, format: LogFormat, target: LogTarget) {
    // The only error is that there is a logger already.
    let _ = log::set_logger(&LOGGER);
    set_level_and_format(level, format);
    panic::set_hook(Box::new(log_panic));
    let mut waiting = waiting();
    if !waiting.has_writer {
        // Without a thread, lines are dropped.
        let body: Box<dyn FnOnce() + Send> = Box::new(move || write_all(target));
        waiting.has_writer = thread::Builder::new().name("log".to_owned()).spawn(body).is_ok();
    }
}

/// Sets the level and the format of the lines from now on.
pub(crate) fn set_level_and_format(level: LevelFilter, format: LogFormat) {
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
    log::set_max_level(level);
}

/// Opens the file of the log again before the next line, if there is one. It returns at once.
#[cfg(feature = "admin")]
pub(crate) fn open_again() {
    waiting().change.get_or_insert(LogChange::Reopen);
    CAME.notify_one();
}

/// Writes the next lines to another target. This returns at once.
#[cfg(feature = "admin")]
pub(crate) fn write_to(target: LogTarget) {
    waiting().change = Some(LogChange::Target(target));
    CAME.notify_one();
}

/// How many lines were dropped, or could not be written as a whole.
#[cfg(feature = "admin")]
pub(crate) fn lines_dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed) as u64
}

/// Waits until all lines are written, for a second at most.
pub(crate) fn finish() {
    let mut waiting = waiting();
    waiting.awaited = waiting.has_writer;
    CAME.notify_one();
    // A timeout cannot be reported any more.
    let _ = DONE.wait_timeout_while(waiting, Duration::from_secs(1), |waiting| waiting.awaited);
}

/// The lines that wait to be written.
struct LogBuffer {
    lines: VecDeque<String>,
    bytes_len: usize,
    /// How many lines were dropped, and are not known to the thread yet.
    dropped: usize,
    /// Whether there is a thread that writes.
    has_writer: bool,
    /// Whether a thread waits until all is written.
    awaited: bool,
    /// What is to be done before the next line.
    #[cfg(feature = "admin")]
    change: Option<LogChange>,
}

/// A change of where lines go.
#[cfg(feature = "admin")]
enum LogChange {
    /// The file is opened again.
    Reopen,
    Target(LogTarget),
}

impl LogBuffer {
    /// Whether there is nothing to do for the thread that writes.
    fn is_idle(&self) -> bool {
        #[cfg(feature = "admin")]
        if self.change.is_some() {
            return false;
        }
        self.lines.is_empty()
    }
}

/// No code panics while it holds the lock.
fn waiting() -> MutexGuard<'static, LogBuffer> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes a line to the writing thread, or drops it.
fn push(line: String) {
    let mut waiting = waiting();
    if !waiting.has_writer || waiting.bytes_len >= BYTES_MAX {
        waiting.dropped += 1;
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    waiting.bytes_len += line.len();
    waiting.lines.push_back(line);
    // With more than this line, the thread is already awake.
    if waiting.lines.len() == 1 {
        CAME.notify_one();
    }
}

/// Writes line by line, without end.
fn write_all(to: LogTarget) {
    let slow = to.name();
    let mut output = LogOutput { to, slow, is_torn: false, lost: 0, error: None };
    #[cfg(feature = "admin")]
    output.look_at_end();
    loop {
        let mut waiting = waiting();
        while waiting.is_idle() {
            if std::mem::take(&mut waiting.awaited) {
                DONE.notify_all();
            }
            // The memory of a burst is not kept.
            if waiting.lines.capacity() > SPARE_LINES_MAX {
                waiting.lines = VecDeque::new();
            }
            waiting = CAME.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        #[cfg(feature = "admin")]
        if let Some(change) = waiting.change.take() {
            drop(waiting);
            output.change(change, SystemTime::now());
            continue;
        }
        let line = waiting.lines.pop_front().unwrap_or_default();
        waiting.bytes_len -= line.len();
        // During a burst, lost lines are logged from time to time.
        let is_past = waiting.bytes_len <= BYTES_MAX / 2;
        output.lost += if is_past { std::mem::take(&mut waiting.dropped) } else { 0 };
        drop(waiting);
        output.write(&line, SystemTime::now());
    }
}

/// The output of lines, each written as a whole if possible.
struct LogOutput<W> {
    to: W,
    /// What is too slow if lines are dropped before they are written.
    slow: &'static str,
    /// Whether the last write was a part of a line.
    is_torn: bool,
    /// How many lines were not written as a whole, and not reported yet.
    lost: usize,
    /// The error of the last of them.
    error: Option<io::Error>,
}

impl<W: Write> LogOutput<W> {
    /// Writes a line with its line feed. Lost lines are logged before the next line that can be
    /// written.
    fn write(&mut self, line: &str, now: SystemTime) {
        if self.lost > 0 {
            let told = self.loss(now);
            if let Err(error) = self.write_whole(&told) {
                return self.lose(error);
            }
            (self.lost, self.error) = (0, None);
        }
        if let Err(error) = self.write_whole(line) {
            self.lose(error);
        }
    }

    fn lose(&mut self, error: io::Error) {
        self.lost += 1;
        DROPPED.fetch_add(1, Ordering::Relaxed);
        self.error = Some(error);
    }

    /// Writes a line. A disk that becomes full, or a pipe that does not block, may take a part of
    /// it. Then the next line begins with a line feed.
    fn write_whole(&mut self, line: &str) -> io::Result<()> {
        if self.is_torn {
            self.write_bytes(b"\n")?;
            self.is_torn = false;
        }
        self.write_bytes(line.as_bytes())
    }

    fn write_bytes(&mut self, mut rest: &[u8]) -> io::Result<()> {
        let len = rest.len();
        while !rest.is_empty() {
            let error = match self.to.write(rest) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(len) => {
                    rest = rest.get(len..).unwrap_or_default();
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let is_part = rest.len() < len;
            self.is_torn |= is_part;
            // All of the text is there.
            return if is_part && rest == b"\n" { Ok(()) } else { Err(error) };
        }
        Ok(())
    }

    /// The line about the number of lost lines.
    fn loss(&self, now: SystemTime) -> String {
        let Self { lost, slow, .. } = self;
        match &self.error {
            Some(error) => {
                warning(now, format_args!("{lost} lines of the log were dropped: {error}"))
            }
            None => {
                let text = format_args!("{lost} lines of the log were dropped: {slow} is too slow");
                warning(now, text)
            }
        }
    }
}

#[cfg(feature = "admin")]
impl LogOutput<LogTarget> {
    /// What could not be written to the old file is logged in the new one.
    fn change(&mut self, change: LogChange, now: SystemTime) {
        match (change, &mut self.to) {
            (LogChange::Target(target), _) => (self.slow, self.to) = (target.name(), target),
            (LogChange::Reopen, LogTarget::StandardError) => {}
            (LogChange::Reopen, LogTarget::File(file)) => {
                if let Err(fault) = file.open_again() {
                    let text = format_args!("{fault}; the log goes on in the file that was open");
                    return self.write(&warning(now, text), now);
                }
            }
        }
        self.look_at_end();
    }

    /// Finds out whether the file that was just opened ends within a line.
    fn look_at_end(&mut self) {
        if let LogTarget::File(file) = &self.to {
            self.is_torn = file.ends_within_line().unwrap_or(self.is_torn);
        }
    }
}

/// A line of the log about itself.
fn warning(now: SystemTime, text: fmt::Arguments<'_>) -> String {
    let target = "switchboard::server";
    let record = Record::builder().level(Level::Warn).target(target).args(text).build();
    line(format(), now, &record)
}

/// The loop logs which service has ended; only this hook knows the place in the source.
fn log_panic(panic: &PanicHookInfo<'_>) {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    if cfg!(panic = "unwind") && panic.location().is_some_and(will_log_panic) {
        return;
    }
    let text = panic.payload_as_str().unwrap_or("without a text");
    match panic.location() {
        Some(place) => log::error!(target: "switchboard::server", "panicked at {place}: {text}"),
        None => log::error!(target: "switchboard::server", "panicked: {text}"),
    }
    // The process ends here, and with it the thread that writes.
    if cfg!(panic = "abort") {
        finish();
    }
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        push(line(format(), SystemTime::now(), record));
    }

    fn flush(&self) {}
}

/// The format of the lines now.
fn format() -> LogFormat {
    if IS_JSON.load(Ordering::Relaxed) { LogFormat::Json } else { LogFormat::Text }
}

static LOGGER: Logger = Logger;
static IS_JSON: AtomicBool = AtomicBool::new(false);

static WAITING: Mutex<LogBuffer> = Mutex::new(LogBuffer {
    lines: VecDeque::new(),
    bytes_len: 0,
    dropped: 0,
    has_writer: false,
    awaited: false,
    #[cfg(feature = "admin")]
    change: None,
});
/// How many lines are lost since the start.
static DROPPED: AtomicUsize = AtomicUsize::new(0);
/// A line has come, or a thread waits until all is written.
static CAME: Condvar = Condvar::new();
/// All lines are written.
static DONE: Condvar = Condvar::new();
/// Above this many waiting bytes, further lines are dropped: some thousands of usual lines, and far
/// fewer of the longest lines of programs.
const BYTES_MAX: usize = 1 << 20;
/// The capacity that is kept once all lines are written.
const SPARE_LINES_MAX: usize = 256;

#[cfg(test)]
mod tests;
