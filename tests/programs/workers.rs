//! Programs with several workers: one process each, of the same file.

use std::collections::BTreeSet;
use std::path::Path;

use switchboard::programs::ProgramOptions;
use switchboard::{Server, WorkerKey, Workers};

use crate::bench::{is_known, server};
use crate::keep::{keep, kill, put};
use crate::support::folder::programs;
use crate::support::{LIMITS, Raw, Running, until};

/// Answers a message with its number, its version, and the message. A few messages are orders.
const WORKER: &str = r#"#!/usr/bin/env python3
import os, sys
VERSION = 1
inp, out = sys.stdin.buffer, sys.stdout.buffer

def say(to, text):
    data = text.encode()
    out.write(b"TEXT %s +%d\n%s\n" % (to.encode(), len(data), data))
    out.flush()

hello = inp.readline().decode().split()
number = os.environ["SWITCHBOARD_WORKER"]
word = [w for w in hello if w.startswith("worker=")][0]
assert word == "worker=%s/3" % number, word
out.write(b"READY 1\n")
out.flush()
while True:
    line = inp.readline()
    if not line:
        break
    words = line.decode().split()
    body = b""
    if words[-1].startswith("+"):
        body = inp.read(int(words[-1]))
        inp.read(1)
    if words[0] == "STOP":
        break
    if words[0] == "OPEN":
        out.write(b"SUB %s t\n" % words[1].encode())
        out.flush()
    if words[0] != "TEXT":
        continue
    text = body.decode()
    if text == "all":
        say("*", "to all from " + number)
    elif text == "topic":
        say("@t", "to the topic")
    elif text.startswith("to "):
        say(text[3:], "to you")
    elif text == "id":
        say(words[1], words[1])
    elif text == "pid":
        say(words[1], str(os.getpid()))
    else:
        say(words[1], "%s %d %s" % (number, VERSION, text))
"#;

/// Takes as long as other processes need to start.
const START_OTHERS: &str = "def start_others():
    for _ in range(4):
        subprocess.run([sys.executable, '-c', 'import os, subprocess, sys'], check=True)

def say";

fn host_of(folder: &Path, options: ProgramOptions, key: WorkerKey) -> Server {
    let mut server = server(folder, options.clone(), LIMITS);
    server.program("/w").program_options(options).workers(Workers::new(3).by(key));
    server
}

fn serve(name: &str, key: WorkerKey) -> (Running, std::path::PathBuf) {
    let folder = programs(name, &[("w.py", WORKER)]);
    (Running::start(host_of(&folder, keep(), key)), folder)
}

fn ask(raw: &mut Raw, text: &str) -> String {
    raw.send_text(text);
    raw.read_text()
}

#[test]
fn each_worker_is_a_process_and_audiences_are_those_of_all() {
    let (host, _folder) = serve("workers", WorkerKey::Socket);
    let mut sockets: Vec<_> = (0..6).map(|_| host.open("/w")).collect();
    for (place, raw) in sockets.iter_mut().enumerate() {
        assert_eq!(ask(raw, "x"), format!("{} 1 x", place % 3));
    }
    let pids: BTreeSet<_> = sockets.iter_mut().map(|raw| ask(raw, "pid")).collect();
    assert_eq!(pids.len(), 3);
    sockets[1].send_text("all");
    sockets.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "to all from 1"));
    sockets[2].send_text("topic");
    sockets.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "to the topic"));
    let id = ask(&mut sockets[3], "id");
    sockets[4].send_text(&format!("to {id}"));
    assert_eq!(sockets[3].read_text(), "to you");
    drop(sockets);
    host.stop();
}

#[test]
fn a_process_that_dies_is_that_of_one_worker() {
    let (host, _folder) = serve("workers-die", WorkerKey::Query("room".into()));
    // Some room has another worker than the first one.
    let mut first = host.open("/w?room=0");
    let number = ask(&mut first, "x");
    let other = (1..).find_map(|room| {
        let mut raw = host.open(&format!("/w?room={room}"));
        (ask(&mut raw, "x") != number).then_some(raw)
    });
    let mut other = other.expect("there are three workers");
    let pid = ask(&mut other, "pid");
    let before = ask(&mut first, "pid").parse().expect("it is a number");
    kill(before);
    // What it has read before its end would have no answer.
    until("it has gone", || !is_known(before));
    let after: u32 = ask(&mut first, "pid").parse().expect("it is a number");
    assert_ne!(after, before, "the next process has the socket");
    assert_eq!(ask(&mut first, "x"), number, "it is the same worker");
    assert_eq!(ask(&mut other, "pid"), pid, "the other one goes on");
    let mut again = host.open("/w?room=0");
    assert_eq!(ask(&mut again, "x"), number);
    drop((first, other, again));
    host.stop();
}

#[test]
fn a_new_version_replaces_one_worker_after_the_other() {
    let (host, folder) = serve("workers-new", WorkerKey::Socket);
    let mut sockets: Vec<_> = (0..3).map(|_| host.open("/w")).collect();
    let pids: Vec<_> = sockets.iter_mut().map(|raw| ask(raw, "pid")).collect();
    // The first one that starts makes the lock; a second one beside it fails. It keeps the lock for
    // longer than others need to start, however busy the machine is.
    let guarded = WORKER
        .replace("import os, sys", "import os, subprocess, sys")
        .replace("VERSION = 1", "VERSION = 2")
        .replace("hello = inp", "lock = os.open('lock', os.O_CREAT | os.O_EXCL)\nhello = inp")
        .replace("out.write(b\"READY", "start_others()\nos.unlink('lock')\nout.write(b\"READY")
        .replace("def say", START_OTHERS);
    put(&folder, "w.py", &guarded);
    host.reloader().reload();
    for (number, raw) in sockets.iter_mut().enumerate() {
        until("its worker has the new version", || ask(raw, "x") == format!("{number} 2 x"));
    }
    let new: Vec<_> = sockets.iter_mut().map(|raw| ask(raw, "pid")).collect();
    assert!(new.iter().zip(&pids).all(|(new, old)| new != old), "{pids:?} {new:?}");
    assert!(!crate::logged::warnings_of("/w").iter().any(|line| line.contains("not taken")));
    drop(sockets);
    host.stop();
}
