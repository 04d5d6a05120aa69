//! Who is in a room: what a member that asks gets, that others get nothing, and the bounds of it.

use std::iter;
use std::thread;

use serde_json::Value;
use switchboard::Limits;

use crate::Scene;
use crate::client::{join, joined, logoff, members, new_user, said, say, update, who};
use crate::script::play;
use crate::server::Chat;

#[test]
fn a_member_that_asks_gets_the_names_in_the_order_of_entering() {
    play(
        r#"
        (A connects)
        A< {"type":"query","query":"name"}
        A< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        A> {"type":"who"}
        A< {"type":"query","query":"name"}
        A> {"type":"name","name":"Ida"}
        A> {"type":"who"}
        A> {"type":"create","chatroom":"garden"}
        A< {"type":"event","event":{"type":"newchatroom","name":"garden"}}
        A> {"type":"who"}
        A> {"type":"who","chatroom":"garden"}
        A> {"type":"join","chatroom":"garden"}
        A< {"type":"event","event":{"type":"update","data":["garden",1]}}
        A< {"type":"join","chatroom":"garden"}
        A> {"type":"who"}
        A< {"type":"who","chatroom":"garden","names":["Ida"]}
        (B connects)
        B< {"type":"query","query":"name"}
        B< {"type":"event","event":{"type":"listing","chatrooms":[["garden",1]]}}
        B> {"type":"name","name":"Aron"}
        B> {"type":"join","chatroom":"garden"}
        A< {"type":"event","event":{"type":"newuser","name":"Aron"}}
        A< {"type":"event","event":{"type":"update","data":["garden",2]}}
        B< {"type":"event","event":{"type":"update","data":["garden",2]}}
        B< {"type":"join","chatroom":"garden"}
        A> {"type":"who"}
        A< {"type":"who","chatroom":"garden","names":["Ida","Aron"]}
        B> { "more" : [{"type":"who"}], "chatroom" : 5, "\u0074ype" : "who" }
        B< {"type":"who","chatroom":"garden","names":["Ida","Aron"]}
        A> {"type":"join","chatroom":"garden"}
        A< {"type":"event","event":{"type":"update","data":["garden",1]}}
        A< {"type":"event","event":{"type":"update","data":["garden",2]}}
        A< {"type":"join","chatroom":"garden"}
        B< {"type":"event","event":{"type":"logoff","name":"Ida"}}
        B< {"type":"event","event":{"type":"update","data":["garden",1]}}
        B< {"type":"event","event":{"type":"newuser","name":"Ida"}}
        B< {"type":"event","event":{"type":"update","data":["garden",2]}}
        B> {"type":"who"}
        B< {"type":"who","chatroom":"garden","names":["Aron","Ida"]}
        (A drops)
        B< {"type":"event","event":{"type":"logoff","name":"Ida"}}
        B< {"type":"event","event":{"type":"update","data":["garden",1]}}
        B> {"type":"who"}
        B< {"type":"who","chatroom":"garden","names":["Aron"]}
        "#,
    );
}

#[test]
fn names_are_listed_as_they_were_given_and_as_often() {
    let names = ["Ida", "Ida", "", "<b>Ida</b>", "\u{202e}adI\u{200b}", "I\u{0}d\"a\\", "𝄞\u{301}"];
    let chat = Chat::start();
    let mut clients: Vec<_> = names.iter().map(|name| chat.in_room(name, "a \"room\"")).collect();
    for client in &mut clients {
        client.send(who());
        assert_eq!(client.receive_list(), members("a \"room\"", &names));
    }
}

#[test]
fn an_old_client_sees_no_new_word() {
    let mut scene = Scene::set();
    for _ in 0..3 {
        scene.mia.send(who());
        scene.mia.expect(&[members("old", &["Mia", "Ole"])]);
        scene.expect_silence();
    }
    scene.nia.send(who());
    scene.nia.expect(&[members("new", &["Nia"])]);
    scene.mia.send(join("new"));
    scene.mia.send(who());
    let seen = [update("old", 1), update("new", 2), joined("new")];
    scene.mia.expect(&seen);
    scene.mia.expect(&[members("new", &["Nia", "Mia"])]);
    // A client that has asked before gets no list that it has not asked for.
    scene.nia.expect(&[update("old", 1), new_user("Mia"), update("new", 2)]);
    scene.ole.expect(&[logoff("Mia"), update("old", 1), update("new", 2)]);
    for client in [&mut scene.hal, &mut scene.una] {
        client.expect(&[update("old", 1), update("new", 2)]);
    }
    scene.expect_silence();
}

