//! What goes to programs and comes from them, and what they do to the pipes.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use switchboard::process::{PipeRead, PumpEvent, StartError};

use crate::beginnings::CAT;
use crate::bench::{Bench, INPUT_HIGH_BYTES, NEVER};
use crate::logged;
use crate::support::DEADLINE;
use crate::support::process::resident;

/// Sends a program so many lines, as fast as it takes them, and reads each echo.
fn echo(name: &str, program: &str, lines_len: usize) {
    let mut bench = Bench::new(name, &[("echo", program)]);
    let id = bench.start("/echo");
    let start = Instant::now();
    let (mut told, mut heard, mut all) = (0, 0, String::new());
    let mut expected = String::new();
    while heard < lines_len {
        while told < lines_len && !bench.pump.is_full(id) {
            bench.tell(id, format!("line {told}\n").as_bytes());
            told += 1;
        }
        for (event, said) in bench.turn() {
            assert!(matches!(event, PumpEvent::Output(_) | PumpEvent::Drained(_)), "{event:?}");
            all.push_str(std::str::from_utf8(&said).expect("it is ASCII"));
        }
        while let Some((line, rest)) = all.split_once('\n') {
            expected.clear();
            write!(expected, "line {heard}").expect("a string takes every text");
            assert_eq!(line, expected);
            heard += 1;
            all = rest.to_owned();
        }
    }
    println!("{name}: {lines_len} lines there and back in {:?}", start.elapsed());
    bench.pump.stop(id, crate::endings::PATIENT);
    let (rest, exit) = bench.rest(id);
    assert!(rest.is_empty() && exit.status().is_some_and(|status| status.success()), "{exit}");
}

#[test]
fn cat_says_ten_thousand_lines_again() {
    echo("cat", CAT, 10_000);
}

#[test]
fn a_shell_says_ten_thousand_lines_again() {
    let script = "#!/bin/sh\nwhile read -r line; do printf '%s\\n' \"$line\"; done\n";
    echo("shell", script, 10_000);
}

#[test]
fn python_says_ten_thousand_lines_again() {
    let script = "#!/usr/bin/env python3\n\
                  import sys\n\
                  for line in sys.stdin.buffer:\n\
                  \x20   sys.stdout.buffer.write(line)\n\
                  \x20   sys.stdout.buffer.flush()\n";
    echo("python", script, 10_000);
}

#[test]
fn a_program_that_does_not_read_holds_up_nobody() {
    let mut bench = Bench::new("deaf", &[("deaf", "#!/bin/sh\nexec sleep 1000\n"), ("cat", CAT)]);
    let (deaf, cat) = (bench.start("/deaf"), bench.start("/cat"));
    let part = [b'x'; 10_000];
    while !bench.pump.is_full(deaf) {
        bench.tell(deaf, &part);
        // Writing is done within a turn, of which the other one gets its own.
        bench.tell(cat, b"hello\n");
        assert_eq!(bench.line(cat), "hello");
    }
    let written = usize::try_from(bench.pump.written(deaf)).expect("it is little");
    assert!((4_096..=1 << 20).contains(&written), "a pipe takes {written} bytes");
    let mut events = Vec::new();
    bench.pump.poll(Some(Duration::ZERO), &mut events).expect("polling works");
    assert!(!events.contains(&PumpEvent::Drained(deaf)) && bench.pump.is_full(deaf));
    bench.pump.kill(deaf);
    let (_, exit) = bench.rest(deaf);
    assert_eq!(exit.to_string(), "it exited with signal: 9 (SIGKILL)");
}

#[test]
fn a_full_input_drains() {
    let script = "#!/bin/sh\nhead -c 1 >/dev/null; exec wc -c\n";
    let mut bench = Bench::new("drains", &[("count", script)]);
    let id = bench.start("/count");
    bench.tell(id, &vec![b'x'; 3 * INPUT_HIGH_BYTES]);
    assert!(bench.pump.is_full(id));
    bench.until("it drains", |_, event, _| (event == PumpEvent::Drained(id)).then_some(()));
    assert!(!bench.pump.is_full(id));
    bench.pump.stop(id, crate::endings::PATIENT);
    let (said, _) = bench.rest(id);
    let len: usize = said.trim().parse().expect("it is a number");
    assert!(len < 3 * INPUT_HIGH_BYTES && len > INPUT_HIGH_BYTES, "{len}");
}

#[test]
fn it_is_read_while_it_is_written_to() {
    // It does not read before it has said more than any pipe holds, and cannot get all
    // before it reads.
    let script = "#!/bin/sh\nhead -c 5000000 /dev/zero\nexec cat\n";
    let mut bench = Bench::new("both", &[("both", script)]);
    let id = bench.start("/both");
    bench.tell(id, &vec![b'y'; 5_000_000]);
    bench.pump.stop(id, crate::endings::PATIENT);
    assert!(bench.pump.input(id).is_none(), "it has got all");
    let (said, _) = bench.rest(id);
    assert_eq!(said.len(), 10_000_000);
    assert!(said[5_000_000..].bytes().all(|byte| byte == b'y'));
}

#[test]
fn a_gibibyte_without_a_newline_takes_no_memory() {
    let script =
        "#!/bin/sh\nhead -c 30000000 /dev/zero >&2\nexec dd if=/dev/zero bs=1M count=1024\n";
    let mut bench = Bench::new("flood", &[("flood", script)]);
    let id = bench.start("/flood");
    let (start, before) = (Instant::now(), resident("self"));
    let mut len = 0;
    bench.until("it has said all", |_, event, said| {
        len += said.len();
        matches!(event, PumpEvent::Exit { .. }).then_some(())
    });
    let grown = resident("self").saturating_sub(before);
    println!("{len} bytes in {:?}; grown by {grown} bytes", start.elapsed());
    assert_eq!((len, bench.pump.len()), (1 << 30, 0));
    // Other tests of this process run beside it.
    assert!(grown < 200 << 20, "it has grown by {grown} bytes");
    assert_eq!(bench.pump.leader(id), None);
}

