//! Log lines about programs: why one has exited, and which of its lines were refused.

use std::fs;
use std::process::Command;
use std::time::Duration;

use switchboard::process::PumpEvent;
use switchboard::programs::{Mode, ProgramOptions};

use crate::bench::{Bench, serve};
use crate::keep::{TELLS, keep, put, version};
use crate::logged::{self, lines_of};
use crate::shared::OBEY;
use crate::support::binary::Binary;
use crate::support::folder::programs;
use crate::support::http::upgrade;
use crate::support::{LIMITS, Raw, next, until};

fn count(service: &str, part: &str) -> usize {
    lines_of(service).iter().filter(|line| line.contains(part)).count()
}

/// The log has the traceback of a program, not only its exit status.
#[test]
fn the_last_lines_of_a_program_that_dies_are_logged() {
    logged::keep();
    let fails = "#!/bin/sh\nread line\n\
        printf 'starting\\nTraceback\\n\\n  line 3\\nValueError: no\\n' >&2\nexit 3\n";
    let shared = fails.replace("read line", "echo READY 1; read hello; read open");
    let shared = [("dies", shared.as_str())];
    let (server, _) = serve("shared", &shared, ProgramOptions::SHARED, LIMITS);
    let mut raw = server.open("/dies");
    assert_eq!(raw.read_close().0, 1012);
    let words = "its last lines on standard error: Traceback / line 3 / ValueError: no";
    until("the log says why", || count("/dies", words) == 1);
    assert_eq!(count("/dies", "it has ended: it has closed its output; it exited"), 1);

    let options = ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED };
    let (server, _) = serve("own", &[("fails", fails)], options, LIMITS);
    let mut deaths = 0;
    // Each death is logged or counted before its socket is closed.
    until("more than ten fail in a second", || {
        let mut sockets: Vec<_> = (0..13).map(|_| server.open("/fails")).collect();
        sockets.iter_mut().for_each(|raw| raw.send_text("go"));
        for mut raw in sockets {
            assert_eq!(raw.read_close(), (1011, "the program has failed".to_owned()));
            deaths += 1;
        }
        count("/fails", words) < deaths
    });
    server.stop();
    let told = count("/fails", words);
    let more: Vec<_> = lines_of("/fails");
    let more = more.iter().filter_map(|line| line.strip_prefix("and ")?.split(' ').next());
    let more: usize = more.map(|number| number.parse::<usize>().expect("it is a number")).sum();
    assert_eq!(told + more, deaths);
}

/// With status 0, the program most likely lacks the call that serves; else its last lines say why.
#[test]
fn an_exit_before_ready_is_told_as_such() {
    logged::keep();
    let rows = [
        (
            "empty",
            "exit 0",
            "status: 0 before READY; does it call run() or serve()?; next start in",
        ),
        (
            "raises",
            "echo 'ValueError: no' >&2; exit 1",
            "status: 1 before READY; its last lines on standard error: ValueError: no; next",
        ),
        // As env quotes what a first line with the line end of Windows names.
        (
            "quotes",
            r"printf '%s\n' 'env: `python3\r`' >&2; exit 127",
            r"its last lines on standard error: env: `python3\r`; next start in",
        ),
        // Which of its pipes is seen to be closed first is by chance.
        (
            "killed",
            "kill -KILL $$",
            " before READY; it exited with signal: 9 (SIGKILL); next start in",
        ),
    ];
    for (name, text, how) in rows {
        let file = format!("{name}-early");
        let program = format!("#!/bin/sh\n{text}\n");
        let (server, _) = serve(name, &[(&file, &program)], ProgramOptions::SHARED, LIMITS);
        let path = format!("/{file}");
        assert_eq!(server.ask(&upgrade(&path, "")).status, 500);
        until("the log says how", || count(&path, "it has ended: ") == 1);
        assert_eq!(count(&path, how), 1, "{:#?}", lines_of(&path));
        server.stop();
    }
}

/// A program that is replaced has not failed.
#[test]
fn an_orderly_end_is_logged_without_last_lines() {
    logged::keep();
    let (server, folder) = serve("orderly", &[("orderly.py", TELLS)], keep(), LIMITS);
    let mut raw = server.open("/orderly");
    let told = raw.read_text();
    raw.send_text("!print('at work', file=sys.stderr, flush=True)");
    until("its standard error is logged", || count("/orderly", "at work") == 1);
    put(&folder, "orderly.py", &version(2));
    server.reloader().reload();
    assert_eq!(raw.read_text(), format!("{told} again"));
    let end = "it exited with exit status: 0; the new version serves; sockets kept: 1";
    assert_eq!(count("/orderly", end), 1, "{:#?}", lines_of("/orderly"));
    drop(raw);
    server.stop();
}

