//! A chat with a database, in a file of SQLite: what was said outlives the server, nothing is shown
//! that is not stored, and answers have their place among the messages.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::database::sqlite::{Sqlite, SqliteConnection, Synchronous};
use switchboard::{Database, DatabaseOptions, Thread};

use crate::client::{
    Client, Past, ask, create, join, joined, listing, logoff, members, name, new_user, notice,
    query, said, say, update, who,
};
use crate::history::longest_answer;
use crate::server::Chat;
use crate::support::folder::folder;
use crate::support::{DEADLINE, SOON, on_each_thread, server_on, until};

/// Options without a limit of time that a slow machine would miss.
fn patient() -> DatabaseOptions {
    DatabaseOptions { wait: DEADLINE, query_timeout: DEADLINE, ..DatabaseOptions::new() }
}

/// A chat with a database. It is closed at its end.
struct StoredChat {
    chat: Option<Chat>,
    database: Database<SqliteConnection>,
}

impl StoredChat {
    fn start(thread: Thread, file: &Path, options: DatabaseOptions) -> Self {
        let sqlite = Sqlite::new(file).synchronous(Synchronous::Normal);
        let database = Database::open("chat", sqlite, options).expect("there are threads");
        let mut server = server_on(thread, SOON);
        server.database("chat", database.clone());
        Self { chat: Some(Chat::run(server)), database }
    }

    fn chat(&self) -> &Chat {
        self.chat.as_ref().expect("it runs until its end")
    }
}

impl Drop for StoredChat {
    fn drop(&mut self) {
        drop(self.chat.take());
        assert!(self.database.close(DEADLINE) || thread::panicking(), "it ends");
    }
}

/// Another user of the file, with its lock.
fn lock(file: &Path) -> Connection {
    let other = Connection::open(file).expect("it is there");
    other.busy_timeout(DEADLINE).expect("it is set");
    other.execute_batch("BEGIN IMMEDIATE").expect("it is free");
    other
}

fn file(name: &str) -> PathBuf {
    folder(name).join("chat.db")
}

/// All that was said in a room, by pages, with their ids.
pub(crate) fn all_of(client: &mut Client, room: &str) -> (Vec<String>, Vec<u64>) {
    let (mut before, mut found, mut found_ids) = (Value::Null, Vec::new(), Vec::new());
    loop {
        client.send(ask(room, &before, &json!(60)));
        let Past { texts, ids, more } = client.receive_past();
        before = json!(ids.first());
        found.splice(0..0, texts);
        found_ids.splice(0..0, ids);
        if !more {
            return (found, found_ids);
        }
    }
}

/// The texts of the next messages, whatever else comes.
pub(crate) fn hear(client: &mut Client, len: usize) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < len {
        let message = client.receive();
        if message["event"]["type"] == "message" {
            heard.push(message["event"]["message"].as_str().expect("a text").to_owned());
        }
    }
    heard
}

fn not_stored() -> Value {
    notice("Your message was not stored, and nobody got it. Send it again later.")
}

#[test]
fn what_was_said_outlives_the_server() {
    on_each_thread(|thread| {
        let file = file(&format!("{thread:?}"));
        let texts = ["one", "same", "same", "", "\u{0}\u{fdd0}\u{1f3e1}\"\\\n", "last"];
        let before = {
            let stored = StoredChat::start(thread, &file, patient());
            let mut other = stored.chat().in_room("Olaf", "attic");
            other.send(say("first of all"));
            other.expect(&[said("Olaf", "first of all")]);
            let mut ida = stored.chat().in_room("Ida", "garden");
            for text in texts {
                ida.send(say(text));
                ida.expect(&[said("Ida", text)]);
            }
            let (found, ids) = all_of(&mut ida, "garden");
            assert_eq!(found, texts);
            ids
        };
        let stored = StoredChat::start(thread, &file, patient());
        let mut client = stored.chat().connect();
        client.expect(&[query(), listing(json!([["attic", 0], ["garden", 0]]))]);
        client.send(name("Ole"));
        client.send(join("garden"));
        client.expect(&[update("garden", 1), joined("garden")]);
        assert_eq!(
            all_of(&mut client, "garden"),
            (texts.map(str::to_owned).to_vec(), before.clone())
        );
        client.send(say("again"));
        client.expect(&[said("Ole", "again")]);
        client.send(ask("garden", &Value::Null, &json!(2)));
        let Past { texts, ids, more } = client.receive_past();
        assert_eq!((texts, more), (vec!["last".to_owned(), "again".to_owned()], true));
        assert!(ids[1] > ids[0] && before.last() == Some(&ids[0]), "{ids:?} after {before:?}");
    });
}

