//! The binary with a database for its chat: a stop, a kill, and others that lock the file.

#![cfg(feature = "sqlite")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::thread;

use rusqlite::Connection;
use serde_json::json;

use crate::client::{Client, listing, query, said, say};
use crate::stored::{all_of, hear};
use crate::support::binary::{Binary, patience};
use crate::support::folder::folder;
use crate::support::{DEADLINE, next};

/// The binary with a chat whose database is in this folder, and its log.
fn start(folder: &Path, keys: &str) -> (Binary, Receiver<String>) {
    let text = format!(
        "[database chat]\nurl: sqlite:{}/chat.db\n{keys}\n{}",
        folder.display(),
        patience(&[])
    );
    fs::write(folder.join("conf"), text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    Binary::run_logged(command.arg("-c").arg(folder.join("conf")))
}

#[test]
fn the_binary_remembers_over_a_stop() {
    let folder = folder("stop");
    let (mut binary, _log) = start(&folder, "");
    let mut ida = Client::in_room(binary.address(), "Ida", "garden");
    ida.send(say("one"));
    ida.expect(&[said("Ida", "one")]);
    ida.leave("closes");
    binary.signal("TERM");
    assert_eq!(binary.exit_code(), Some(0));
    let (binary, _log) = start(&folder, "");
    let mut olaf = Client::connect(binary.address());
    olaf.expect(&[query(), listing(json!([["garden", 0]]))]);
    let mut olaf = Client::in_room(binary.address(), "Olaf", "garden");
    let (texts, first) = all_of(&mut olaf, "garden");
    assert_eq!(texts, ["one"]);
    olaf.send(say("two"));
    olaf.expect(&[said("Olaf", "two")]);
    let (texts, ids) = all_of(&mut olaf, "garden");
    assert_eq!((&*texts, ids[0]), (&["one".to_owned(), "two".to_owned()][..], first[0]));
    assert!(ids[1] > ids[0]);
}

/// What was shown is there, whenever the process ends.
#[test]
fn a_kill_loses_nothing_that_was_shown() {
    let folder = folder("kill");
    let mut shown: Vec<String> = Vec::new();
    for round in 0..3 {
        let (binary, _log) = start(&folder, "");
        let address = binary.address();
        let mut mute = Client::in_room(address, "Mute", "garden");
        let (found, ids) = all_of(&mut mute, "garden");
        // What was stored and not shown may be between the rounds.
        let mut rest = found.iter();
        assert!(shown.iter().all(|text| rest.any(|found| found == text)), "{shown:?} of {found:?}");
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let senders: Vec<_> = (0..4)
            .map(|number| {
                let mut sender = Client::in_room(address, "Ida", "garden");
                thread::spawn(move || {
                    (0..).find(|turn| !sender.try_send(say(&format!("{round} {number} {turn}"))));
                })
            })
            .collect();
        shown.extend(hear(&mut mute, 300));
        binary.signal("KILL");
        // What it has sent until then was shown as well.
        shown.extend(
            mute.rest()
                .iter()
                .filter_map(|event| event["event"]["message"].as_str().map(str::to_owned)),
        );
        for sender in senders {
            sender.join().expect("it ends with the connection");
        }
    }
    let (binary, _log) = start(&folder, "");
    let mut mute = Client::in_room(binary.address(), "Mute", "garden");
    let (found, _) = all_of(&mut mute, "garden");
    let mut rest = found.iter();
    assert!(shown.iter().all(|text| rest.any(|found| found == text)), "all are there, in order");
    drop(binary);
    let file = Connection::open(folder.join("chat.db")).expect("it is there");
    let check: String =
        file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked");
    assert_eq!(check, "ok");
}

#[test]
fn a_lock_that_stays_is_in_the_log() {
    let folder = folder("lock");
    let (binary, log) = start(&folder, "query-timeout: 100ms");
    let mut ida = Client::in_room(binary.address(), "Ida", "garden");
    let other = Connection::open(folder.join("chat.db")).expect("it is there");
    other.busy_timeout(DEADLINE).expect("it is set");
    other.execute_batch("BEGIN IMMEDIATE").expect("it is free");
    ida.send(say("lost"));
    assert_eq!(ida.receive()["type"], "notice");
    while !next(&log).contains("the chat: a message was not stored, and nobody got it") {}
    drop(other);
    crate::support::until("it is stored", || {
        ida.send(say("one"));
        ida.receive() == said("Ida", "one")
    });
    assert_eq!(all_of(&mut ida, "garden").0, ["one"]);
}