/// Of several processes that exit at once, each has its own last lines, until the next poll.
#[test]
fn last_lines_are_those_of_the_process_that_has_exited() {
    let mut bench = Bench::new("own", &[("dies", "#!/bin/sh\necho $$ >&2\nexit 3\n")]);
    let ids = [bench.start("/dies"), bench.start("/dies")];
    let expected = ids.map(|id| (id, bench.leader(id)));
    for (_, leader) in expected {
        until("both exit before the pump looks", || {
            let stat = fs::read_to_string(format!("/proc/{leader}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
        });
    }
    let mut ended = 0;
    while ended < expected.len() {
        for (event, _) in bench.turn() {
            let PumpEvent::Exit { id, .. } = event else { continue };
            let (_, leader) = expected.iter().find(|(other, _)| *other == id).expect("it is one");
            let words = format!("; its last lines on standard error: {leader}");
            assert_eq!(bench.pump.last_lines(id), words);
            ended += 1;
        }
    }
    bench.pump.poll(Some(Duration::ZERO), &mut Vec::new()).expect("polling works");
    assert!(ids.iter().all(|id| bench.pump.last_lines(*id).is_empty()));
}

/// A helper writes the trace of an exception that it has caught, and then a warning.
#[test]
fn what_a_program_has_outlived_is_not_quoted_at_its_end() {
    logged::keep();
    let (server, _) = serve("outlived", &[("outlived.py", OBEY)], ProgramOptions::SHARED, LIMITS);
    let mut raw = server.open("/outlived");
    raw.send_text("!print('ValueError: caught', file=sys.stderr, flush=True)");
    raw.send_text("LOG warn +6\ncaught");
    raw.send_text("TEXT {} +4\nwell");
    assert_eq!(raw.read_text(), "well");
    raw.send_text("!import os; os._exit(3)");
    assert_eq!(raw.read_close().0, 1012);
    until("its end is logged", || count("/outlived", "it has ended: ") > 0);
    let lines = lines_of("/outlived");
    let end = lines.iter().find(|line| line.starts_with("it has ended: ")).expect("it is logged");
    assert!(!end.contains("last lines"), "{end}");
    assert_eq!(count("/outlived", "ValueError: caught"), 1);
    drop(raw);
    server.stop();
}

#[test]
fn lines_that_are_not_done_are_told_and_counted() {
    logged::keep();
    let (server, _) = serve("lines", &[("mistaken.py", OBEY)], ProgramOptions::SHARED, LIMITS);
    let mut raw = server.open("/mistaken");
    raw.send_text("!write(b'TEXT many +1\\nx\\n')");
    raw.send_text("!write(b''.join(b'CLOSE 1 %d +0\\n\\n' % n for n in range(33)))");
    raw.send_text("TEXT {} +4\nwell");
    assert_eq!(raw.read_text(), "well");
    until("the second is over", || count("/mistaken", "more like this in 1 s: ") > 0);
    let text = "its line was not done: ERR TEXT -: \"many\" is not a socket id";
    assert_eq!(count("/mistaken", text), 1);
    let told = count("/mistaken", "its line was not done: ERR CLOSE 1: ");
    assert!((10..=20).contains(&told), "{told}: {:#?}", lines_of("/mistaken"));
    let counts: Vec<_> = lines_of("/mistaken");
    let mut counts = counts.iter().filter(|line| line.starts_with("and "));
    let first = counts.next().expect("there is a count");
    let kind =
        "in 1 s: its line was not done: ERR CLOSE 1: \"0\" is not a close code to send: 1000 to";
    assert!(first.contains(kind), "{first}");
    drop(raw);
    server.stop();
}

#[test]
fn a_trial_tells_of_them_as_well() {
    let folder = programs("trial", &[("mistaken.py", OBEY)]);
    fs::write(folder.join("conf"), "[server]\npass-env: HOME, SURELY_NOT_SET_HERE\n")
        .expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("-c").arg(folder.join("conf")).arg("--try").arg(folder.join("mistaken.py"));
    let (server, lines) = Binary::run_logged(&mut command);
    // The warning is logged at the start, before the program fails.
    assert!(next(&lines).contains("pass-env has SURELY_NOT_SET_HERE"));
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/");
    raw.send_text(r#"!write(b"'NO\\SENSE'\n")"#);
    let line = next(&lines);
    assert!(line.contains(" warn  service /: process "), "{line}");
    assert!(line.contains(": its line was not done: ERR 'NO\\SENSE' -: no such verb"), "{line}");
    raw.send_text("!sys.exit(3)");
    let end =
        " warn  service /: it has ended: it has closed its output; it exited with exit status: 3";
    let line = next(&lines);
    assert!(line.contains(end), "{line}");
}
