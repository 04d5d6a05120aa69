//! The log of the binary in JSON: nothing but JSON, and each value once; and what happens when
//! standard error takes no more.

#![cfg(all(feature = "programs", feature = "chatroom"))]

mod support;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

use support::binary::Binary;
use support::folder::programs;
use support::http::get;
use support::raw::close;
use support::{Raw, until};

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

/// A socket that comes and goes, whose life is one line.
fn come_and_go(address: SocketAddr) {
    Raw::connect(address).upgrade("/echo");
}

/// How many lines a message says were dropped.
fn dropped(message: &str) -> usize {
    let head = message.split_once(" lines of the log were dropped: ").map(|(head, _)| head);
    let count = head.and_then(|head| head.rsplit(' ').next());
    count.map_or(0, |count| count.parse().expect("it is a number"))
}

/// The system lets the files of a process have so many bytes only, as a small disk does: of a line
/// that goes beyond it, a part is written.
#[test]
fn a_full_disk_costs_the_lines_that_have_no_room() {
    let folder = programs("full", &[]);
    let conf = "[server]\nlog-format: json\n";
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let log = folder.join("log");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_switchboard")]);
    command.args(["--port", "0", "--config"]);
    command.arg(folder.join("conf")).stderr(File::create(&log).expect("it can be made"));
    let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
    let read = || fs::read_to_string(&log).expect("it is text");
    let mut text = String::new();
    until("it says where it listens", || {
        text = read();
        text.contains("listening on") && text.ends_with('\n')
    });
    let mut first = text.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
    let (address, mut len) = (address_of(&mut first), 0);
    let mut come_and_go = || {
        come_and_go(address);
        len += 1;
    };
    let (pid, room) = (Pid::from_child(&child), getrlimit(Resource::Fsize));
    let little = Rlimit { current: Some(ROOM), ..room };
    prlimit(Some(pid), Resource::Fsize, little).expect("the child is ours");
    until("the disk is full", || {
        come_and_go();
        fs::metadata(&log).is_ok_and(|log| log.len() == ROOM)
    });
    (0..20).for_each(|_| come_and_go());
    prlimit(Some(pid), Resource::Fsize, room).expect("the child is ours");
    until("the loss is logged", || {
        come_and_go();
        read().contains(" lines of the log were dropped: ")
    });
    let signal = |name: &str| {
        let kill = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
        assert!(kill.expect("there is a kill").success());
    };
    if cfg!(feature = "admin") {
        signal("USR1");
        until("the state is logged", || read().contains("state of a service"));
    }
    signal("TERM");
    assert!(child.wait().expect("it ends").success());
    let text = read();
    let mut counted = None;
    let (mut told, mut lost, mut at) = (0, 0, 0);
    for line in text.lines() {
        let end = at + line.len() as u64;
        match serde_json::from_str::<Value>(line) {
            Ok(line) => {
                told += usize::from(line["message"] == "socket closed");
                lost += dropped(message(&line));
                counted = line["log_lines_dropped"].as_u64().or(counted);
            }
            Err(error) => assert_eq!(end, ROOM, "{line:?} is no JSON: {error}"),
        }
        at = end + 1;
    }
    assert!(lost > 0 && told + lost == len, "{told} lines and {lost} lost ones of {len}");
    assert_eq!(counted, cfg!(feature = "admin").then_some(lost as u64), "in the state");
}

/// The reader of the log may have made its pipe non-blocking.
#[test]
fn a_full_pipe_that_does_not_block_costs_the_lines_that_have_no_room() {
    let folder = programs("pipe", &[]);
    fs::write(folder.join("conf"), "").expect("it can be written");
    let (mut reader, mut writer) = io::pipe().expect("there are descriptors");
    ioctl_fionbio(&writer, true).expect("it is a pipe");
    let mut filled = 0;
    loop {
        match writer.write(&[b'x'; 512]) {
            Ok(len) => filled += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("it has a reader: {error}"),
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["--port", "0", "--config"]).arg(folder.join("conf")).stderr(writer);
    let mut binary = Binary::run_as_it_is(&mut command);
    drop(command);
    // Once the third one is answered, the line of the first one has come.
    (0..3).for_each(|_| come_and_go(binary.address()));
    until("the thread of the log waits", || is_asleep(&binary.pid(), "log"));
    reader.read_exact(&mut vec![0; filled]).expect("so many were written");
    come_and_go(binary.address());
    binary.signal("TERM");
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("it is text");
    assert_eq!(binary.exit_code(), Some(0));
    let mut lines = log.lines();
    let first = lines.next().expect("there is one");
    assert!(dropped(first) > 0 && first.contains("Z warn  "), "{first}");
    let closed = lines.clone().filter(|line| line.contains("Z info  socket=")).count();
    assert!(closed > 0 && lines.all(|line| dropped(line) == 0), "{log}");
}

/// Whether the thread of this name waits.
fn is_asleep(process: &str, name: &str) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    tasks.flatten().any(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains(&format!("({name}) S "))
    })
}

/// In bytes.
const ROOM: u64 = 16 << 10;