#[test]
fn a_list_has_256_names_at_most_and_fits_an_outbox() {
    let chat = Chat::start();
    // Their characters are those that JSON makes longest, or that UTF-8 does.
    let name_of = |number: usize| match number % 2 {
        0 => "\u{1}".repeat(60) + &format!("{number:04}"),
        _ => "𝄞".repeat(64),
    };
    let names: Vec<_> = (0..300).map(name_of).collect();
    let room = "\u{1}".repeat(64);
    let mut clients: Vec<_> = names.iter().map(|name| chat.in_room(name, &room)).collect();
    let first: Vec<_> = names.iter().map(String::as_str).take(256).collect();
    let list = members(&room, &first);
    assert!(list.to_string().len() < Limits::SERVER.outbox_bytes_max / 16);
    // One that is in the list, and one that came too late for it.
    for client in [3, 299] {
        clients[client].send(who());
        assert_eq!(clients[client].receive_list(), list);
    }
    // When a place is free, the next one in the order of entering has it.
    clients.remove(0).leave("closes");
    let last = clients.last_mut().expect("many are left");
    while last.receive() != update(&room, 299) {}
    last.send(who());
    let next: Vec<_> = names[1..257].iter().map(String::as_str).collect();
    last.expect(&[members(&room, &next)]);
}

#[test]
fn a_flood_of_questions_hinders_nobody_else() {
    let chat = Chat::start();
    let wide = "𝄞".repeat(64);
    let mut crowd: Vec<_> = (0..50).map(|_| chat.in_room(&wide, "garden")).collect();
    let mut flooder = chat.in_room("Flood", "garden");
    let mut other = chat.in_room("Ida", "garden");
    let flood = thread::spawn(move || {
        // It reads no answer, and they are longer by far than an outbox and the system's buffers.
        for _ in 0..20_000 {
            flooder.send(who());
        }
        flooder.leave("drops");
    });
    for number in 0..100 {
        let number = number.to_string();
        other.send(say(&number));
        while other.receive() != said("Ida", &number) {}
    }
    flood.join().expect("the flooder can send all of it");
    let member = &mut crowd[0];
    while member.receive() != logoff("Flood") {}
    member.send(who());
    let names: Vec<_> = iter::repeat_n(&*wide, 50).chain(["Ida"]).collect();
    assert_eq!(member.receive_list(), members("garden", &names));
}

/// So a client that has asked once need not ask again: the events keep its list right, up to which
/// one of those who share a name has left.
#[test]
fn an_answer_is_the_one_before_and_the_events_since() {
    let chat = Chat::start();
    let mut observer = chat.in_room("Ida", "garden");
    let movers: Vec<_> = ["Ida", "Ida", "Olaf", "Olaf", "Mia"]
        .map(|user| chat.in_room(user, "attic"))
        .into_iter()
        .map(|mut mover| {
            thread::spawn(move || {
                for room in ["garden", "attic"].into_iter().cycle().take(200) {
                    mover.send(join(room));
                    while mover.receive() != joined(room) {}
                }
            })
        })
        .collect();
    observer.send(who());
    let mut names = names_of(&observer.receive_list());
    for _ in 0..200 {
        observer.send(who());
        loop {
            let told = observer.receive();
            if told["type"] == "who" {
                names.sort();
                assert_eq!(names, names_of(&told));
                break;
            }
            let name = told["event"]["name"].as_str().unwrap_or_default();
            match told["event"]["type"].as_str() {
                Some("newuser") => names.push(name.to_owned()),
                Some("logoff") => {
                    let place = names.iter().position(|other| other == name);
                    names.remove(place.expect("who leaves was there"));
                }
                _ => {}
            }
        }
    }
    for mover in movers {
        mover.join().expect("each mover gets where it wants to be");
    }
}

/// Those in an answer, sorted.
fn names_of(answer: &Value) -> Vec<String> {
    let names = answer["names"].as_array().expect("an answer has names");
    let mut names: Vec<_> =
        names.iter().map(|name| name.as_str().expect("a name is a text").to_owned()).collect();
    names.sort();
    names
}
