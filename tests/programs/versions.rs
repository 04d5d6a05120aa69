//! What counts as a new version, and when it takes over from the old one: once it is ready, or
//! after the exit. Whatever happens meanwhile, nothing is lost and one process is left.

use std::fs;
use std::path::Path;
use std::process::Command;

use switchboard::Limits;
use switchboard::programs::{OnChange, OnDeath, ProgramOptions, ReplaceWhen};

use crate::bench::{is_known, patient, serve, server};
use crate::keep::{TELLS, hold, keep, keep_stubborn, kill, open, pid, put, version};
use crate::logged::{self, lines_of};
use crate::replace::come;
use crate::support::raw::close;
use crate::support::{LIMITS, Raw, Running, SOON, until};

/// A version that notes its process in the file `starts`, and is ready once the `gate` has been
/// opened.
fn gated(number: usize) -> String {
    version(number).replace(
        "write(b\"READY 1\\n\")",
        "print(os.getpid(), file=open('starts', 'a'))\nopen('gate').read()\nwrite(b\"READY 1\\n\")",
    )
}

fn make_gate(folder: &Path) {
    let made = Command::new("mkfifo").arg(folder.join("gate")).status();
    assert!(made.expect("it runs").success());
}

/// Lets one version become ready, which waits for that.
fn open_gate(folder: &Path) {
    fs::write(folder.join("gate"), "").expect("somebody reads it");
}

/// The processes that have begun.
fn starts(folder: &Path) -> Vec<u32> {
    let text = fs::read_to_string(folder.join("starts")).unwrap_or_default();
    text.lines().map(|line| line.parse().expect("it is a number")).collect()
}

/// Puts a version in place that waits at the gate, and waits until it does.
fn begin(host: &Running, folder: &Path, number: usize) -> u32 {
    let before = starts(folder).len();
    put(folder, "tells.py", &gated(number));
    host.reloader().reload();
    let mut all = Vec::new();
    until("the new version has begun", || {
        all = starts(folder);
        all.len() > before
    });
    all[before]
}

fn hear(raw: &mut Raw, text: &str) -> String {
    raw.send_text(text);
    raw.read_text()
}

/// A host whose program waits, as a new version beside the old one; and a socket with its id.
fn beside(name: &str, options: ProgramOptions) -> (Running, std::path::PathBuf, Raw, String, u32) {
    let (host, folder) = serve(name, &[("tells.py", TELLS)], options, SOON);
    make_gate(&folder);
    let (mut raw, id) = open(&host);
    let old = pid(&mut raw);
    begin(&host, &folder, 2);
    (host, folder, raw, id, old)
}

/// Notices the takeover: the socket is passed on, or closed for another one to be opened.
fn taken_over(host: &Running, mut raw: Raw, id: &str, options: &ProgramOptions) -> Raw {
    match options.on_death {
        OnDeath::Keep => assert_eq!(raw.read_text(), format!("OPEN {id} again")),
        _ => {
            assert_eq!(raw.read_close().0, 1012);
            raw = open(host).0;
        }
    }
    raw
}

#[test]
fn the_old_version_serves_until_the_new_one_is_ready() {
    for options in [keep(), patient()] {
        let (host, folder, mut raw, id, old) = beside("beside", options.clone());
        assert_eq!(hear(&mut raw, "hello"), "1 hello");
        let (mut late, second) = open(&host);
        assert_eq!((raw.read_text(), pid(&mut late)), (format!("OPEN {second}"), old));
        late.send(&close(1000, ""));
        late.read_close();
        assert_eq!(raw.read_text(), format!("CLOSE {second}"));
        open_gate(&folder);
        let mut raw = taken_over(&host, raw, &id, &options);
        assert_eq!(hear(&mut raw, "hello"), "2 hello");
        assert_eq!(starts(&folder), [pid(&mut raw)]);
        assert!(!is_known(old));
        host.stop();
    }
}

