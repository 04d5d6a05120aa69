//! What services share between the processes of a server: each socket gets each message once, and a
//! process that does not read learns that it has missed some.

#![cfg(all(feature = "processes", feature = "programs"))]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use support::binary::Binary;
use support::folder::{socket_path, write};
use support::several::{command, conf, pids, signal};
use support::{Raw, until};

/// A program whose sockets say what it sends: `@` and a text goes to the topic `news`, `*` and a
/// text to all. A socket that joins a topic gets the number of its server's process.
const PROGRAM: &str = r#"#!/bin/sh
read -r hello
echo READY 1
say() { printf 'TEXT %s +%d\n%s\n' "$1" ${#2} "$2"; }
while read -r verb id rest; do
  case $verb in
    GAP) say '*' "gap $id" ;;
    TEXT) read -r text
      case $text in
        hello) say "$id" "$hello" ;;
        join*) echo "SUB $id ${text#join }"; say "$id" "$PPID" ;;
        leave*) echo "UNSUB $id ${text#leave }"; say "$id" left ;;
        @*) say "@news" "${text#@}" ;;
        *) say '*' "${text#?}" ;;
      esac ;;
  esac
done
"#;

/// A server with two processes whose program `/p` shares.
struct Sharing {
    server: Binary,
    _lines: Receiver<String>,
    admin: PathBuf,
}

impl Sharing {
    fn start(name: &str, share: &str) -> Self {
        let admin = socket_path("exchange");
        let folder = conf(name, 2, "");
        write(&folder.join("programs"), "p", PROGRAM, "755");
        let more = format!(
            "document-root: {}\nadmin: unix:{}\nstop-timeout: 3600s\n[service /p]\nshare: {share}\n\
             [service /broadcast]\nshare: all\n",
            folder.join("programs").display(),
            admin.display()
        );
        let folder = conf_in(&folder, &more);
        let (server, lines) = Binary::run_logged(&mut command(&folder));
        pids(&server, 2);
        Self { server, _lines: lines, admin }
    }

    /// A socket of the program that has joined, and the process that serves it.
    fn join(&self, topic: &str) -> (Raw, String) {
        let mut raw = Raw::connect(self.server.address());
        raw.upgrade("/p");
        raw.send_text(&format!("join {topic}"));
        let pid = raw.read_text();
        (raw, pid)
    }

    /// So many sockets, some of them in each process.
    fn join_each(&self, topic: &str, len: usize) -> Vec<(Raw, String)> {
        let mut all: Vec<_> = (0..len).map(|_| self.join(topic)).collect();
        while all.iter().map(|(_, pid)| pid).collect::<BTreeSet<_>>().len() < 2 {
            all.push(self.join(topic));
        }
        all
    }

    /// The page of metrics.
    fn metrics(&self) -> String {
        let mut raw = Raw::connect_unix(&self.admin);
        raw.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        raw.read_answer().text().to_owned()
    }

    /// The sum of the metrics whose lines begin with this.
    fn metric(&self, name: &str) -> u64 {
        let page = self.metrics();
        let lines = page.lines().filter(|line| line.starts_with(name));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
        lines.map(|line| value(line).expect("it has a whole number")).sum()
    }
}

/// The same folder with more in its configuration.
fn conf_in(folder: &Path, more: &str) -> PathBuf {
    let text = support::several::text(2, more);
    std::fs::write(folder.join("conf"), text).expect("it can be written");
    folder.to_owned()
}

/// What a socket gets next, but for what was sent before a test began.
fn next_of(raw: &mut Raw) -> String {
    loop {
        let text = raw.read_text();
        if text != "sync" {
            return text;
        }
    }
}

impl Sharing {
    /// Waits until the parent knows who has joined.
    fn sync(&self, by: &mut Raw) {
        let delivered = || self.metric("switchboard_exchange_delivered_total");
        until("the parent knows of the topic", || {
            by.send_text("@sync");
            assert!(self.metric("switchboard_exchange_published_total") < 1_000);
            delivered() > 0
        });
    }
}

#[test]
fn a_message_to_a_topic_reaches_its_sockets_in_all_processes() {
    let sharing = Sharing::start("topics", "topics");
    let mut news = sharing.join_each("news", 8);
    let mut others = sharing.join_each("other", 4);
    sharing.sync(&mut news[0].0);
    news[0].0.send_text("@first");
    news[0].0.send_text("*all");
    news[0].0.send_text("@second");
    let own = news[0].1.clone();
    for (raw, pid) in &mut news {
        assert_eq!(next_of(raw), "first");
        // What is for all is not shared.
        if *pid == own {
            assert_eq!(next_of(raw), "all");
        }
        assert_eq!(next_of(raw), "second");
    }
    for (raw, _) in others.iter_mut().filter(|(_, pid)| *pid == own) {
        assert_eq!(raw.read_text(), "all");
    }
    // Nothing else is on its way to any of them.
    for (raw, _) in news.iter_mut().chain(&mut others) {
        raw.send_text("hello");
        assert_eq!(
            next_of(raw).split_once(" max-message").expect("it is HELLO").0,
            "HELLO 1 service=/p"
        );
    }
}

