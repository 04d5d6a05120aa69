//! The demo chat over real sockets: what each of its clients gets, and in which order.
//!
//! Nothing here waits for time to pass: that a client gets nothing is shown by what it gets
//! next, for which it asks.

#![cfg(feature = "chatroom")]

use std::thread;

use serde_json::json;
use switchboard::Limits;

use crate::client::{
    Client, NEW_ROOMS_MAX, create, join, joined, listing, logoff, new_room, new_user, notice,
    query, said, say, update, who,
};
use crate::improper::improper;
use crate::server::Chat;

#[path = "../../services/_chat_archive.rs"]
pub mod _chat_archive;
#[path = "../../services/_chat_database.rs"]
pub mod _chat_database;
#[path = "../../services/_chat_history.rs"]
pub mod _chat_history;
#[path = "../../services/_chat_hosts.rs"]
pub mod _chat_hosts;
#[path = "../../services/_chat_jobs.rs"]
pub mod _chat_jobs;
#[path = "../../services/_chat_messages.rs"]
pub mod _chat_messages;
#[path = "../../services/_chat_news.rs"]
pub mod _chat_news;
#[path = "../../services/_chat_others.rs"]
pub mod _chat_others;
#[path = "../../services/_chat_pending.rs"]
pub mod _chat_pending;
#[path = "../../services/_chat_rooms.rs"]
pub mod _chat_rooms;
#[path = "../../services/_chat_shared.rs"]
pub mod _chat_shared;
#[path = "../../services/_chat_shown.rs"]
pub mod _chat_shown;
#[cfg(feature = "sqlite")]
mod archive;
mod client;
mod counts;
#[path = "../../services/demo_chatroom.rs"]
pub mod demo_chatroom;
mod history;
mod improper;
#[cfg(feature = "processes")]
mod others;
#[cfg(feature = "processes")]
mod processes;
#[cfg(feature = "sqlite")]
mod restarts;
mod rooms;
mod script;
mod server;
#[cfg(feature = "sqlite")]
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod who;

#[test]
fn switching_rooms_as_each_side_sees_it() {
    let mut scene = Scene::set();
    scene.mia.send(join("new"));
    scene.mia.expect(&[update("old", 1), update("new", 2), joined("new")]);
    scene.ole.expect(&[logoff("Mia"), update("old", 1), update("new", 2)]);
    scene.nia.expect(&[update("old", 1), new_user("Mia"), update("new", 2)]);
    scene.hal.expect(&[update("old", 1), update("new", 2)]);
    scene.una.expect(&[update("old", 1), update("new", 2)]);
    scene.mia.send(say("here"));
    scene.mia.expect(&[said("Mia", "here")]);
    scene.nia.expect(&[said("Mia", "here")]);
    scene.ole.send(say("alone"));
    scene.ole.expect(&[said("Ole", "alone")]);
    scene.expect_silence();
}

#[test]
fn joining_the_own_room_is_a_switch_to_itself() {
    let mut scene = Scene::set();
    for _ in 0..2 {
        scene.mia.send(join("old"));
        scene.mia.expect(&[update("old", 1), update("old", 2), joined("old")]);
        let seen = [logoff("Mia"), update("old", 1), new_user("Mia"), update("old", 2)];
        scene.ole.expect(&seen);
        for client in [&mut scene.nia, &mut scene.hal, &mut scene.una] {
            client.expect(&[update("old", 1), update("old", 2)]);
        }
    }
    scene.mia.send(say("once"));
    scene.mia.expect(&[said("Mia", "once")]);
    scene.ole.expect(&[said("Mia", "once")]);
    scene.expect_silence();
}

#[test]
fn however_a_member_goes_the_others_are_told_once() {
    for way in ["closes", "drops", "resets", "shuts down"] {
        let mut scene = Scene::set();
        scene.mia.leave(way);
        scene.ole.expect(&[logoff("Mia"), update("old", 1)]);
        for client in [&mut scene.nia, &mut scene.hal, &mut scene.una] {
            client.expect(&[update("old", 1)]);
        }
        // Clients without a room are not announced.
        scene.hal.leave(way);
        scene.una.leave(way);
        scene.nia.leave(way);
        scene.ole.expect(&[update("new", 0)]);
        scene.ole.expect_silence();
        let mut late = scene.chat.connect();
        late.expect(&[query(), listing(json!([["old", 1], ["new", 0]]))]);
    }
}

#[test]
fn what_has_no_effect_is_told_to_nobody() {
    let mut scene = Scene::set();
    // A room that is there already, words outside of all rooms, and rooms that are not there.
    scene.hal.send(create("old"));
    scene.hal.send(say("is anybody here?"));
    scene.hal.send(join("Old"));
    scene.hal.expect(&[notice("Chatroom Old not found.")]);
    scene.mia.send(join(""));
    scene.mia.expect(&[notice("Chatroom  not found.")]);
    // The silence takes a second name to no effect, too.
    scene.expect_silence();
    scene.mia.send(say("still Mia, still in the old room"));
    for client in [&mut scene.mia, &mut scene.ole] {
        client.expect(&[said("Mia", "still Mia, still in the old room")]);
    }
    scene.expect_silence();
}