/// The old one is done with its sockets before the new one gets them.
#[test]
fn a_new_version_that_talks_at_once_is_heard_once_it_serves() {
    let (host, folder) = serve("eager", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&host);
    raw.send_text("!import atexit; atexit.register(say, b'TEXT *', b'bye'); say(b'TEXT *', b'')");
    assert_eq!(raw.read_text(), "");
    let eager = version(2).replace(
        "write(b\"READY 1\\n\")",
        "write(b'READY 1\\n' + b'TEXT * +5\\nfirst\\n'); say(b'TEXT *', b'x' * 200_000)",
    );
    put(&folder, "tells.py", &eager);
    host.reloader().reload();
    assert_eq!((raw.read_text(), raw.read_text()), ("bye".to_owned(), "first".to_owned()));
    assert_eq!(raw.read_text().len(), 200_000);
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    assert_eq!(hear(&mut raw, "hello"), "2 hello");
    host.stop();
}

/// Each way to fail is logged once, and tried again only when the file has changed once more.
#[test]
fn a_version_that_fails_leaves_the_old_one_serving() {
    logged::keep();
    let rows = [
        ("syntax", "#!/usr/bin/env python3\n)(\n", "SyntaxError"),
        (
            "lacking",
            "#!/no/such/interpreter\n",
            "the interpreter that its first line names is missing",
        ),
        ("lines", "#!/bin/sh\necho hello\nexec cat\n", "READY"),
        ("mute", "#!/bin/sh\nexec >&-\nexec sleep 1000\n", "it has closed its output"),
        ("killed", "#!/bin/sh\nkill -KILL $$\n", "signal: 9"),
    ];
    for (name, text, why) in rows {
        let options = ProgramOptions { on_change: OnChange::Replace, ..patient() };
        let file = format!("{name}.py");
        let (host, folder) = serve(name, &[(&file, TELLS)], options, SOON);
        let path = format!("/{name}");
        let mut raw = host.open(&path);
        raw.read_text();
        let old = pid(&mut raw);
        let failures = || {
            let lines = lines_of(&path);
            lines.into_iter().filter(|l| l.contains("the new version is not taken")).collect()
        };
        put(&folder, &file, text);
        let mut told: Vec<String> = Vec::new();
        until("the failure is logged", || {
            told = failures();
            !told.is_empty()
        });
        assert!(told[0].contains(why), "{told:?}");
        assert_eq!(pid(&mut raw), old, "{name}");
        // An order tries it again, though the file is the same: what it lacks may be there.
        host.reloader().reload();
        until("it is tried again", || failures().len() == 2);
        assert_eq!(pid(&mut raw), old, "{name}");
        // By then there have been two looks at least.
        put(&folder, &file, &version(2));
        assert_eq!(raw.read_close().0, 1012);
        assert_eq!(failures().len(), 2);
        host.stop();
    }
}

#[test]
fn a_version_that_is_never_ready_is_given_up() {
    logged::keep();
    let (host, folder) = serve("never", &[("never.py", TELLS)], patient(), SOON);
    let mut raw = host.open("/never");
    raw.read_text();
    let old = pid(&mut raw);
    put(&folder, "never.py", "#!/bin/sh\nexec sleep 1000\n");
    // By the log, since its time may be over before it can tell of itself.
    let begun = || {
        let lines = lines_of("/never");
        let ids = lines.iter().filter_map(|l| l.strip_prefix("process ")?.split_once(": it runs "));
        ids.map(|(id, _)| id.parse().expect("it is a number")).collect::<Vec<u32>>()
    };
    let hasty = Limits { admission_ms_max: 300, ..SOON };
    server(&folder, patient(), hasty).reload(host.reloader()).expect("it is right");
    let is_told = |line: &String| {
        line.starts_with("the new version is not taken") && line.contains("READY within 300 ms")
    };
    until("it is given up", || lines_of("/never").iter().any(is_told));
    assert_eq!((pid(&mut raw), begun().len(), begun()[0]), (old, 2, old));
    assert!(!is_known(begun()[1]));
    // What it was to have is still to be had.
    server(&folder, patient(), hasty).reload(host.reloader()).expect("it is right");
    until("it is tried again", || begun().len() == 3);
    assert_eq!(pid(&mut raw), old);
    host.stop();
}

