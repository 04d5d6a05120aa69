//! Databases in the configuration of the binary: they are opened for a run, shown to operators
//! without their passwords, and closed at the end.

#![cfg(all(feature = "sqlite", feature = "postgres", feature = "admin", feature = "unix"))]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::binary::{Binary, patience};
use support::folder::{folder, socket_path};
use support::http::get;
use support::{Raw, next, until};

/// A command for the binary with this configuration behind `[server]`.
fn binary(folder: &Path, text: &str) -> Command {
    let text = format!("[server]\nport: 0\n{text}\n{}", patience(&[]));
    fs::write(folder.join("conf"), text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).arg("-c").arg(folder.join("conf"));
    command
}

fn ask(socket: &Path, path: &str) -> String {
    let mut raw = Raw::connect_unix(socket);
    raw.send(&get(path, ""));
    raw.read_answer().text().trim_end().to_owned()
}

/// What a command prints, and its exit code.
fn run(command: &mut Command) -> (String, Option<i32>) {
    let output = command.output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

#[test]
fn a_run_opens_its_databases() {
    let (folder, path) = (folder("run"), socket_path("run"));
    let text = format!(
        "admin: unix:{}\n[database main]\nurl: sqlite:{}/main.db\n\
         [database far]\nurl: postgres://ida:secret@127.0.0.1:1/far\nstart: lazy",
        path.display(),
        folder.display()
    );
    let (mut run, lines) = Binary::run_logged(&mut binary(&folder, &text));
    until("it is connected", || ask(&path, "/readyz") == "ready");
    assert!(folder.join("main.db").exists());
    let status = ask(&path, "/status");
    assert!(status.contains("\"name\":\"main\",\"address\":\"sqlite:"), "{status}");
    assert!(status.contains("\"name\":\"far\"") && !status.contains("secret"), "{status}");
    until("all of its connections are open", || {
        ask(&path, "/metrics").contains("switchboard_database_connections{database=\"main\"} 5\n")
    });
    // What the next start would refuse is refused by a reload.
    let faulty = text.replace(&format!("sqlite:{}/main.db", folder.display()), "sqlite::memory:");
    binary(&folder, &faulty);
    run.signal("HUP");
    while !next(&lines).contains("conf:5: url: a database in memory is") {}
    run.signal("TERM");
    assert_eq!(run.exit_code(), Some(0));
    let left = fs::read_dir(&folder).expect("it is there").map(|file| file.expect("it is read"));
    let names: Vec<_> = left.map(|file| file.file_name()).collect();
    let has = |name: &str| names.iter().any(|file| file == name);
    assert!(has("main.db") && !has("main.db-wal"), "it was closed: {names:?}");
}

#[test]
fn a_check_opens_none() {
    let folder = folder("check");
    let text = "[database main]\nurl: sqlite:main.db\n\
                [database far]\nurl: postgres://ida:secret@db.example/far";
    let (said, code) = run(binary(&folder, text).arg("--check-config"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: [database far] ") && !said.contains("secret"), "{said}");
    assert!(!folder.join("main.db").exists());
    let (said, code) = run(binary(&folder, text).arg("--print-config"));
    assert!(code == Some(0) && said.contains("ida:***@db.example"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_check_names_lines_and_files() {
    let folder = folder("faults");
    let text = "[database main]\nurl: sqlite::memory:\nqueue: no\n\
                [database far]\nurl: postgres://ida@db.example:x/far";
    let (said, code) = run(binary(&folder, text).arg("--check-config"));
    assert_eq!(code, Some(4), "{said}");
    for part in [
        "conf:4: url: a database in memory",
        "conf:5: queue is \"no\"",
        "conf:7: url: invalid value",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let far = "[database far]\nurl: postgres://ida@db.example/far\n";
    let ca_file = format!("{far}sslmode: verify-full\nca-file: missing.pem");
    let no_certificate = ca_file.replace("missing.pem", "conf");
    let password_file = format!("{far}password-file: missing.txt");
    for (text, part) in [
        (ca_file, "[database far] ca-file missing.pem: cannot be read: No such file"),
        (no_certificate, "[database far] ca-file conf: has no certificate in PEM"),
        (password_file, "[database far] password-file missing.txt: cannot be read: No such file"),
    ] {
        let (said, code) = run(binary(&folder, &text).arg("--check-config"));
        assert!(code == Some(4) && said.contains(part), "{part}: {said}");
        let (said, code) = run(binary(&folder, &text).args(["--port", "0"]));
        assert!(code == Some(4) && said.contains(part), "{part}: {said}");
    }
}

#[cfg(feature = "chatroom")]
#[test]
fn the_log_says_which_database_the_chat_has() {
    let folder = folder("chat");
    let warning = "[database chatt] is used by no service: none of services/ has this name; did \
                   you mean [database chat]?";
    let begin = |name: &str| {
        let text = format!("[database {name}]\nurl: sqlite:chat.db");
        let (mut binary, lines) = Binary::run_loud(&mut binary(&folder, &text));
        Raw::connect(binary.address()).upgrade("/demo_chatroom");
        let mut log = String::new();
        while !log.contains("the chat ") || !log.contains("it is connected: sqlite:chat.db") {
            log += &(next(&lines) + "\n");
        }
        binary.signal("TERM");
        assert_eq!(binary.exit_code(), Some(0));
        log
    };
    let log = begin("chatt");
    assert!(log.contains(warning), "{log}");
    assert!(
        log.contains("the chat keeps the last messages in memory: there is no [database chat]")
    );
    let (said, code) =
        run(binary(&folder, "[database chatt]\nurl: sqlite:a").arg("--check-config"));
    assert!(code == Some(0) && said.contains(&format!("warning: {warning}")), "{said}");
    let log = begin("chat");
    assert!(!log.contains("is used by no service"), "{log}");
    assert!(log.contains("the chat stores its messages in [database chat]"), "{log}");
}

/// Servers that are not there, and one without TLS that nobody asks, by addresses with passwords.
#[test]
fn no_page_and_no_log_line_has_a_password() {
    let (folder, path) = (folder("secret"), socket_path("secret"));
    fs::write(folder.join("password"), "secret\n").expect("it can be written");
    let text = format!(
        "admin: unix:{}\nlog-level: debug\n\
         [database near]\nurl: postgres://ida:secret@127.0.0.1:1/near\n\
         [database filed]\nurl: postgres://ida@127.0.0.1:1/filed\n\
         password-file: {}/password\n\
         [database far]\nurl: postgres://ida:secret@192.0.2.1/far\nstart: lazy",
        path.display(),
        folder.display()
    );
    let (mut binary, lines) = Binary::run_loud(binary(&folder, &text).args(["--port", "0"]));
    let mut log = String::new();
    for part in ["database near: it cannot be connected", "database filed: it cannot be connected"]
    {
        while !log.contains(part) {
            log += &(next(&lines) + "\n");
        }
    }
    let pages = ["/readyz", "/status", "/metrics"].map(|page| ask(&path, page)).concat();
    assert!(pages.contains("is down") && pages.contains("ida@127.0.0.1:1"), "{pages}");
    assert!(!pages.contains("secret"), "{pages}");
    binary.signal("TERM");
    assert_eq!(binary.exit_code(), Some(0));
    log.extend(lines.iter().map(|line| line + "\n"));
    assert!(log.contains("the connections to 192.0.2.1 have no TLS"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn no_error_has_a_password() {
    let folder = folder("wrong");
    for url in [
        "postgres://ida:secret@db.example:port/main",
        "postgres://ida:se@cret/secret@db.example/main?x=secret",
        "mysql://ida:secret@db.example/main",
    ] {
        let text = format!("[database main]\nurl: {url}");
        let (said, code) = run(binary(&folder, &text).arg("--check-config"));
        assert!(code != Some(0) && said.contains("url"), "{url}: {said}");
        assert!(!said.contains("cret"), "{url}: {said}");
    }
}
