//! The log lines of standard errors, and the lines kept for an exit.

use super::*;

/// What is logged of parts that come at these moments, in milliseconds.
fn told(parts: &[(u64, &[u8])]) -> Vec<String> {
    let start = Time::ZERO;
    let mut log = StderrLog::new(start);
    let mut lines = Vec::new();
    let mut last = start;
    for &(ms, part) in parts {
        last = start.after(ms);
        log.receive(part, last, &mut |_, line| lines.push(line.to_owned()));
    }
    log.finish(last, &mut |_, line| lines.push(line.to_owned()));
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
    let start = Time::ZERO;
    let mut log = StderrLog::new(start);
    let mut lines = Vec::new();
    for _ in 0..1_000 {
        log.receive(&[b'x'; 1_000], start, &mut |_, line| lines.push(line.to_owned()));
        assert!(log.line.capacity() <= 2 * LINE_BYTES_MAX);
    }
    log.receive(b"\nnext\n", start, &mut |_, line| lines.push(line.to_owned()));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(&"x".repeat(LINE_BYTES_MAX)), "{}", lines[0]);
    assert!(lines[0].ends_with(" [the rest of the line is left out]"), "{}", lines[0]);
    assert_eq!(lines[1], "next");
}

#[test]
fn last_lines_are_kept() {
    let start = Time::ZERO;
    let mut log = StderrLog::new(start);
    assert_eq!(log.last_lines(), "");
    let flood = "x\n".repeat(1_000);
    for part in [&flood, "  one\r\n\n", "two\x1b[2J\n", "thr", "ee\n", "unended"] {
        log.receive(part.as_bytes(), start, &mut |_, _| ());
    }
    let words = "; its last lines on standard error: one / two\\u{1b}[2J / three";
    assert_eq!(log.last_lines(), words);
    log.finish(start, &mut |_, _| ());
    assert!(log.last_lines().ends_with(" / three / unended"));
    log.receive(&[b"y".repeat(900), b"\n".to_vec()].concat(), start, &mut |_, _| ());
    assert!(log.last_lines().len() < 300);
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
        let now = Time::ZERO;
        let mut log = StderrLog::new(now);
        log.receive(said.as_bytes(), now, &mut |_, _| ());
        let expected = format!("; its last lines on standard error: {words}");
        assert_eq!(log.last_lines(), expected, "{said}");
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
fn warnings_that_are_left_out_are_counted_as_warnings() {
    let now = Time::ZERO;
    let mut log = StderrLog::new(now);
    log.receive(&b"x\n".repeat(1_000), now, &mut |_, _| ());
    for level in [Level::Warn; 60].into_iter().chain([Level::Error, Level::Info]) {
        log.has_room(level, now, &mut |_, _| ());
    }
    let mut told = Vec::new();
    log.finish(now, &mut |level, line| told.push((level, line.to_owned())));
    let of = |what, count| format!("[{what} left out, since they were too many: {count}]");
    let expected = [(Level::Info, of("lines", 1)), (Level::Warn, of("warnings", 11))];
    assert_eq!(told, expected);
}

#[test]
fn what_a_program_has_outlived_is_no_reason_of_its_exit() {
    let start = Time::ZERO;
    let mut log = StderrLog::new(start);
    let write = |log: &mut StderrLog| {
        log.receive(b"ValueError: no\n", start, &mut |_, _| ());
    };
    write(&mut log);
    // Its output may have waited in a buffer.
    log.speaks(|| start.after(FRESH_MS / 2));
    assert!(log.last_lines().ends_with("ValueError: no"));
    log.speaks(|| start.after(FRESH_MS));
    assert_eq!(log.last_lines(), "");
    write(&mut log);
    log.forget();
    assert_eq!(log.last_lines(), "");
}

#[test]
fn standard_error_leaves_room_for_lines_of_the_protocol() {
    let now = Time::ZERO;
    let mut log = StderrLog::new(now);
    for said in 0..LINES_OF_PROTOCOL {
        log.receive(&b"x\n".repeat(1_000), now, &mut |_, _| ());
        assert!(log.has_room(Level::Warn, now, &mut |_, _| ()), "after {said}");
    }
    assert!(!log.has_room(Level::Warn, now, &mut |_, _| ()));
}
