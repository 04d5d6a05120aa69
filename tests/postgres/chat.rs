//! The chat of the binary with a server of PostgreSQL: many talk while it restarts.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::client::{Client, Past, ask, listing, query, said, say};
use super::support::binary::{Binary, patience};
use super::support::folder::folder;
use super::support::postgres::{End, Postgres as Server};
use super::support::until;
use super::{Db, close, open, patient};

/// The binary with a chat that has a database of this server.
fn start(server: &Server, name: &str) -> Binary {
    let (folder, url) = (folder(name), server.url());
    let text =
        format!("[database chat]\nurl: {url}\nwait: 1h\nquery-timeout: 1h\n{}", patience(&[]));
    fs::write(folder.join("conf"), text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    Binary::run(command.arg("-c").arg(folder.join("conf")))
}

/// The texts of a room in the table, in the order of their ids.
fn stored(db: &Db, room: &'static str) -> Vec<String> {
    let select = "SELECT text FROM messages WHERE room = $1 ORDER BY id";
    let rows = db.read(move |c| Ok(c.query(select, &[&room])?)).expect("they are read");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn any_text_is_remembered_over_a_restart() {
    let mut server = Server::start();
    let room = "\u{0}gar\u{fdd0}den\u{1f3e1}";
    let texts = ["one", "", "\u{0}", "\u{fdd0}", "\u{fdd0}0\u{fdd0}1\u{0}1", "\"\\\n\u{1f3e1}"];
    let binary = start(&server, "before");
    let mut ida = Client::in_room(binary.address(), "Ida\u{0}", room);
    for text in texts {
        ida.send(say(text));
        ida.expect(&[said("Ida\u{0}", text)]);
    }
    drop(binary);
    server.end(End::Fast);
    server.run();
    let binary = start(&server, "after");
    let mut olaf = Client::connect(binary.address());
    olaf.expect(&[query(), listing(json!([[room, 0]]))]);
    let mut olaf = Client::in_room(binary.address(), "Olaf", room);
    olaf.send(ask(room, &Value::Null, &json!(4)));
    let Past { texts: found, ids, more } = olaf.receive_past();
    assert!(found == texts[2..] && more, "{found:?}");
    olaf.send(ask(room, &json!(ids[0]), &json!(4)));
    let answer = olaf.receive();
    assert_eq!(answer["messages"][0][1], "Ida\u{0}");
    let Past { texts: found, more, .. } = Past::of(&answer);
    assert!(found == texts[..2] && !more, "{found:?}");
}

/// Talks until it is over. Returns what the room got of it, and what was not stored.
fn talk(
    address: SocketAddr,
    name: String,
    room: &'static str,
    counts: &'static (AtomicUsize, AtomicUsize, AtomicBool),
) -> JoinHandle<[Vec<String>; 2]> {
    let mut client = Client::in_room(address, &name, room);
    thread::spawn(move || {
        let (stored, lost, is_over) = counts;
        let mut outcomes = [Vec::new(), Vec::new()];
        for turn in 0.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let text = format!("{turn} of {name}");
            client.send(say(&text));
            let own = said(&name, &text);
            let is_stored = loop {
                let message = client.receive();
                if message == own || message["type"] == "notice" {
                    break message == own;
                }
            };
            if is_stored { stored } else { lost }.fetch_add(1, Ordering::Relaxed);
            outcomes[usize::from(!is_stored)].push(text);
        }
        outcomes
    })
}

/// Hears a room until this is said.
fn hear(address: SocketAddr, room: &'static str, end: &'static str) -> JoinHandle<Vec<String>> {
    let mut mute = Client::in_room(address, "Mute", room);
    thread::spawn(move || {
        let mut heard = Vec::new();
        loop {
            let message = mute.receive();
            match message["event"]["message"].as_str() {
                Some(text) if text == end => return heard,
                Some(text) => heard.push(text.to_owned()),
                None => {}
            }
        }
    })
}

#[test]
fn a_hundred_talk_while_the_server_restarts() {
    static COUNTS: (AtomicUsize, AtomicUsize, AtomicBool) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    const ROOMS: [&str; 4] = ["garden", "attic", "cellar", "porch"];
    let mut server = Server::start();
    let binary = start(&server, "restarts");
    let address = binary.address();
    let mutes = ROOMS.map(|room| hear(address, room, "the end"));
    let clients: Vec<_> = (0..100)
        .map(|number| talk(address, format!("client {number}"), ROOMS[number % 4], &COUNTS))
        .collect();
    let (done, lost, is_over) = &COUNTS;
    let go_on = || {
        let goal = done.load(Ordering::Relaxed) + 300;
        until("more is said", || done.load(Ordering::Relaxed) >= goal);
    };
    for how in [End::Fast, End::Immediate].into_iter().cycle() {
        go_on();
        server.end(how);
        server.run();
        if lost.load(Ordering::Relaxed) > 1 {
            break;
        }
    }
    go_on();
    is_over.store(true, Ordering::Relaxed);
    let outcomes: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().expect("it gets an answer to each"))
        .collect();
    let db = open(&server, patient());
    for (room, mute) in ROOMS.into_iter().zip(mutes) {
        let mut last = Client::in_room(address, "Last", room);
        last.send(say("the end"));
        let heard = mute.join().expect("it hears the end");
        let told = |which: usize| -> BTreeSet<&str> {
            let of_room = outcomes.iter().zip(0..).filter(|(_, at)| ROOMS[at % 4] == room);
            of_room.flat_map(|(outcome, _)| outcome[which].iter().map(String::as_str)).collect()
        };
        let shown: BTreeSet<_> = heard.iter().map(String::as_str).collect();
        assert_eq!(shown.len(), heard.len(), "each was shown once");
        assert_eq!(shown, told(0), "its sender knows of each that was shown");
        assert!(shown.is_disjoint(&told(1)), "nothing is shown that was not stored");
        let mut all = heard.clone();
        all.push("the end".to_owned());
        // What was lost on its way and stored nevertheless is removed soon.
        until("the table has what was shown", || stored(&db, room).len() <= all.len());
        assert_eq!(stored(&db, room), all, "once each, in this order");
    }
    close(&db);
}
