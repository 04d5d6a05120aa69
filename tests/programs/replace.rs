//! Programs that are replaced while their sockets are open: by order, by SIGHUP, by a change of
//! their file; and that the host stops in whatever state they are.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use switchboard::Limits;
use switchboard::programs::{Mode, OnChange, ProgramOptions, ReplaceWhen, Subpaths, Variable};

use crate::bench::{is_alive, is_known, patient, serve, server};
use crate::keep::{TELLS, hold, keep, keep_stubborn, kill, open, pid, put, version};
use crate::logged::{self, lines_of};
use crate::support::binary::{Binary, patience};
use crate::support::folder::{folder, write};
use crate::support::http::{get, upgrade};
use crate::support::process::descriptors;
use crate::support::{LIMITS, NEVER_MS, Raw, Running, SOON, next, until};

/// Another options, with which the sockets of a program are closed when it ends.
fn close() -> ProgramOptions {
    patient()
}

/// Leads the link `current` to a release.
fn lead(folder: &Path, release: &str) {
    symlink(release, folder.join("new")).expect("it can be linked");
    fs::rename(folder.join("new"), folder.join("current")).expect("it can be moved");
}

#[test]
fn without_a_change_a_program_is_told_and_not_replaced() {
    for options in [keep(), close()] {
        let (host, folder) = serve("unchanged", &[("tells.py", TELLS)], options.clone(), SOON);
        let (mut raw, _) = open(&host);
        let old = pid(&mut raw);
        host.reloader().reload();
        assert_eq!(raw.read_text(), "RELOAD");
        server(&folder, options, SOON).reload(host.reloader()).expect("it is right");
        assert_eq!(raw.read_text(), "RELOAD");
        assert_eq!(pid(&mut raw), old);
        host.stop();
    }
}

#[test]
fn a_changed_section_replaces_the_program() {
    let (host, folder) = serve("section", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&host);
    let old = pid(&mut raw);
    let options = ProgramOptions { stop_ms: NEVER_MS - 1, ..keep() };
    server(&folder, options.clone(), SOON).reload(host.reloader()).expect("it is right");
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    assert_ne!(pid(&mut raw), old);
    // The new bounds hold for the open socket.
    let limits = Limits { message_bytes_max: 1_000, ..SOON };
    server(&folder, options.clone(), limits).reload(host.reloader()).expect("it is right");
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    raw.send_text(&"x".repeat(1_000));
    assert_eq!(raw.read_text().len(), 1_002);
    raw.send_text(&"x".repeat(1_001));
    assert_eq!(raw.read_close().0, 1009);
    // Of settings that contradict each other, nothing is taken.
    let wrong = Limits { outbox_bytes_max: 10, ..SOON };
    server(&folder, options, wrong).reload(host.reloader()).expect_err("it is wrong");
    host.stop();
}

#[test]
fn who_is_not_kept_is_closed_when_the_program_is_replaced() {
    logged::keep();
    let (host, folder) = serve("closed", &[("closed.py", TELLS)], close(), SOON);
    let mut raw = host.open("/closed");
    raw.read_text();
    let mut raws = [raw, host.open("/closed")];
    raws.iter_mut().for_each(|raw| drop(raw.read_text()));
    raws[0].send_text("heard before the end");
    put(&folder, "closed.py", &version(2));
    host.reloader().reload();
    assert_eq!(raws[0].read_text(), "1 heard before the end");
    for mut raw in raws {
        let reason = "the service is replaced by a new version".to_owned();
        assert_eq!(raw.read_close(), (1012, reason));
    }
    let mut raw = host.open("/closed");
    raw.read_text();
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "2 hello");
    // Users notice it: -q shows it as well.
    let warning = "; the new version serves; sockets closed: 2, which on-death: keep would keep";
    let is_told = |line: &String| line.ends_with(warning);
    assert!(logged::warnings_of("/closed").iter().any(is_told), "{:#?}", lines_of("/closed"));
    // Without sockets, no event is needed.
    raw.send_text("!say = lambda *_: open('gone', 'w').close()");
    drop(raw);
    until("the program gets its close", || folder.join("gone").exists());
    put(&folder, "closed.py", &version(3));
    host.reloader().reload();
    let is_silent = |line: &String| line.ends_with("; the new version serves");
    until("it is replaced once more", || lines_of("/closed").iter().any(is_silent));
    assert!(!logged::warnings_of("/closed").iter().any(is_silent));
    // Nor that a run ends for another mode.
    let lines = ProgramOptions { mode: Mode::Lines, ..close() };
    server(&folder, lines, SOON).reload(host.reloader()).expect("it is right");
    let ends = |line: &String| line.starts_with("it has ended: its mode has changed; ");
    until("its run ends", || lines_of("/closed").iter().any(ends));
    assert!(!logged::warnings_of("/closed").iter().any(ends));
    host.stop();
}