#[test]
fn all_that_was_said_comes_before_the_exit() {
    let scripts = [
        ("at_once", "#!/bin/sh\nexit 3\n", "", "exit status: 3"),
        (
            "body",
            "#!/bin/sh\nprintf 'TEXT 1 +100\\nabc'; exit 1\n",
            "TEXT 1 +100\nabc",
            "exit status: 1",
        ),
        ("killed", "#!/bin/sh\nprintf abc; kill -KILL $$\n", "abc", "signal: 9 (SIGKILL)"),
    ];
    let programs = scripts.map(|(name, script, ..)| (name, script));
    let mut bench = Bench::new("exits", &programs);
    for (name, _, said, how) in scripts {
        let id = bench.start(&format!("/{name}"));
        let (heard, exit) = bench.rest(id);
        assert_eq!((&*heard, exit.to_string()), (said, format!("it exited with {how}")), "{name}");
    }
}

#[test]
fn a_program_may_close_its_output_alone() {
    let script = "#!/bin/sh\necho bye; exec >&-; wc -c >\"$0.len\"\n";
    let mut bench = Bench::new("mute", &[("mute", script)]);
    let id = bench.start("/mute");
    let mut buffer = [0; 100];
    bench.until("it says nothing more", |pump, event, _| {
        assert!(!matches!(event, PumpEvent::Exit { .. }), "it lives on");
        (event == PumpEvent::Output(id) && pump.read(id, &mut buffer) == PipeRead::End)
            .then_some(())
    });
    // It still hears.
    bench.tell(id, b"12345");
    bench.pump.stop(id, crate::endings::PATIENT);
    bench.rest(id);
    let len = std::fs::read_to_string(bench.folder.join("mute.len")).expect("it is written");
    assert_eq!(len.trim(), "5");
}

#[test]
fn a_program_may_close_its_input_alone() {
    let script = "#!/bin/sh\nexec <&-; echo closed; while :; do sleep 1000; done\n";
    let mut bench = Bench::new("ears", &[("ears", script)]);
    let id = bench.start("/ears");
    assert_eq!(bench.line(id), "closed");
    bench.tell(id, b"do you hear?");
    bench.until("it hears nothing", |_, event, _| {
        (event == PumpEvent::InputClosed(id)).then_some(())
    });
    assert!(bench.pump.input(id).is_none());
    assert_eq!(bench.pump.written(id), 0);
    bench.pump.kill(id);
    bench.rest(id);
}

#[test]
fn one_pump_serves_many_and_no_more_than_it_may() {
    let mut bench = Bench::new("many", &[("cat", CAT)]);
    let ids: Vec<_> = (0..30).map(|_| bench.start("/cat")).collect();
    let error = bench.try_start("/cat").expect_err("there are enough");
    assert!(matches!(error, StartError::TooMany { max: 30 }), "{error}");
    for round in 0..20 {
        for (number, &id) in ids.iter().enumerate() {
            bench.tell(id, format!("{round} {number}\n").as_bytes());
        }
        let mut heard = vec![String::new(); ids.len()];
        bench.until("all have answered", |_, event, said| {
            let PumpEvent::Output(id) = event else { panic!("{event:?}") };
            let place = ids.iter().position(|&other| other == id).expect("it is one of them");
            heard[place].push_str(std::str::from_utf8(said).expect("it is ASCII"));
            heard.iter().all(|line| line.ends_with('\n')).then_some(())
        });
        for (number, line) in heard.iter().enumerate() {
            assert_eq!(*line, format!("{round} {number}\n"));
        }
    }
    // The place of one that goes is free.
    bench.pump.kill(ids[3]);
    bench.rest(ids[3]);
    let id = bench.start("/cat");
    assert!(!ids.contains(&id));
}

#[test]
fn another_thread_ends_a_wait() {
    let mut bench = Bench::new("woken", &[("cat", CAT)]);
    let id = bench.start("/cat");
    // So that only the wake-up is left to come.
    bench.tell(id, b"hello\n");
    assert_eq!(bench.line(id), "hello");
    let wake = bench.pump.waker();
    let start = Instant::now();
    let thread = thread::spawn(wake);
    bench.pump.poll(Some(NEVER), &mut Vec::new()).expect("polling works");
    assert!(start.elapsed() < DEADLINE);
    thread.join().expect("it does not panic");
}

#[test]
fn standard_error_becomes_log_lines() {
    logged::keep();
    let script = "#!/bin/sh\necho oops >&2\nprintf 'no end' >&2\nhead -c 100000 /dev/zero >&2\n";
    let mut bench = Bench::new("stderr", &[("stderr", script)]);
    let id = bench.start("/stderr");
    let process = bench.leader(id);
    bench.rest(id);
    let begin = format!("process {process}: ");
    let kept = logged::lines_of("/stderr");
    let lines: Vec<_> = kept.iter().filter_map(|line| line.strip_prefix(&begin)).collect();
    let ours = |line: &&str| line.starts_with("it runs ") || line.starts_with("it has gone: ");
    assert!(ours(&lines[0]) && ours(&lines[lines.len() - 1]), "{lines:?}");
    let lines = &lines[1..lines.len() - 1];
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "oops");
    assert!(lines[1].starts_with("no end\\u{0}\\u{0}"), "{}", lines[1]);
    assert!(lines[1].ends_with(" [the rest of the line is left out]"), "{}", lines[1]);
}