#[test]
fn a_second_change_ends_what_is_not_ready() {
    for options in [keep_stubborn(), ProgramOptions { stop_ms: 100, ..patient() }] {
        let (host, folder, mut raw, id, old) = beside("second", options.clone());
        let second = starts(&folder)[0];
        // A reload that finds nothing new starts nothing.
        host.reloader().reload();
        assert_eq!(raw.read_text(), "RELOAD");
        let third = begin(&host, &folder, 3);
        assert!(!is_known(second) && is_known(old) && is_known(third));
        assert_eq!(hear(&mut raw, "hello"), "1 hello");
        open_gate(&folder);
        let mut raw = taken_over(&host, raw, &id, &options);
        assert_eq!(hear(&mut raw, "hello"), "3 hello");
        assert_eq!((pid(&mut raw), starts(&folder).len()), (third, 2));
        assert!(!is_known(old));
        host.stop();
    }
}

/// While the old one takes its time to end, the file changes once more.
#[test]
fn a_change_during_the_takeover_is_not_forgotten() {
    let (host, folder) = serve("during", &[("tells.py", TELLS)], keep_stubborn(), SOON);
    let (mut raw, id) = open(&host);
    raw.send_text("!signal.signal(signal.SIGTERM, lambda *_: say(b'TEXT *', b'no'))");
    hold(&mut raw);
    put(&folder, "tells.py", &version(2));
    host.reloader().reload();
    assert_eq!(raw.read_text(), "no");
    put(&folder, "tells.py", &version(3));
    host.reloader().reload();
    // The second version may answer some before it is replaced.
    until("the third version answers", || {
        raw.send_text("hello");
        let mut heard = raw.read_text();
        while heard == format!("OPEN {id} again") {
            heard = raw.read_text();
        }
        assert!(["2 hello", "3 hello"].contains(&&*heard), "{heard}");
        heard == "3 hello"
    });
    host.stop();
}

/// What the old one has not read, and what comes meanwhile, is for the new one.
#[test]
fn the_new_version_takes_the_place_of_one_that_dies() {
    for options in [keep(), patient()] {
        let (host, folder, mut raw, id, old) = beside("dies", options.clone());
        hold(&mut raw);
        (0..100).for_each(|number| raw.send_text(&number.to_string()));
        kill(old);
        until("it has gone", || !is_known(old));
        let mut raw = match options.on_death {
            OnDeath::Keep => {
                raw.send_text("the last");
                open_gate(&folder);
                assert_eq!(raw.read_text(), format!("OPEN {id} again"));
                (0..100).for_each(|number| assert_eq!(raw.read_text(), format!("2 {number}")));
                assert_eq!(raw.read_text(), "2 the last");
                raw
            }
            _ => {
                assert_eq!(raw.read_close().0, 1012);
                // A socket that comes now waits for the one that has begun.
                let mut late = host.raw();
                late.send(crate::shared::request("/tells").as_bytes());
                open_gate(&folder);
                assert_eq!(late.read_head().status, 101);
                assert!(late.read_text().starts_with("OPEN "));
                late
            }
        };
        assert_eq!(starts(&folder), [pid(&mut raw)]);
        host.stop();
    }
}

/// In either order, and at once.
#[test]
fn both_versions_may_die() {
    for options in [keep(), patient()] {
        for is_old_first in [Some(true), Some(false), None] {
            let (host, folder, mut raw, id, old) = beside("both", options.clone());
            put(&folder, "tells.py", &version(3));
            hold(&mut raw);
            raw.send_text("hello");
            let new = starts(&folder)[0];
            let (first, second) = if is_old_first == Some(true) { (old, new) } else { (new, old) };
            kill(first);
            until("it has gone", || is_old_first.is_none() || !is_known(first));
            kill(second);
            match options.on_death {
                OnDeath::Keep => {
                    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
                    assert_eq!(raw.read_text(), "3 hello");
                }
                _ => {
                    assert_eq!(raw.read_close().0, 1012);
                    until("both have gone", || !is_known(old) && !is_known(new));
                    raw = come(&host, "/tells");
                    raw.read_text();
                }
            }
            assert_eq!(hear(&mut raw, "here"), "3 here");
            // Nothing of those that have gone is in the way of the next one.
            put(&folder, "tells.py", &version(4));
            host.reloader().reload();
            let mut raw = taken_over(&host, raw, &id, &options);
            assert_eq!(hear(&mut raw, "here"), "4 here");
            host.stop();
        }
    }
}