#[test]
fn who_is_kept_from_now_on_is_closed_once_more() {
    let (host, folder) = serve("from-now", &[("tells.py", TELLS)], close(), SOON);
    let (mut raw, _) = open(&host);
    server(&folder, keep(), SOON).reload(host.reloader()).expect("it is right");
    assert_eq!(raw.read_close().0, 1012);
    let mut raw = come(&host, "/tells");
    raw.read_text();
    raw.send_text("!sys.exit(1)");
    assert!(raw.read_text().ends_with(" again"));
    // Another mode cannot take sockets over.
    let lines = ProgramOptions { mode: Mode::Lines, ..close() };
    server(&folder, lines, SOON).reload(host.reloader()).expect("it is right");
    assert_eq!(raw.read_close().0, 1012);
    host.stop();
}

/// A socket that is admitted after the pause that there may be.
pub fn come(host: &Running, path: &str) -> Raw {
    let mut raw = None;
    until("it is admitted", || {
        let mut next = host.raw();
        next.send(crate::shared::request(path).as_bytes());
        raw = (next.read_head().status == 101).then_some(next);
        raw.is_some()
    });
    raw.expect("it is open")
}

#[test]
fn a_program_that_does_not_heed_its_end_loses_nothing_either() {
    let (host, folder) = serve("stubborn", &[("tells.py", TELLS)], keep_stubborn(), SOON);
    let (mut raw, id) = open(&host);
    raw.send_text("!signal.signal(signal.SIGTERM, signal.SIG_IGN); say(b'TEXT *', b'deaf')");
    assert_eq!(raw.read_text(), "deaf");
    hold(&mut raw);
    (0..100).for_each(|number| raw.send_text(&number.to_string()));
    put(&folder, "tells.py", &version(2));
    host.reloader().reload();
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    (0..100).for_each(|number| assert_eq!(raw.read_text(), format!("2 {number}")));
    host.stop();
}

#[test]
fn a_file_that_changes_replaces_its_program_if_that_is_wanted() {
    let options = ProgramOptions { on_change: OnChange::Replace, ..keep() };
    let (host, folder) = serve("watched", &[("tells.py", TELLS)], options, SOON);
    let (mut raw, id) = open(&host);
    for number in 2..4 {
        put(&folder, "tells.py", &version(number));
        assert_eq!(raw.read_text(), format!("OPEN {id} again"));
        raw.send_text("hello");
        assert_eq!(raw.read_text(), format!("{number} hello"));
    }
    // The time of the last change is enough; a file that is not there is not.
    let touched = Command::new("touch").arg(folder.join("tells.py")).status();
    assert!(touched.expect("it runs").success());
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    let old = pid(&mut raw);
    fs::remove_file(folder.join("tells.py")).expect("it was there");
    host.reloader().reload();
    assert_eq!((raw.read_text(), pid(&mut raw)), ("RELOAD".to_owned(), old));
    host.stop();
}

/// A replaced program ends by itself: its STOP comes behind all its input, and its output is still
/// read.
#[test]
fn a_program_that_is_replaced_may_say_its_last_lines() {
    for options in [keep(), close()] {
        let (host, folder) = serve("last", &[("tells.py", TELLS)], options, SOON);
        let (mut raw, _) = open(&host);
        raw.send_text(
            "!import atexit; atexit.register(say, b'TEXT *', b'bye'); say(b'TEXT *', b'')",
        );
        assert_eq!(raw.read_text(), "");
        put(&folder, "tells.py", &version(2));
        host.reloader().reload();
        assert_eq!(raw.read_text(), "bye");
        host.stop();
    }
}

