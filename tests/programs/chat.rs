//! A chat of a hundred clients whose program is replaced and killed while they talk: no client is
//! disconnected, no message comes twice, and only messages that a killed program was handling are
//! lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use switchboard::programs::{ProgramOptions, ReplaceWhen};

use crate::bench::serve;
use crate::keep::{keep, kill, put};
use crate::support::{Raw, Running, SOON};

/// Everybody's words, as each of them has heard them: who, which, and from which version.
struct Chat {
    server: Running,
    talkers: Vec<Raw>,
    said: usize,
    /// Of each, what it has heard of each.
    heard: Vec<Vec<Vec<usize>>>,
    versions: BTreeSet<String>,
}

impl Chat {
    fn new(server: Running) -> Self {
        let talkers: Vec<_> = (0..TALKERS).map(|_| server.open("/chat")).collect();
        let heard = vec![vec![Vec::new(); TALKERS]; TALKERS];
        Self { server, talkers, said: 0, heard, versions: BTreeSet::new() }
    }

    /// All clients send so much, in turns; in the middle of it, something else happens.
    fn say(&mut self, words: usize, meanwhile: impl FnOnce(&Running)) {
        let mut meanwhile = Some(meanwhile);
        for word in self.said..self.said + words {
            for (talker, raw) in self.talkers.iter_mut().enumerate() {
                raw.send_text(&format!("{talker} {word}"));
                if (word, talker) == (self.said + words / 2, TALKERS / 2) {
                    let meanwhile = meanwhile.take().expect("it is the middle once");
                    meanwhile(&self.server);
                }
            }
        }
        self.said += words;
    }

    /// Hears all up to the last word of each, in its order.
    fn listen(&mut self) {
        for (raw, heard) in self.talkers.iter_mut().zip(&mut self.heard) {
            let is_last = |heard: &Vec<usize>| heard.last() == Some(&(self.said - 1));
            while !heard.iter().all(is_last) {
                let text = raw.read_text();
                let mut parts = text.split(' ');
                let mut part = || parts.next().expect("there are three");
                self.versions.insert(part().to_owned());
                let number = |part: &str| part.parse::<usize>().expect("it is a number");
                let (talker, word) = (number(part()), number(part()));
                let of_talker = &mut heard[talker];
                let is_next = of_talker.last().is_none_or(|&last| last < word);
                assert!(is_next, "{talker} {word} comes twice, or late: {of_talker:?}");
                of_talker.push(word);
            }
        }
    }

    /// How many messages no client has got; a message that one has got, all have got.
    fn lost(&self) -> usize {
        assert!(self.heard.iter().all(|heard| *heard == self.heard[0]), "all hear the same");
        let heard: usize = self.heard[0].iter().map(Vec::len).sum();
        self.said * TALKERS - heard
    }
}

fn chat(version: usize) -> String {
    CHAT.replace("VERSION", &format!("v{version}"))
}

fn replace(folder: &Path, version: usize, server: &Running) {
    put(folder, "chat.py", &chat(version));
    server.reloader().reload();
}

#[test]
fn a_chat_whose_program_is_replaced_loses_nothing() {
    for when in [ReplaceWhen::AfterReady, ReplaceWhen::AfterExit] {
        is_replaced(when);
    }
}

fn is_replaced(when: ReplaceWhen) {
    let options = ProgramOptions { replace_when: when, ..keep() };
    let (server, folder) = serve("replaced", &[("chat.py", &chat(0))], options, SOON);
    let (mut chat, start) = (Chat::new(server), Instant::now());
    // The first version may be slow to start, and would be replaced before it has spoken.
    chat.say(1, |_| {});
    chat.listen();
    for version in 1..=REPLACEMENTS {
        chat.say(4, |server| replace(&folder, version, server));
        chat.listen();
        assert_eq!(chat.lost(), 0, "version {version}");
        // Whatever was on its way, by now the new one has had the word.
        while !chat.versions.contains(&format!("v{version}")) {
            chat.say(1, |_| {});
            chat.listen();
        }
    }
    assert_eq!((chat.lost(), chat.versions.len()), (0, REPLACEMENTS + 1));
    println!(
        "{} words to {TALKERS} over {REPLACEMENTS} replacements {when:?}: none lost, {:?}",
        chat.said * TALKERS,
        start.elapsed()
    );
    chat.server.stop();
}

#[test]
fn a_chat_whose_program_is_killed_loses_what_it_had_in_hand() {
    let (server, _) = serve("killed", &[("chat.py", &CHAT.replace("VERSION", ""))], keep(), SOON);
    let (mut chat, start) = (Chat::new(server), Instant::now());
    chat.say(1, |_| {});
    chat.listen();
    for killed in 1..=KILLS {
        let process = chat.versions.last().expect("it has spoken").parse().expect("a number");
        chat.say(4, |_| kill(process));
        // The last word may have been the one in hand; this one is for its successor.
        chat.versions.clear();
        chat.say(1, |_| {});
        while !chat.versions.iter().any(|version| *version != process.to_string()) {
            chat.say(1, |_| {});
            chat.listen();
        }
        chat.versions.remove(&process.to_string());
        assert!(chat.lost() <= killed, "{} lost by {killed} deaths", chat.lost());
    }
    println!(
        "{} words to {TALKERS} over {KILLS} kills: {} lost, {:?}",
        chat.said * TALKERS,
        chat.lost(),
        start.elapsed()
    );
    chat.server.stop();
}

const TALKERS: usize = 100;
const REPLACEMENTS: usize = 4;
const KILLS: usize = 2;

/// Tells everybody what anybody says, and who tells it. It reads byte by byte, so that it has one
/// word in hand at most.
const CHAT: &str = r#"#!/usr/bin/env python3
import os, sys
me = "VERSION" or str(os.getpid())
receive = open(0, "rb", buffering=0)
os.write(1, b"READY 1\n")
while line := receive.readline():
    words, body = line.split(), b""
    if words[-1].startswith(b"+"):
        length = int(words.pop())
        while len(body) <= length:
            body += receive.read(length + 1 - len(body))
    if words[0] == b"TEXT":
        body = me.encode() + b" " + body[:-1]
        os.write(1, b"TEXT * +%d\n%s\n" % (len(body), body))
"#;
