//! `Journal`: what a program writes to its standard error, as lines for the log. It is read in
//! any case, so that the program never waits for it; what is too long or too much is left out,
//! and that is told. The lines that a program has logged by its protocol share the same room:
//! whoever writes the log has bounds for all, and a flood would leave out the lines of others.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

/// The standard error of one program. It holds one line.
#[derive(Debug)]
pub(super) struct Journal {
    line: Vec<u8>,
    /// Whether the rest of the line is left out.
    cut: bool,
    /// How many lines may be told now.
    room: u32,
    /// When the last one was added to that.
    grown: Instant,
    /// How many lines were left out since the last one that was told.
    left_out: u64,
    /// The beginnings of its last lines.
    last: VecDeque<Vec<u8>>,
}

impl Journal {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            line: Vec::new(),
            cut: false,
            room: LINES_BURST,
            grown: now,
            left_out: 0,
            last: VecDeque::new(),
        }
    }

    /// Tells the lines that are complete with these bytes.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant, tell: &mut impl FnMut(&str)) {
        let mut parts = bytes.split(|&byte| byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.append(part);
            self.end_line(now, tell);
        }
        self.append(last);
    }

    /// Tells what has no end, and how much was left out.
    pub(super) fn finish(&mut self, now: Instant, tell: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.end_line(now, tell);
        }
        self.tell_left_out(tell);
    }

    /// Whether one more line may be told now, for which the room is taken; otherwise it counts as
    /// left out.
    pub(super) fn has_room(&mut self, now: Instant, tell: &mut impl FnMut(&str)) -> bool {
        self.grow(now);
        if self.room == 0 {
            self.left_out += 1;
            return false;
        }
        self.room -= 1;
        self.tell_left_out(tell);
        true
    }

    /// The last lines, also those that were left out, for the log to say why a program has gone.
    pub(super) fn last_lines(&self) -> String {
        self.last.iter().fold(String::new(), |words, line| {
            let line = String::from_utf8_lossy(line);
            let line = line.escape_debug();
            let begin =
                if words.is_empty() { "; its last lines on standard error: " } else { " / " };
            format!("{words}{begin}{line}")
        })
    }

    fn append(&mut self, part: &[u8]) {
        let room = LINE_BYTES_MAX - self.line.len();
        self.cut |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, now: Instant, tell: &mut impl FnMut(&str)) {
        let (line, cut) = (mem::take(&mut self.line), mem::take(&mut self.cut));
        let words = line.trim_ascii();
        if !words.is_empty() {
            let is_full = self.last.len() >= LAST_LINES_MAX;
            let mut last = if is_full { self.last.pop_front() } else { None }.unwrap_or_default();
            last.clear();
            last.extend_from_slice(&words[..words.len().min(LAST_BYTES_MAX)]);
            self.last.push_back(last);
        }
        if !self.has_room(now, tell) {
            return;
        }
        let mut text = String::with_capacity(line.len());
        for c in String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).chars() {
            // A line of a program is one line of the log, and does nothing to a terminal.
            if c.is_control() && c != '\t' {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        if cut {
            text.push_str(" [the rest of the line is left out]");
        }
        tell(&text);
    }

    /// Makes room for the lines of the time that has passed.
    fn grow(&mut self, now: Instant) {
        let periods = now.saturating_duration_since(self.grown).as_nanos() / PERIOD.as_nanos();
        match u32::try_from(periods) {
            Ok(periods) if periods < LINES_BURST => {
                self.grown += PERIOD * periods;
                self.room = LINES_BURST.min(self.room + periods);
            }
            Ok(_) | Err(_) => (self.grown, self.room) = (now, LINES_BURST),
        }
    }

    fn tell_left_out(&mut self, tell: &mut impl FnMut(&str)) {
        match mem::take(&mut self.left_out) {
            0 => {}
            lines => tell(&format!("[lines left out, since they were too many: {lines}]")),
        }
    }
}

