//! Reloads without end, while sockets talk: no socket is disconnected, and nothing is lost.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::keep::TELLS;
use crate::support::binary::{Binary, patience};
use crate::support::folder::programs;
use crate::support::http::get;
use crate::support::process::{children, descriptors, threads, wait_for_rest};
use crate::support::raw::close;
use crate::support::{Raw, next, until};

/// A socket that always has some texts on their way, and counts those that have come back.
struct Talker {
    raw: Raw,
    path: &'static str,
    said: usize,
    heard: usize,
}

impl Talker {
    fn new(server: &Binary, path: &'static str) -> Self {
        let mut raw = Raw::connect(server.address());
        raw.upgrade(path);
        Self { raw, path, said: 0, heard: 0 }
    }

    fn say(&mut self) {
        for _ in 0..WORDS {
            self.raw.send_text(&self.said.to_string());
            self.said += 1;
        }
    }

    /// Hears all but so many of what it has said.
    fn listen(&mut self, on_their_way: usize) {
        while self.heard + on_their_way < self.said {
            self.hear();
        }
    }

    /// The next text comes back: none is missing, and none comes twice.
    fn hear(&mut self) {
        let text = loop {
            let text = self.raw.read_text();
            // What the program tells of itself and of other sockets.
            if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
                break text;
            }
        };
        let word = text.strip_prefix("1 ").unwrap_or(&text);
        assert_eq!(word, self.heard.to_string(), "{}", self.path);
        self.heard += 1;
    }
}

/// What stands in the configuration at each reload: the sockets of a program whose section has
/// changed are passed to its next process, in both orders.
fn configuration(reload: usize) -> String {
    let section = match reload % 100 {
        25..50 => "[service /tells]\nreplace-when: after-exit\n",
        60 => "[service /tells]\nmax-massage: 2k\n",
        _ => "",
    };
    let server = "[server]\ndumpable: yes\nhealth-path: /health\non-death: keep\n\
                  stop-timeout: 3600s\n[service /cat]\nmode: per-socket\non-death: close\n";
    patience(&[]) + server + section
}

#[test]
fn four_hundred_reloads_lose_nothing() {
    let cat = "#!/bin/sh\nexec cat\n";
    let folder = programs("reloads", &[("tells.py", TELLS), ("cat", cat)]);
    let conf = folder.join("_conf");
    fs::write(&conf, configuration(0)).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("-v").arg("--config").arg(&conf).arg("--document-root").arg(&folder);
    let (mut server, log) = Binary::run_logged(&mut command);
    let mut talkers = PATHS.map(|path| Talker::new(&server, path));
    talkers.iter_mut().for_each(|talker| {
        talker.say();
        talker.listen(0);
    });
    let pid = server.pid();
    let has_open = || (descriptors(&pid), threads(&pid));
    wait_for_rest(&pid);
    let (first, mut processes) = (has_open(), BTreeSet::new());
    for reload in 0..RELOADS {
        fs::write(&conf, configuration(reload)).expect("it can be written");
        talkers.iter_mut().for_each(Talker::say);
        server.signal("HUP");
        let told = match reload % 100 {
            60 => "the configuration stays as it is",
            _ => "the configuration was read again",
        };
        while !next(&log).contains(told) {}
        // Some are on their way at each reload, and while a program is replaced.
        talkers.iter_mut().for_each(|talker| talker.listen(ON_THEIR_WAY));
        let mut raw = Raw::connect(server.address());
        raw.send(&get("/health", ""));
        assert_eq!(raw.read_answer().status, 200);
        // The server waits for the end of our half.
        drop(raw);
        if reload % 100 == 99 {
            talkers.iter_mut().for_each(|talker| talker.listen(0));
            until("no descriptor and no thread is left over", || has_open() == first);
            processes.extend(children(&pid));
        }
    }
    println!("{} texts of each socket", talkers[0].said);
    assert_eq!(processes.len(), 1 + RELOADS / 100, "one is replaced, and the other stays");
    server.signal("TERM");
    for Talker { mut raw, path, .. } in talkers {
        let frame = std::iter::repeat_with(|| raw.read_frame()).find(|frame| frame.first == 0x88);
        let code = frame.map(|frame| frame.payload[..2].to_vec());
        assert_eq!(code, Some(1001_u16.to_be_bytes().to_vec()), "{path}");
        raw.send(&close(1001, ""));
        raw.expect_end();
    }
    assert_eq!(server.exit_code(), Some(0));
}

const RELOADS: usize = 400;
const PATHS: [&str; 4] = ["/tells", "/tells", "/echo", "/cat"];
/// What each socket says before each reload.
const WORDS: usize = 4;
const ON_THEIR_WAY: usize = 40;