/// What holds for a program that does not run holds from its next start on.
#[test]
fn what_changes_while_no_program_runs_holds_for_the_next_one() {
    let (host, folder) = serve("idle", &[("tells.py", TELLS)], close(), SOON);
    let (mut raw, _) = open(&host);
    kill(pid(&mut raw));
    assert_eq!(raw.read_close().0, 1012);
    raw.send(&crate::support::raw::close(1012, ""));
    raw.expect_end();
    assert_eq!(host.ask(&upgrade("/tells/below", "")).status, 404);
    let env = vec![Variable { name: "RUN".to_owned(), value: b"the second".to_vec() }];
    let options = ProgramOptions { env, subpaths: Subpaths::Served, ..close() };
    server(&folder, options, SOON).reload(host.reloader()).expect("it is right");
    let (mut raw, _) = open(&host);
    raw.send_text("!say(b'TEXT ' + words[1], os.environb[b'RUN'])");
    assert_eq!(raw.read_text(), "the second");
    host.open("/tells/below");
    host.stop();
}

/// After a user has fixed the cause of a failure, a reload ends the pause, though neither file nor
/// section has changed: so many failures would pause for three minutes.
#[test]
fn a_reload_starts_at_once_what_is_in_a_pause() {
    let (host, folder) = serve("mended", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&host);
    let old = pid(&mut raw);
    let failures = || fs::read_to_string(folder.join("failures")).unwrap_or_default().len();
    // A failure is counted when it is certain, and a start that does not fail says so: what is
    // mended between the two may be seen by the start that runs at that moment.
    let lacks = TELLS.replace(
        "import os, signal, sys, time",
        "import os, signal, sys, time\n\
         if not os.path.exists('mended'): open('failures', 'a').write('x'); sys.exit(1)\n\
         open('started', 'a').close()",
    );
    put(&folder, "tells.py", &lacks);
    kill(old);
    until("it is started again and again", || {
        host.reloader().reload();
        failures() >= 9
    });
    fs::write(folder.join("mended"), "").expect("it can be written");
    until("it is started once more", || {
        host.reloader().reload();
        folder.join("started").exists()
    });
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    host.stop();
}

/// A file that is tried at each look would be tried each second, whatever the pauses are.
#[test]
fn a_file_that_cannot_be_started_is_tried_after_pauses_alone() {
    logged::keep();
    let replace_when = ReplaceWhen::AfterExit;
    let options = ProgramOptions { on_change: OnChange::Replace, replace_when, ..keep() };
    let (host, folder) = serve("unfit", &[("unfit.py", TELLS)], options, SOON);
    let mut raw = host.open("/unfit");
    let told = raw.read_text();
    put(&folder, "unfit.py", "#!/no/such/interpreter\n");
    // Up to the third pause: what comes after it may be there as well, once this looks.
    let mut lines: Vec<String> = Vec::new();
    until("it is tried three times", || {
        lines = lines_of("/unfit");
        let third = lines.iter().position(|line| line.contains("next start in 2000 ms"));
        third.inspect(|third| lines.truncate(third + 1)).is_some()
    });
    let tries = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(tries("the program is replaced"), 1, "{lines:#?}");
    assert_eq!(tries("it cannot be started"), 3, "{lines:#?}");
    put(&folder, "unfit.py", &version(2));
    assert_eq!(raw.read_text(), format!("{told} again"));
    host.stop();
}

