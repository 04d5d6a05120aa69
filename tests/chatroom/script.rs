//! Talks in the notation of the protocol's examples: `A> TEXT` is from client A to the server,
//! `A< JSON` is the next thing that A gets.

use std::collections::BTreeMap;

use tungstenite::Message;

use crate::client::Client;
use crate::server::Chat;

#[test]
fn example_of_the_protocol() {
    play(
        r#"
        (A connects)
        A< {"type":"query","query":"name"}
        A< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        A> {"type":"join","chatroom":"garden"}
        A< {"type":"query","query":"name"}
        A> {"type":"name","name":"Ida"}
        A> {"type":"create","chatroom":"garden"}
        A< {"type":"event","event":{"type":"newchatroom","name":"garden"}}
        (B connects)
        B< {"type":"query","query":"name"}
        B< {"type":"event","event":{"type":"listing","chatrooms":[["garden",0]]}}
        A> {"type":"join","chatroom":"garden"}
        A< {"type":"event","event":{"type":"update","data":["garden",1]}}
        A< {"type":"join","chatroom":"garden"}
        B< {"type":"event","event":{"type":"update","data":["garden",1]}}
        B> {"type":"name","name":"Olaf"}
        B> {"type":"join","chatroom":"garden"}
        A< {"type":"event","event":{"type":"newuser","name":"Olaf"}}
        A< {"type":"event","event":{"type":"update","data":["garden",2]}}
        B< {"type":"event","event":{"type":"update","data":["garden",2]}}
        B< {"type":"join","chatroom":"garden"}
        B> {"type":"message","message":"good morning"}
        A< {"type":"event","event":{"type":"message","name":"Olaf","message":"good morning"}}
        B< {"type":"event","event":{"type":"message","name":"Olaf","message":"good morning"}}
        B> {"type":"create","chatroom":"attic"}
        A< {"type":"event","event":{"type":"newchatroom","name":"attic"}}
        B< {"type":"event","event":{"type":"newchatroom","name":"attic"}}
        B> {"type":"join","chatroom":"cellar"}
        B< {"type":"notice","notice":"Chatroom cellar not found."}
        B> {"type":"join","chatroom":"attic"}
        A< {"type":"event","event":{"type":"logoff","name":"Olaf"}}
        A< {"type":"event","event":{"type":"update","data":["garden",1]}}
        A< {"type":"event","event":{"type":"update","data":["attic",1]}}
        B< {"type":"event","event":{"type":"update","data":["garden",1]}}
        B< {"type":"event","event":{"type":"update","data":["attic",1]}}
        B< {"type":"join","chatroom":"attic"}
        (B closes)
        A< {"type":"event","event":{"type":"update","data":["attic",0]}}
        "#,
    );
}

#[test]
fn empty_texts_shared_names_and_more_fields_are_accepted() {
    play(
        r#"
        (A connects)
        A< {"type":"query","query":"name"}
        A< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        (B connects)
        B< {"type":"query","query":"name"}
        B< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        A> {"chatroom":7,"more":[{"type":"name"},null,1.5e3],"name":"","type":"name"}
        B> { "name" : "", "type" : "\u006eame" }
        A> {"type":"create","chatroom":""}
        A< {"type":"event","event":{"type":"newchatroom","name":""}}
        B< {"type":"event","event":{"type":"newchatroom","name":""}}
        A> {"type":"join","chatroom":"","message":[]}
        A< {"type":"event","event":{"type":"update","data":["",1]}}
        A< {"type":"join","chatroom":""}
        B< {"type":"event","event":{"type":"update","data":["",1]}}
        B> {"type":"join","chatroom":""}
        A< {"type":"event","event":{"type":"newuser","name":""}}
        A< {"type":"event","event":{"type":"update","data":["",2]}}
        B< {"type":"event","event":{"type":"update","data":["",2]}}
        B< {"type":"join","chatroom":""}
        B> {"type":"message","message":""}
        A< {"type":"event","event":{"type":"message","name":"","message":""}}
        B< {"type":"event","event":{"type":"message","name":"","message":""}}
        "#,
    );
}

#[test]
fn all_of_unicode_comes_through() {
    play(
        r#"
        (A connects)
        A< {"type":"query","query":"name"}
        A< {"type":"event","event":{"type":"listing","chatrooms":[]}}
        A> {"type":"name","name":"Zoë"}
        A> {"type":"join","chatroom":"木のいえ"}
        A< {"type":"notice","notice":"Chatroom 木のいえ not found."}
        A> {"type":"create","chatroom":"\u6728\u306e\u3044\u3048"}
        A< {"type":"event","event":{"type":"newchatroom","name":"木のいえ"}}
        (B connects)
        B< {"type":"query","query":"name"}
        B< {"type":"event","event":{"type":"listing","chatrooms":[["木のいえ",0]]}}
        A> {"type":"join","chatroom":"木のいえ"}
        A< {"type":"event","event":{"type":"update","data":["木のいえ",1]}}
        A< {"type":"join","chatroom":"木のいえ"}
        B< {"type":"event","event":{"type":"update","data":["木のいえ",1]}}
        A> {"type":"message","message":"\ud83c\udfe1\u0000\"\\\n\u2028﷽"}
        A< {"type":"event","event":{"type":"message","name":"Zoë","message":"🏡\u0000\"\\\n\u2028﷽"}}
        B> {"type":"name","name":"שרה"}
        B> {"type":"join","chatroom":"木のいえ"}
        A< {"type":"event","event":{"type":"newuser","name":"שרה"}}
        A< {"type":"event","event":{"type":"update","data":["木のいえ",2]}}
        B< {"type":"event","event":{"type":"update","data":["木のいえ",2]}}
        B< {"type":"join","chatroom":"木のいえ"}
        (A drops)
        B< {"type":"event","event":{"type":"logoff","name":"Zoë"}}
        B< {"type":"event","event":{"type":"update","data":["木のいえ",1]}}
        "#,
    );
}

/// Plays a script with a chat of its own. In the end, no client has got more than it says.
pub(crate) fn play(script: &str) {
    let chat = Chat::start();
    let mut clients = BTreeMap::new();
    for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
        // Shown if the test fails.
        println!("{step}");
        take(step, &chat, &mut clients);
    }
    for (who, client) in &mut clients {
        println!("{who} gets nothing more");
        client.expect_silence();
    }
}

fn take<'a>(step: &'a str, chat: &Chat, clients: &mut BTreeMap<&'a str, Client>) {
    if let Some(step) = step.strip_prefix('(').and_then(|step| step.strip_suffix(')')) {
        let (who, what) = step.split_once(' ').expect("who does what");
        let client = clients.remove(who);
        match (client, what) {
            (None, "connects") => drop(clients.insert(who, chat.connect())),
            (Some(client), _) => client.leave(what),
            (None, _) => panic!("{who} is not there"),
        }
        return;
    }
    let (who, rest) = step.split_at(1);
    let client = clients.get_mut(who).expect("who sends or gets is there");
    match rest.split_at(2) {
        ("> ", sent) => client.send(Message::text(sent)),
        ("< ", got) => client.expect(&[serde_json::from_str(got).expect("the script has JSON")]),
        _ => panic!("no step: {step}"),
    }
}
