//! What was said in a room: what a member that asks gets, that others get nothing, and the bounds
//! of it.

use serde_json::{Value, json};
use switchboard::Limits;
use tungstenite::Message;

use crate::Scene;
use crate::client::{Client, Past, ask, create, join, joined, new_user, said, say, update};
use crate::server::Chat;

/// The next answer, whatever comes before it: the texts, whether there are more, and the first id.
fn told(client: &mut Client) -> (Vec<String>, bool, Value) {
    let Past { texts, ids, more } = client.receive_past();
    (texts, more, json!(ids.first()))
}

#[test]
fn a_member_that_asks_gets_what_was_said_before_it_came() {
    let mut scene = Scene::set();
    scene.mia.send(say("one"));
    scene.ole.send(say("two"));
    for client in [&mut scene.mia, &mut scene.ole] {
        let first = client.receive();
        let second = client.receive();
        assert!([&first, &second].contains(&&said("Mia", "one")), "{first} {second}");
    }
    scene.nia.send(join("old"));
    scene.nia.send(ask("old", &Value::Null, &json!(200)));
    scene.nia.expect(&[update("new", 0), update("old", 3), joined("old")]);
    let answer = scene.nia.receive();
    assert_eq!((&answer["type"], &answer["chatroom"]), (&json!("history"), &json!("old")));
    assert_eq!(answer["more"], false);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("it is later").as_millis();
    let entries = answer["messages"].as_array().expect("it is a list");
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let [_, name, text, at] = entry.as_array().expect("it is one").as_slice() else {
            panic!("{entry}")
        };
        let pair = (name.as_str(), text.as_str());
        assert!([(Some("Mia"), Some("one")), (Some("Ole"), Some("two"))].contains(&pair));
        let at = u128::from(at.as_u64().expect("milliseconds"));
        assert!(at <= now && now - at < 3_600_000, "{at}");
    }
    // Nobody else sees a new word.
    let seen = [update("new", 0), new_user("Nia"), update("old", 3)];
    scene.mia.expect(&seen);
    scene.ole.expect(&seen);
    for client in [&mut scene.hal, &mut scene.una] {
        client.expect(&[update("new", 0), update("old", 3)]);
    }
    scene.expect_silence();
}

#[test]
fn pages_of_a_history_join() {
    let chat = Chat::start();
    let mut client = chat.in_room("Ida", "garden");
    for number in 0..250 {
        client.send(say(&number.to_string()));
    }
    let (mut before, mut found) = (Value::Null, Vec::new());
    loop {
        client.send(ask("garden", &before, &json!(60)));
        let (texts, more, first) = told(&mut client);
        found.splice(0..0, texts);
        before = first;
        if !more {
            break;
        }
    }
    let kept: Vec<_> = (50..250).map(|number| number.to_string()).collect();
    assert_eq!(found, kept, "the last 200");
    // An empty room keeps it, too.
    client.send(create("attic"));
    client.send(join("attic"));
    client.send(join("garden"));
    client.send(ask("garden", &Value::Null, &json!(1)));
    assert_eq!(told(&mut client).0, ["249"]);
}

#[test]
fn questions_about_other_rooms_and_improper_ones_have_no_answer() {
    let mut scene = Scene::set();
    scene.mia.send(say("a secret"));
    for client in [&mut scene.mia, &mut scene.ole] {
        client.expect(&[said("Mia", "a secret")]);
    }
    for (room, before, limit) in [
        ("new", json!(null), json!(10)),
        ("Old", json!(null), json!(10)),
        ("old", json!(null), json!(0)),
        ("old", json!(null), json!(201)),
        ("old", json!(null), json!(-1)),
        ("old", json!(null), json!("10")),
        ("old", json!(null), json!(null)),
        ("old", json!(1.5), json!(10)),
        ("old", json!("x"), json!(10)),
    ] {
        scene.mia.send(ask(room, &before, &limit));
    }
    for client in [&mut scene.nia, &mut scene.hal] {
        client.send(ask("old", &Value::Null, &json!(10)));
    }
    scene.expect_silence();
    scene.mia.send(Message::text(r#"{"type":"history","chatroom":"old","limit":1}"#));
    assert_eq!(told(&mut scene.mia).0, ["a secret"]);
}

/// A text that is long as JSON.
fn long_text() -> String {
    "\u{1}".repeat(10_000)
}

/// What Ida gets who has said many long things in the garden and asks for them. It fits an outbox.
pub fn longest_answer(client: &mut Client) -> Value {
    let long = long_text();
    for _ in 0..50 {
        client.send(say(&long));
        client.expect(&[said("Ida", &long)]);
    }
    client.send(ask("garden", &Value::Null, &json!(200)));
    let answer = client.receive();
    assert!(answer.to_string().len() < Limits::SERVER.outbox_bytes_max / 4);
    answer
}

/// However long messages are, an answer fits an outbox.
#[test]
fn an_answer_is_bounded() {
    let chat = Chat::start();
    let mut client = chat.in_room("Ida", "garden");
    let answer = longest_answer(&mut client);
    assert_eq!(answer["more"], true);
    assert_eq!(answer["messages"].as_array().map(Vec::len), Some(2));
    drop(client);
    let mut other = chat.in_room("Ole", "garden");
    other.send(ask("garden", &Value::Null, &json!(1)));
    assert_eq!(told(&mut other).0, [long_text()], "it stays when all have left");
}
