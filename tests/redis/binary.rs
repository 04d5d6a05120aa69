//! The binary with the section `[backplane]`, as one process and as several.

use std::path::Path;
use std::sync::mpsc::Receiver;

use super::judge::Record;
use super::support::Raw;
use super::support::binary::Binary;
use super::support::folder::{folder, socket_path};
use super::support::several::{command, conf, next_with, pids, text};
use super::support::until;
use super::{Redis, read_all};

/// A server with so many processes whose chat for all, `/broadcast`, shares.
pub fn start(name: &str, processes: usize, more: &str) -> (Binary, Receiver<String>) {
    let folder = conf(name, processes, "");
    let more = format!("{more}\n[service /broadcast]\nshare: all\n");
    std::fs::write(folder.join("conf"), text(processes, &more)).expect("it can be written");
    Binary::run_logged(&mut command(&folder))
}

/// A socket of that service.
pub fn open(server: &Binary) -> Raw {
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/broadcast");
    raw
}

#[test]
fn hosts_and_processes_share() {
    let redis = Redis::start();
    let more = |admin: &Path| {
        format!(
            "admin: unix:{}\n[backplane]\nurl: {}\nprefix: two\nqueue: 100k\nrequired: yes",
            admin.display(),
            redis.url()
        )
    };
    let admins = [socket_path("one"), socket_path("two")];
    let (one, _one_lines) = start("one", 2, &more(&admins[0]));
    let (two, _two_lines) = start("two", 1, &more(&admins[1]));
    pids(&one, 2);
    // Each process has a connection of its own.
    redis.wait_for_subscribers("two:all", 3);
    let mut sockets: Vec<_> = (0..12).map(|_| open(&one)).chain([open(&two)]).collect();
    sockets[0].send_text("first");
    sockets.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "first"));
    sockets[12].send_text("second");
    sockets.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "second"));
    let ask = |admin: &Path, path: &str| {
        let mut raw = Raw::connect_unix(admin);
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
        raw.read_answer()
    };
    let metrics = ask(&admins[1], "/metrics");
    for line in ["switchboard_backplane_up 1\n", "switchboard_backplane_received_total 1\n"] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    drop(redis);
    for admin in &admins {
        until("it is not ready", || ask(admin, "/readyz").text().contains("backplane is down"));
    }
}

#[test]
fn a_broker_that_is_not_there_is_logged_once() {
    let (server, lines) = start("lost", 1, "[backplane]\nurl: redis://127.0.0.1:1");
    let line = next_with(&lines, "the backplane is down");
    assert!(line.contains("Redis: "), "{line}");
    let mut raw = open(&server);
    raw.send_text("here");
    assert_eq!(raw.read_text(), "here");
}

#[test]
fn what_is_wrong_with_a_backplane_is_warned_of() {
    let folder = folder("warned");
    let run = |text: &str, flag: &str| {
        std::fs::write(folder.join("conf"), text).expect("it can be written");
        let output = command(&folder).arg(flag).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).expect("it is text"))
    };
    let of = |url: &str| format!("[backplane]\nurl: {url}\n[service /broadcast]\nshare: all\n");
    for (url, is_safe) in [
        ("redis://localhost", true),
        ("redis://127.0.0.2:1/3", true),
        ("redis://[::1]", true),
        ("rediss://far.example", true),
        ("redis+unix:///run/redis.sock", true),
        ("redis://ida@far.example", false),
        ("redis://10.0.0.5", false),
    ] {
        let [said, _] = run(&of(url), "--check-config");
        assert_eq!(said.lines().count(), usize::from(!is_safe), "{url}: {said}");
        assert_eq!(said.contains(" have no TLS: "), !is_safe, "{url}: {said}");
    }
    let alone = "[backplane]\nurl: redis://localhost\n";
    let [said, _] = run(alone, "--check-config");
    assert!(said.contains("warning: [backplane] is used by no service"), "{said}");
    let [said, _] = run(&format!("{alone}[server]\nshare: topics\n"), "--check-config");
    assert_eq!(said, "");
    let [_, listed] = run(&of("redis://localhost"), "--list-services");
    let line = listed.lines().last().expect("it says something");
    assert!(line.starts_with("each host has its own state, sockets and topics of /"), "{line}");
    assert!(line.contains("/echo") && !line.contains("/broadcast"), "{line}");
}

/// Another host gets the begin of what it has sent, and nobody is there to tell it of the rest.
#[test]
fn a_host_is_killed() {
    let redis = Redis::start();
    let more = format!("[backplane]\nurl: {}\nprefix: killed\n", redis.url());
    let (two, _two_lines) = start("lives", 1, &more);
    let mut far = Record::of(read_all(open(&two)));
    let mut next = 0;
    for _ in 0..ROUNDS {
        let (one, _one_lines) = start("killed", 1, &more);
        redis.wait_for_subscribers("killed:all", 2);
        let (mut raw, first) = (open(&one), next);
        for _ in 0..EACH {
            raw.send_text(&next.to_string());
            assert_eq!(raw.read_text(), next.to_string());
            next += 1;
        }
        until("some have come", || far.last() >= Some(first));
        one.signal("KILL");
        redis.wait_for_subscribers("killed:all", 1);
    }
    let (one, _one_lines) = start("last", 1, &more);
    redis.wait_for_subscribers("killed:all", 2);
    open(&one).send_text(&next.to_string());
    until("the last has come", || far.last() == Some(next));
    (0..ROUNDS).for_each(|round| far.judge_begin(round * EACH, EACH));
}

const ROUNDS: u64 = 3;
const EACH: u64 = 300;
