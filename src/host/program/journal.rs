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
    /// The beginnings of its last lines, without those of [`is_noise`].
    last: VecDeque<Vec<u8>>,
    /// The beginning of the last line that names an error, and how many of those came after it.
    error: Option<(Vec<u8>, usize)>,
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
            error: None,
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

    /// Whether one more line of the protocol may be told now, for which the room is taken;
    /// otherwise it counts as left out.
    pub(super) fn has_room(&mut self, now: Instant, tell: &mut impl FnMut(&str)) -> bool {
        self.has_more_room_than(0, now, tell)
    }

    fn has_more_room_than(&mut self, kept: u32, now: Instant, tell: &mut impl FnMut(&str)) -> bool {
        self.grow(now);
        if self.room <= kept {
            self.left_out += 1;
            return false;
        }
        self.room -= 1;
        self.tell_left_out(tell);
        true
    }

    /// The last lines, also those that were left out, for the log to say why a program has gone.
    /// The line that names an error comes first if what followed it has displaced it.
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

    fn end_line(&mut self, now: Instant, tell: &mut impl FnMut(&str)) {
        let (line, cut) = (mem::take(&mut self.line), mem::take(&mut self.cut));
        self.keep(&line);
        if !self.has_more_room_than(LINES_OF_PROTOCOL, now, tell) {
            return;
        }
        let mut text = shown(line.strip_suffix(b"\r").unwrap_or(&line));
        if cut {
            text.push_str(" [the rest of the line is left out]");
        }
        tell(&text);
    }

    /// Keeps the beginning of a line that may say why the program will have gone.
    fn keep(&mut self, line: &[u8]) {
        let words = line.trim_ascii();
        let words = &words[..words.len().min(LAST_BYTES_MAX)];
        let is_indented = line.first().is_some_and(u8::is_ascii_whitespace);
        if is_noise(words, is_indented) {
            return;
        }
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

/// A line as one line of the log, which does nothing to a terminal.
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

/// Whether a line only follows the error that it belongs to, or is blank: the calls of a trace, as
/// Node.js, Java and Ruby write them, marks below a line of source, and the version of Node.js.
fn is_noise(words: &[u8], is_indented: bool) -> bool {
    let is_call = [&b"at "[..], b"from ", b"... "].iter().any(|word| words.starts_with(word));
    is_indented && is_call
        || words.starts_with(b"Node.js v")
        || words.iter().all(|byte| matches!(byte, b'^' | b'~' | b' '))
}

/// Whether a line names an error, by the words that most languages use.
fn names_error(words: &[u8]) -> bool {
    let words = words.to_ascii_lowercase();
    let has = |word: &&[u8]| words.windows(word.len()).any(|part| part == *word);
    [&b"error"[..], b"exception", b"panic", b"fatal"].iter().any(has)
}

/// The most bytes of a line that are told.
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
    fn the_line_that_names_the_error_is_among_the_last_lines() {
        let of_a_server = "error: a peer\n".to_owned() + &"served\n".repeat(AFTER_ERROR_MAX);
        let rows = [
            // Node.js
            (
                "/a.js:1\nf = () => { throw new Error(\"no\"); };\n           ^\n\nError: no\n    \
                 at f (/a.js:1:25)\n    at node:internal/main/run:28:49\n\nNode.js v20.20.2\n",
                "/a.js:1 / f = () => { throw new Error(\"no\"); }; / Error: no",
            ),
            (
                "node:fs:573\n  return binding.open(\n    ^\n\nError: ENOENT: no such file\n    \
                 at node:fs:573:18 {\n  errno: -2,\n  code: 'ENOENT',\n  syscall: 'open',\n  \
                 path: '/a'\n}\n\nNode.js v20.20.2\n",
                "Error: ENOENT: no such file / ... / syscall: 'open', / path: '/a' / }",
            ),
            // Python
            (
                "Traceback (most recent call last):\n  File \"a\", line 1, in f\n    f(1)\n    ~^\n\
                 TypeError: 'no' \\\n",
                "File \"a\", line 1, in f / f(1) / TypeError: 'no' \\",
            ),
            // Java
            (
                "Exception in thread \"main\" A: outer\n\tat A.main(A.java:1)\nCaused by: B: no\n\
                 \tat A.f(A.java:1)\n\t... 7 more\n",
                "Exception in thread \"main\" A: outer / Caused by: B: no",
            ),
            // Ruby
            (
                "a.rb:2:in `f': no (ArgumentError)\n\tfrom a.rb:4:in `g'\n\tfrom a.rb:5\n",
                "a.rb:2:in `f': no (ArgumentError)",
            ),
            // Go
            (
                "panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:2 +0x27\n\
                 exit status 2\n",
                "panic: no / ... / main.main() / /a.go:2 +0x27 / exit status 2",
            ),
            // No error, or one of long ago.
            ("a\nb\nc\nd\n", "b / c / d"),
            ("error: a\nb\nc\nd\n", "error: a / b / c / d"),
            (&of_a_server, "error: a peer / ... / served / served / served"),
            (&(of_a_server.clone() + "served\n"), "served / served / served"),
        ];
        for (said, words) in rows {
            let now = Instant::now();
            let mut journal = Journal::new(now);
            journal.receive(said.as_bytes(), now, &mut |_| ());
            let expected = format!("; its last lines on standard error: {words}");
            assert_eq!(journal.last_lines(), expected, "{said}");
        }
    }

    #[test]
    fn too_many_lines_are_counted_instead() {
        let flood = b"x\n".repeat(1_000);
        let lines = told(&[(0, &flood), (120, b"y\ny\ny\n"), (60_000, b"z\n")]);
        let burst = (LINES_BURST - LINES_OF_PROTOCOL) as usize;
        assert_eq!(lines.len(), burst + 1 + 2 + 1 + 1);
        assert!(lines[..burst].iter().all(|line| line == "x"));
        assert_eq!(lines[burst], "[lines left out, since they were too many: 850]");
        assert_eq!(lines[burst + 1..burst + 3], ["y", "y"]);
        assert_eq!(lines[burst + 3], "[lines left out, since they were too many: 1]");
        assert_eq!(lines[burst + 4], "z");
    }

    #[test]
    fn standard_error_leaves_room_for_lines_of_the_protocol() {
        let now = Instant::now();
        let mut journal = Journal::new(now);
        for said in 0..LINES_OF_PROTOCOL {
            journal.receive(&b"x\n".repeat(1_000), now, &mut |_| ());
            assert!(journal.has_room(now, &mut |_| ()), "after {said}");
        }
        assert!(!journal.has_room(now, &mut |_| ()));
    }
}
