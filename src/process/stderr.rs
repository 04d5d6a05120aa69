//! `StderrLog`: the standard error of a program, as lines for the log. It is read in any case, so
//! that the program never waits for it. Lines that are too long or too many are left out, and the
//! log says so. LOG lines of the program share the same limit: the log has bounds for all programs,
//! and a flood would displace the lines of others.

use std::collections::VecDeque;
use std::mem;

use log::Level;

use crate::time::Time;

/// The standard error of one program. It holds one line.
#[derive(Debug)]
pub(super) struct StderrLog {
    line: Vec<u8>,
    /// Whether the rest of the line is left out.
    cut: bool,
    /// How many lines may be logged now.
    room: u32,
    /// When the last one was added to that.
    grown: Time,
    /// How many lines were left out since the last logged one.
    left_out: u64,
    /// How many of them were warnings, which are counted separately: they are logged at levels that
    /// hide other lines.
    warnings_left_out: u64,
    /// The beginnings of its last lines, without those of [`is_call`] and [`is_noise`].
    last: VecDeque<Vec<u8>>,
    /// The beginning of the last line that names an error, and how many of those came after it.
    error: Option<(Vec<u8>, usize)>,
    /// When the last of these was kept.
    kept: Time,
}

impl StderrLog {
    pub(super) fn new(now: Time) -> Self {
        Self {
            line: Vec::new(),
            cut: false,
            room: LINES_BURST,
            grown: now,
            left_out: 0,
            warnings_left_out: 0,
            kept: now,
            last: VecDeque::new(),
            error: None,
        }
    }

    /// Logs the lines that these bytes complete.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Time, tell: &mut impl FnMut(Level, &str)) {
        let mut parts = bytes.split(|&byte| byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.append(part);
            self.end_line(now, tell);
        }
        self.append(last);
    }

    /// Logs an unfinished line, and how many lines were left out.
    pub(super) fn finish(&mut self, now: Time, tell: &mut impl FnMut(Level, &str)) {
        if !self.line.is_empty() {
            self.end_line(now, tell);
        }
        self.tell_left_out(tell);
    }

    /// Whether one more LOG line may be logged now. If so, it counts for the limit; otherwise it
    /// counts as left out.
    pub(super) fn has_room(
        &mut self,
        level: Level,
        now: Time,
        tell: &mut impl FnMut(Level, &str),
    ) -> bool {
        self.has_more_room_than(0, level, now, tell)
    }

    /// The program goes on: its earlier lines are no reason of a later exit.
    pub(super) fn forget(&mut self) {
        self.last.clear();
        self.error = None;
    }

    /// The program writes output: lines of long before are no reason of its exit.
    pub(super) fn speaks(&mut self, now: impl FnOnce() -> Time) {
        if !self.last.is_empty() && now().since(self.kept) >= FRESH_MS {
            self.forget();
        }
    }

    fn has_more_room_than(
        &mut self,
        kept: u32,
        level: Level,
        now: Time,
        tell: &mut impl FnMut(Level, &str),
    ) -> bool {
        self.grow(now);
        if self.room <= kept {
            let is_warning = level <= Level::Warn;
            self.warnings_left_out += u64::from(is_warning);
            self.left_out += u64::from(!is_warning);
            return false;
        }
        self.room -= 1;
        self.tell_left_out(tell);
        true
    }

    /// The last lines, including those that were left out, as the reason of an exit for the log.
    /// The line that names an error comes first if later lines have displaced it.
    pub(super) fn last_lines(&self) -> String {
        let mut words = String::new();
        match &self.error {
            Some((line, after)) if *after >= LAST_LINES_MAX => {
                words.push_str(&shown(line));
                words.push_str(if *after > LAST_LINES_MAX { " / ... / " } else { " / " });
            }
            Some(_) | None => {}
        }
        for (index, line) in self.last.iter().enumerate() {
            words.push_str(if index == 0 { "" } else { " / " });
            words.push_str(&shown(line));
        }
        if words.is_empty() {
            return words;
        }
        format!("; its last lines on standard error: {words}")
    }

    fn append(&mut self, part: &[u8]) {
        let room = LINE_BYTES_MAX - self.line.len();
        self.cut |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, now: Time, tell: &mut impl FnMut(Level, &str)) {
        let (line, cut) = (mem::take(&mut self.line), mem::take(&mut self.cut));
        self.keep(&line, now);
        if !self.has_more_room_than(LINES_OF_PROTOCOL, Level::Info, now, tell) {
            return;
        }
        let mut text = shown(line.strip_suffix(b"\r").unwrap_or(&line));
        if cut {
            text.push_str(" [the rest of the line is left out]");
        }
        tell(Level::Info, &text);
    }

    /// Keeps the beginning of a line that may be the reason of an exit.
    fn keep(&mut self, line: &[u8], now: Time) {
        let words = line.trim_ascii();
        let words = &words[..words.len().min(LAST_BYTES_MAX)];
        let is_indented = line.first().is_some_and(u8::is_ascii_whitespace);
        if is_indented && is_call(words) || is_noise(words) {
            return;
        }
        self.kept = now;
        let is_full = self.last.len() >= LAST_LINES_MAX;
        let mut last = if is_full { self.last.pop_front() } else { None }.unwrap_or_default();
        last.clear();
        last.extend_from_slice(words);
        self.last.push_back(last);
        // The error of a trace begins at the left margin; what it quotes of the source does not.
        self.error = if !is_indented && names_error(words) {
            Some((words.to_vec(), 0))
        } else {
            let error = self.error.take().map(|(line, after)| (line, after + 1));
            error.filter(|(_, after)| *after <= AFTER_ERROR_MAX)
        };
    }

    /// Adds capacity for the time that has passed.
    fn grow(&mut self, now: Time) {
        match u32::try_from(now.since(self.grown) / PERIOD_MS) {
            Ok(periods) if periods < LINES_BURST => {
                self.grown = self.grown.after(PERIOD_MS * u64::from(periods));
                self.room = LINES_BURST.min(self.room + periods);
            }
            Ok(_) | Err(_) => (self.grown, self.room) = (now, LINES_BURST),
        }
    }

    fn tell_left_out(&mut self, tell: &mut impl FnMut(Level, &str)) {
        let counts = [
            (Level::Info, "lines", mem::take(&mut self.left_out)),
            (Level::Warn, "warnings", mem::take(&mut self.warnings_left_out)),
        ];
        for (level, what, count) in counts.into_iter().filter(|(.., count)| *count > 0) {
            tell(level, &format!("[{what} left out, since they were too many: {count}]"));
        }
    }
}

