//! Sockets that outlive their program: what the next one gets, and that waiting sockets are served
//! in the end.

use std::fs;
use std::path::Path;
use std::process::Command;

use switchboard::programs::{OnDeath, ProgramOptions};

use crate::bench::{is_known, patient, serve};
use crate::shared::request;
use crate::support::folder::write;
use crate::support::http::Answer;
use crate::support::raw::close;
use crate::support::{Raw, Running, SOON, until};

/// The options of programs whose sockets outlive them, and which end by themselves.
pub fn keep() -> ProgramOptions {
    ProgramOptions { on_death: OnDeath::Keep, ..patient() }
}

/// The same of programs that do not.
pub fn keep_stubborn() -> ProgramOptions {
    ProgramOptions { stop_ms: 100, ..keep() }
}

/// Puts another version of the program in place, as one should: in one step.
pub fn put(folder: &Path, name: &str, text: &str) {
    write(folder, "_new", text, "755");
    fs::rename(folder.join("_new"), folder.join(name)).expect("it can be moved");
}

pub fn version(number: usize) -> String {
    TELLS.replace("VERSION = b\"1\"", &format!("VERSION = b\"{number}\""))
}

/// A socket, by its id, once the program has reported it.
pub fn open(server: &Running) -> (Raw, String) {
    let mut raw = server.open("/tells");
    let told = raw.read_text();
    (raw, told.strip_prefix("OPEN ").expect("the program has got it").to_owned())
}

/// The process that serves a socket, after which it says nothing until something comes.
pub fn pid(raw: &mut Raw) -> u32 {
    raw.send_text("!say(b'TEXT ' + words[1], b'%d' % os.getpid())");
    raw.read_text().parse().expect("it is a number")
}

/// Makes the program read nothing more.
pub fn hold(raw: &mut Raw) {
    raw.send_text("!say(b'TEXT ' + words[1], b'held'); time.sleep(1000)");
    assert_eq!(raw.read_text(), "held");
}

pub fn kill(process: u32) {
    let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status();
    assert!(killed.expect("it runs").success());
}

/// What a request for a socket is answered with.
fn knock(server: &Running) -> Answer {
    let mut raw = server.raw();
    raw.send(request("/tells").as_bytes());
    raw.read_head()
}

/// The refusal of a socket that comes in a pause.
fn refused(server: &Running) -> Answer {
    let mut answer = None;
    until("new ones are refused", || {
        answer = Some(knock(server)).filter(|answer| answer.status == 503);
        answer.is_some()
    });
    answer.expect("it has come")
}

/// What a socket is answered, whichever sockets come and go meanwhile.
fn answer_to(raw: &mut Raw) -> String {
    loop {
        let text = raw.read_text();
        if !text.starts_with("OPEN ") && !text.starts_with("CLOSE ") {
            return text;
        }
    }
}

#[test]
fn open_sockets_are_handed_over() {
    let (server, _) = serve("handed", &[("tells.py", TELLS)], keep(), SOON);
    let (mut one, first) = open(&server);
    let (mut two, second) = open(&server);
    assert_eq!(one.read_text(), format!("OPEN {second}"));
    let old = pid(&mut one);
    kill(old);
    for raw in [&mut one, &mut two] {
        // In the order of their places.
        assert_eq!(raw.read_text(), format!("OPEN {first} again"));
        assert_eq!(raw.read_text(), format!("OPEN {second} again"));
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "1 hello");
    }
    assert!(!is_known(old) && pid(&mut one) != old);
    // Each open has one close, though two programs had the open.
    two.send(&close(1000, ""));
    two.read_close();
    assert_eq!(one.read_text(), format!("CLOSE {second}"));
    let (mut three, third) = open(&server);
    assert_eq!(one.read_text(), format!("OPEN {third}"));
    three.send_text("!sys.exit(1)");
    assert_eq!(one.read_text(), format!("OPEN {first} again"));
    // Sockets that have gone are not passed to the next program.
    assert_eq!(one.read_text(), format!("OPEN {third} again"));
    server.stop();
}

#[test]
fn what_was_not_read_is_told_to_the_next_program() {
    let (server, _) = serve("unread", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&server);
    let process = pid(&mut raw);
    hold(&mut raw);
    // More than the pipe, the input and a read hold, with one that fits none of them.
    let text = |number: usize| match number {
        700 => "x".repeat(300_000),
        number => format!("{number:0100}"),
    };
    (0..3_000).for_each(|number| raw.send_text(&text(number)));
    kill(process);
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    for number in 0..3_000 {
        assert_eq!(raw.read_text(), format!("1 {}", text(number)));
    }
    raw.send_text("the last");
    assert_eq!(raw.read_text(), "1 the last");
    server.stop();
}