#[test]
fn a_topic_without_sockets_in_a_process_is_not_passed_on_to_it() {
    let sharing = Sharing::start("few", "topics");
    let mut news = sharing.join_each("news", 2);
    sharing.sync(&mut news[0].0);
    let own = news[0].1.clone();
    for (raw, _) in news.iter_mut().filter(|(_, pid)| *pid != own) {
        raw.send_text("leave news");
        while next_of(raw) != "left" {}
    }
    let delivered = || sharing.metric("switchboard_exchange_delivered_total");
    let published = || sharing.metric("switchboard_exchange_published_total");
    until("nothing is passed on any more", || {
        let (before, sent) = (delivered(), published());
        news[0].0.send_text("@more");
        until("it has come to the parent", || published() > sent);
        delivered() == before
    });
}

#[test]
fn a_message_to_all_reaches_all_processes() {
    let sharing = Sharing::start("all", "all");
    let mut all = sharing.join_each("none", 8);
    all[0].0.send_text("*first");
    all[0].0.send_text("*second");
    for (raw, _) in &mut all {
        assert_eq!((raw.read_text(), raw.read_text()), ("first".to_owned(), "second".to_owned()));
    }
    // HELLO says so.
    all[0].0.send_text("hello");
    assert!(all[0].0.read_text().ends_with(" share=all"));
    // And a service in Rust.
    let open = |_| {
        let mut raw = Raw::connect(sharing.server.address());
        raw.upgrade("/broadcast");
        raw
    };
    let mut clients: Vec<_> = (0..12).map(open).collect();
    clients[0].send_text("news");
    clients.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "news"));
}

#[test]
fn what_is_not_shared_stays_in_its_process() {
    let sharing = Sharing::start("none", "none");
    let mut news = sharing.join_each("news", 4);
    let own = news[0].1.clone();
    news[0].0.send_text("@local");
    for (raw, pid) in &mut news {
        raw.send_text("hello");
        if *pid == own {
            assert_eq!(raw.read_text(), "local");
        }
        assert!(!raw.read_text().contains("share="));
    }
    assert_eq!(sharing.metric("switchboard_exchange_published_total"), 0);
}

/// The table of docs/operation.md has what the parent counts.
#[test]
fn the_document_lists_each_metric() {
    let page = Sharing::start("listed", "none").metrics();
    let helps = page.lines().filter_map(|line| line.strip_prefix("# HELP switchboard_exchange_"));
    let rows = helps.filter_map(|line| line.split_once(' '));
    let rows: Vec<_> = rows
        .map(|(name, help)| format!("| `switchboard_exchange_{name}` | counter | {help} |"))
        .collect();
    let document = include_str!("../docs/operation.md");
    let listed = document.lines().filter(|line| line.starts_with("| `switchboard_exchange_"));
    assert_eq!(listed.collect::<Vec<_>>(), rows);
    assert_eq!(rows.len(), 4);
}

/// The others are not slowed, and get all.
#[test]
fn a_process_that_does_not_read_learns_that_it_has_missed_messages() {
    let sharing = Sharing::start("gap", "topics");
    let mut news = sharing.join_each("news", 4);
    sharing.sync(&mut news[0].0);
    let own = news[0].1.clone();
    let far = news.iter().position(|(_, pid)| *pid != own).expect("there is one");
    let stuck = news[far].1.clone();
    signal(&stuck, "STOP");
    let body = "x".repeat(20_000);
    for number in 0..LEN {
        news[0].0.send_text(&format!("@{number} {body}"));
    }
    for (raw, _) in news.iter_mut().filter(|(_, pid)| *pid == own) {
        for number in 0..LEN {
            assert_eq!(next_of(raw), format!("{number} {body}"));
        }
    }
    until("it is skipped", || sharing.metric("switchboard_exchange_skipped_total") > 0);
    signal(&stuck, "CONT");
    // What comes is a part of what was sent, in its order. It is not all, and the service knows.
    let (mut last, mut len, mut has_gap) = (None, 0, false);
    while !has_gap {
        let text = next_of(&mut news[far].0);
        match text.split_once(' ') {
            Some(("gap", topic)) => {
                assert_eq!(topic, "*");
                has_gap = true;
            }
            Some((number, _)) => {
                let number = number.parse::<usize>().expect("it is a number");
                assert!(last < Some(number), "{last:?}, {number}");
                (last, len) = (Some(number), len + 1);
            }
            None => panic!("{text}"),
        }
    }
    assert!(len < LEN, "some are missing");
    // From now on it gets all.
    news[0].0.send_text("@after");
    while next_of(&mut news[far].0) != "after" {}
}

/// More than the link and all that waits for it can hold.
const LEN: usize = 300;

#[test]
fn a_process_that_is_started_again_hears_the_others() {
    let sharing = Sharing::start("again", "topics");
    let mut news = sharing.join_each("news", 4);
    let own = news[0].1.clone();
    let other = news.iter().find(|(_, pid)| *pid != own).expect("there is one").1.clone();
    signal(&other, "KILL");
    until("another one runs", || {
        let now = support::process::children(&sharing.server.pid());
        now.len() == 2 && !now.contains(&other)
    });
    news.retain(|(_, pid)| *pid == own);
    let mut new = sharing.join_each("news", 2);
    let far = new.iter().position(|(_, pid)| *pid != own).expect("there is one");
    sharing.sync(&mut news[0].0);
    news[0].0.send_text("@news");
    assert_eq!(next_of(&mut new[far].0), "news");
}