/// A line as one line of the log, escaped for terminals.
fn shown(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for c in String::from_utf8_lossy(line).chars() {
        if c.is_control() && c != '\t' {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// Whether an indented line is a call of a trace, as Node.js, Java and Ruby write it.
fn is_call(words: &[u8]) -> bool {
    [&b"at "[..], b"from ", b"... "].iter().any(|word| words.starts_with(word))
}

/// Whether a line only follows the error that it belongs to, or is blank: marks below a line of
/// source, and the version of Node.js.
fn is_noise(words: &[u8]) -> bool {
    words.starts_with(b"Node.js v") || words.iter().all(|byte| matches!(byte, b'^' | b'~' | b' '))
}

/// Whether a line names an error, by the words that most languages use.
fn names_error(words: &[u8]) -> bool {
    let words = words.to_ascii_lowercase();
    let has = |word: &&[u8]| words.windows(word.len()).any(|part| part == *word);
    [&b"error"[..], b"exception", b"panic", b"fatal"].iter().any(has)
}

/// The maximum of logged bytes of a line.
const LINE_BYTES_MAX: usize = 1_024;
/// The number of last lines that are kept, and the bytes of each.
const LAST_LINES_MAX: usize = 3;
const LAST_BYTES_MAX: usize = 200;
/// An error that more kept lines have followed is no longer taken for the reason of an exit.
const AFTER_ERROR_MAX: usize = 20;
/// So many lines may come at once.
const LINES_BURST: u32 = 200;
/// So many of these are for lines of the protocol alone: a warning is not left out for tracebacks.
const LINES_OF_PROTOCOL: u32 = 50;
/// After that, one line in this time.
const PERIOD_MS: u64 = 50;
/// If a program writes output this long after a line, the line is no reason of its exit.
const FRESH_MS: u64 = 1_000;

#[cfg(test)]
mod tests;
