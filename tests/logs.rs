//! The log of the binary in JSON: nothing but JSON, and each value once.

#![cfg(all(feature = "programs", feature = "chatroom"))]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use support::Raw;
use support::folder::programs;
use support::http::get;
use support::raw::close;

/// The binary with JSON logs in a folder; its log so far, up to the line that says where it
/// listens.
fn start(folder: &Path, words: &[&str]) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .current_dir(folder)
        .args(["-c", "conf", "--port", "0"])
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let errors = BufReader::new(child.stderr.take().expect("it was piped"));
    let lines = errors.lines().map(|line| {
        let line = line.expect("the log is text");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
    });
    (child, lines)
}

fn message(line: &Value) -> &str {
    line["message"].as_str().expect("each line has one")
}

/// Where the server says that it listens.
fn address_of(lines: &mut impl Iterator<Item = Value>) -> SocketAddr {
    let listening = lines.find(|line| message(line).starts_with("listening on"));
    let listening = listening.expect("it says where");
    assert_eq!(listening["target"], "switchboard::server");
    let address = message(&listening).rsplit('/').next().expect("it has one");
    address.parse().expect("it is one")
}

/// The next line with this message.
fn next_of(lines: &mut impl Iterator<Item = Value>, message: &str) -> Value {
    let found = lines.find(|line| line["message"] == message);
    found.unwrap_or_else(|| panic!("no line says {message:?}"))
}

const CONF: &str = "[server]\nlog-format: json\ndocument-root: root\n";

#[test]
fn json_is_all_that_there_is() {
    let program = "#!/bin/sh\necho complaint >&2\nread hello\necho READY 1\n\
        echo 'LOG warn +4'\necho told\nwhile read -r line; do :; done\n";
    let folder = programs("json", &[("root/told.sh", program)]);
    fs::write(folder.join("conf"), CONF).expect("it can be written");
    let (mut child, mut lines) = start(&folder, &["--document-root", "root"]);
    let address = address_of(&mut lines);

    let mut refused = Raw::connect(address);
    refused.send(&get("/nothing\"?token=1", ""));
    refused.read_answer();
    drop(refused);
    let line = next_of(&mut lines, "request refused");
    assert_eq!(line["target"], "switchboard::access");
    assert_eq!(
        (&line["status"], &line["path"], &line["method"]),
        (&404.into(), &"/nothing\"".into(), &"GET".into())
    );
    assert!(line["reason"].as_str().expect("it is text").starts_with("no service is at"));

    let mut raw = Raw::connect(address);
    raw.upgrade("/told");
    let (service, program) = ("switchboard::service", "switchboard::program");
    assert_eq!(next_of(&mut lines, "it starts")["target"], service);
    let line = next_of(&mut lines, "complaint");
    assert_eq!((&line["target"], &line["service"]), (&program.into(), &"/told".into()));
    let pid = line["pid"].as_u64().expect("a process has a number");
    let line = next_of(&mut lines, "told");
    assert_eq!((&line["level"], line["pid"].as_u64()), (&"warn".into(), Some(pid)));
    raw.send(&close(1000, ""));
    raw.read_close();
    drop(raw);
    let line = next_of(&mut lines, "socket closed");
    assert_eq!((&line["path"], &line["reason"]), (&"/told".into(), &"1000".into()));
    assert!(line.get("status").is_none(), "it was the 101: {line}");

    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.expect("there is a kill").success());
    // All of the rest is JSON as well.
    assert!(lines.count() > 0);
    let mut out = String::new();
    child.stdout.take().expect("it was piped").read_to_string(&mut out).expect("it is text");
    assert_eq!(out, "", "machines read both outputs");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn what_keeps_it_from_serving_is_json_too() {
    let folder = programs("unserved", &[]);
    fs::write(folder.join("conf"), CONF.replace("root\n", ".\n")).expect("it can be written");
    // An address of RFC 5737, for documentation, which no machine has.
    let (mut child, lines) = start(&folder, &["--host", "192.0.2.1"]);
    let lines: Vec<_> = lines.collect();
    let last = lines.last().expect("it says why");
    assert_eq!(last["level"], "error", "{last}");
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

/// A target, a level, and what a message has in it.
fn assert_said(lines: &[Value], target: &str, level: &str, part: &str) {
    let is_it = |line: &&Value| message(line).contains(part) && line["target"] == target;
    let found = lines.iter().find(is_it).unwrap_or_else(|| panic!("none says {part:?}"));
    assert_eq!(found["level"], level, "{found}");
    assert!(found["socket"].as_u64().is_some() || target != "switchboard::socket", "{found}");
}

#[test]
fn who_looks_closely_sees_more() {
    let dies = "#!/bin/sh\nkill -USR1 $$\necho it lives on\n";
    let folder = programs("closely", &[("root/dies.sh", dies)]);
    let conf = CONF.to_owned() + "[service /dies]\nmode: per-socket\n";
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let (mut child, mut lines) = start(&folder, &["-vv"]);
    let address = address_of(&mut lines);
    let pid = child.id().to_string();
    for signal in ["USR1", "USR2"] {
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.expect("there is a kill").success());
    }
    // Programs have the default action of these signals.
    let mut raw = Raw::connect(address);
    raw.upgrade("/dies");
    assert_eq!(raw.read_close().0, 1011);
    raw.send(&close(1011, ""));
    drop(raw);
    let kill = Command::new("kill").arg(&pid).status();
    assert!(kill.expect("there is a kill").success());
    let lines: Vec<_> = lines.collect();
    assert!(child.wait().expect("it ends").success());
    let socket = "switchboard::socket";
    assert_said(&lines, socket, "trace", " connects");
    assert_said(&lines, socket, "trace", "\"/dies\" is looked up");
    assert_said(&lines, "switchboard::service", "info", "it starts");
    assert_said(&lines, socket, "trace", "its service is asked");
    assert_said(&lines, socket, "debug", "/dies lets it in");
    assert_said(&lines, "switchboard::program", "info", "it runs ");
}
