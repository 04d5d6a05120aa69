//! How many rooms there are, which ones make place for new ones, and how many a client makes.

use std::fmt::Write;

use serde_json::json;
use switchboard::Limits;

use crate::client::{
    NEW_ROOMS_MAX, create, join, joined, listing, new_room, notice, query, update,
};
use crate::script::play;
use crate::server::Chat;

#[test]
fn there_are_1024_rooms_and_their_listing_fits() {
    let chat = Chat::start();
    // Their characters are those that JSON makes longest.
    let digit = |number: u32| char::from_u32(0x10 + number % 16).expect("a control character");
    let room_name = |number: u32| {
        let last = [digit(number >> 8), digit(number >> 4), digit(number)];
        "\u{1}".repeat(61) + &last.iter().collect::<String>()
    };
    let rooms: Vec<_> = (0..1_024).map(room_name).collect();
    chat.make_rooms(&rooms);
    let mut client = chat.named("Ida");
    client.send(create(&rooms[7]));
    client.expect_silence();
    client.send(join(&rooms[1_023]));
    client.expect(&[update(&rooms[1_023], 1), joined(&rooms[1_023])]);

    let mut late = chat.connect();
    let listed = rooms.iter().enumerate().map(|(number, room)| json!([room, number / 1_023]));
    let list = listing(listed.collect());
    assert!(list.to_string().len() < Limits::SERVER.outbox_bytes_max / 4);
    late.expect(&[query(), list]);
}

#[test]
fn the_room_that_has_been_empty_longest_makes_place() {
    let chat = Chat::start();
    let rooms: Vec<_> = (0..1_024).map(|room| room.to_string()).collect();
    chat.make_rooms(&rooms);
    let mut ida = chat.named("Ida");
    let mut olaf = chat.named("Olaf");
    // Room 0 has a member, and 1 has been left after all others were made.
    ida.send(join("0"));
    ida.expect(&[update("0", 1), joined("0")]);
    for room in ["1", "2"] {
        olaf.send(join(room));
        while olaf.receive() != joined(room) {}
    }
    ida.expect(&[update("1", 1), update("1", 0), update("2", 1)]);
    for (new, gone) in [("a", "3"), ("b", "4"), ("c", "5")] {
        olaf.send(create(new));
        for client in [&mut ida, &mut olaf] {
            client.expect(&[new_room(new)]);
        }
        olaf.send(join(gone));
        olaf.expect(&[notice(&format!("Chatroom {gone} not found."))]);
    }
    // One that has gone is made again like any other.
    olaf.send(create("3"));
    for client in [&mut ida, &mut olaf] {
        client.expect(&[new_room("3")]);
    }
    olaf.send(join("3"));
    olaf.expect(&[update("2", 0), update("3", 1), joined("3")]);
    let mut late = chat.connect();
    late.expect(&[query()]);
    let first = late.receive();
    let listed = first["event"]["chatrooms"].as_array().expect("a listing");
    assert_eq!(listed.len(), 1_024);
    for room in [json!(["0", 1]), json!(["1", 0]), json!(["a", 0]), json!(["3", 1])] {
        assert!(listed.contains(&room), "{room} is listed");
    }
    for gone in [json!(["4", 0]), json!(["5", 0]), json!(["6", 0])] {
        assert!(!listed.contains(&gone), "{gone} has made place");
    }
}

#[test]
fn rooms_with_members_make_no_place() {
    let chat = Chat::start();
    let rooms: Vec<_> = (0..1_024).map(|room| room.to_string()).collect();
    chat.make_rooms(&rooms);
    let enter = |room: &String| {
        let mut member = chat.named("Ida");
        member.send(join(room));
        while member.receive() != joined(room) {}
        member
    };
    let mut members: Vec<_> = rooms.iter().map(enter).collect();
    let mut other = chat.named("Olaf");
    let full = [notice("No more than 1024 chatrooms."), notice("Chatroom one more not found.")];
    other.send(create("one more"));
    other.send(join("one more"));
    while other.receive() != full[0] {}
    while other.receive() != full[1] {}
    members.remove(700).leave("closes");
    while other.receive() != update("700", 0) {}
    other.send(create("one more"));
    other.send(join("one more"));
    while other.receive() != joined("one more") {}
}

#[test]
fn a_client_makes_16_rooms_in_a_minute() {
    let mut script = String::from(
        r#"
        (A connects)
        A< {"type":"query","query":"name"}
        A< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        A> {"type":"name","name":"Ida"}
        (B connects)
        B< {"type":"query","query":"name"}
        B< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        B> {"type":"name","name":"Olaf"}
        "#,
    );
    for room in 0..NEW_ROOMS_MAX {
        // The second time, it is there.
        for line in [
            r#"A> {"type":"create","chatroom":"R"}"#,
            r#"A> {"type":"create","chatroom":"R"}"#,
            r#"A< {"type":"event","event":{"type":"newchatroom","name":"R"}}"#,
            r#"B< {"type":"event","event":{"type":"newchatroom","name":"R"}}"#,
        ] {
            writeln!(script, "{}", line.replace('R', &room.to_string())).expect("it is a text");
        }
    }
    script += r#"
        A> {"type":"create","chatroom":"more"}
        A< {"type":"notice","notice":"No more than 16 new chatrooms in a minute."}
        A> {"type":"create","chatroom":"15"}
        A> {"type":"join","chatroom":"more"}
        A< {"type":"notice","notice":"Chatroom more not found."}
        A> {"type":"join","chatroom":"15"}
        A< {"type":"event","event":{"type":"update","data":["15",1]}}
        A< {"type":"join","chatroom":"15"}
        B< {"type":"event","event":{"type":"update","data":["15",1]}}
        B> {"type":"create","chatroom":"more"}
        A< {"type":"event","event":{"type":"newchatroom","name":"more"}}
        B< {"type":"event","event":{"type":"newchatroom","name":"more"}}
        "#;
    play(&script);
}