#[test]
fn who_has_gone_is_handed_over_only_with_its_messages() {
    let (server, _) = serve("went", &[("tells.py", TELLS)], keep(), SOON);
    let (mut one, first) = open(&server);
    let (mut silent, _) = open(&server);
    let (mut spoken, third) = open(&server);
    (0..2).for_each(|_| drop(one.read_text()));
    silent.read_text();
    let process = pid(&mut one);
    hold(&mut one);
    silent.send(&close(1000, ""));
    silent.read_close();
    spoken.send_text("!say(b'TEXT *', b'heard ' + words[1])");
    spoken.send(&close(1000, ""));
    spoken.read_close();
    // What the host does for this one comes after what it has done for those.
    drop(open_late(&server));
    kill(process);
    assert_eq!(one.read_text(), format!("OPEN {first} again"));
    assert_eq!(one.read_text(), format!("OPEN {third} again"));
    assert_eq!(one.read_text(), format!("heard {third}"));
    assert_eq!(one.read_text(), format!("CLOSE {third}"));
    // The late one, which is new to the next program.
    let told = one.read_text();
    assert!(told.starts_with("OPEN ") && !told.ends_with("again"), "{told}");
    assert!(one.read_text().starts_with("CLOSE "));
    server.stop();
}

/// An open socket that a program that does not read does not report.
fn open_late(server: &Running) -> Raw {
    server.open("/tells")
}

#[test]
fn nothing_is_left_of_what_the_old_program_said() {
    let (server, _) = serve("clean", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&server);
    raw.send_text("!write(b'SUB %s news\\nPAUSE %s\\n' % (words[1], words[1]))");
    raw.send_text("!say(b'TEXT ' + words[1], b'paused')");
    // It may have been read before the pause was heard of, or waits until that is over.
    let (mut other, second) = open(&server);
    other.send_text("!sys.exit(1)");
    let mut told = Vec::new();
    while !told.contains(&format!("OPEN {second} again")) {
        told.push(raw.read_text());
    }
    raw.send_text("!say(b'TEXT @news', b'news'); say(b'TEXT ' + words[1], b'well')");
    let mut last = raw.read_text();
    while last == "paused" {
        last = raw.read_text();
    }
    assert_eq!(last, "well", "after {told:?} for {id}");
    server.stop();
}

#[test]
fn a_socket_that_waits_for_a_verdict_is_asked_about_again() {
    let (server, _) = serve("asked", &[("asks.py", ASKS)], keep(), SOON);
    let mut one = server.open("/asks?in");
    let mut two = server.raw();
    two.send(request("/asks?wait").as_bytes());
    // The program has been asked, and says so.
    assert_eq!(one.read_text(), "ASK wait");
    one.send_text("die");
    assert_eq!(one.read_text(), "ASK wait");
    one.send_text("accept");
    assert!(two.read_head().status == 101);
    assert_eq!((one.read_text(), two.read_text()), ("OPEN".into(), "OPEN".into()));
    server.stop();
}

#[test]
fn a_program_that_dies_at_its_start_is_tried_again_and_loses_nothing() {
    let (server, folder) = serve("broken", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&server);
    let process = pid(&mut raw);
    // It reads what it can get, and dies before it is ready.
    let broken = "#!/bin/sh\necho x >>\"$0.starts\"\nhead -c 10 >/dev/null\nexit 1\n";
    put(&folder, "tells.py", broken);
    kill(process);
    raw.send_text("one");
    let answer = refused(&server);
    let retry = answer.header("retry-after").expect("it says when to come back");
    assert!((1..=64).contains(&retry.parse::<u32>().expect("it is a number")), "{retry}");
    raw.send_text("two");
    put(&folder, "tells.py", &version(2));
    server.reloader().reload();
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    assert_eq!((answer_to(&mut raw), answer_to(&mut raw)), ("2 one".into(), "2 two".into()));
    assert_eq!(knock(&server).status, 101);
    server.stop();
}

#[test]
fn a_file_that_vanishes_leaves_its_sockets_open() {
    let (server, folder) = serve("vanished", &[("tells.py", TELLS)], keep(), SOON);
    let (mut raw, id) = open(&server);
    let process = pid(&mut raw);
    fs::remove_file(folder.join("tells.py")).expect("it was there");
    kill(process);
    raw.send_text("who is there?");
    refused(&server);
    put(&folder, "tells.py", &version(2));
    server.reloader().reload();
    assert_eq!(raw.read_text(), format!("OPEN {id} again"));
    assert_eq!(answer_to(&mut raw), "2 who is there?");
    server.stop();
}

pub const TELLS: &str = include_str!("tells.py");

/// Admits sockets that ask with `in`, tells them about the others, and admits those on request.
const ASKS: &str = r#"#!/usr/bin/env python3
import sys
receive, send = sys.stdin.buffer, sys.stdout.buffer
def write(text):
    send.write(text.encode())
    send.flush()
def say(to, text):
    write(f"TEXT {to} +{len(text)}\n{text}\n")
write("READY 1 admission=ask\n")
asked = None
for line in receive:
    words, body = line.decode().split(), ""
    if words[-1].startswith("+"):
        length = int(words.pop())
        body = receive.read(length + 1)[:length].decode()
    if words[0] == "ASK" and "QUERY_STRING=in\n" in body:
        write(f"ACCEPT {words[1]}\n")
    elif words[0] == "ASK":
        asked = words[1]
        say("*", "ASK wait")
    elif words[0] == "OPEN" and words[1] == asked:
        say("*", "OPEN")
    elif body == "die":
        sys.exit(1)
    elif body == "accept":
        write(f"ACCEPT {asked}\n")
"#;