/// The most bytes of a line that are told.
const LINE_BYTES_MAX: usize = 1_024;
/// The number of last lines that are kept, and the bytes of each.
const LAST_LINES_MAX: usize = 3;
const LAST_BYTES_MAX: usize = 200;
/// So many lines may come at once.
const LINES_BURST: u32 = 200;
/// After that, one line in this time.
const PERIOD: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of parts that come at these moments, in milliseconds.
    fn told(parts: &[(u64, &[u8])]) -> Vec<String> {
        let start = Instant::now();
        let mut journal = Journal::new(start);
        let mut lines = Vec::new();
        let mut last = start;
        for &(ms, part) in parts {
            last = start + Duration::from_millis(ms);
            journal.receive(part, last, &mut |line| lines.push(line.to_owned()));
        }
        journal.finish(last, &mut |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn bytes_become_lines() {
        let rows: [(&[&[u8]], &[&str]); 8] = [
            (&[b""], &[]),
            (&[b"one\ntwo\n"], &["one", "two"]),
            (&[b"o", b"n", b"e\nt", b"wo"], &["one", "two"]),
            (&[b"one\r\n\ntwo\n"], &["one", "", "two"]),
            (&[b"a\x1b[2Jb\tc\rd\n"], &["a\\u{1b}[2Jb\tc\\rd"]),
            (&[b"caf\xc3", b"\xa9\n"], &["caf\u{e9}"]),
            (&[b"\xff\n"], &["\u{fffd}"]),
            (&[b"\n"], &[""]),
        ];
        for (parts, lines) in rows {
            let parts: Vec<_> = parts.iter().map(|part| (0, *part)).collect();
            assert_eq!(told(&parts), lines, "{parts:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_costs_no_memory() {
        let start = Instant::now();
        let mut journal = Journal::new(start);
        let mut lines = Vec::new();
        for _ in 0..1_000 {
            journal.receive(&[b'x'; 1_000], start, &mut |line| lines.push(line.to_owned()));
            assert!(journal.line.capacity() <= 2 * LINE_BYTES_MAX);
        }
        journal.receive(b"\nnext\n", start, &mut |line| lines.push(line.to_owned()));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with(&"x".repeat(LINE_BYTES_MAX)), "{}", lines[0]);
        assert!(lines[0].ends_with(" [the rest of the line is left out]"), "{}", lines[0]);
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn last_lines_are_kept() {
        let start = Instant::now();
        let mut journal = Journal::new(start);
        assert_eq!(journal.last_lines(), "");
        let flood = "x\n".repeat(1_000);
        for part in [&flood, "  one\r\n\n", "two\x1b[2J\n", "thr", "ee\n", "unended"] {
            journal.receive(part.as_bytes(), start, &mut |_| ());
        }
        let words = "; its last lines on standard error: one / two\\u{1b}[2J / three";
        assert_eq!(journal.last_lines(), words);
        journal.finish(start, &mut |_| ());
        assert!(journal.last_lines().ends_with(" / three / unended"));
        journal.receive(&[b"y".repeat(900), b"\n".to_vec()].concat(), start, &mut |_| ());
        assert!(journal.last_lines().len() < 300);
    }

    #[test]
    fn too_many_lines_are_counted_instead() {
        let flood = b"x\n".repeat(1_000);
        let lines = told(&[(0, &flood), (120, b"y\ny\ny\n"), (60_000, b"z\n")]);
        let burst = LINES_BURST as usize;
        assert_eq!(lines.len(), burst + 1 + 2 + 1 + 1);
        assert!(lines[..burst].iter().all(|line| line == "x"));
        assert_eq!(lines[burst], "[lines left out, since they were too many: 800]");
        assert_eq!(lines[burst + 1..burst + 3], ["y", "y"]);
        assert_eq!(lines[burst + 3], "[lines left out, since they were too many: 1]");
        assert_eq!(lines[burst + 4], "z");
    }
}