#[test]
fn the_binary_reads_its_configuration_at_a_hangup() {
    let folder = folder("hangup");
    write(&folder, "tells.py", TELLS, "755");
    let conf = folder.join("_server.conf");
    let configure = |text: &str| {
        let head = format!("{}[server]\ndocument-root: {}\n", patience(&[]), folder.display());
        fs::write(&conf, head + text).expect("it can be written");
    };
    configure("");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (mut binary, log) = Binary::run_logged(command.arg("--config").arg(&conf));
    let mut raw = Raw::connect(binary.address());
    raw.upgrade("/tells");
    raw.read_text();
    // Neither what is not good nor what has not changed replaces anything. Each is waited for, or
    // what is written next would be read in its place.
    let wrong = "the configuration stays as it is";
    let idle = "[service /nothing] configures no service";
    for (text, told) in [
        ("", ""),
        ("[service /tells]\nmax-massage: 1k\n", wrong),
        ("[service /nothing]\nmax-message: 1k\n", idle),
        ("log-format: json\n", ""),
    ] {
        configure(text);
        binary.signal("HUP");
        while !told.is_empty() && !next(&log).contains(told) {}
        if told != wrong {
            assert_eq!(raw.read_text(), "RELOAD");
        }
        raw.send_text("still here");
        assert_eq!(raw.read_text(), "1 still here");
    }
    configure("[service /tells]\nmax-message: 1k\n");
    binary.signal("HUP");
    assert_eq!(raw.read_close().0, 1012);
    drop(raw);
    let mut raw = Raw::connect(binary.address());
    raw.upgrade("/tells");
    raw.read_text();
    raw.send_text(&"x".repeat(1_025));
    assert_eq!(raw.read_close().0, 1009);
    drop(raw);
    binary.signal("TERM");
    assert_eq!(binary.exit_code(), Some(0));
}

/// A deployment changes a link and sends a SIGHUP. Running programs are replaced as after a change
/// of their file.
#[test]
fn a_root_that_is_a_link_is_resolved_anew_at_a_hangup() {
    let folder = folder("releases");
    for (release, number) in [("1", 1), ("2", 2), ("2", 1)] {
        let name = if number == 1 { "tells.py" } else { "more/tells.py" };
        write(
            &folder,
            &format!("{release}/{name}"),
            &version(release.parse().expect("one")),
            "755",
        );
    }
    let lead = |release| lead(&folder, release);
    lead("1");
    let heard = |raw: &mut Raw| {
        raw.send_text("hello");
        raw.read_text()
    };
    // By SIGHUP, and by `Reloader::reload`.
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let binary = Binary::run(command.arg("--document-root").arg(folder.join("current")));
    let host = Running::start(server(&folder.join("current"), keep(), SOON));
    let mut raw = Raw::connect(binary.address());
    raw.upgrade("/tells");
    raw.read_text();
    let (mut kept, id) = open(&host);
    lead("2");
    assert_eq!((heard(&mut raw), heard(&mut kept)), ("1 hello".to_owned(), "1 hello".to_owned()));
    binary.signal("HUP");
    assert_eq!(raw.read_close().0, 1012);
    let mut raw = Raw::connect(binary.address());
    raw.upgrade("/more/tells");
    raw.read_text();
    assert_eq!(heard(&mut raw), "2 hello");
    host.reloader().reload();
    assert_eq!(kept.read_text(), format!("OPEN {id} again"));
    assert_eq!(heard(&mut kept), "2 hello");
    // A link that leads nowhere changes nothing.
    lead("3");
    host.reloader().reload();
    assert_eq!(kept.read_text(), "RELOAD");
    assert_eq!(heard(&mut kept), "2 hello");
    host.stop();
}

/// The static root is resolved with it, here by a link on the way to it.
#[test]
fn a_static_root_behind_a_link_is_resolved_anew_at_a_hangup() {
    let folder = folder("public");
    for release in ["1", "2"] {
        write(&folder, &format!("{release}/public/x.txt"), release, "644");
    }
    lead(&folder, "1");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("--static-root").arg(folder.join("current/public"));
    let (binary, log) = Binary::run_logged(&mut command);
    let shown = || {
        let mut raw = Raw::connect(binary.address());
        raw.send(&get("/x.txt", ""));
        raw.read_answer().text().to_owned()
    };
    lead(&folder, "2");
    assert_eq!(shown(), "1");
    binary.signal("HUP");
    until("the new files are shown", || shown() == "2");
    // One that leads nowhere is a configuration that is not good.
    lead(&folder, "3");
    binary.signal("HUP");
    while !next(&log).contains("the configuration stays as it is") {}
    assert_eq!(shown(), "2");
}