#[test]
fn improper_messages_before_naming_are_answered_with_the_query() {
    let chat = Chat::start();
    let mut other = chat.named("Ida");
    let mut client = chat.connect();
    client.expect(&[query(), listing(json!([]))]);
    for message in improper() {
        client.send(message);
        client.expect(&[query()]);
    }
    // Proper, but not now.
    for message in [create("attic"), join("attic"), say("hello"), who()] {
        client.send(message);
        client.expect(&[query()]);
    }
    client.expect_silence();
    other.expect_silence();
}

#[test]
fn improper_messages_after_naming_are_ignored() {
    let chat = Chat::start();
    let mut client = chat.named("Ida");
    let mut other = chat.named("Olaf");
    client.send(create("garden"));
    client.expect(&[new_room("garden")]);
    other.expect(&[new_room("garden")]);
    client.send(join("garden"));
    client.expect(&[update("garden", 1), joined("garden")]);
    other.expect(&[update("garden", 1)]);
    for message in improper() {
        client.send(message);
        client.expect_silence();
    }
    client.send(say("well?"));
    client.expect(&[said("Ida", "well?")]);
    client.expect_silence();
    other.expect_silence();
}

#[test]
fn names_have_64_characters_however_wide() {
    let chat = Chat::start();
    let wide = "𝄞".repeat(64);
    let mut client = chat.named(&wide);
    client.send(create(&wide));
    client.send(join(&wide));
    client.send(say("hello"));
    client.expect(&[new_room(&wide), update(&wide, 1), joined(&wide), said(&wide, "hello")]);
}

#[test]
fn messages_of_every_length_come_back_whole() {
    let chat = Chat::start();
    let mut client = chat.in_room("Ida", "garden");
    // Around where the form of a frame's length changes, and the longest.
    let envelope = said("Ida", "").to_string().len();
    let longest = Limits::SERVER.message_bytes_max - r#"{"type":"message","message":""}"#.len();
    let lengths = [125, 126, 127, 65_535, 65_536, 65_537].map(|length| length - envelope);
    for length in lengths.into_iter().chain([longest]) {
        client.send(say(&"x".repeat(length)));
        client.expect(&[said("Ida", &"x".repeat(length))]);
    }
}

#[test]
fn all_members_hear_one_order() {
    let chat = Chat::start();
    let mut ida = chat.in_room("Ida", "garden");
    let mut olaf = chat.in_room("Olaf", "garden");
    ida.expect(&[new_user("Olaf"), update("garden", 2)]);
    let mut mute = chat.in_room("Mute", "garden");
    for member in [&mut ida, &mut olaf] {
        member.expect(&[new_user("Mute"), update("garden", 3)]);
    }
    for number in 0..500 {
        ida.send(say(&number.to_string()));
        olaf.send(say(&number.to_string()));
    }
    let heard: Vec<_> = (0..1_000).map(|_| mute.receive()).collect();
    ida.expect(&heard);
    olaf.expect(&heard);
    for sender in ["Ida", "Olaf"] {
        let own: Vec<_> = heard.iter().filter(|said| said["event"]["name"] == sender).collect();
        assert_eq!(own.len(), 500);
        for (number, event) in own.into_iter().enumerate() {
            assert_eq!(*event, said(sender, &number.to_string()));
        }
    }
}

#[test]
fn who_comes_while_rooms_are_made_learns_of_each_once() {
    let chat = Chat::start();
    let mut makers: Vec<_> =
        (0..500_usize.div_ceil(NEW_ROOMS_MAX)).map(|_| chat.named("Ida")).collect();
    let maker = thread::spawn(move || {
        for room in 0..500 {
            makers[room / NEW_ROOMS_MAX].send(create(&room.to_string()));
            // All makers get each room, and the next one is made after this one.
            for maker in &mut makers {
                maker.expect(&[new_room(&room.to_string())]);
            }
        }
    });
    let mut newcomers: Vec<_> = (0..40).map(|_| chat.connect()).collect();
    maker.join().expect("the maker of rooms gets what it should");
    for newcomer in &mut newcomers {
        newcomer.expect(&[query()]);
        let first = newcomer.receive();
        let listed = first["event"]["chatrooms"].as_array().expect("a listing").len();
        assert_eq!(first, listing((0..listed).map(|room| json!([room.to_string(), 0])).collect()));
        for room in listed..500 {
            newcomer.expect(&[new_room(&room.to_string())]);
        }
        newcomer.expect_silence();
    }
}

/// Mia and Ole are in the room `old`, Nia is in `new`, Hal in none, and Una has no name yet.
struct Scene {
    mia: Client,
    ole: Client,
    nia: Client,
    hal: Client,
    una: Client,
    /// The last field, so that the server stops last.
    chat: Chat,
}

impl Scene {
    fn set() -> Self {
        let chat = Chat::start();
        let mut mia = chat.in_room("Mia", "old");
        let mut ole = chat.in_room("Ole", "old");
        mia.expect(&[new_user("Ole"), update("old", 2)]);
        let nia = chat.in_room("Nia", "new");
        for client in [&mut mia, &mut ole] {
            client.expect(&[new_room("new"), update("new", 1)]);
        }
        let hal = chat.named("Hal");
        let mut una = chat.connect();
        una.expect(&[query(), listing(json!([["old", 2], ["new", 1]]))]);
        Self { mia, ole, nia, hal, una, chat }
    }

    fn expect_silence(&mut self) {
        for client in [&mut self.mia, &mut self.ole, &mut self.nia, &mut self.hal, &mut self.una] {
            client.expect_silence();
        }
    }
}