#[test]
fn more_is_kept_than_without_a_database() {
    let stored = StoredChat::start(Thread::Own, &file("more"), patient());
    let mut client = stored.chat().in_room("Ida", "garden");
    let all: Vec<_> = (0..450).map(|number| number.to_string()).collect();
    all.iter().for_each(|text| client.send(say(text)));
    assert_eq!(hear(&mut client, 450), all);
    assert_eq!(all_of(&mut client, "garden").0, all);
    // A single answer is bounded, however long messages are.
    let answer = longest_answer(&mut client);
    let Past { texts, more, .. } = Past::of(&answer);
    assert_eq!((texts.len(), more), (2, true));
    assert_eq!(all_of(&mut client, "garden").0.len(), 500);
    let longest = "\u{1}".repeat(100_000);
    for text in [&*longest, "behind"] {
        client.send(say(text));
        client.expect(&[said("Ida", text)]);
    }
    client.send(ask("garden", &Value::Null, &json!(200)));
    let Past { texts, ids, more } = client.receive_past();
    assert_eq!((&*texts, more), (&["behind".to_owned()][..], true));
    client.send(ask("garden", &json!(ids[0]), &json!(200)));
    assert_eq!(client.receive_past().texts, [longest]);
}

#[test]
fn what_is_not_stored_is_shown_to_nobody() {
    on_each_thread(|thread| {
        let file = file(&format!("{thread:?}"));
        let options = DatabaseOptions { query_timeout: Duration::from_millis(50), ..patient() };
        let stored = StoredChat::start(thread, &file, options);
        let chat = stored.chat();
        let mut ida = chat.in_room("Ida", "garden");
        let mut olaf = chat.in_room("Olaf", "garden");
        ida.expect(&[new_user("Olaf"), update("garden", 2)]);
        // A machine that is slow may need several attempts.
        let speak = |ida: &mut Client, olaf: &mut Client, text: &str| {
            until("it is stored", || {
                ida.send(say(text));
                let answer = ida.receive();
                assert!([not_stored(), said("Ida", text)].contains(&answer), "{answer}");
                answer != not_stored()
            });
            olaf.expect(&[said("Ida", text)]);
        };
        speak(&mut ida, &mut olaf, "one");
        let other = lock(&file);
        for text in ["lost", "lost, too"] {
            ida.send(say(text));
            ida.expect(&[not_stored()]);
        }
        olaf.expect_silence();
        drop(other);
        speak(&mut ida, &mut olaf, "two");
        assert_eq!(all_of(&mut olaf, "garden").0, ["one", "two"]);
    });
}