#[test]
fn a_stop_ends_a_version_that_is_not_ready() {
    for options in [keep_stubborn(), ProgramOptions { stop_ms: 100, ..patient() }] {
        let (host, folder, mut raw, _, old) = beside("stopped", options);
        host.stopper().stop();
        assert_eq!(raw.read_close().0, 1001);
        raw.send(&close(1001, ""));
        host.join();
        assert!(!is_known(old) && !is_known(starts(&folder)[0]));
    }
}

/// The new one gets what the old one has not read, though the host stops.
#[test]
fn a_stop_during_the_takeover_loses_nothing() {
    let (host, folder) = serve("late", &[("tells.py", TELLS)], keep_stubborn(), LIMITS);
    let (mut raw, _) = open(&host);
    raw.send_text("!signal.signal(signal.SIGTERM, lambda *_: say(b'TEXT *', b'no'))");
    hold(&mut raw);
    (0..100).for_each(|number| raw.send_text(&number.to_string()));
    let notes = version(2).replace(
        "words, body = line(), b\"\"",
        "words, body = line(), b\"\"\n    print(words[0].decode(), file=open('told', 'a'))",
    );
    put(&folder, "tells.py", &notes);
    host.reloader().reload();
    assert_eq!(raw.read_text(), "no");
    host.stopper().stop();
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    host.join();
    let told = fs::read_to_string(folder.join("told")).expect("the new one has begun");
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told.iter().filter(|verb| **verb == "TEXT").count(), 100, "{told:?}");
    assert_eq!(told[told.len() - 2..], ["CLOSE", "STOP"]);
}

/// A program that holds a lock, and one that must not start before the other has ended.
#[test]
fn the_order_is_that_of_the_configuration() {
    let lock = |number: usize| {
        version(number).replace(
            "write(b\"READY 1\\n\")",
            "import atexit, fcntl\n\
             def note(text): print(VERSION.decode(), text, file=open('order', 'a'))\n\
             note('begins')\n\
             lock = open('lock', 'a')\n\
             if HOLDS: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
             atexit.register(note, 'ends')\n\
             write(b\"READY 1\\n\")",
        )
    };
    for (when, holds, order) in [
        (ReplaceWhen::AfterReady, "False", "1 begins\n2 begins\n1 ends\n"),
        (ReplaceWhen::AfterExit, "True", "1 begins\n1 ends\n2 begins\n"),
    ] {
        let options = ProgramOptions { replace_when: when, ..keep() };
        let text = |number: usize| lock(number).replace("HOLDS", holds);
        let (host, folder) = serve("order", &[("tells.py", &text(1))], options, SOON);
        let (mut raw, id) = open(&host);
        put(&folder, "tells.py", &text(2));
        host.reloader().reload();
        assert_eq!(raw.read_text(), format!("OPEN {id} again"));
        assert_eq!(hear(&mut raw, "hello"), "2 hello");
        assert_eq!(fs::read_to_string(folder.join("order")).expect("it is there"), order);
        host.stop();
    }
}

/// A program is another version by its content, its length or the time of its last change.
#[test]
fn what_is_no_change_replaces_nothing() {
    let (host, folder) = serve("changes", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&host);
    let mut old = pid(&mut raw);
    // What is the same but for its place may be there twice, one after the other.
    let rows = [
        ("chmod 755 tells.py", false),
        ("chmod 775 tells.py", false),
        ("ln tells.py other", false),
        ("rm other", false),
        ("cp -p tells.py _new && mv _new tells.py", false),
        ("mv tells.py _old && mv _old tells.py", false),
        ("chmod 711 tells.py", false),
        ("chmod 755 tells.py", false),
        ("touch -d @1000000000 tells.py", true),
        (
            "sed 's/\"1\"/\"2\"/' tells.py >_new && chmod 755 _new && touch -r tells.py _new && \
          mv _new tells.py",
            true,
        ),
        ("echo >>tells.py && touch -d @1000000000 tells.py", true),
        ("touch tells.py", true),
    ];
    for (script, is_change) in rows {
        let done = Command::new("sh").args(["-c", script]).current_dir(&folder).status();
        assert!(done.expect("it runs").success(), "{script}");
        host.reloader().reload();
        let expected = if is_change { format!("OPEN {id} again") } else { "RELOAD".to_owned() };
        assert_eq!(raw.read_text(), expected, "{script}");
        let new = pid(&mut raw);
        assert_eq!(new != old, is_change, "{script}");
        old = new;
    }
    host.stop();
}
