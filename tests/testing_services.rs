//! Services that are shipped, and one of the documents, tested in memory as their authors would do
//! it.

#![cfg(all(feature = "testing", feature = "chatroom"))]

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::testing::{TestClient, TestHost};

#[path = "../services/_chat_archive.rs"]
mod _chat_archive;
#[path = "../services/_chat_database.rs"]
mod _chat_database;
#[path = "../services/_chat_history.rs"]
mod _chat_history;
#[path = "../services/_chat_hosts.rs"]
mod _chat_hosts;
#[path = "../services/_chat_jobs.rs"]
mod _chat_jobs;
#[path = "../services/_chat_messages.rs"]
mod _chat_messages;
#[path = "../services/_chat_news.rs"]
mod _chat_news;
#[path = "../services/_chat_others.rs"]
mod _chat_others;
#[path = "../services/_chat_pending.rs"]
mod _chat_pending;
#[path = "../services/_chat_rooms.rs"]
mod _chat_rooms;
#[path = "../services/_chat_shared.rs"]
mod _chat_shared;
#[path = "../services/_chat_shown.rs"]
mod _chat_shown;
#[path = "../services/clock.rs"]
mod clock;
#[path = "../services/demo_chatroom.rs"]
pub mod demo_chatroom;

/// The service of `docs/first-steps.md`, which `docs/testing.md` tests.
mod presence {
    use switchboard::{
        Audience, Close, Context, Handler, Peer, Request, Service, SocketId, handler,
    };

    pub fn service() -> impl Service {
        handler(Presence::default())
    }

    #[derive(Default)]
    struct Presence {
        here: usize,
    }

    impl Handler for Presence {
        fn open(&mut self, peer: &mut Peer, _request: &Request) {
            self.here += 1;
            peer.send_to(Audience::all(), format!("{} here", self.here));
        }

        fn close(&mut self, context: &mut Context, _id: SocketId, _close: &Close) {
            self.here -= 1;
            context.send(Audience::all(), format!("{} here", self.here));
        }
    }
}

#[test]
fn all_hear_who_is_here() {
    let host = TestHost::of("/presence", presence::service);
    let ada = host.open("/presence");
    ada.expect("1 here");
    let bob = host.open("/presence");
    ada.expect("2 here");
    bob.expect("2 here");
    bob.lose();
    ada.expect("1 here");
    ada.expect_nothing();
}

#[test]
fn the_clock_ticks_each_second() {
    let host = TestHost::of("/clock", clock::service);
    let ada = host.open("/clock");
    let told = ada.message();
    assert!(told.as_text().is_some_and(|text| text.ends_with('Z')), "{told:?}");
    ada.expect_nothing();
    host.advance(Duration::from_secs(3_600));
    for _ in 0..3_600 {
        let _ = ada.message();
    }
    ada.expect_nothing();
}

/// A client of the chat that has a name, before which its questions and listings came.
fn chatter(host: &TestHost, name: &str) -> TestClient {
    let client = host.open("/chat");
    client.expect_json(&json!({ "type": "query", "query": "name" }));
    let listing: Value = client.json();
    assert_eq!(listing["event"]["type"], "listing");
    client.say_json(&json!({ "type": "name", "name": name }));
    client
}

#[test]
fn people_chat_in_rooms() {
    let host = TestHost::of("/chat", demo_chatroom::service);
    let [ida, olaf] = ["Ida", "Olaf"].map(|name| chatter(&host, name));
    ida.say_json(&json!({ "type": "create", "chatroom": "garden" }));
    for client in [&ida, &olaf] {
        client.expect_json(
            &json!({ "type": "event", "event": { "type": "newchatroom", "name": "garden" } }),
        );
        client.say_json(&json!({ "type": "join", "chatroom": "garden" }));
    }
    let types = |client: &TestClient, len| {
        let type_of = |value: Value| {
            let inner = value["event"]["type"].as_str().or(value["type"].as_str());
            inner.unwrap_or_default().to_owned()
        };
        (0..len).map(|_| type_of(client.json())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(types(&ida, 4), "update join newuser update");
    assert_eq!(types(&olaf, 3), "update update join");
    olaf.say_json(&json!({ "type": "message", "message": "hello" }));
    for client in [&ida, &olaf] {
        client.expect_json(&json!({
            "type": "event",
            "event": { "type": "message", "name": "Olaf", "message": "hello" },
        }));
    }
    ida.say_json(&json!({ "type": "history", "chatroom": "garden", "before": null, "limit": 9 }));
    let past: Value = ida.json();
    let first = &past["messages"][0];
    assert_eq!(
        (&first[1], &first[2], &past["more"]),
        (&json!("Olaf"), &json!("hello"), &json!(false))
    );
    olaf.lose();
    assert_eq!(types(&ida, 2), "logoff update");
    ida.expect_nothing();
}