#[test]
fn a_lock_of_others_loses_nothing_and_disturbs_nobody() {
    on_each_thread(|thread| {
        let file = file(&format!("{thread:?}"));
        let stored = StoredChat::start(thread, &file, patient());
        let chat = stored.chat();
        let mut mute = chat.in_room("Mute", "garden");
        let mut senders: Vec<_> = (0..10).map(|_| chat.in_room("Ida", "garden")).collect();
        let other = lock(&file);
        for (number, sender) in senders.iter_mut().enumerate() {
            for turn in 0..5 {
                sender.send(say(&format!("{turn} of {number}")));
            }
        }
        // Nobody else waits: neither who is there nor who comes.
        mute.send(who());
        assert_eq!(mute.receive_list()["names"].as_array().map(Vec::len), Some(11));
        let mut guest = chat.named("Guest");
        guest.send(join("garden"));
        while guest.receive() != joined("garden") {}
        guest.send(ask("garden", &Value::Null, &json!(50)));
        assert_eq!(guest.receive_past().texts, [""; 0]);
        // One goes before anything of it is stored.
        senders[0].begin_close();
        drop(other);
        let heard = hear(&mut mute, 50);
        for client in senders[1..].iter_mut().chain([&mut guest]) {
            assert_eq!(hear(client, 50), heard);
        }
        for number in 0..10 {
            let end = format!(" of {number}");
            let own: Vec<_> = heard.iter().filter(|text| text.ends_with(&end)).collect();
            assert_eq!(
                own,
                [0, 1, 2, 3, 4].map(|turn| format!("{turn}{end}")).iter().collect::<Vec<_>>()
            );
        }
        assert_eq!(all_of(&mut guest, "garden").0, heard);
        until("all know who has gone", || {
            mute.send(who());
            mute.receive_list()["names"].as_array().map(Vec::len) == Some(11)
        });
    });
}

/// The end of an answer is what the client has got since it came.
#[test]
fn answers_have_their_place_among_the_messages() {
    on_each_thread(|thread| {
        let stored = StoredChat::start(thread, &file(&format!("{thread:?}")), patient());
        let address = stored.chat().address();
        let mut client = stored.chat().in_room("Ida", "garden");
        let senders = [0, 1, 2, 3].map(|number| {
            thread::spawn(move || {
                let mut sender = Client::in_room(address, "Olaf", "garden");
                for turn in 0..200 {
                    sender.send(say(&format!("{turn} of {number}")));
                }
                while hear(&mut sender, 1) != [format!("199 of {number}")] {}
            })
        });
        let (mut heard, mut answers) = (Vec::new(), 0);
        client.send(ask("garden", &Value::Null, &json!(200)));
        while heard.len() < 800 {
            let message = client.receive();
            if message["event"]["type"] == "message" {
                heard.push(message["event"]["message"].as_str().expect("a text").to_owned());
            } else if message["type"] == "history" {
                let Past { texts, more, .. } = Past::of(&message);
                assert_eq!(texts, heard[heard.len() - texts.len()..]);
                let limit = if answers % 2 == 0 { 200 } else { 7 };
                assert_eq!((texts.len(), more), (heard.len().min(limit), heard.len() > limit));
                answers += 1;
                let limit = if answers % 2 == 0 { 200 } else { 7 };
                client.send(ask("garden", &Value::Null, &json!(limit)));
            }
        }
        for sender in senders {
            sender.join().expect("it hears what it should");
        }
        assert!(answers > 0, "there was an answer between the messages");
    });
}

/// As long as there is no database, the chat goes on without messages.
#[test]
fn a_database_that_comes_later_is_used_then() {
    on_each_thread(|thread| {
        let folder = folder(&format!("{thread:?}"));
        let file = folder.join("later").join("chat.db");
        let options = DatabaseOptions { wait: Duration::from_millis(50), ..patient() };
        let stored = StoredChat::start(thread, &file, options);
        let mut ida = stored.chat().in_room("Ida", "garden");
        ida.send(say("lost"));
        ida.expect(&[not_stored()]);
        ida.send(ask("garden", &Value::Null, &json!(50)));
        ida.expect(&[notice("Earlier messages cannot be read now.")]);
        ida.send(who());
        ida.expect(&[members("garden", &["Ida"])]);
        fs::create_dir(folder.join("later")).expect("it can be made");
        until("it is stored", || {
            ida.send(say("one"));
            ida.receive() == said("Ida", "one")
        });
        let mut olaf = stored.chat().in_room("Olaf", "garden");
        until("it is read", || {
            olaf.send(ask("garden", &Value::Null, &json!(50)));
            let answer = olaf.receive();
            answer["type"] == "history" && Past::of(&answer).texts == ["one"]
        });
        olaf.leave("closes");
        ida.expect(&[new_user("Olaf"), update("garden", 2), logoff("Olaf"), update("garden", 1)]);
        ida.send(create("garden"));
        ida.expect_silence();
    });
}
