//! Programs that start with the server: without a socket, and again after each end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::Receiver;

use switchboard::programs::{Mode, ProgramOptions};
use switchboard::{Server, ServiceOptions, Start};

use crate::bench::is_known;
use crate::keep::kill;
use crate::shared::{OBEY, request};
use crate::support::binary::{Binary, patience};
use crate::support::folder::{folder, programs, write};
use crate::support::http::get;
use crate::support::process::children;
use crate::support::{LIMITS, Raw, next, until};

/// The binary with these programs and sections, the lines of its log, and its configuration.
fn serve(all: &[(&str, &str)], sections: &str) -> (Binary, Receiver<String>, PathBuf) {
    let folder = programs("programs", all);
    let conf = folder.join("_conf");
    configure(&conf, sections);
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("-v").arg("--config").arg(&conf).arg("--document-root").arg(&folder);
    let (server, log) = Binary::run_logged(&mut command);
    (server, log, conf)
}

fn configure(conf: &Path, sections: &str) {
    let server = "[server]\ndumpable: yes\nstop-timeout: 3600s\n";
    fs::write(conf, patience(&[]) + server + sections).expect("it can be written");
}

/// The process that is started next, by its line in the log. The list of the system would also show
/// what a program that was killed has left: its zombie, and children of its own.
fn started(log: &Receiver<String>) -> u32 {
    std::iter::repeat_with(|| next(log)).find_map(|line| pid_in(&line)).expect("it is logged")
}

/// The process whose start is this line.
fn pid_in(line: &str) -> Option<u32> {
    let (_, told) = line.split_once("service /obey: process ")?;
    let (number, _) = told.split_once(": it runs ")?;
    number.parse().ok()
}

#[test]
fn it_runs_without_a_client_until_the_server_ends() {
    let sections = "[service /obey]\nstart: eager\n";
    let (mut server, log, _) = serve(&[("obey.py", OBEY), ("lazy.py", OBEY)], sections);
    // The first end is forgiven, and the next one is followed by a pause.
    kill(started(&log));
    kill(started(&log));
    let told = std::iter::repeat_with(|| next(&log)).find(|line| line.contains("it has ended"));
    assert!(told.is_some_and(|line| line.contains("; next start in 1000 ms")));
    let third = started(&log);
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/obey");
    raw.send_text(&format!("!write(b'TEXT * +%d\\n%d\\n' % (len(str({third})), os.getpid()))"));
    assert_eq!(raw.read_text(), third.to_string(), "sockets come to the process that runs");
    drop(raw);
    assert!(is_known(third), "it goes on without a socket");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert!(!is_known(third));
}

/// The server serves all others, and the program starts once it is there.
#[test]
fn one_that_cannot_start_is_reported() {
    let sections = "[service /late]\nstart: eager\n[service /obey]\nstart: lazy\n";
    let (server, log, conf) = serve(&[("obey.py", OBEY)], sections);
    let told = std::iter::repeat_with(|| next(&log)).find(|line| line.contains("next start in"));
    let told = told.expect("it is logged");
    assert!(told.contains("service /late: it has ended: no executable below "), "{told}");
    assert!(told.contains("(document-root) has its path; next start in "), "{told}");
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/obey");
    let mut late = Raw::connect(server.address());
    late.send(request("/late").as_bytes());
    let status = late.read_head().status;
    assert!([404, 500, 503].contains(&status), "{status}");
    write(conf.parent().expect("it has one"), "late.py", OBEY, "755");
    while !next(&log).contains("service /late: process ") {}
}

#[test]
fn a_reload_starts_what_has_become_eager() {
    let lazy = "[service /obey]\nmax-message: 64k\n";
    let (mut server, log, conf) = serve(&[("obey.py", OBEY)], lazy);
    let reload = |sections: &str, part: &str| {
        configure(&conf, sections);
        server.signal("HUP");
        let mut lines = vec![next(&log)];
        while !lines[lines.len() - 1].contains(part) {
            lines.push(next(&log));
        }
        lines
    };
    reload(lazy, "the configuration was read again");
    assert_eq!(children(&server.pid()), [""; 0]);
    let eager = format!("{lazy}start: eager\n");
    // The process may run before the reload is over.
    let lines = reload(&eager, "the configuration was read again");
    let first = lines.iter().find_map(|line| pid_in(line)).unwrap_or_else(|| started(&log));
    // What means nothing is refused, and nothing changes.
    let in_vain = format!("{eager}mode: per-socket\n");
    let lines = reload(&in_vain, "the configuration stays as it is");
    let told = &lines[lines.len() - 1];
    assert!(told.contains("/obey") && told.contains("start is \"eager\""), "{told}");
    assert!(is_known(first));
    // It goes on when it is lazy again, and then starts no more. A path that comes after the reload
    // is looked up by the new values: so the loop has them.
    reload(lazy, "the configuration was read again");
    let mut raw = Raw::connect(server.address());
    raw.send(&get("/nothing", ""));
    raw.read_answer();
    // The server waits for the end of our half.
    drop(raw);
    kill(first);
    while !next(&log).contains("service /obey: it has ended: ") {}
    reload(lazy, "the configuration was read again");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert!(log.iter().all(|line| !line.contains(": it runs ")), "it starts no more");
}

#[test]
fn one_process_for_each_socket_is_never_eager() {
    let conf = folder("conf").join("server.conf");
    let check = |text: &str| -> Output {
        fs::write(&conf, text).expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.arg("--check-config").arg("--config").arg(&conf).output().expect("it runs")
    };
    let rows = [
        ("[service /x]\nstart: eager\nmode: per-socket\n", 4),
        ("[server]\nmode: per-socket\n[service /x]\nstart: eager\n", 4),
        ("[service /x]\nstart: lazy\nmode: per-socket\n", 0),
        // What holds for all means nothing to it, and a compiled-in service has no mode.
        ("[server]\nstart: eager\n[service /x]\nmode: per-socket\n", 0),
        ("[server]\nmode: per-socket\n[service /demo_chatroom]\nstart: eager\n", 0),
    ];
    for (text, code) in rows {
        let output = check(text);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}{said}");
        let is_named =
            said.contains("[service /x] start is \"eager\"") && said.contains("per-socket");
        assert_eq!(is_named, code == 4, "{text}{said}");
    }
    let mut server = Server::new(LIMITS);
    server.document_root(conf.parent().expect("it has one"));
    let options = ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED };
    server.program("/x").start(Start::Eager).program_options(options.clone());
    let error = server.bind("127.0.0.1:0").expect_err("it means nothing").to_string();
    assert!(error.contains("/x") && error.contains("per-socket"), "{error}");
    let mut server = Server::new(LIMITS);
    server.options(ServiceOptions { start: Start::Eager, ..ServiceOptions::new(LIMITS) });
    server.document_root(conf.parent().expect("it has one"));
    server.program("/x").program_options(options);
    server.bind("127.0.0.1:0").expect("what holds for all means nothing to it");
}

#[cfg(feature = "admin")]
#[test]
fn readiness_waits_for_it() {
    use crate::support::{DEADLINE, Running};

    let folder = programs("programs", &[("obey.py", OBEY)]);
    let mut server = Server::new(LIMITS);
    server.document_root(&folder);
    server.program("/obey").start(Start::Eager);
    server.program("/late").start(Start::Eager);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let handle = host.metrics_handle();
    let server = Running::run(host);
    let readiness = || handle.readiness(DEADLINE).expect("the host turns").to_string();
    until("one is ready", || readiness() == "service /late is down");
    write(&folder, "late.py", OBEY, "755");
    until("both are ready", || readiness() == "ready");
    server.stop();
}