/// A program that ignores its STOP, and has unlimited time for it, ends with its host.
#[test]
fn a_host_that_stops_at_once_kills_its_programs() {
    let deaf = "#!/bin/sh\ntrap '' TERM HUP INT\necho $$ >pid\necho READY 1\n\
                while :; do sleep 1000; done\n";
    let (host, folder) = serve("deaf", &[("deaf", deaf)], patient(), LIMITS);
    let _raw = host.open("/deaf");
    let process = || fs::read_to_string(folder.join("pid")).ok()?.trim().parse().ok();
    until("it has written its number", || process().is_some());
    let process = process().expect("it is there");
    host.stopper().stop_now();
    host.join();
    until("it has been killed", || !is_alive(process));
}

/// A host whose program is in one of these states stops cleanly, and not by the end of the drain.
#[test]
fn a_host_stops_whatever_its_program_is_doing() {
    let never_ready = "#!/bin/sh\nexec sleep 1000\n";
    let dies = "#!/bin/sh\nexit 1\n";
    for (name, next) in [("starting", Some(never_ready)), ("resting", Some(dies)), ("gone", None)] {
        let (host, folder) = serve(name, &[("tells.py", TELLS)], keep_stubborn(), LIMITS);
        let (mut raw, _) = open(&host);
        let old = pid(&mut raw);
        match next {
            Some(text) => put(&folder, "tells.py", text),
            None => fs::remove_file(folder.join("tells.py")).expect("it was there"),
        }
        kill(old);
        until("it has gone", || !is_known(old));
        raw.send_text("for nobody");
        stops(host, raw, name);
    }
    // While it is being replaced, and ignores its STOP.
    let options = ProgramOptions { replace_when: ReplaceWhen::AfterExit, ..keep_stubborn() };
    let (host, folder) = serve("replacing", &[("tells.py", TELLS)], options, LIMITS);
    let (mut raw, _) = open(&host);
    raw.send_text("!signal.signal(signal.SIGTERM, lambda *_: say(b'TEXT *', b'no'))");
    hold(&mut raw);
    put(&folder, "tells.py", &version(2));
    host.reloader().reload();
    assert_eq!(raw.read_text(), "no");
    stops(host, raw, "replacing");
}

fn stops(host: Running, mut raw: Raw, name: &str) {
    let start = Instant::now();
    host.stopper().stop();
    assert_eq!(raw.read_close().0, 1001, "{name}");
    raw.send(&crate::support::raw::close(1001, ""));
    drop(raw);
    host.join();
    println!("a host whose program is {name} stops in {:?}", start.elapsed());
}

/// In a process of its own, since other tests open descriptors as well.
#[test]
fn deaths_and_replacements_leave_nothing_behind() {
    let name = "replace::leave_nothing_behind";
    let run = Command::new(env::current_exe().expect("it is known"))
        .args(["--ignored", "--exact", name])
        .output();
    let run = run.expect("it runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "it is run by `deaths_and_replacements_leave_nothing_behind`"]
fn leave_nothing_behind() {
    let (host, folder) = serve("leaks", &[("tells.py", TELLS)], keep_stubborn(), SOON);
    let (mut raw, id) = open(&host);
    let mut counts = Vec::new();
    for number in 0..12 {
        let old = pid(&mut raw);
        put(&folder, "tells.py", &version(number));
        if number % 6 == 0 {
            kill(old);
        } else {
            // It is stopped with much that it has not read.
            hold(&mut raw);
            raw.send_text(&"x".repeat(10_000));
            host.reloader().reload();
        }
        assert_eq!(raw.read_text(), format!("OPEN {id} again"));
        if number % 6 != 0 {
            raw.read_text();
        }
        pid(&mut raw);
        assert!(!is_known(old), "it is gone, and no zombie");
        counts.push(descriptors("self"));
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    host.stop();
}
